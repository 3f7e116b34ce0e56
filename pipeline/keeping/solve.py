"""The strictest alphas at which what is kept still feeds the mix, on a grid of hundredths.

A group must give what the mix would ask of it if nothing were left out by score, in no more passes than it would take
then, rounded up: one, where there is enough. So neither does a filter make text repeat that need not, nor can the
curated text of a language, repeated, stand for all of its web pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from prep.errors import Short
from prep.pipeline.mixing.ask import Mix
from prep.pipeline.mixing.phases import Phase, allotted, requested, together
from prep.pipeline.mixing.tree import Cell, Place, max_epochs

Levels = Mapping[int, int]  # by number of a group: hundredths of alpha
Parts = Mapping[Place, int]  # tokens asked of each cell
Available = Callable[[Levels], Sequence[Cell]]  # what there is, with some groups at these levels


def levels(members: Mapping[int, Sequence[int]], available: Available, asked: Sequence[Phase], most: int) -> Levels:
    """The largest level up to `most` of each group; 0 for all where the mix is not fed even with everything kept.

    `members` are the groups' cells. Groups are first solved alone, the others kept whole. Should these levels together
    not feed the mix, all are lowered to the largest common one at which they do.
    """
    nothing = dict.fromkeys(members, 0)
    goal = _goal(asked, available(nothing))
    if goal is None:
        return nothing
    phases, parts = goal
    whole = available(nothing)
    most_passes = {member: _passes(whole, numbers, parts) for member, numbers in members.items()}

    def fits(found: Levels) -> bool:
        cells = available(nothing | dict(found))
        return feeds(phases, cells) and all(
            _gives(phases[0].mix, cells, numbers, parts, most_passes[member])
            for member, numbers in members.items()
            if member in found
        )

    alone = {member: largest(most, lambda level, of=member: fits({of: level})) for member in members}  # type: ignore[misc]
    common = largest(most, lambda level: fits({member: min(level, each) for member, each in alone.items()}))
    return {member: min(common, each) for member, each in alone.items()}


def largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `most` that fits, by halves; 0 is taken to."""
    if fits(most):
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _goal(asked: Sequence[Phase], cells: Sequence[Cell]) -> tuple[list[Phase], Parts] | None:
    """The phases of the corpus, and the tokens of each cell, with everything kept; None where that does not feed it."""
    try:
        found = allotted(asked, cells)
        phases = [replace(phase, tokens=part.got) for phase, part in zip(asked, found, strict=True)]
        return phases, together(tokens for _, tokens in requested(phases, cells))
    except Short:
        return None


def feeds(phases: Sequence[Phase], cells: Sequence[Cell]) -> bool:
    """Whether cells feed a corpus of so many tokens."""
    try:
        return all(part.got == part.total for part in allotted(phases, cells))
    except Short:
        return False


def _passes(cells: Sequence[Cell], numbers: Sequence[int], parts: Parts) -> int:
    """Whole passes that a group takes for its part, with everything kept."""
    asked, there = (
        sum(found) for found in zip(*((parts.get(cells[n].place, 0), cells[n].tokens) for n in numbers), strict=True)
    )
    return max(1, -(-asked // there)) if there else 1


def _gives(mix: Mix, cells: Sequence[Cell], numbers: Sequence[int], parts: Parts, passes: int) -> bool:
    """Whether a group gives its part within so many passes and its epochs."""
    here = [cells[number] for number in numbers]
    there = sum(int(cell.tokens * min(max_epochs(mix, cell.place), Fraction(passes))) for cell in here)
    return there >= sum(parts.get(cell.place, 0) for cell in here)
