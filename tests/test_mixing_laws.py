"""What a mix asks of its cells: laws on corpora of any shape."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from prep.errors import Short
from prep.pipeline.mixing.allot import Allotted, allot, wanted
from prep.pipeline.mixing.ask import Mix
from prep.pipeline.mixing.phases import Phase, most
from prep.pipeline.mixing.tree import Cell, asked, group_of, grouped, max_epochs

unhurried = settings(deadline=None, max_examples=60)
LANGUAGES, KINDS, SOURCES = ("ja", "en", "code"), ("web", "books"), ("a", "b", "c", "d")
POLICIES = ("fail", "fill_within_language", "fill_all", "shrink")


@st.composite
def corpora(draw: st.DrawFn) -> list[Cell]:
    """Cells of any shape: without documents, with documents of no tokens, with one giant document."""
    places = draw(
        st.sets(
            st.tuples(st.sampled_from(SOURCES), st.sampled_from(LANGUAGES), st.sampled_from(KINDS)),
            min_size=1, max_size=9,
        )
    )  # fmt: skip
    shapes = st.sampled_from([(0, 0), (3, 0), (1, 10**9), (1, 1)]) | st.tuples(
        st.integers(1, 1000), st.integers(0, 10**6)
    )
    return [Cell(place, *draw(shapes)) for place in sorted(places)]


WAYS: st.SearchStrategy[Any] = st.sampled_from(
    ["proportional", "unimax", "temperature 3.33", "temperature 1", "temperature 0.5"]
)


@st.composite
def levels(draw: st.DrawFn, names: tuple[str, ...]) -> Any:
    """A level over some of these names, by a way, or by amounts of one kind."""
    if draw(st.booleans()):
        return draw(WAYS)
    chosen = draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=3))
    weights = draw(st.lists(st.integers(1, 20), min_size=len(chosen), max_size=len(chosen)))
    form = draw(st.sampled_from(["shares", "parts", "times"]))
    if form == "shares":
        whole = sum(weights) + draw(st.integers(0, 20))
        return {
            **{name: {"share": weight / whole} for name, weight in zip(chosen, weights, strict=True)},
            "rest": draw(WAYS),
        }
    unit = "parts" if form == "parts" else "x"
    return {name: f"{weight} {unit}" for name, weight in zip(chosen, weights, strict=True)}


@st.composite
def mixes(draw: st.DrawFn, policies: tuple[str, ...] = POLICIES) -> Mix:
    """Any mix that a run file may ask for, but fixed amounts and floors."""
    within = {name: draw(levels((*SOURCES, *KINDS))) for name in draw(st.sets(st.sampled_from(LANGUAGES)))}
    epochs = st.sampled_from([1.0, 1.5, 4.0])
    return Mix.model_validate(
        {
            "shares": draw(levels(LANGUAGES)),
            "within": within or draw(WAYS),
            "max_epochs": draw(epochs | st.fixed_dictionaries({"a": epochs, "web": epochs, "rest": epochs})),
            "when_short": draw(st.sampled_from(policies)),
        }
    )


def made(mix: Mix, total: int, cells: list[Cell]) -> Allotted | None:
    """None where it cannot be."""
    try:
        return allot(mix, total, cells)
    except Short:
        return None


def cap(mix: Mix, cell: Cell) -> int:
    return int(cell.tokens * max_epochs(mix, cell.place))


def fed(mix: Mix, cells: list[Cell]) -> tuple[int, tuple[str, ...]]:
    """The largest corpus, and what ends it."""
    [found], ends = most(lambda total: (Phase("", mix, total),), cells)
    return found.total, ends


BUDGETS = st.sampled_from([0, 1, 2, 10**13]) | st.integers(0, 3000) | st.integers(0, 10**7)


@unhurried
@given(mixes(), corpora(), BUDGETS)
def test_the_sum_is_the_budget_to_the_token_and_no_cell_has_more_than_its_epochs(
    mix: Mix, cells: list[Cell], total: int
) -> None:
    found = made(mix, total, cells)
    if found is None:
        return
    assert found.got == total if mix.when_short != "shrink" else found.got <= total
    by_place = {cell.place: cell for cell in cells}
    for place, tokens in found.tokens.items():
        assert 0 <= tokens <= (cap(mix, by_place[place]) if place in by_place else 0)


@unhurried
@given(mixes(), corpora(), BUDGETS, st.integers(0, 10**6))
def test_no_cell_falls_as_the_budget_grows(mix: Mix, cells: list[Cell], total: int, more: int) -> None:
    one, two = made(mix, total, cells), made(mix, total + more, cells)
    if one is None or two is None:
        return
    assert all(two.tokens[place] >= tokens for place, tokens in one.tokens.items())


@unhurried
@given(mixes(), corpora(), st.integers(0, 3000))
def test_no_cell_falls_from_token_to_token(mix: Mix, cells: list[Cell], total: int) -> None:
    before: dict[tuple[str, str, str], int] = {}
    for more in range(12):
        found = made(mix, total + more, cells)
        if found is not None:
            assert all(found.tokens[place] >= tokens for place, tokens in before.items())
            before = dict(found.tokens)


@unhurried
@given(mixes(), corpora(), BUDGETS, st.randoms(use_true_random=False))
def test_the_order_of_sources_changes_nothing(mix: Mix, cells: list[Cell], total: int, chance: random.Random) -> None:
    one, two = made(mix, total, cells), made(mix, total, chance.sample(cells, len(cells)))
    assert (one is None) == (two is None)
    if one is not None and two is not None:
        assert dict(one.tokens) == dict(two.tokens)


@unhurried
@given(mixes(("shrink",)), corpora(), st.integers(1, 10**7))
def test_shrinking_ends_where_one_more_token_would_be_too_much(mix: Mix, cells: list[Cell], total: int) -> None:
    found = made(mix, total, cells)
    if found is None or found.got == total:
        return
    strict = mix.model_copy(update={"when_short": "fail"})
    assert made(strict, found.got, cells) is not None
    assert made(strict, found.got + 1, cells) is None
    assert found.got == fed(strict, cells)[0]


@unhurried
@given(mixes(("fill_within_language",)), corpora(), st.integers(0, 10**7))
def test_filling_within_a_language_leaves_every_language_its_share(mix: Mix, cells: list[Cell], total: int) -> None:
    found = made(mix, total, cells)
    assume(found is not None)
    assert found is not None
    for group in found.root.groups:
        places = [node.cell.place for node in group.cells if node.cell is not None]
        assert sum(found.tokens[place] for place in places) == sum(found.asked[place] for place in places)


@unhurried
@given(mixes(("fill_all",)), corpora(), st.integers(0, 10**7))
def test_filling_all_fails_only_where_all_together_are_too_few(mix: Mix, cells: list[Cell], total: int) -> None:
    found = made(mix, total, cells)
    assert (found is not None) == (wanted(mix, total, cells)[0].most >= total)
    if found is not None:
        by_place = {cell.place: cell for cell in cells}
        full = {
            place for place, tokens in found.tokens.items() if place in by_place and tokens == cap(mix, by_place[place])
        }
        less = {place for place, tokens in found.tokens.items() if tokens < found.asked[place]}
        assert all(place in full or place not in by_place for place in less)


@unhurried
@given(mixes(("fail",)), corpora())
def test_the_most_that_is_fed_is_fed_and_one_more_is_not(mix: Mix, cells: list[Cell]) -> None:
    largest, ends = fed(mix, cells)
    assert made(mix, largest, cells) is not None
    assert made(mix, largest + 1, cells) is None
    assert ends


@given(corpora(), st.integers(1, 1000), st.sampled_from(["tokens", "epochs"]))
@unhurried
def test_floors_are_kept_where_there_is_a_corpus(cells: list[Cell], amount: int, unit: str) -> None:
    mix = Mix.model_validate(
        {"shares": "proportional", "max_epochs": 2, "floors": {"a": f"{amount} {unit}", "web": "1 epoch"}}
    )
    found = made(mix, 10**5, cells)
    if found is None:
        return
    own = [cell for cell in cells if cell.place[0] == "a"]
    if own:
        least = amount if unit == "tokens" else amount * sum(cell.tokens for cell in own)
        assert sum(found.tokens[cell.place] for cell in own) >= least
    assert all(found.tokens[cell.place] >= cell.tokens for cell in cells if cell.place[2] == "web")


JA = [Cell(("wiki", "ja", "enc"), 100, 5000), Cell(("books", "ja", "books"), 10, 20_000),
      Cell(("web", "ja", "web"), 300, 200_000), Cell(("opus", "ja", "pairs"), 9, 9000),
      Cell(("web", "en", "web"), 300, 90_000)]  # fmt: skip


def tokens(total: int, **keys: Any) -> dict[str, int]:
    found = allot(Mix.model_validate({"max_epochs": 4} | keys), total, JA)
    return {f"{place[0]}.{place[1]}": number for place, number in found.tokens.items()}


def test_a_fixed_amount_is_of_the_whole_level_beside_shares_of_it() -> None:
    within = {"ja": {"wiki": "2 epochs", "books": "20%", "rest": "proportional"}}
    found = tokens(100_000, shares={"ja": "80%", "en": "20%"}, within=within)
    assert (found["wiki.ja"], found["books.ja"], found["web.en"]) == (10_000, 16_000, 20_000)
    assert sum(found.values()) == 100_000


def test_a_group_takes_its_sources_out_of_their_language() -> None:
    found = tokens(20_000, shares={"ja": "50%", "parallel": "50%"}, groups={"parallel": ["opus"]})
    assert found["opus.ja"] == 10_000
    assert "web.en" not in found


def test_a_kind_is_parted_among_its_sources_and_a_source_named_beside_it_is_not_of_it() -> None:
    within = {"ja": {"web": {"share": "50%"}, "wiki": "10%", "rest": "unimax"}}
    found = tokens(30_000, shares={"ja": "100%"}, within=within)
    assert (found["web.ja"], found["wiki.ja"]) == (15_000, 3000)
    assert (found["books.ja"], found["opus.ja"]) == (6000, 6000)


def test_times_count_the_tokens_of_a_source_so_often_beside_others() -> None:
    found = tokens(100_000, shares={"ja": "100%"}, within={"ja": {"wiki": "3x", "rest": "proportional"}})
    assert found["wiki.ja"] == round(100_000 * 15_000 / 244_000)


def test_unimax_is_even_up_to_the_epochs_from_the_smallest_up() -> None:
    assert tokens(100_000, shares={"ja": "100%"}, within="unimax", max_epochs=2) == {
        "wiki.ja": 10_000, "opus.ja": 18_000, "books.ja": 36_000, "web.ja": 36_000,
    }  # fmt: skip


def test_ties_go_to_the_larger_and_do_not_hang_on_the_order() -> None:
    found = tokens(1, shares={"ja": "50%", "en": "50%"})
    assert found["web.ja"] == 1


def test_what_cannot_be_is_said_with_what_would_help() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"shares": {"ja": "50%", "en": "50%"}, "floors": {"wiki": "5 epochs"}}, "lower the floor"),
        ({"shares": {"ja": "50%", "en": "50%"}, "within": {"ja": {"wiki": "9 epochs", "rest": "proportional"}}},
         "ja/wiki is fixed at 45K tokens"),
        ({"shares": {"fr": "50%", "en": "50%"}}, "nothing is left of it"),
        ({"shares": {"ja": "99%", "en": "1%"}, "floors": {"en": "90K tokens"}}, "must be in it"),
    ]  # fmt: skip
    for keys, said in cases:
        with pytest.raises(Short, match="mix") as caught:
            tokens(60_000, **keys)
        assert said in str(caught.value)


def test_a_thousand_cells_and_ten_trillion_tokens_are_parted_in_one_pass() -> None:
    cells = [Cell((f"s{n}", f"l{n % 30}", f"k{n % 4}"), 10, n * 10**8 + 1) for n in range(1000)]
    mix = Mix.model_validate({"shares": "temperature 3.33", "max_epochs": 1000, "when_short": "fill_all"})
    assert allot(mix, 10**13, cells).got == 10**13


def test_the_groups_that_are_asked_are_those_with_an_amount() -> None:
    mix = Mix.model_validate({"shares": {"ja": "60%", "en": "0%", "rest": "proportional"}, "groups": {"p": ["opus"]}})
    assert asked(mix, [cell.place for cell in JA]) == ("ja", "p")
    assert group_of(grouped(mix), ("opus", "ja", "pairs")) == "p"
