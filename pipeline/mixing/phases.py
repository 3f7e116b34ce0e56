"""The phases of a corpus, one after another: each has tokens and a mix of its own, and all are fed by the same text.

Each is allotted like a corpus by itself, but that the epochs of a cell are what earlier phases leave of them. A corpus
without phases is one phase without a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction

from prep.errors import BadSettings, Short
from prep.pipeline.mixing import tree
from prep.pipeline.mixing.allot import Allotted, Tokens, allot, wanted
from prep.pipeline.mixing.ask import Mix, Parting
from prep.pipeline.mixing.ask import Phase as Asked
from prep.pipeline.mixing.divisor import Claim, divide
from prep.pipeline.mixing.tree import Cell, Node, Place, exact
from prep.pipeline.numbers import format_count


@dataclass(frozen=True)
class Phase:
    """So many tokens by a mix; all phases of a corpus have the same groups and epochs."""

    name: str  # empty where the corpus has no phases
    mix: Mix
    tokens: int


def parted(mix: Mix, asked: Sequence[Asked] | None, total: int) -> tuple[Phase, ...]:
    """The phases of a corpus of `total` tokens, of which theirs are the sum.

    Errors: BadSettings, where they cannot be.
    """
    if not asked:
        return (Phase("", mix, total),)
    resting = [place for place, each in enumerate(asked) if each.share is None and each.tokens is None]
    fixed = sum(each.tokens or 0 for each in asked)
    shares = [exact(each.share or 0.0) for each in asked]
    left = Fraction(0)  # of three times 33.3333333333%, too: they are all
    if resting or fixed:
        left = max(1 - sum(shares, Fraction(0)), left)
    claims = [Claim(share, (-share, place)) for place, share in enumerate((*shares, left))]
    *numbers, rest = divide(total, claims)
    if rest < fixed or (rest > fixed and not resting):
        said = " + ".join(f"{each.name} {number or each.tokens:,}" for each, number in zip(asked, numbers, strict=True)
                          if number or each.tokens)  # fmt: skip
        if rest < fixed:
            raise BadSettings(f"phases: {said} tokens are more than the budget of {total:,}; ask for less in them")
        raise BadSettings(
            f"phases: {said} tokens are less than the budget of {total:,}; ask for more in them, or leave out the "
            "amount of one phase: it takes what the others leave"
        )
    for place in resting:
        numbers[place] = rest - fixed
    return tuple(
        Phase(each.name, _own(mix, each), each.tokens or number) for each, number in zip(asked, numbers, strict=True)
    )


def _own(mix: Mix, asked: Asked) -> Mix:
    """The mix of a phase: of the run's it has the groups, the epochs and, unless it says otherwise, the policy."""
    if asked.mix is None:
        return mix
    own = {name: getattr(asked.mix, name) for name in Parting.model_fields}
    return mix.model_copy(update={**own, "when_short": asked.mix.when_short or mix.when_short})


def asked_groups(phases: Iterable[Phase], cells: Iterable[Place]) -> tuple[str, ...]:
    """The groups that any phase takes text of, in alphabetical order."""
    cells = tuple(cells)
    return tuple(sorted({group for phase in phases for group in tree.asked(phase.mix, cells)}))


def allotted(phases: Sequence[Phase], cells: Sequence[Cell]) -> list[Allotted]:
    """The tokens of each cell in each phase: together no more than its epochs.

    Errors: Short, which names the phase, what cannot be had in it, and how much is missing.
    """
    found: list[Allotted] = []
    for phase in phases:
        with named(phase):
            taken = together(part.tokens for part in found)
            found.append(allot(phase.mix, phase.tokens, left(cells, taken)))
    return found


def requested(phases: Sequence[Phase], cells: Sequence[Cell]) -> list[tuple[Node, Tokens]]:
    """What the shares of each phase ask of each cell, whatever there is of it, and the mix laid over the cells.

    Errors: Short, where fixed amounts and floors are more than the tokens they stand in.
    """
    found: list[tuple[Node, Tokens]] = []
    for phase in phases:
        with named(phase):
            taken = together(tokens for _, tokens in found)
            found.append(wanted(phase.mix, phase.tokens, left(cells, taken)))
    return found


def most(at: Callable[[int], Sequence[Phase]], cells: Sequence[Cell]) -> tuple[list[Allotted], tuple[str, ...]]:
    """The largest corpus that these cells feed at the asked ratios within their epochs, and the cells that end it.

    `at` are the phases of a corpus of so many tokens. Errors: Short, where what is fixed is not there.
    """

    def ends(number: int) -> list[str]:
        """The cells that a corpus of so many tokens asks for too much. What is fixed may need more: it is too small."""
        try:
            found = requested(at(number), cells)
        except (Short, BadSettings):
            return []
        every = [(node, asked) for root, asked in found for node in root.cells]
        return sorted({node.name for node, asked in every if node.cell and asked[node.cell.place] > node.cap})

    low, high = 0, 1 + sum(int(cell.tokens * tree.max_epochs(at(1)[0].mix, cell.place)) for cell in cells)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if ends(middle) else (middle, high)
    strict = [replace(phase, mix=phase.mix.model_copy(update={"when_short": "fail"})) for phase in at(low)]
    return allotted(strict, cells), tuple(ends(low + 1))


def together(parts: Iterable[Mapping[Place, int]]) -> Counter[Place]:
    """What all phases have of each cell."""
    total = Counter[Place]()
    for part in parts:
        total.update(part)
    return total


def left(cells: Sequence[Cell], taken: Mapping[Place, int]) -> list[Cell]:
    """Cells as a phase finds them, after others have taken so many tokens of each."""
    return [replace(cell, taken=taken.get(cell.place, 0)) for cell in cells]


@contextmanager
def named(phase: Phase) -> Iterator[None]:
    """What is short is said of the phase."""
    try:
        yield
    except Short as error:
        said = f"phase {phase.name}, of {format_count(phase.tokens)} tokens: " if phase.name else ""
        raise Short(f"{said}{error}") from error
