"""From keeps as they are asked to keeps with numbers, and what is to be said of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from prep.errors import BadSettings
from prep.filters.pareto import LEVEL
from prep.filters.quantile import SCALE
from prep.manifests.ledger import Row
from prep.pipeline.judge import Columned
from prep.pipeline.keeping import solve
from prep.pipeline.keeping.advice import advice
from prep.pipeline.keeping.ask import AUTO
from prep.pipeline.keeping.groups import Group
from prep.pipeline.keeping.kept import Kept
from prep.pipeline.keeping.plan import HELP, Conditions, Plan, condition, load
from prep.pipeline.mixing.phases import Phase
from prep.pipeline.mixing.tree import Cell
from prep.pipeline.query import Connection
from prep.pipeline.reasons import Terms

STRICTEST = 9.0  # alpha that `auto` goes up to: the published one (Brown et al. 2020)


@dataclass(frozen=True)
class Decided:
    """The keeps of a run with their numbers, and the plan that they were found from: None where none holds."""

    phases: tuple[Phase, ...]
    eod: int
    spare: float = 0.0  # of their tokens, that keeps which are solved for must feed on top
    keeps: tuple[Kept, ...] = ()
    plan: Plan | None = None
    booked: tuple[Row, ...] = ()  # the page, once it was asked for

    @property
    def page(self) -> list[Row]:
        """What is booked of them."""
        return [] if self.plan is None else page(self.plan, self.keeps)

    def advice(self) -> list[str]:
        """What would feed the mix, where what is kept does not."""
        if self.plan is None:
            return []
        plan = self.plan
        return advice(plan, self.keeps, lambda each: solve.feeds(self.phases, cells(plan, each, self.eod)))


def decide(connection: Connection, columned: Columned, terms: Terms, asked: Decided) -> Decided:
    """Find the numbers of every keep: `asked` says for which phases.

    Errors: BadSettings, BadModel.
    """
    plan = load(connection, columned, terms)
    if plan is None:
        return asked
    more = [replace(phase, tokens=int(phase.tokens * (1 + asked.spare))) for phase in asked.phases]
    return replace(asked, plan=plan, keeps=tuple(resolve(plan, more, asked.eod)))


def resolve(plan: Plan, phases: Sequence[Phase], eod: int) -> list[Kept]:
    """The numbers of every keep, in the order of the plan's groups.

    Errors: BadSettings, where a keep of the run file finds no text with a score.
    """
    for number, group in enumerate(plan.groups):
        _must_be_scored(plan, number, group)
    found = {number: _fixed(plan, number, group) for number, group in enumerate(plan.groups)}
    known = {number: condition(keep) for number, keep in found.items() if keep is not None}
    free = {number: plan.groups[number].cells for number, keep in found.items() if keep is None}

    def available(levels: solve.Levels) -> list[Cell]:
        conditions = {number: f"level >= {level}" for number, level in levels.items()}
        return cells(plan, {**known, **conditions}, eod)

    levels = solve.levels(free, available, phases, round(STRICTEST * LEVEL)) if free else {}
    return [
        replace(keep or _pareto(plan.groups[number], levels[number] / LEVEL), points=tuple(plan.points.get(number, ())))
        for number, keep in found.items()
    ]


def cells(plan: Plan, conditions: Conditions, eod: int) -> list[Cell]:
    """What there is of each cell under some conditions, as a mix counts it."""
    there = zip(plan.cells, plan.there(conditions), strict=True)
    return [Cell(place, documents, tokens + eod * documents) for place, (documents, tokens) in there]


def _must_be_scored(plan: Plan, number: int, group: Group) -> None:
    if group.said and number not in plan.all() and (there := plan.unscored(group)):
        raise BadSettings(f"quality.keep.{group.key}: none of its {there:,} documents has a score; {HELP}")


def _fixed(plan: Plan, number: int, group: Group) -> Kept | None:
    """A keep whose numbers do not hang on the mix; None where they do."""
    keep = group.keep
    if keep.pareto is not None:
        return None if keep.pareto == AUTO else _pareto(group, float(keep.pareto))
    if keep.threshold is not None:
        return _cut(group, "threshold", math.ceil(Fraction(repr(keep.threshold)) * SCALE), None)
    top = plan.top(number)
    most = keep.tokens if keep.share is None else int(Fraction(repr(keep.share)) * top.tokens)
    return _cut(group, "tokens" if keep.share is None else "share", *top.cut(most or 0))


def _pareto(group: Group, alpha: float) -> Kept:
    return Kept(group.key, group.of, "pareto", group.keep.measure, alpha)


def _cut(group: Group, way: str, least: int, edge: int | None) -> Kept:
    return Kept(group.key, group.of, way, group.keep.measure, None, least, edge)


def page(plan: Plan, keeps: Sequence[Kept]) -> list[Row]:
    """What is booked of each keep: its numbers, what it keeps, and what was to be expected by chance."""
    whole, kept = plan.all(), plan.kept({number: condition(keep) for number, keep in enumerate(keeps)})
    return [
        {
            **vars(keep),
            "auto": group.keep.pareto == AUTO,
            "floor": keep.floor,
            "whole": _counts(whole.get(number)),
            "unscored": plan.unscored(group),
            "kept": _counts(kept.get(number)),
            "expected": expected(plan, number, keep, kept.get(number, (0, 0))),
        }
        for number, (group, keep) in enumerate(zip(plan.groups, keeps, strict=True))
    ]


def _counts(counts: tuple[int, int] | None) -> dict[str, int]:
    documents, tokens = counts or (0, 0)
    return {"documents": documents, "tokens": tokens}


def expected(plan: Plan, number: int, keep: Kept, kept: tuple[int, int]) -> dict[str, Any]:
    """Documents and tokens that are kept on average over seeds, and their standard deviations.

    The sums of n·P and of n²·P·(1-P), where documents that share a draw and a score (copies of one text) are one
    document of all their tokens. A cut leaves nothing to chance.
    """
    if keep.alpha is None:
        return {name: {"mean": float(count), "deviation": 0.0} for name, count in zip(_NAMES, kept, strict=True)}
    rows = plan.connection.execute(
        """select value, sum(documents)::double, sum(documents * documents)::double,
                  sum(tokens)::double, sum(tokens * tokens)::double
           from (select value, chance, count(*)::hugeint as documents, sum(tokens)::hugeint as tokens
                 from planned where reasons = 0 and member = ? group by value, chance)
           group by value order by value""",
        [number],
    ).fetchall()
    chances = keep.by_value().chances()
    found = {}
    for at, name in enumerate(_NAMES):
        sums = [(chances[row[0]], row[1 + 2 * at], row[2 + 2 * at]) for row in rows]
        mean = math.fsum(count * chance for chance, count, _ in sums)
        variance = math.fsum(square * chance * (1 - chance) for chance, _, square in sums)
        found[name] = {"mean": round(mean, 1), "deviation": round(math.sqrt(variance), 1)}
    return found


_NAMES = ("documents", "tokens")
