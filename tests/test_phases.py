"""Phases of a corpus, as far as they are numbers: laws on corpora of any shape, and what a run file may say of them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import BadSettings, Short
from prep.pipeline import runfile
from prep.pipeline.mixing.allot import Allotted
from prep.pipeline.mixing.answer import Supply, answer, answers
from prep.pipeline.mixing.ask import Mix
from prep.pipeline.mixing.ask import Phase as Asked
from prep.pipeline.mixing.phases import Phase, allotted, most, parted, requested
from prep.pipeline.mixing.tree import Cell
from tests.test_mixing_laws import BUDGETS, cap, corpora, mixes, unhurried
from tests.tiny import varied_run

MIX = Mix.model_validate({"shares": {"ja": "50%", "en": "50%"}, "max_epochs": 2})
JA, EN = Cell(("wiki", "ja", "enc"), 10, 1000), Cell(("web", "en", "web"), 10, 1000)


@st.composite
def amounts(draw: st.DrawFn) -> list[Asked]:
    """Phases by share, or by share and one that takes the rest."""
    weights = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    rest = draw(st.integers(0, 9))
    shares = [Asked(name=f"p{place}", share=weight / (sum(weights) + rest)) for place, weight in enumerate(weights)]
    return [*shares, Asked(name="rest")] if rest else shares


@st.composite
def phases(draw: st.DrawFn) -> list[Phase]:
    """Up to three, of any mixes; the epochs are those of the first."""
    first, *others = draw(st.lists(mixes(), min_size=1, max_size=3))
    same = {"groups": first.groups, "max_epochs": first.max_epochs}
    every = [first, *(mix.model_copy(update=same) for mix in others)]
    return [Phase(f"p{place}", mix, draw(BUDGETS)) for place, mix in enumerate(every)]


def made(given_: list[Phase], cells: list[Cell]) -> list[Allotted] | None:
    """None where it cannot be."""
    try:
        return allotted(given_, cells)
    except Short:
        return None


@given(amounts(), st.integers(1, 10**12), st.integers(0, 10**6))
def test_the_budgets_of_phases_sum_to_the_budget_and_none_falls_as_it_grows(
    asked: list[Asked], total: int, more: int
) -> None:
    one, two = ([phase.tokens for phase in parted(MIX, asked, budget)] for budget in (total, total + more))
    assert (sum(one), sum(two)) == (total, total + more)
    assert all(before <= after for before, after in zip(one, two, strict=True))
    assert all(abs(phase.share * total - got) < 2 for phase, got in zip(asked, one, strict=True) if phase.share)


@unhurried
@given(phases(), corpora())
def test_each_phase_is_met_to_the_token_and_all_together_keep_to_the_epochs(
    given_: list[Phase], cells: list[Cell]
) -> None:
    found = made(given_, cells)
    if found is None:
        return
    for phase, part in zip(given_, found, strict=True):
        assert part.got == phase.tokens if phase.mix.when_short != "shrink" else part.got <= phase.tokens
    for cell in cells:
        assert sum(part.tokens.get(cell.place, 0) for part in found) <= cap(given_[0].mix, cell)


@unhurried
@given(phases(), corpora(), st.randoms(use_true_random=False))
def test_the_order_of_sources_changes_no_phase(given_: list[Phase], cells: list[Cell], chance: random.Random) -> None:
    one, two = made(given_, cells), made(given_, chance.sample(cells, len(cells)))
    assert [dict(part.tokens) for part in one or ()] == [dict(part.tokens) for part in two or ()]


@unhurried
@given(mixes(), corpora(), st.integers(1, 10**7))
def test_one_phase_of_everything_is_a_corpus_without_phases(mix: Mix, cells: list[Cell], total: int) -> None:
    [phase] = parted(mix, [Asked(name="all", share=1.0)], total)
    assert phase.tokens == total
    alone, found = made([Phase("", mix, total)], cells), made([phase], cells)
    assert [part.tokens for part in alone or ()] == [part.tokens for part in found or ()]


@unhurried
@given(phases(), corpora())
def test_what_is_asked_is_what_is_got_where_no_cell_lacks_anything(given_: list[Phase], cells: list[Cell]) -> None:
    strict = [Phase(each.name, each.mix.model_copy(update={"when_short": "fail"}), each.tokens) for each in given_]
    found = made(strict, cells)
    try:
        asked = requested(strict, cells)
    except Short:
        assert found is None
        return
    enough = all(tokens[node.cell.place] <= node.cap for root, tokens in asked for node in root.cells if node.cell)
    assert (found is not None) == enough
    assert [part.tokens for part in found or ()] == [tokens for _, tokens in asked if enough]


@unhurried
@given(mixes(("fail",)), mixes(("fail",)), corpora())
def test_the_most_that_all_phases_are_fed_is_fed_and_one_more_is_not(one: Mix, two: Mix, cells: list[Cell]) -> None:
    two = two.model_copy(update={"max_epochs": one.max_epochs})
    asked = [Asked(name="a", share=0.7), Asked(name="b", share=0.3)]

    def at(total: int) -> list[Phase]:
        return [replace(phase, mix=mix) for phase, mix in zip(parted(one, asked, total), (one, two), strict=True)]

    found, ends = most(at, cells)
    largest = sum(part.total for part in found)
    assert made(at(largest), cells) is not None
    assert made(at(largest + 1), cells) is None
    assert ends


@unhurried
@given(phases(), corpora())
def test_the_table_of_the_whole_is_the_sum_of_those_of_its_phases(given_: list[Phase], cells: list[Cell]) -> None:
    found = answers(given_, [Supply(cell, cell.tokens, 4 * cell.tokens) for cell in cells], 1e9)
    assert found.budget_tokens == sum(phase.tokens for phase in given_)
    assert found.tokens == sum(each.tokens for each in found.phases)
    assert (found.problem is None) == (made(given_, cells) is not None)
    for line in found.cells:
        own = [each for phase in found.phases for each in phase.cells]
        same = [each for each in own if (each.group, each.source, each.kind) == (line.group, line.source, line.kind)]
        same = [each for each in same if each.language == line.language]
        assert line.tokens == sum(each.tokens for each in same)
        assert line.effective_tokens <= line.tokens + 1e-6
    assert sum(line.share for line in found.cells) == pytest.approx(1 if found.tokens else 0)


def test_a_phase_without_a_name_is_answered_as_a_mix() -> None:
    supplies = [Supply(cell, cell.tokens, 4 * cell.tokens) for cell in (JA, EN)]
    assert answers(parted(MIX, None, 500), supplies, 1e9) == answer(MIX, 500, supplies, 1e9)


def test_a_phase_of_fixed_tokens_stands_beside_one_that_takes_the_rest() -> None:
    asked = [Asked(name="main"), Asked(name="cool", share=0.1), Asked(name="last", tokens=7)]
    assert [phase.tokens for phase in parted(MIX, asked, 1000)] == [893, 100, 7]
    asked = [Asked(name="main", tokens=993), Asked(name="last", tokens=7)]
    assert [phase.tokens for phase in parted(MIX, asked, 1000)] == [993, 7]
    for total, said in (
        (999, "more than the budget of 999; ask"),
        (1001, "less than the budget of 1,001; ask for more"),
    ):
        with pytest.raises(BadSettings, match=f"phases: main 993 \\+ last 7 tokens are {said}"):
            parted(MIX, asked, total)


def test_a_phase_has_groups_epochs_and_policy_of_the_run_and_nothing_else() -> None:
    run = Mix.model_validate(
        {"shares": {"ja": 1}, "within": "unimax", "floors": {"wiki": "1 epoch"}, "when_short": "shrink",
         "groups": {"p": ["opus"]}, "max_epochs": 3}
    )  # fmt: skip
    asked = Asked.model_validate({"name": "a", "share": 1.0, "mix": {"shares": {"en": "100%"}}})
    [phase] = parted(run, [asked], 10)
    expected = {"shares": {"en": "100%"}, "when_short": "shrink", "groups": {"p": ["opus"]}, "max_epochs": 3}
    assert phase.mix == Mix.model_validate(expected)


def test_what_a_later_phase_lacks_is_said_of_it_with_what_earlier_ones_took() -> None:
    japanese = MIX.model_copy(update={"shares": {"ja": Mix.model_validate({"shares": {"ja": 1}}).shares["ja"]}})  # type: ignore[index]
    with pytest.raises(Short) as caught:
        allotted([Phase("main", MIX, 3000), Phase("anneal", japanese, 600)], [JA, EN])
    assert str(caught.value).startswith(
        "phase anneal, of 600 tokens: mix: 600 tokens are asked, and the sources feed 500"
    )
    said = "wiki/ja/enc: asked 600, 1K are left after filters, 1.5K are taken by earlier phases = 2.10 epochs; 50 more"
    assert said in str(caught.value)
    shrinking = japanese.model_copy(update={"when_short": "shrink"})
    assert [part.got for part in allotted([Phase("main", MIX, 3000), Phase("anneal", shrinking, 600)], [JA, EN])] == [
        3000, 500,
    ]  # fmt: skip


OWN = {"shares": {"ja": "100%"}}


def after_a(mix: dict[str, Any]) -> list[dict[str, Any]]:
    """Two phases, the second of this mix."""
    return [{"name": "a"}, {"name": "b", "share": "5%", "mix": mix}]


BAD: list[tuple[list[dict[str, Any]], str]] = [
    ([], "phases: is empty; name at least one"),
    ([{"name": "a", "share": "90%"}], "phases: shares sum to 0.9, not 1: 10.0000% short"),
    ([{"name": "a", "share": "90%"}, {"name": "b", "share": "20%"}], "shares sum to 1.1, not 1: 10.0000% too much"),
    ([{"name": "a", "share": "99%"}, {"name": "b", "share": "2%"}, {"name": "c"}], "shares sum to 1.01, not 1"),
    ([{"name": "a", "share": "100%"}, {"name": "b"}], "phases: takes what the others leave, and these share out all"),
    ([{"name": "a", "share": "50%"}, {"name": "a", "share": "50%"}], "phases.name: 'a' stands twice"),
    ([{"name": "a"}, {"name": "b"}], "phases: has neither share nor tokens, as 'a' has none; one phase takes"),
    ([{"share": "100%"}], "phases.name: missing; write such as `name: anneal`"),
    ([{"name": "a/b", "share": "100%"}], "phases.name: 'a/b' holds '/'"),
    ([{"name": "a", "share": "0%"}, {"name": "b", "share": "100%"}], "phases.share: is nothing"),
    ([{"name": "a", "share": "50%", "tokens": 5}, {"name": "b"}], "tokens stand beside share; give one of them"),
    ([{"name": "a"}, {"name": "b", "tokens": "70K"}], "phases: b 70,000 tokens are more than the budget of 60,000"),
    ([{"name": "a", "tokens": "20K"}, {"name": "b", "tokens": "30K"}], "less than the budget of 60,000"),
    ([{"name": "a"}, {"name": "b", "shar": "10%"}], "phases.shar: unknown key; nearest: share"),
    (after_a({"shares": {"jp": 1}}), "phases.mix.shares.jp: 'jp' is the language"),
    (after_a({"shares": {"ja": "60%"}}), "phases.mix.shares: shares sum to 0.6"),
    (after_a({"within": "unimax"}), "phases.mix: neither preset nor shares"),
    (after_a(OWN | {"within": {"ja": {"wikija": 0.1, "rest": "unimax"}}}), "nearest: wiki_ja"),
    (after_a(OWN | {"floors": {"no": "1 epoch"}}), "phases.mix.floors.no"),
    (after_a(OWN | {"max_epochs": 3}), "hold for the whole corpus"),
    ([{"name": "a", "mix": OWN}, {"name": "b", "share": "5%", "mix": OWN}], "every phase has a mix of its own"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "said"), BAD, ids=[said for _, said in BAD])
def test_what_cannot_be_is_said_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, asked: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(BadSettings) as caught:
        runfile.load(varied_run(tmp_path_factory.getbasetemp(), phases=asked))
    [line] = str(caught.value).splitlines()
    assert said in line


def test_weights_are_of_one_mix(tmp_path_factory: pytest.TempPathFactory) -> None:
    changes: dict[str, Any] = {
        "phases": [{"name": "a"}, {"name": "b", "share": "5%"}], "export": {"layout": "by_cell", "repeats": "weights"}
    }  # fmt: skip
    with pytest.raises(BadSettings, match=r"export\.repeats: weights are of one mix"):
        runfile.load(varied_run(tmp_path_factory.getbasetemp(), **changes))


def test_a_preset_of_a_phase_has_code_and_names_languages_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    source = {"path": "x", "language": {"field": "lang"}, "kind": "web"}
    own = {"preset": "frplus", "pair": ["fr", "de"]}
    run = runfile.load(
        varied_run(
            tmp_path_factory.getbasetemp(), sources={"more": source},
            phases=[{"name": "a"}, {"name": "b", "share": "5%", "mix": own}],
        )
    )  # fmt: skip
    assert run.phases is not None
    assert run.phases[1].mix is not None
    assert run.phases[1].mix.code == 0.2
    language = run.sources["more"].language
    assert not isinstance(language, str)
    assert {"fr", "de", "code"} <= (language.values or {}).keys()
