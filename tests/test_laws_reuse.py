"""What is there is not made again: a change makes new results beside the old ones, and only of what it changes."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from prep.errors import BadSource
from prep.pipeline import commands, runfile
from prep.pipeline.chain import Machine
from prep.pipeline.stage import Result
from tests.tiny import made, rows, tiny_run, tree, varied_run, write_models, write_rows, write_text, write_tokenizer


def shards(result: Result) -> dict[str, int]:
    """The files of a result by name, and the inode that each has."""
    return {each.name: (Path(result.folder) / each.name).stat().st_ino for each in result.manifest.shards}


def current(out: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((out / "current.json").read_bytes())
    return found


def stamps(out: Path) -> dict[str, tuple[int, bytes]]:
    """Date and content of every file of every result."""
    return {name: ((out / name).stat().st_mtime_ns, content) for name, content in tree(out).items()}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_models(tmp_path_factory.mktemp("models"))


def test_a_new_file_computes_only_itself(tmp_path: Path, models: dict[str, str]) -> None:
    judged = {"model": models, "keep": {"en": {"threshold": 0.1}}}
    config = varied_run(tmp_path, quality=judged)
    before = made(config)
    write_rows(tmp_path / "corpus/web/d.jsonl", [{"text": f"news of day {n}", "lang": "english"} for n in range(9)])
    after = made(config)
    for name in ("ingest", "count.tiny", "count.bytes", "score.quality"):
        old, new = shards(before[name]), shards(after[name])
        assert before[name].folder != after[name].folder, name
        assert old.items() <= new.items(), name  # the same inodes: nothing was made or copied again
        assert len(new.keys() - old.keys()) == (2 if name == "ingest" else 1), name  # its documents, its aside


def test_a_new_text_file_computes_only_its_group(tmp_path: Path) -> None:
    config = varied_run(tmp_path)
    before = made(config, until="count")
    write_text(tmp_path / "corpus/python/z.py", "x = 1")
    after = made(config, until="count")
    for name in ("ingest", "count.tiny"):
        old, new = shards(before[name]), shards(after[name])
        assert len(old.items() - new.items()) == len(new.items() - old.items()) == (2 if name == "ingest" else 1)


def test_another_tokenizer_leaves_every_other_result_alone(tmp_path: Path) -> None:
    made(varied_run(tmp_path))
    before, was = current(tmp_path / "out"), stamps(tmp_path / "out")
    more = write_tokenizer(tmp_path / "more", 1)
    made(varied_run(tmp_path, tokenizers={"more": more}))
    after = current(tmp_path / "out")
    same = {"ingest", "count.tiny", "count.bytes", "dedup", "mix", "size"}
    assert {name for name in before if after.get(name) == before[name]} == same
    assert was.items() <= stamps(tmp_path / "out").items()


def test_a_source_that_is_gone_costs_nothing(tmp_path: Path) -> None:
    config = varied_run(tmp_path)
    before = made(config, until="count")
    (tmp_path / "corpus/web/b.jsonl.zst").unlink()
    after = made(config, until="count")
    for name in ("ingest", "count.tiny"):
        assert shards(after[name]).items() <= shards(before[name]).items()


@pytest.mark.parametrize("change", ["licence", "workers", "batches", "memory", "moved", "touched", "order of keys"])
def test_what_changes_no_byte_changes_no_folder(tmp_path: Path, change: str) -> None:
    config = varied_run(tmp_path)
    made(config)
    before, was = current(tmp_path / "out"), stamps(tmp_path / "out")
    plain, machine = json.loads(Path(config).read_text()), Machine(workers=1)
    if change == "licence":
        plain["sources"]["books_en"]["licence"] = "CC0-1.0"
    elif change == "moved":
        shutil.copytree(tmp_path / "corpus", tmp_path / "elsewhere/corpus")
        plain = json.loads(json.dumps(plain).replace(str(tmp_path / "corpus"), str(tmp_path / "elsewhere/corpus")))
    elif change == "touched":
        for path in (tmp_path / "corpus").rglob("*"):
            os.utime(path)
    elif change == "order of keys":
        plain["sources"] = dict(reversed(plain["sources"].items()))
        plain["tokenizers"] = dict(reversed(plain["tokenizers"].items()))
    else:
        machine = {
            "workers": Machine(workers=2), "batches": Machine(workers=1, batch_rows=5),
            "memory": Machine(workers=1, memory=50_000_000),
        }[change]  # fmt: skip
    Path(config).write_text(json.dumps(plain))
    commands.run(runfile.load(config), machine, "export")
    assert current(tmp_path / "out") == before
    assert {name: each for name, each in was.items() if not name.endswith("README.md")}.items() <= stamps(
        tmp_path / "out"
    ).items()


def test_a_file_edited_to_the_same_size_is_read_again(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    before = made(config)
    path = tmp_path / "corpus/python.jsonl"
    edit(path)
    after = made(config)
    assert before["ingest"].folder != after["ingest"].folder
    assert changed(before, after, "ingest") == changed(before, after, "count.tiny") == 1
    again = made(config)
    assert again["export"].folder == after["export"].folder


def test_a_file_edited_to_the_same_size_after_a_run_that_failed_is_read_again(tmp_path: Path) -> None:
    """The shards of the first run are finished and could be adopted, but are of the file as it was."""
    config = tiny_run(tmp_path)
    plain = json.loads(Path(config).read_text())
    plain["sources"]["web_en"]["max_bad"] = 0
    write_text(tmp_path / "strict.yaml", json.dumps(plain))
    with pytest.raises(BadSource):
        made(str(tmp_path / "strict.yaml"), until="ingest")
    edit(tmp_path / "corpus/python.jsonl")
    texts = {row["text"] for row in rows(made(config, until="ingest")["ingest"]) if row["source"] == "python"}
    assert any("RETURN" in text for text in texts)
    assert not any("return" in text for text in texts)


def test_a_file_mended_to_the_same_size_after_it_was_refused_is_read_again(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, sources={"python": {"path": str(tmp_path / "corpus/python.jsonl"), "language": "code",
                                                    "kind": "code", "max_bad": 0}})  # fmt: skip
    path = tmp_path / "corpus/python.jsonl"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"{", b"[", 1))
    with pytest.raises(BadSource):
        made(config, until="ingest")
    path.write_bytes(good)
    assert made(config)["ingest"].manifest.ledger["intake"][0]["rejected"] == {}


def edit(path: Path) -> None:
    """Other content of the same size, and a later date."""
    data = path.read_bytes()
    date = path.stat().st_mtime_ns
    path.write_bytes(data.replace(b"return", b"RETURN"))
    assert path.stat().st_size == len(data)
    os.utime(path, ns=(date + 10**9, date + 10**9))


def changed(before: dict[str, Result], after: dict[str, Result], name: str) -> int:
    """How many row shards are new."""
    was = {each.name for each in before[name].manifest.shards}
    return sum(each.name.startswith("part-") and each.name not in was for each in after[name].manifest.shards)


EACH, HOW_MANY = 20_000, 200  # bytes of a document, and documents: the text is all that is large
CHANGES: dict[str, dict[str, Any]] = {
    "ratio": {"mix": {"preset": "enplus"}},
    "budget": {"budget": {"tokens": 100_000}},
    "threshold": {"quality": {"keep": {"en": {"threshold": 0.1}, "ja": {"pareto": 3}}}},
    "seed": {"seed": 99},
    "epochs": {"mix": {"max_epochs": 2}},
}


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory, models: dict[str, str]) -> tuple[Path, dict[str, Any]]:
    """A finished run of documents that no compression makes small, and what its run file says."""
    folder, chance = tmp_path_factory.mktemp("heavy"), random.Random(5)
    plain: dict[str, Any] = {
        "sources": {},
        "quality": {"model": models, "keep": {"en": {"threshold": 0.2}, "ja": {"pareto": 3}}},
        "budget": {"tokens": 300_000},
    }
    for language in ("ja", "en", "code"):
        texts = (" ".join(chance.randbytes(4).hex() for _ in range(EACH // 9)) for _ in range(HOW_MANY // 3))
        write_rows(folder / f"heavy/{language}.jsonl", [{"text": text} for text in texts])
        plain["sources"][language] = {"path": str(folder / f"heavy/{language}.jsonl"), "language": language,
                                      "kind": "web"}  # fmt: skip
    config = tiny_run(folder, **plain, mix={"preset": "equal", "pair": ["ja", "en"]},
                      export={"shard": 1_000_000, "formats": ["parquet"]})  # fmt: skip
    fewer(config)
    made(config)
    return folder, plain


def fewer(config: str) -> None:
    """Take the sources of `tiny_run` out of a run file."""
    plain = json.loads(Path(config).read_text())
    plain["sources"] = {name: each for name, each in plain["sources"].items() if name in ("ja", "en", "code")}
    Path(config).write_text(json.dumps(plain))


COUNTED = """
import sys
from pathlib import Path
from prep.pipeline import commands, runfile
from prep.pipeline.chain import Machine
import numpy, pandas, pyarrow.dataset
def read():
    return int(Path("/proc/self/io").read_text().split()[1])
settings = runfile.load(sys.argv[1])
def reading(until):
    before = read()
    commands.run(settings, Machine(workers=1), until)
    return read() - before
reading("dedup")
known = reading("dedup")  # tokenizer and models are hashed to see whether they changed
print(reading("size") - known)
"""


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_decision_reads_no_text_and_touches_no_earlier_result(
    heavy: tuple[Path, dict[str, Any]], change: str
) -> None:
    folder, plain = heavy
    text = sum(each.stat().st_size for each in (folder / "out/ingest").rglob("part-*.arrow"))
    assert text > HOW_MANY * EACH // 3
    was = stamps(folder / "out")
    changes = {**plain, **CHANGES[change]}
    if change == "threshold":
        changes["quality"] = {**plain["quality"], **CHANGES[change]["quality"]}
    config = tiny_run(folder, **changes)  # the same sources
    fewer(config)
    done = subprocess.run([sys.executable, "-c", COUNTED, config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < text / 4
    assert was.items() <= stamps(folder / "out").items()
    assert len(list((folder / "out/size").iterdir())) > 1


def test_a_dry_run_makes_nothing(tmp_path: Path) -> None:
    config = varied_run(tmp_path)
    commands.dry_run(runfile.load(config), Machine(workers=1), "export")
    assert tree(tmp_path / "out") == {}
    made(config)
    was = stamps(tmp_path / "out")
    commands.dry_run(runfile.load(config), Machine(workers=1), "export")
    assert stamps(tmp_path / "out") == was


def test_a_file_that_comes_back_to_an_earlier_size_is_read_as_it_is(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    path = tmp_path / "corpus" / "python.jsonl"
    lines = path.read_text().splitlines()
    for text in ("AAAA one", "BBBBB two", "CCCC one"):
        path.write_text("\n".join([json.dumps({"text": text}), *lines]) + "\n")
        found = [row["text"] for row in rows(made(config, until="ingest")["ingest"])]
        assert text in found
