"""The words in which a run file asks for a mix, and what is said of those that it cannot mean."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prep.errors import BadSettings
from prep.pipeline import runfile
from prep.pipeline.crosscheck import crosscheck
from prep.pipeline.mixing.ask import Floor, Mix, Part
from prep.pipeline.settings import Budget

SOURCES = {
    "wiki_ja": {"path": "a", "language": "ja", "kind": "encyclopedia"},
    "books_ja": {"path": "b", "language": "ja", "kind": "books"},
    "novels_ja": {"path": "b2", "language": "ja", "kind": "books"},
    "web_en": {"path": "c", "language": "en", "kind": "web"},
    "opus": {"path": "d", "language": "ja", "kind": "pairs"},
    "python": {"path": "e", "language": "code", "kind": "code"},
}
NESTED = {"books_ja": "3x", "rest": "unimax"}
HALVES = {"ja": "50%", "en": "50%"}


def found(**mix: Any) -> list[str]:
    data = {"budget": {"tokens": 1}, "tokenizers": {"t": "t"}, "sources": SOURCES, "mix": {"shares": HALVES} | mix}
    return [f"{'.'.join(map(str, each.keys))}: {each.text}" for each in crosscheck(data)]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("5%", {"share": 0.05}),
        (0.05, {"share": 0.05}),
        (1, {"share": 1.0}),
        ("7 parts", {"weight": 7.0}),
        ("1 part", {"weight": 1.0}),
        ("3x", {"times": 3.0}),
        ("1.5 x", {"times": 1.5}),
        ("2 epochs", {"epochs": 2.0}),
        ("1 epoch", {"epochs": 1.0}),
        ("5M tokens", {"tokens": 5_000_000}),
        ("10,000 tokens", {"tokens": 10_000}),
        ("10e6 tokens", {"tokens": 10_000_000}),
        ("３Ｘ", {"times": 3.0}),
        ("unimax", {"within": "unimax"}),
        ({"share": "20%", "within": "temperature 3.330"}, {"share": 0.2, "within": "temperature 3.33"}),
        ({"share": 1, "within": {"temperature": 2}}, {"share": 1.0, "within": "temperature 2"}),
    ],
)
def test_amounts_are_read_as_people_write_them(words: Any, meant: dict[str, Any]) -> None:
    assert Part.model_validate(words) == Part(**meant)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (20, "20 is no share from 0 to 1, and no amount; write 5%, 7 parts, 3x, 2 epochs or 5M tokens"),
        ("20", "no amount"),
        ("5M", "no amount"),
        ("x epochs", "is no way to part tokens"),
        ("2.5 tokens", "is no amount"),
        ("unimix", "is no way to part tokens; nearest: unimax"),
        ("propotional", "nearest: proportional"),
        ("temperature", "needs a number behind it"),
        ("temperature -1", "outside 0.01 to 1000"),
        ("evenly", "write proportional, unimax, temperature 3.33, or name who gets what"),
        ({"share": 0.5, "weight": 2}, "weight stands beside share"),
        ({"tokens": 5, "epochs": 2}, "epochs stand beside tokens"),
        ("-5 parts", "greater than or equal to 0"),
        ("0 epochs", "greater than 0"),
        ("1e999 parts", "finite"),
    ],
)
def test_what_is_no_amount_is_told_what_is(words: Any, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Part.model_validate(words)
    assert caught.value.error_count() == 1
    assert said in str(caught.value)


@pytest.mark.parametrize("words", ["5%", {"share": 0.1}, "7 parts", {}, {"tokens": 1, "epochs": 1}])
def test_a_floor_is_tokens_or_epochs(words: Any) -> None:
    assert (Floor.model_validate("1 epoch").epochs, Floor.model_validate("5K tokens").tokens) == (1.0, 5000)
    with pytest.raises(ValidationError):
        Floor.model_validate(words)


@given(st.text(max_size=20) | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.integers()))
def test_any_value_is_a_part_or_an_error_of_settings(value: Any) -> None:
    try:
        part = Part.model_validate(value)
    except ValidationError:
        return
    assert Part.model_validate_json(part.model_dump_json()) == part


def test_a_mix_reads_back_from_its_json() -> None:
    mix = Mix.model_validate(
        {
            "shares": {"ja": "40 parts", "parallel": "2 parts"},
            "groups": {"parallel": "opus"},
            "within": {
                "ja": {"books": {"share": "20%", "within": {"books_ja": "3x", "rest": "unimax"}}, "rest": "unimax"}
            },
            "max_epochs": {"wiki_ja": 2, "rest": 4},
            "floors": {"wiki_ja": "1 epoch"},
        }
    )
    assert Mix.model_validate_json(mix.model_dump_json()) == mix


@pytest.mark.parametrize(
    "mix",
    [
        {"within": {"ja": {"wiki_ja": "5%", "books": "20%", "rest": "proportional"}}},
        {"within": {"ja": {"wiki_ja": "2 epochs", "books": {"share": "20%", "within": "unimax"}, "rest": "unimax"}}},
        {"within": {"ja": {"encyclopedia": "7 parts", "books": "3 parts", "opus": "2 epochs"}}},
        {"within": {"ja": {"wiki_ja": "3x", "rest": "proportional"}}},
        {
            "within": {
                "ja": {"books": {"share": 1, "within": {"books_ja": "30%", "novels_ja": "70%"}}, "rest": "unimax"}
            }
        },
        {"within": {"temperature": 3.3}},
        {"shares": "temperature 3.33"},
        {"shares": {"ja": "45%", "en": "45%", "parallel": "10%"}, "groups": {"parallel": ["pairs"]}},
        {"shares": {"ja": "45%", "rest": "unimax"}},
        {"max_epochs": {"books": 2, "wiki_ja": 3, "en": 1, "rest": 4}, "floors": {"books": "1 epoch"}},
        {"within": {"en": {"web_en": {"share": "100%", "epochs": 2.9}}}},
    ],
)
def test_what_may_be_asked(mix: dict[str, Any]) -> None:
    assert found(**mix) == []
    Mix.model_validate({"shares": HALVES} | mix)


@pytest.mark.parametrize(
    ("mix", "said"),
    [
        ({"shares": {"ja": "40%", "en": "4 parts"}}, "mix.shares: parts (7 parts) and shares (5%) do not add up"),
        ({"shares": {"ja": "40%", "en": "40%"}}, "mix.shares: shares sum to 0.8, not 1: 0.2 (20.0000%) short"),
        ({"shares": {"ja": "90%", "en": "20%", "rest": "unimax"}}, "shares sum to 1.1, more than 1"),
        ({"shares": {"ja": "3 parts", "rest": "unimax"}}, "parts leave no rest"),
        ({"shares": {"ja": "90%", "rest": "10%"}}, "mix.shares.rest: takes what is left, so it has no amount"),
        ({"shares": {"ja": "unimax", "en": "50%"}}, "mix.shares.ja: has a way but no amount"),
        ({"shares": {"ja": "2 epochs", "en": "50%"}}, "ja gets a fixed amount; say who gets what that leaves"),
        ({"shares": {"ja": "50%", "fr": "50%"}}, "'fr' is the language of no source"),
        ({"shares": {"ja": "50%", "paralel": "50%"}, "groups": {"parallel": ["opus"]}}, "nearest: parallel"),
        ({"groups": {"parallel": ("opsu",)}}, "'opsu' is no source and no kind; nearest: opus"),
        ({"groups": {"p": ("opus",), "q": ("opus",)}}, "'opus' is in group 'p' too"),
        ({"within": {"ja": {"wiki_ja": "100%"}}}, "says nothing of books_ja, novels_ja, opus"),
        ({"within": {"ja": {"bookz": "10%", "rest": "unimax"}}}, "no source and no kind of ja; nearest: books"),
        ({"within": {"ja": {"web_en": "10%", "rest": "unimax"}}}, "'web_en' is in language 'en'; give its share there"),
        ({"within": {"ja": {"books": {"share": 1, "within": {"books_j": "1x"}}, "rest": "unimax"}}}, "books_ja"),
        ({"max_epochs": {"wiki": 3}}, "'wiki' is no source, kind or language; nearest: wiki_ja"),
        ({"floors": {"rest": "1 epoch"}}, "'rest' is no source"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_named_once(mix: dict[str, Any], said: str) -> None:
    errors = found(**mix)
    assert len(errors) == 1, errors
    assert said in errors[0]


def test_a_run_file_says_where_the_slip_is() -> None:
    text = (
        "out: o\nbudget: {tokens: 10, eod: 3}\ntokenizers: {t: t.json}\nsources:\n"
        "  wiki: {path: w, language: ja, kind: web}\n"
        "mix:\n  shares: {ja: 1}\n  within:\n    ja: {wiki: {share: 1, widthin: unimax}}\n  when_short: shrnk\n"
    )
    with pytest.raises(BadSettings) as caught:
        runfile.loads(text, "run.yaml")
    assert str(caught.value).split("\n") == [
        "run.yaml:2:27: budget.eod: 3 must be less than or equal to 2",
        "run.yaml:9:27: mix.within.ja.wiki.widthin: unknown key; nearest: within",
        "run.yaml:10:15: mix.when_short: 'shrnk' is not accepted; nearest: shrink",
    ]


def test_end_of_document_tokens_are_none_unless_said() -> None:
    assert Budget.model_validate({"tokens": 1}).eod == 0
