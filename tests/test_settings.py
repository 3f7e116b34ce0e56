import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prep import configs
from prep.errors import BadSettings
from prep.pipeline import runfile, settings, values
from prep.pipeline.keeping.ask import Keep
from prep.pipeline.mistakes import EXAMPLES, names_at
from prep.pipeline.mixing import ask
from prep.pipeline.mixing.ask import Mix
from prep.pipeline.settings import Budget, Run, Source, Tokenizer
from prep.pipeline.values import FromField, Settings

SOURCE = {"path": "a", "language": "ja", "kind": "web"}
LEAST: dict[str, Any] = {
    "out": "runs/a",
    "budget": {"tokens": "10M"},
    "tokenizers": {"t": "t.model"},
    "sources": {"s": SOURCE},
    "mix": {"shares": {"ja": 1}},
}
PARTS = [
    each for each in (vars(settings) | vars(ask)).values() if isinstance(each, type) and issubclass(each, Settings)
]


NEEDS: dict[type[Settings], dict[str, Any]] = {
    FromField: {"field": "x"},
    ask.Floor: {"epochs": 1.0},
    Keep: {"share": 0.3},
}


def source(**keys: Any) -> Source:
    return Source.model_validate(SOURCE | keys)


def test_the_smallest_run_file_has_five_keys() -> None:
    run = Run.model_validate(LEAST)
    assert (run.budget.tokens, run.tokenizers["t"].path, run.sources["s"].path) == (10_000_000, "t.model", ("a",))


def test_a_word_stands_for_a_list_of_one_and_a_path_for_a_tokenizer() -> None:
    assert source(path="x", edits="nfkc") == source(path=["x"], edits=["nfkc"])
    assert Tokenizer.model_validate("a/b.model") == Tokenizer(path="a/b.model")
    assert settings.Export.model_validate({"formats": "jsonl"}).formats == ("jsonl",)


def test_nothing_is_coerced() -> None:
    for keys in ({"licence": True}, {"licence": 5}, {"priority": True}, {"priority": 1.0}, {"exempt": 1},
                 {"exempt": "yes"}, {"path": [1]}, {"path": {"a": 1}}, {"language": ["ja"]}, {"url": 1}):  # fmt: skip
        with pytest.raises(ValidationError) as caught:
            source(**keys)
        assert caught.value.error_count() == 1, keys


def test_nothing_changes_after_loading() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Run.model_validate(LEAST).out = "b"


@pytest.mark.parametrize("name", ["wiki_ja", "青空文庫", "ウィキ", "web-2024.1", "_x", "9", "é", "other", "x" * 100])
def test_names_hold_letters_of_any_script(name: str) -> None:
    assert values.name_checked(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a..b", "a/b", "a\\b", ".a", "-a", "a b", "a\n", "a\0", "\x1b[1m", "か\u3099", "x" * 101, "あ" * 34,
     "a*"],
)  # fmt: skip
def test_names_that_are_no_file_name_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name is letters of any script"):
        values.name_checked(name)


@given(st.text(max_size=120))
def test_a_name_that_is_accepted_is_one_file_in_the_folder(name: str) -> None:
    try:
        values.name_checked(name)
    except ValueError:
        return
    assert Path("folder", name).name == name
    assert len(name.encode()) <= values.LONGEST_NAME
    assert name.isprintable()


@pytest.mark.parametrize("code", ["ja", "en", "yue", "code", "other", "no"])
def test_languages_are_two_or_three_small_letters(code: str) -> None:
    assert source(language=code).language == code


@pytest.mark.parametrize("code", ["", "j", "JA", "ja-JP", "japanese", "ｊａ", "日本", "ja "])
def test_other_forms_of_a_language_are_refused(code: str) -> None:
    with pytest.raises(ValidationError, match="is no language"):
        source(language=code)


@pytest.mark.parametrize("encoding", ["rot13", "zip", "utf9", "", "utf-8\0"])
def test_only_encodings_of_text_are_accepted(encoding: str) -> None:
    assert source(encoding="shift_jis").encoding == "shift_jis"
    with pytest.raises(ValidationError, match="is no text encoding"):
        source(encoding=encoding)


@pytest.mark.parametrize("keys", [{"path": ["a", "b", "a"]}, {"edits": ["nfkc", "nfkc"]}])
def test_a_list_names_nothing_twice(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="stands twice"):
        source(**keys)


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "a\nb", "\x1b[31m", "\ud800"])
def test_texts_are_neither_empty_nor_hold_control_characters(text: str) -> None:
    with pytest.raises(ValidationError):
        source(licence=text)


@pytest.mark.parametrize(
    ("part", "keys"),
    [(Budget, {"tokens": 0}), (Budget, {"tokens": 2**63}), (Budget, {"params": True}), (Mix, {"max_epochs": 0.5}),
     (Mix, {"max_epochs": float("inf")}), (Mix, {"code": 20}), (Mix, {"pair": ["ja"]}), (Mix, {"pair": ["ja", "ja"]}),
     (Mix, {"within": "evenly"}), (Keep, {"pareto": 0}), (Keep, {"threshold": 1.5}),
     (Keep, {"share": 0}), (Keep, {"tokens": 0}), (Keep, {"pareto": 2.345}),
     (Keep, {"pareto": "much"}), (Keep, {}), (Keep, {"share": 0.1, "on": "score"}),
     (settings.Export, {"formats": []}), (settings.Export, {"shard": "256M"}), (Run, LEAST | {"seed": -1}),
     (Run, LEAST | {"sources": {}}), (Run, LEAST | {"tokenizers": {}})],
)  # fmt: skip
def test_figures_out_of_bounds_are_refused(part: type[Settings], keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        part.model_validate(keys)
    assert caught.value.error_count() == 1


def test_edits_are_those_that_the_filters_know() -> None:
    edits = pytest.importorskip("prep.filters.edits")
    assert set(get_args(settings.Edit)) == set(edits.EDITS)


def test_settings_read_back_from_their_json() -> None:
    run = runfile.loads(template(), "template.yaml")
    assert Run.model_validate_json(runfile.canonical(run)) == run
    assert runfile.canonical(Run.model_validate_json(runfile.canonical(run))) == runfile.canonical(run)


def test_a_default_that_is_written_out_is_the_same_setting() -> None:
    for part in PARTS:
        given = {each.alias or name: each.get_default() for name, each in part.model_fields.items()
                 if not each.is_required() and each.get_default() is not None}  # fmt: skip
        least = SOURCE if part is Source else LEAST if part is Run else NEEDS.get(part)
        if least is None and any(each.is_required() for each in part.model_fields.values()):
            continue
        one, other = part.model_validate(least or {}), part.model_validate(given | (least or {}))
        assert one.model_dump_json() == other.model_dump_json()


def test_every_key_and_every_word_of_the_settings_is_in_the_template() -> None:
    text = template()
    keys = {each.alias or name for part in PARTS for name, each in part.model_fields.items()}
    missing = {key for key in keys if not re.search(rf"(?<![\w]){key}: ", text.replace(":\n", ": \n"))}
    assert not missing
    words = {word for each in _literals() for word in each}
    assert not {word for word in words if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)}


def test_the_template_without_its_comment_marks_has_no_unknown_key() -> None:
    """What is commented out is offered to the reader, so it must load too, but for the either-or."""
    text = re.sub(r"(?m)^( *)# (?=( *)\w+: )", r"\1", template())
    with pytest.raises(BadSettings) as caught:
        runfile.loads(text, "t")
    assert "unknown key" not in str(caught.value)
    assert "belongs" not in str(caught.value)


def test_every_required_key_has_an_example_that_is_of_its_form() -> None:
    for part in PARTS:
        for name, each in part.model_fields.items():
            if each.is_required():
                assert EXAMPLES[name].startswith(f"{name}: ")


def test_keys_are_found_at_every_level() -> None:
    assert names_at(Run, ("budget",)) == ("params", "law", "tokens", "in", "eod", "exact", "choose")
    assert names_at(Run, ("sources", "x", "language")) == ("field", "values")
    assert names_at(Run, ("sources", "x", "fields")) == ("id", "text")
    assert names_at(Run, ("quality", "keep", "ja")) == ("pareto", "threshold", "share", "tokens", "on")
    assert names_at(Run, ("exclude", "lists", 0))[:3] == ("by", "values", "file")
    assert names_at(Run, ("tokenizers",)) == names_at(Run, ("mix", "within", "ja")) == names_at(Run, ("nothing",)) == ()


def test_an_unknown_key_in_an_item_of_a_list_is_named() -> None:
    text = "exclude: {lists: [{by: id, values: [a], reason: r}, {by: url, valeus: [b], reason: r}]}"
    with pytest.raises(BadSettings, match=r"t:1:63: exclude\.lists\.valeus: unknown key; nearest: values"):
        runfile.loads(text, "t")


def template() -> str:
    return (Path(next(iter(configs.__path__))) / "template.yaml").read_text(encoding="utf-8")


def _literals() -> list[tuple[str, ...]]:
    def walk(kind: Any) -> list[tuple[str, ...]]:
        if str(kind).startswith("typing.Literal"):
            return [get_args(kind)]
        return [found for arm in get_args(kind) for found in walk(arm)]

    return [found for part in PARTS for each in part.model_fields.values() for found in walk(each.annotation)]
