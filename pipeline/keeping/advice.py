"""Where what is kept cannot feed the mix: the strictest keeps that would, with the same documents and draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prep.filters.pareto import LARGEST_ALPHA, LEVEL
from prep.filters.quantile import SCALE
from prep.pipeline.keeping.kept import Kept
from prep.pipeline.keeping.plan import Conditions, Plan, condition
from prep.pipeline.keeping.solve import largest
from prep.pipeline.keeping.top import Top
from prep.pipeline.numbers import format_count

ALL = "true"  # as a condition: every row is in
FINE = 10_000  # steps to 1 of a threshold that is named

Feeds = Callable[[Conditions], bool]


@dataclass(frozen=True)
class Ways:
    """Conditions on a group's rows by what a person would write, each the looser the smaller its number."""

    plan: Plan
    number: int
    on: str

    def alpha(self, level: int) -> str:
        """So many hundredths of alpha."""
        return f"level >= {level}"

    def threshold(self, steps: int) -> str:
        """So many ten-thousandths of the score or quantile."""
        return f"value >= {-(-steps * SCALE // FINE)}"

    def lacking(self, tokens: int) -> str:
        """All but so many of the tokens, the worst scored left out."""
        least, edge = self.top.cut(self.top.tokens - tokens)
        return condition(Kept("", "language", "tokens", "score", None, least, edge))

    @property
    def top(self) -> Top:
        """The group's tokens by value."""
        return self.plan.top(self.number)

    def named(self, feeds: Callable[[str], bool]) -> Iterator[str]:
        """What would feed the mix: the largest alpha, the largest threshold, the fewest tokens."""
        beside = "" if self.on == "score" else f", on: {self.on}"
        if level := largest(round(LARGEST_ALPHA * LEVEL), lambda number: feeds(self.alpha(number))):
            yield f"{{pareto: {level / LEVEL:g}{beside}}}"
        if steps := largest(FINE, lambda number: feeds(self.threshold(number))):
            yield f"{{threshold: {steps / FINE:g}{beside}}}"
        whole = self.top.tokens
        if lacking := largest(whole, lambda number: feeds(self.lacking(number))):
            yield f"{{tokens: {whole - lacking}}}"


def advice(plan: Plan, keeps: Sequence[Kept], feeds: Feeds) -> list[str]:
    """A line for each keep that must be loosened, so that all of them together feed the mix."""
    asked = {number: condition(keep) for number, keep in enumerate(keeps)}
    found: dict[int, str] = dict.fromkeys(asked, ALL)
    if not feeds(found):
        return ["no keep is to blame: with all scored text kept, the mix is not fed either"]
    whole, kept = plan.all(), plan.kept(asked)
    lines = []
    for number, keep in enumerate(keeps):
        if feeds({**found, number: asked[number]}):
            found[number] = asked[number]
            continue
        ways = Ways(plan, number, keep.on)
        others = {each: conditions for each, conditions in found.items() if each != number}
        named = list(ways.named(lambda one, others=others, number=number: feeds({**others, number: one})))  # type: ignore[misc]
        counts = f"{format_count(kept.get(number, (0, 0))[1])} of {format_count(whole.get(number, (0, 0))[1])} tokens"
        instead = " or ".join(named) or "all"
        lines.append(f"{keep.name} keeps {counts}; {instead} would feed the mix")
    return lines
