from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.pipeline.crosscheck import crosscheck

JA = {"path": "a", "language": "ja", "kind": "web"}
EN = {"path": "b", "language": "en", "kind": "books"}
CODE = {"path": "c", "language": "code", "kind": "code"}
OPEN = {"path": "d", "language": {"field": "l"}, "kind": {"field": "k"}}
BASE: dict[str, Any] = {
    "budget": {"tokens": 1},
    "tokenizers": {"t": "t"},
    "sources": {"ja": JA, "en": EN, "py": CODE},
    "mix": {"preset": "equal", "pair": ("ja", "en")},
}


def found(**parts: Any) -> list[str]:
    return [f"{'.'.join(map(str, each.keys))}: {each.text}" for each in crosscheck(BASE | parts)]


def mix(**keys: Any) -> list[str]:
    return found(mix=BASE["mix"] | keys)


def test_nothing_is_wrong_with_the_base_of_these_tests() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"budget": {}}, "budget: neither params nor tokens"),
        ({"budget": {"params": 1, "tokens": 1}}, "budget.tokens.[key]: stands beside `params`"),
        ({"budget": {"tokens": 1, "in": "u"}}, "budget.in: 'u' is no tokenizer of this run; there are: t"),
        ({"quality": {"filter": ()}}, "neither train nor model"),
        ({"quality": {"model": {"ja": "m"}, "filter": (), "train": {}, "keep": {"en": {"pareto": 1}}}}, "has no model"),
        ({"quality": {"model": {"fr": "m"}, "filter": ()}}, "'fr' is the language of no source; theirs: code, en, ja"),
        (
            {"quality": {"train": {"reference": "web", "against": ("web",)}, "filter": ()}},
            "quality.train.against.0: 'web' is the reference too",
        ),
        (
            {"sources": {"en": EN, "x": {**JA, "kind": "x"}, "py": CODE}, "quality": {"model": {"en": "m"}}},
            "filter is 'web' unless you say otherwise, but 'web' is the kind of no source",
        ),
        (
            {
                "sources": {"a": {**JA, "language": {"field": "l", "values": {"x": "JA"}}}, "en": EN, "py": CODE},
                "mix": {},
            },
            "sources.a.language.values.x: 'JA' has not the form of a language",
        ),
        (
            {"sources": {"ja": JA, "en": EN}},
            "mix: code is 20% unless you say otherwise, but no source has `language: code`",
        ),
    ],
)
def test_parts_that_disagree_are_named(parts: dict[str, Any], error: str) -> None:
    assert any(error in each for each in found(**parts)), found(**parts)


@pytest.mark.parametrize("preset", ["equal", "japlus", "enplus"])
def test_a_preset_is_equal_or_one_of_its_pair_and_plus(preset: str) -> None:
    assert mix(preset=preset) == []


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"preset": "frplus"}, "mix.preset: 'frplus' is no preset of this pair; nearest: "),
        ({"pair": None}, "mix.preset: a preset needs a pair"),
        ({"pair": ("ja", "fr")}, "mix.pair.1: 'fr' is the language of no source"),
        ({"pair": ("ja", "code")}, "'code' has its own share"),
        ({"shares": {"ja": 1}}, "mix.shares.[key]: stands beside `preset`"),
        ({"preset": None}, "mix: neither preset nor shares"),
        ({"preset": None, "shares": {"ja": 1}}, "mix.pair.[key]: belongs to a preset"),
        ({"within": {"ja": {"en": 1, "ja": 0}}}, "mix.within.ja.en.[key]: 'en' is in language 'en'"),
        (
            {"within": {"ja": {"jaa": 1, "ja": 0}}},
            "'jaa' is no source and no kind of ja; nearest: ja",
        ),
        ({"within": {"fr": {}}}, "mix.within.fr.[key]: 'fr' is the language of no source"),
        ({"within": {"ja": {"ja": 0.5}}}, "mix.within.ja: shares sum to 0.5, not 1: 0.5 (50.0000%) short"),
    ],
)
def test_a_mix_that_cannot_be_is_named(keys: dict[str, Any], error: str) -> None:
    assert len(mix(**keys)) == 1
    assert error in mix(**keys)[0]


def test_code_without_a_source_must_be_none() -> None:
    sources = {"ja": JA, "en": EN}
    assert found(sources=sources, mix=BASE["mix"] | {"code": "0%"}) == []
    assert "code has a share, but no source" in found(sources=sources, mix=BASE["mix"] | {"code": "5%"})[0]


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=40))
def test_shares_that_sum_to_one_are_never_refused(weights: list[int]) -> None:
    shares = {f"l{place}": weight / sum(weights) for place, weight in enumerate(weights)}
    assert found(mix={"shares": shares}, sources={"o": OPEN}) == []


@given(st.floats(2e-9, 0.5), st.booleans())
def test_shares_that_miss_one_are_refused_and_say_by_how_much(off: float, over: bool) -> None:
    (error,) = found(mix={"shares": {"ja": 0.5, "en": 0.5 + off if over else 0.5 - off}})
    assert f"{off:.3g}"[:4] in error.replace(f"{off:.4g}", f"{off:.3g}")
    assert error.endswith("too much" if over else "short")


def test_a_third_may_be_written_with_ten_threes() -> None:
    third = "33.3333333333%"
    assert found(mix={"shares": {"ja": third, "en": third, "code": third}}) == []


def test_where_a_field_decides_any_language_and_kind_may_come() -> None:
    quality = {"train": {"reference": "r", "against": "a"}, "filter": ("f",), "keep": {"fr": {"pareto": 9}}}
    assert found(sources={"open": OPEN}, quality=quality, mix=BASE["mix"] | {"pair": ("fr", "de")}) == []


def test_the_slip_of_one_source_makes_no_error_elsewhere() -> None:
    for slip in ({"path": "a", "kind": "web"}, {**JA, "language": 5}, {**JA, "language": "JA"}, None):
        assert found(sources={"x": slip, "en": EN, "py": CODE}) == []


def test_a_hub_name_needs_a_revision_and_a_folder_none(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hub = {"hf": "org/name", "language": "ja", "kind": "web"}
    assert "is no folder here, so a name on the hub" in found(sources=BASE["sources"] | {"hub": hub})[0]
    assert found(sources=BASE["sources"] | {"hub": hub | {"revision": "a"}}) == []
    (tmp_path / "org" / "name").mkdir(parents=True)
    assert found(sources=BASE["sources"] | {"hub": hub}) == []


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.tuples(inner) | st.dictionaries(st.sampled_from(["path", "train", "ja", "shares", "hf"]), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["budget", "tokenizers", "sources", "quality", "mix"]), JUNK))
def test_values_of_the_wrong_shape_are_passed_over(data: dict[str, Any]) -> None:
    assert all(each.text for each in crosscheck(data))
