"""What is kept by score, and what was foretold: over rows made by hand, against plain Python."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.filters.pareto import LEVEL
from prep.pipeline.keeping import solve
from prep.pipeline.keeping.ask import Keep
from prep.pipeline.keeping.groups import groups
from prep.pipeline.keeping.kept import Kept
from prep.pipeline.keeping.plan import Plan, condition
from prep.pipeline.keeping.resolve import Decided, cells, page, resolve
from prep.pipeline.mixing.allot import wanted
from prep.pipeline.mixing.ask import Mix
from prep.pipeline.mixing.phases import Phase
from prep.pipeline.reasons import Terms
from tests.plans import CELLS, group, planned, rows, terms

SEEDS = range(20)
MIX = Mix.model_validate({"shares": {"ja": 0.7, "en": 0.3}, "max_epochs": 2.0})
PARTED = Mix.model_validate({**MIX.model_dump(), "within": {"ja": {"wiki_ja": 0.2, "web_a": 0.5, "web_b": 0.3}}})


def of(mix: Mix, total: int) -> tuple[Phase]:
    """A corpus without phases."""
    return (Phase("", mix, total),)


def survivors(plan: Plan, within: dict[int, int]) -> list[tuple[int, int]]:
    """Documents and tokens of each cell with the groups at some levels, one row after the other."""
    found = [[0, 0] for _ in CELLS]
    seen: set[int] = set()
    for row in sorted(rows(plan), key=lambda row: (row["rank"], row["tie"], row["row"])):
        if row["reasons"] or row["level"] < within.get(row["member"], 0) or row["high"] in seen:
            continue
        seen |= {row["high"]} - {0}
        found[row["cell"]][0] += 1
        found[row["cell"]][1] += row["tokens"]
    return [(documents, tokens) for documents, tokens in found]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(0, 400), st.integers(0, 400))
def test_what_is_there_is_what_one_of_each_group_of_duplicates_leaves(seed: int, one: int, two: int) -> None:
    plan = planned([group(Keep(pareto=1.0), 1, 2), group(Keep(pareto=1.0), 3, key="en")], 300, seed, copies=40)
    conditions = {0: f"level >= {one}", 1: f"level >= {two}"}
    assert plan.there(conditions) == survivors(plan, {0: one, 1: two})


@pytest.mark.parametrize("keep", [Keep(pareto=9.0), Keep(pareto=1.0), Keep(pareto=3.0, on="quantile")])
def test_over_twenty_seeds_what_is_kept_lies_within_four_deviations(keep: Keep) -> None:
    """Copies of a text share their draws, and so their fate: they widen the deviation and must not break the law."""
    for seed in SEEDS:
        plan = planned([group(keep, 1, 2)], 3000, seed)
        plan.connection.execute("insert into planned select * from planned where value % 7 = 0")
        (row,) = page(plan, resolve(plan, of(MIX, 1000), 0))
        for name in ("documents", "tokens"):
            foretold = row["expected"][name]
            assert abs(row["kept"][name] - foretold["mean"]) <= 4 * foretold["deviation"]


def test_the_mean_over_seeds_is_what_was_expected() -> None:
    found = []
    for seed in SEEDS:
        plan = planned([group(Keep(pareto=3.0), 1, 2)], 3000, seed)
        (row,) = page(plan, resolve(plan, of(MIX, 1000), 0))
        found.append(row["kept"]["tokens"])
        mean, deviation = row["expected"]["tokens"].values()
    assert sum(found) / len(SEEDS) == pytest.approx(mean, abs=3 * deviation / len(SEEDS) ** 0.5)


def test_a_stricter_alpha_keeps_some_of_what_a_milder_one_keeps() -> None:
    plan = planned([group(Keep(pareto=1.0), 1, 2)], 2000)
    kept = [
        {row["row"] for row in rows(plan) if row["member"] == 0 and row["level"] >= level}
        for level in range(0, 900, 50)
    ]
    assert all(strict < mild for mild, strict in pairwise(kept))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 200_000), st.integers(0, 60))
def test_a_number_of_tokens_is_met_and_never_passed(most: int, copies: int) -> None:
    """And no document that is left out scores higher than one that is kept."""
    plan = planned([group(Keep(tokens=most), 1, 2)], 500, copies=copies)
    (keep,) = resolve(plan, of(MIX, 1000), 0)
    there = [row for row in rows(plan) if row["member"] == 0 and not row["reasons"]]
    border = keep.by_value()
    kept = [row for row in there if border.some[row["value"]] and row["chance"] <= border.largest[row["value"]]]
    once = {row["high"] or -1 - row["row"]: row["tokens"] for row in kept}
    assert sum(once.values()) <= most
    left = [row for row in there if row not in kept]
    assert max((row["value"] for row in left), default=0) <= min((row["value"] for row in kept), default=65535)
    assert {row["row"] for row in kept} == chosen(plan, condition(keep))
    if new := [row for row in left if row["high"] not in once]:  # copies of what is kept cost nothing
        assert sum(once.values()) + min(new, key=lambda row: (-row["value"], row["chance"]))["tokens"] > most


def chosen(plan: Plan, within: str) -> set[int]:
    found = plan.connection.execute(f"select row from planned where member = 0 and reasons = 0 and {within}").fetchall()
    return {row for (row,) in found}


def test_a_share_is_a_share_of_the_tokens_that_nothing_else_speaks_against() -> None:
    plan = planned([group(Keep(share=0.3), 1, 2)], 4000)
    (row,) = page(plan, resolve(plan, of(MIX, 1000), 0))
    assert 0.299 < row["kept"]["tokens"] / row["whole"]["tokens"] <= 0.3
    assert row["expected"]["tokens"] == {"mean": row["kept"]["tokens"], "deviation": 0}


@pytest.mark.parametrize("total", [40_000, 120_000, 300_000])
@pytest.mark.parametrize("mix", [MIX, PARTED], ids=["proportional", "by hand"])
def test_auto_is_as_strict_as_still_feeds_the_mix(total: int, mix: Mix) -> None:
    plan = planned([group(Keep(pareto="auto"), 1, 2), group(Keep(pareto="auto"), 3, key="en")], 900, copies=20)
    levels = [round((keep.alpha or 0) * LEVEL) for keep in resolve(plan, of(mix, total), 1)]

    def feeds(*found: int) -> bool:
        whole, kept = (cells(plan, {n: f"level >= {each}" for n, each in enumerate(one)}, 1) for one in ((0, 0), found))
        asked = wanted(mix, total, whole)[1]
        for group_ in ((1, 2), (3,)):
            part, all_, left = (sum(each) for each in zip(*((asked[CELLS[n]], whole[n].tokens, kept[n].tokens)
                                                            for n in group_), strict=True))  # fmt: skip
            if left * min(2, max(1, -(-part // all_))) < part:  # in as many passes as it would take unfiltered
                return False
        return solve.feeds(of(mix, total), kept)

    assert feeds(0, 0)
    assert feeds(*levels)
    assert levels[0] == 900 or not feeds(levels[0] + 1, 0)  # alone: what the other gives up, its copies may give here
    assert levels[1] == 900 or not feeds(0, levels[1] + 1)


def test_auto_feeds_all_phases_together() -> None:
    """Phases of one mix are as strict as the whole; a last one of Japanese alone must leave more Japanese."""
    plan = planned([group(Keep(pareto="auto"), 1, 2), group(Keep(pareto="auto"), 3, key="en")], 900, copies=20)
    halves = (Phase("a", MIX, 20_000), Phase("b", MIX, 20_000))
    assert resolve(plan, halves, 0) == resolve(plan, of(MIX, 40_000), 0)
    japanese = Mix.model_validate({**MIX.model_dump(), "shares": {"ja": 1.0}})
    phases = (Phase("a", MIX, 60_000), Phase("b", japanese, 60_000))
    for less, more in zip(resolve(plan, phases[:1], 0), resolve(plan, phases, 0), strict=True):
        assert (more.alpha or 0) <= (less.alpha or 0)


def test_auto_keeps_everything_where_even_that_does_not_feed_the_mix() -> None:
    plan = planned([group(Keep(pareto="auto"), 1, 2)], 200)
    assert [keep.alpha for keep in resolve(plan, of(MIX, 10**9), 0)] == [0.0]


def test_auto_shrinks_with_a_mix_that_shrinks() -> None:
    """The language that is short keeps all it has; the other one what its part of the smaller corpus takes."""
    plan = planned([group(Keep(pareto="auto"), 1, 2), group(Keep(pareto="auto"), 3, key="en")], 900)
    shrinking = MIX.model_copy(update={"when_short": "shrink"})
    ja, en = (keep.alpha or 0.0 for keep in resolve(plan, of(shrinking, 10**9), 0))
    assert (ja == 0) != (en == 0)


def test_what_is_advised_feeds_the_mix_and_nothing_stricter_does() -> None:
    plan = planned([group(Keep(pareto=50.0), 1, 2), group(Keep(threshold=0.99), 3, key="en")], 900)
    decided = Decided(of(PARTED, 100_000), 0, keeps=tuple(resolve(plan, of(PARTED, 100_000), 0)), plan=plan)
    lines = decided.advice()
    assert [line.split()[0] for line in lines] == ["quality.keep.ja", "quality.keep.en"]
    for way in ("pareto", "threshold", "tokens"):
        asked = [named(line, way) for line in lines]
        loose = planned([group(asked[0], 1, 2), group(asked[1], 3, key="en")], 900)
        found = {number: condition(keep) for number, keep in enumerate(resolve(loose, of(PARTED, 100_000), 0))}
        assert solve.feeds(of(PARTED, 100_000), cells(loose, found, 0))


def named(line: str, way: str) -> Keep:
    number = line.split(f"{{{way}: ")[1].split("}")[0]
    return Keep.model_validate({way: int(number) if way == "tokens" else float(number)})


def test_no_keep_is_blamed_for_text_that_is_not_there() -> None:
    plan = planned([group(Keep(pareto=9.0), 1, 2)], 200)
    assert (
        "no keep is to blame"
        in Decided(of(MIX, 10**9), 0, keeps=tuple(resolve(plan, of(MIX, 10**9), 0)), plan=plan).advice()[0]
    )


@pytest.mark.parametrize(
    ("keep", "exempt", "expected"),
    [
        ({"ja": {}}, (), [("ja", (1, 2)), ("en", (3,))]),  # en by `auto`, for the run file does not name it
        ({"ja": {}, "web_b": {}}, (), [("web_b", (2,)), ("en", (3,)), ("ja", (1,))]),
        ({"ja": {}, "web_b": {}}, ("web_b",), [("en", (3,)), ("ja", (1,))]),
        ({"wiki_ja": {}}, ("en",), [("wiki_ja", (0,)), ("ja", (1, 2))]),  # a source that is named need not be filtered
        ({}, ("en", "web_a", "web_b"), []),
    ],
)
def test_a_source_comes_before_its_language_and_the_exempt_are_kept_whole(
    keep: dict[str, Any], exempt: tuple[str, ...], expected: list[tuple[str, tuple[int, ...]]]
) -> None:
    asked: Terms = terms(keep={name: {"share": 0.5} for name in keep}, exempt=exempt)
    found = [(each.key, each.cells) for each in groups(CELLS, asked, ("ja", "en"))]
    assert sorted(found) == sorted(expected)


def test_text_without_a_score_is_kept_whole_where_no_keep_names_it() -> None:
    assert [each.key for each in groups(CELLS, terms(), ("ja",))] == ["ja"]


def test_numbers_of_a_keep_come_back_from_the_page() -> None:
    plan = planned([group(Keep(share=0.3), 1, 2), group(Keep(pareto=2.0), 3, key="en")], 300)
    keeps = resolve(plan, of(MIX, 1000), 0)
    assert [Kept.read(row) for row in page(plan, keeps)] == keeps
