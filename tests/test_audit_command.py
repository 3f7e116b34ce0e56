"""`prep audit` as it is typed: which sources it finds, what it prints first, what it refuses, how soon it starts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from prep.errors import BadSettings, BadSource, FailedCheck
from prep.pipeline.audit.asked import Flags, asked, read_tokenizer
from prep.pipeline.audit.probes import texts
from prep.pipeline.cli import cli
from tests.tiny import tiny_run, write_rows, write_tokenizer


def invoked(*words: str) -> Result:
    return CliRunner().invoke(cli, ["audit", *words], env={"COLUMNS": "80"})


def typed(*words: str) -> str:
    result = invoked(*words)
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, language in (("one", "en"), ("zwei", "de")):
        (tmp_path / "data" / name).mkdir(parents=True)
        rows = [{"content": f"{texts()[language]} {number}", "text": texts()[language]} for number in range(20)]
        write_rows(tmp_path / "data" / name / "a.jsonl", rows)
    (tmp_path / "data" / "README.md").write_text("# beside\n")
    write_tokenizer(tmp_path)
    return tmp_path


def sources(*paths: str, **flags: object) -> dict[str, tuple[str, ...]]:
    found = asked(paths, Flags(tokenizers=("t=x.json",), **flags))  # type: ignore[arg-type]
    return {name: each.path for name, each in found.request.sources.items()}


def test_each_folder_of_a_folder_is_a_source_and_what_lies_beside_is_told(folder: Path) -> None:
    data = folder / "data"
    assert sources(str(data)) == {"one": (f"{data}/one",), "zwei": (f"{data}/zwei",)}
    found = asked([str(data)], Flags(tokenizers=("x.json",)))
    assert found.notes == (f"not read, beside the folders of {data}: README.md",)
    (data / "more.jsonl").write_text("{}\n")
    assert sources(str(data))["data"] == (f"{data}/more.jsonl",)


def test_files_patterns_names_and_urls_are_sources(folder: Path) -> None:
    one = folder / "data" / "one"
    assert sources(str(one)) == {"one": (str(one),)}
    assert sources(f"{one}/a.jsonl") == {"a": (f"{one}/a.jsonl",)}
    assert sources(f"{one}/*.jsonl") == {"one": (f"{one}/*.jsonl",)}
    assert sources(f"ja={one}/*", "s3://bucket/web/x.jsonl.gz") == {
        "ja": (f"{one}/*",),
        "x": ("s3://bucket/web/x.jsonl.gz",),
    }


def test_a_run_file_brings_its_sources_and_tokenizers(tmp_path: Path) -> None:
    found = asked([tiny_run(tmp_path)], Flags()).request
    assert set(found.sources) > {"wiki_ja", "web_en"}
    assert found.tokenizers
    assert not found.undeclared


def test_language_and_kind_are_of_all_or_of_one(folder: Path) -> None:
    flags = Flags(("x.json",), language=("fr", "zwei=de"), kind=("one=web",), fields=("text=content",))
    found = asked([str(folder / "data")], flags).request
    assert [(each.language, each.kind) for each in found.sources.values()] == [("fr", "web"), ("de", "text")]
    assert found.sources["one"].fields == {"text": "content"}
    assert asked([str(folder / "data")], Flags(("x.json",), language=("one=fr",))).request.undeclared == {"zwei"}


@pytest.mark.parametrize(
    ("word", "name", "path", "pattern"),
    [
        ("a/gpt2", "gpt2", "a/gpt2", None),
        ("a/gpt2/tokenizer.json", "gpt2", "a/gpt2/tokenizer.json", None),
        ("my=a/b.model", "my", "a/b.model", None),
        ("o=a/o.tiktoken:o200k_base", "o", "a/o.tiktoken", "o200k_base"),
        ("s3://b/t.json", "t", "s3://b/t.json", None),
    ],
)
def test_a_tokenizer_is_a_path_with_a_name(word: str, name: str, path: str, pattern: str | None) -> None:
    found, tokenizer = read_tokenizer(word)
    assert (found, tokenizer.path, tokenizer.pattern) == (name, path, pattern)


def test_an_audit_says_first_what_is_read_then_shows_and_leaves_everything(folder: Path) -> None:
    words = (str(folder / "data"), "-t", f"tiny={folder}/tokenizer.json", "-j", "1")
    result = typed(*words, "--out", f"{folder}/out", "--claim", "4GB = 1B")
    assert result.startswith("reads ")
    assert max(map(len, result.splitlines())) <= 80
    for said in ("one", "(en)", "zwei", "(de)", "tiny", "40", "4GB = 1B: fits", "README.md"):
        assert said in result
    assert (folder / "out" / "manifest.json").exists()
    with pytest.raises(BadSettings, match="finished result"):
        typed(*words, "--out", f"{folder}/out")


def test_a_file_that_is_left_out_may_be_damaged(folder: Path) -> None:
    (folder / "data" / "one" / "broken-1.jsonl.gz").write_bytes(b"\x1f\x8b cut")
    words = (str(folder / "data"), "-t", f"tiny={folder}/tokenizer.json", "-j", "1", "--json")
    with pytest.raises(BadSource, match=r"broken-1\.jsonl\.gz"):
        typed(*words)
    left_out = json.loads(invoked(*words, "--exclude", "other-*", "--exclude", "broken-*.gz").stdout)
    assert [source["documents"]["value"] for source in left_out["sources"]] == [20, 20]


def test_the_json_has_a_schema_and_exact_figures(folder: Path) -> None:
    result = invoked(str(folder / "data"), "-t", f"tiny={folder}/tokenizer.json", "-j", "1", "--exact", "--json")
    plain = json.loads(result.stdout)
    assert plain["schema"] == "prep-audit/1"
    assert plain["exact"] is True
    size = 20 * len(texts()["en"].encode())
    assert plain["sources"][0]["text"]["value"] == size
    assert plain["sources"][0]["tokens"][0]["ratio"]["exact"] is True
    assert result.stderr.startswith("reads ")


REFUSED = {
    "nothing": ([], "something to audit"),
    "no tokenizer": (["{data}"], "--tokenizer my="),
    "two of a name": (["{data}/one", "{data}/one", "-t", "x"], "two sources are called one"),
    "no such language": (["{data}", "-t", "x", "--language", "English"], "is no language"),
    "no language": (["{data}", "-t", "x", "--language", "one="], "--language NAME=ja"),
    "a field": (["{data}", "-t", "x", "--field", "content"], "--field text=content"),
    "precision": (["{data}", "-t", "x", "--precision", "0%"], "--precision"),
    "max read": (["{data}", "-t", "x", "--max-read", "6G"], "--max-read"),
    "picture": (["{data}", "-t", "x", "--plot", "a.gif"], ".svg"),
    "picture of claims": (["--claim", "4GB = 1B", "--plot", "a.svg"], "--plot is about what PATHS hold"),
    "two tokenizers of a name": (["{data}", "-t", "a=x", "-t", "a=y"], "two are called a"),
}


@pytest.mark.parametrize(("words", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_read(folder: Path, words: list[str], says: str) -> None:
    with pytest.raises(BadSettings) as caught:
        typed(*(word.replace("{data}", f"{folder}/data") for word in words))
    assert says in str(caught.value)


def test_a_wrong_claim_ends_with_1_only_where_that_is_asked() -> None:
    assert "GPT-3: wrong" in typed("--claim", "GPT-3: 500B tokens = 750GB")
    with pytest.raises(FailedCheck, match="1 of 2 claims"):
        typed("--claim", "GPT-3: 500B tokens = 750GB", "--claim", "4GB = 1B", "--strict")
    assert typed("--claim", "4GB = 1B", "--strict")


def test_a_given_tokenizer_judges_claims(folder: Path) -> None:
    words = ("--claim", "English 4GB = 1B", "-t", f"{folder}/tokenizer.json", "--json")
    (tokenizer,) = json.loads(typed(*words))["tokenizers"]
    assert tokenizer["bytes_per_token_on_probes"]["en"] > 0


def test_help_shows_examples_and_loads_nothing_heavy() -> None:
    code = "import sys, prep.pipeline.cli; print({'pyarrow', 'numpy', 'pydantic', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert 'prep audit --claim "GPT-3: 500B tokens = 750GB"' in typed("--help")
