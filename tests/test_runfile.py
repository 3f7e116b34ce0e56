import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from prep.errors import BadSettings
from prep.pipeline import runfile
from prep.pipeline.mistakes import names_at
from prep.pipeline.mixing.ask import CODE_SHARE
from prep.pipeline.settings import Run
from prep.pipeline.values import FromField

SLOW = settings(deadline=None)  # pure Python reads YAML at 0.4 MB/s, and machines differ
BASE: dict[str, Any] = {
    "out": "runs/a",
    "seed": 17,
    "budget": {"params": "10B", "law": "chinchilla-1"},
    "tokenizers": {"llmjp": {"path": "a.model"}},
    "sources": {
        "wiki": {"path": "wiki/*", "language": "ja", "kind": "encyclopedia", "edits": ["nfkc"]},
        "books": {"path": ["b/*.zst", "b/txt"], "language": "ja", "kind": "books", "fields": {"id": "i", "text": "t"}},
        "web": {"path": "web/*", "language": {"field": "l", "values": {"e": "en", "j": "ja"}}, "kind": "web"},
        "src": {"path": "src", "language": "code", "kind": "code", "exempt": True, "max_document": "8MB"},
        "hub": {"hf": "org/name", "revision": "3f2c1ab", "language": "en", "kind": "web", "max_bad": "1%"},
    },
    "quality": {
        "train": {"reference": ["encyclopedia", "books"], "against": ["web"]},
        "filter": ["web"],
        "keep": {"ja": {"pareto": 9}, "en": {"threshold": 0.5}},
    },
    "dedup": {"exact": True},
    "mix": {"preset": "equal", "pair": ["ja", "en"], "code": "20%", "max_epochs": 4, "when_short": "fail"},
    "export": {"formats": ["parquet"], "shard": "256MB"},
}


def written(data: Any) -> str:
    yaml, out = YAML(), io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()


def wrong(text: str) -> list[str]:
    """The lines of the error, without the file's name."""
    with pytest.raises(BadSettings) as caught:
        runfile.loads(text, "run.yaml")
    assert caught.value.exit_code == 2
    lines = str(caught.value).split("\n")
    assert all(line.startswith("run.yaml:") for line in lines)
    return [line.removeprefix("run.yaml:") for line in lines]


def changed(*keys: Any, to: Any) -> dict[str, Any]:
    """BASE with one value changed."""
    data = copy.deepcopy(BASE)
    put(data, keys, to)
    return data


def put(data: Any, keys: tuple[Any, ...], to: Any) -> None:
    for key in keys[:-1]:
        data = data[key]
    data[keys[-1]] = to


def levels(data: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every mapping in `data` whose keys are given."""
    here = [path] if isinstance(data, dict) and names_at(Run, path) else []
    inner = data.items() if isinstance(data, dict) else ()
    return here + [found for key, value in inner for found in levels(value, (*path, key))]


# Each is one slip that touches no other part; what it is called must hold the word.
SLIPS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "where a whole number belongs": (("seed",), True),
    "no unit 'x'": (("budget", "params"), "10X"),
    "is no tokenizer of this run; nearest: llmjp": (("budget", "in"), "llmpj"),
    "unknown key; nearest: pattern": (("tokenizers", "llmjp", "patern"), "x"),
    "'aozora_rubi' is not accepted; nearest: aozora_ruby": (("sources", "wiki", "edits"), ["nfkc", "aozora_rubi"]),
    "unknown key; nearest: licence": (("sources", "wiki", "license"), "CC0"),
    "is no text encoding": (("sources", "books", "encoding"), "utf9"),
    "'books' stands twice": (("quality", "train", "reference"), ["books", "books"]),
    "'webb' is the kind of no source; nearest: web": (("quality", "train", "against"), ["webb"]),
    "'encyclopaedia' is the kind of no source; nearest: encyclopedia": (("quality", "filter"), "encyclopaedia"),
    "sources.src.exempt: 'yes' where true or false belongs": (("sources", "src", "exempt"), "yes"),
    "sources.hub.split: a list where a text belongs": (("sources", "hub", "split"), ["train"]),
    "12345 where a text belongs; write it in quotes": (("sources", "hub", "revision"), 12345),
    "is outside 0 to 1": (("sources", "hub", "max_bad"), 5),
    "threshold stands beside pareto": (("quality", "keep", "ja", "threshold"), 0.5),
    "quality.keep.en: says nothing of how": (("quality", "keep", "en"), {}),
    "'jaa' is neither a language of the sources nor a source; nearest: ja": (("quality", "keep", "jaa"), {"pareto": 9}),
    "dedup.exact: nothing where true or false belongs": (("dedup", "exact"), None),
    "is no preset of this pair; nearest: equal": (("mix", "preset"), "eqal"),
    "mix.max_epochs: 0 must be greater than or equal to 1": (("mix", "max_epochs"), 0),
    "'stop' is not accepted; accepted: fail, fill_within_language, fill_all, shrink": (("mix", "when_short"), "stop"),
    "'parqet' is not accepted; nearest: parquet": (("export", "formats"), ["parqet"]),
    "no unit 'm'": (("export", "shard"), "256M"),
    "a/b'": (("sources", "a/b"), {"path": "x", "language": "ja", "kind": "web"}),
    "neither path nor hf": (("sources", "none"), {"language": "ja", "kind": "web"}),
    "both.hf: stands beside `path`": (
        ("sources", "both"), {"path": "x", "hf": "o/n", "revision": "a", "language": "ja", "kind": "web"},
    ),
    "means something only beside `hf`": (("sources", "wiki", "split"), "train"),
    "so a name on the hub": (("sources", "hub2"), {"hf": "org/name", "language": "ja", "kind": "web"}),
    "bare.kind: missing; write such as `kind: web`": (("sources", "bare"), {"path": "x", "language": "ja"}),
    "empty: nothing where a mapping belongs": (("sources", "empty"), None),
    "within.en: says nothing of hub": (("mix", "within"), {"en": {"web": 1}}),
}  # fmt: skip


def test_the_base_of_these_tests_is_without_error() -> None:
    assert runfile.loads(written(BASE), "run.yaml").seed == 17


@pytest.mark.parametrize("text", SLIPS)
def test_each_slip_is_one_error_that_says_what_is_meant(text: str) -> None:
    (line,) = wrong(written(changed(*SLIPS[text][0], to=SLIPS[text][1])))
    assert text in line


@SLOW
@given(st.sets(st.sampled_from(sorted(SLIPS)), min_size=1))
def test_as_many_errors_are_reported_as_were_made(chosen: set[str]) -> None:
    data = copy.deepcopy(BASE)
    for each in sorted(chosen, key=lambda each: len(SLIPS[each][0])):
        put(data, SLIPS[each][0], copy.deepcopy(SLIPS[each][1]))
    lines = wrong(written(data))
    assert len(lines) == len(chosen)
    for each in chosen:
        assert sum(each in line for line in lines) == 1
    places = [tuple(map(int, line.split(":")[:2])) for line in lines]
    assert places == sorted(places)


@SLOW
@given(st.data(), st.text("qxz", min_size=6, max_size=9))
def test_an_unknown_key_anywhere_is_reported_with_its_line(data: st.DataObject, key: str) -> None:
    path = data.draw(st.sampled_from(levels(BASE)))
    text = written(changed(*path, key, to=data.draw(st.sampled_from([1, "a", None, [1], {"a": {"b": 1}}]))))
    number = next(number for number, line in enumerate(text.split("\n"), 1) if f"{key}:" in line)
    column = text.split("\n")[number - 1].index(key) + 1
    (line,) = wrong(text)
    assert line.startswith(f"{number}:{column}: {'.'.join((*path, key))}: unknown key; accepted: ")


@SLOW
@given(st.data())
def test_a_misspelt_key_is_one_error_wherever_it_is(data: st.DataObject) -> None:
    """It is read as what it is nearest to, so that nothing is called missing and what is under it is checked too."""
    path = data.draw(st.sampled_from(levels(BASE)))
    part: Any = BASE
    for step in path:
        part = part[step]
    key = data.draw(st.sampled_from([key for key in part if len(key) > 3]))
    place = data.draw(st.integers(0, len(key)))
    misspelt = f"{key[:place]}w{key[place:]}"
    base = copy.deepcopy(BASE)
    inner: Any = base
    for step in path:
        inner = inner[step]
    inner[misspelt] = inner.pop(key)
    (line,) = wrong(written(base))
    assert f"{'.'.join((*path, misspelt))}: unknown key; nearest: {key}" in line


def test_what_stands_under_a_misspelt_key_is_checked_too() -> None:
    data = copy.deepcopy(BASE)
    data["qualty"] = data.pop("quality") | {"filtre": "webb"}
    data["qualty"].pop("filter")
    lines = wrong(written(data))
    assert [line.split(": ", 1)[1] for line in lines] == [
        "qualty: unknown key; nearest: quality",
        "quality.filtre: unknown key; nearest: filter",
        "quality.filter: 'webb' is the kind of no source; nearest: web",
    ]


def test_the_error_of_the_design_is_given_to_the_letter() -> None:
    text = written(BASE).replace("language: ja\n    kind: ency", "langauge: ja\n    kind: ency")
    number = text.split("\n").index("    langauge: ja") + 1
    assert wrong(text) == [f"{number}:5: sources.wiki.langauge: unknown key; nearest: language"]


def test_a_duplicate_key_names_both_lines() -> None:
    text = written(BASE) + "seed: 5\nout: x\n"
    last = len(text.split("\n")) - 2
    assert wrong(text) == [
        f"{last}:1: seed: stands twice, first in line 2; keep one",
        f"{last + 1}:1: out: stands twice, first in line 1; keep one",
    ]
    assert any("sources.a: stands twice, first in line 2" in line for line in wrong("sources:\n  a: {}\n  a: {}\n"))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "run.yaml: empty"),
        ("# nothing\n", "run.yaml: empty"),
        ("---\n", "run.yaml: empty"),
        ("- a\n", "run.yaml:1:1: a list where a mapping belongs"),
        ("just words\n", "run.yaml:1:1: 'just words' where a mapping belongs"),
        ("out: a\n\tseed: 1\n", "run.yaml:2:1: not YAML: a tab where YAML wants spaces"),
        ("budget:\n\ttokens: 1\n", "run.yaml:2:1: not YAML: a tab where YAML wants spaces"),
        ("out: a: b\n", "run.yaml:1:7: not YAML: a second `key:` in one line"),
        ("out: [a\n", "run.yaml:2:1: not YAML"),
        ("out: 'a\n", "not YAML"),
        ("out: a\x00b\n", "run.yaml:1:7: a character that YAML forbids (U+0000)"),
        ("out: a\n---\nout: b\n", "run.yaml:2:1: a second document begins"),
        ("out: *a\n", "run.yaml:1:6: *a stands before the end of what &a names"),
        ("out: &a [*a]\n", "*a stands before the end"),
        ("out: !!python/object/apply:os.system [ls]\n", "run.yaml:1:6: the tag"),
        ("[a]: 1\n", "run.yaml:1:1: a list, mapping or alias as a key"),
        ("a: {<<: 5}\n", "run.yaml:1:5: << brings in a mapping"),
        ("a: " + "[" * 40 + "]" * 40, "more than 32 levels deep"),
        ("a: " + "[" * 100_000, "more than 32 levels deep"),
        ("a: " + "x" * 1_000_001, "more than 1,000,000 characters"),
    ],
    ids=lambda text: repr(text[:30]),
)
def test_what_is_no_run_file_is_said_in_one_line(text: str, error: str) -> None:
    with pytest.raises(BadSettings) as caught:
        runfile.loads(text, "run.yaml")
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_billion_laughs_is_refused() -> None:
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    with pytest.raises(BadSettings, match="more than 100,000 values once aliases are written out"):
        runfile.loads(laughs, "run.yaml")


def test_anchors_aliases_and_merges_work() -> None:
    text = written(BASE).replace("    path: wiki/*\n", "    &w path: wiki/*\n") + "\n"
    text = text.replace("  books:\n", "  more: {<<: *base, path: more, priority: 1}\n  books:\n").replace("&w ", "")
    text = text.replace("  wiki:\n", "  wiki: &base\n")
    run = runfile.loads(text, "run.yaml")
    assert run.sources["more"] == run.sources["wiki"].model_copy(update={"path": ("more",), "priority": 1})
    wrong_once = wrong(text.replace("edits:", "edit:"))
    assert [line.split(": ", 1)[1] for line in wrong_once] == [
        "sources.more.edit: unknown key; nearest: edits",
        "sources.wiki.edit: unknown key; nearest: edits",
    ]


@pytest.mark.parametrize("text", ["no", "on", "2024-01-01", "12:30:45", "0x1F", "1.2.3", "null1"])
def test_what_old_yaml_takes_for_something_else_stays_a_text(text: str) -> None:
    data = written(BASE).replace("revision: 3f2c1ab", f"revision: {text}")
    assert runfile.loads(data, "run.yaml").sources["hub"].revision == text


@given(st.text(max_size=200) | st.text(alphabet="ab:[]{}&*!<-,# \n\"'", max_size=60))
def test_any_text_is_a_run_or_bad_settings(text: str) -> None:
    with pytest.raises(BadSettings):
        runfile.loads(text, "run.yaml")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.sampled_from(["ja", "x", "20%", "", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ja", "path", "field", ""]), inner),
    max_leaves=5,
)


@SLOW
@given(st.data(), VALUES)
def test_any_value_anywhere_is_a_run_or_bad_settings(data: st.DataObject, value: Any) -> None:
    paths: list[tuple[Any, ...]] = []

    def walk(part: Any, path: tuple[Any, ...]) -> None:
        paths.append(path)
        inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, each in inner:
            walk(each, (*path, key))

    walk(BASE, ())
    path = data.draw(st.sampled_from(paths[1:]))
    try:
        runfile.loads(written(changed(*path, to=value)), "run.yaml")
    except BadSettings as error:
        told = error
    else:
        return
    assert all(line.isprintable() for line in str(told).split("\n"))


def test_a_key_that_would_write_on_the_terminal_is_shown_escaped() -> None:
    (line,) = wrong(written(BASE) + '"\\e[31mred\\n": 1\n')
    assert line.isprintable()


# --- files ---


def test_a_file_is_read_with_any_line_end_and_byte_order_mark(tmp_path: Path) -> None:
    plain = runfile.loads(written(BASE), "run.yaml")
    for number, raw in enumerate((written(BASE).replace("\n", "\r\n").encode(), written(BASE).encode("utf-8-sig"))):
        path = tmp_path / f"{number}.yaml"
        path.write_bytes(raw)
        assert runfile.load(str(path)) == plain


def _missing(folder: Path) -> Path:
    (folder / "ja-en.yaml").write_text("")
    return folder / "ja_en.yaml"


def _shift_jis(folder: Path) -> Path:
    (folder / "a.yaml").write_bytes("out: a\n# 日本語\n".encode("shift_jis"))
    return folder / "a.yaml"


def _large(folder: Path) -> Path:
    (folder / "a.yaml").write_bytes(b"#" * 2_000_000)
    return folder / "a.yaml"


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (_missing, "no such file; `prep init` writes a run file to start from; nearest: "),
        (lambda folder: folder, "is a folder; name the run file in it"),
        (_shift_jis, ":2: not UTF-8 (byte 0x93 in this line); save the file as UTF-8"),
        (_large, "more than 1,000,000 bytes"),
        (lambda folder: folder / "a\0b", "null byte"),
        (lambda folder: folder / ("x" * 300), "too long"),
        (lambda folder: _large(folder) / "x", "Not a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_bad_settings(make: Callable[[Path], Path], error: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        runfile.load(str(make(tmp_path)))
    assert error in str(caught.value)
    assert caught.value.exit_code == 2


# --- what is left to guess ---


def test_the_only_tokenizer_need_not_be_named() -> None:
    assert runfile.loads(written(BASE), "run.yaml").budget.in_ == "llmjp"
    (line,) = wrong(written(changed("tokenizers", "two", to="b.model")))
    assert "budget: `in` is missing: there are several tokenizers, say which one counts: llmjp, two" in line


def test_code_has_its_share_with_a_preset_only() -> None:
    data = copy.deepcopy(BASE)
    del data["mix"]["code"]
    assert runfile.loads(written(data), "run.yaml").mix.code == CODE_SHARE
    data["mix"] = {"shares": {"ja": "50%", "en": "50%"}}
    assert runfile.loads(written(data), "run.yaml").mix.code is None


def test_a_field_without_values_keeps_what_the_file_names_elsewhere() -> None:
    data = changed("sources", "web", to={"path": "web", "language": {"field": "l"}, "kind": {"field": "k"}})
    web = runfile.loads(written(data), "run.yaml").sources["web"]
    assert web.language == FromField(field="l", values={each: each for each in ("code", "en", "ja")})
    assert web.kind == FromField(field="k", values={each: each for each in ("books", "code", "encyclopedia", "web")})


def test_a_share_of_code_names_the_language_code() -> None:
    data = changed("sources", to={"all": {"path": "web", "language": {"field": "l"}, "kind": "web"}})
    del data["quality"]
    found = runfile.loads(written(data), "run.yaml").sources["all"].language
    assert found == FromField(field="l", values={"code": "code", "en": "en", "ja": "ja"})


def test_what_is_resolved_stays_as_it_is() -> None:
    run = runfile.loads(written(BASE), "run.yaml")
    assert runfile.resolve(run) == run


def test_what_a_record_carries_may_stand_among_its_fields() -> None:
    fields = {"id": "i", "text": "t", "licence": "l", "url": "u"}
    run = runfile.loads(written(changed("sources", "books", "fields", to=fields)), "run.yaml")
    books = run.sources["books"]
    assert (books.licence, books.url) == (FromField(field="l"), FromField(field="u"))
    assert books.fields == {"id": "i", "text": "t"}
    (line,) = wrong(written(changed("sources", "books", "fields", to={"language": "l"})))
    assert "sources.books.fields.language: stands beside `language:`, which says the same; keep one" in line
