"""From a tree of who parts whose tokens to tokens of each cell: as asked, and as far as text and policy allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from prep.errors import Short
from prep.pipeline.mixing import short
from prep.pipeline.mixing.ask import Mix
from prep.pipeline.mixing.divisor import Claim, TooFew, TooMany, divide
from prep.pipeline.mixing.tree import Cell, Node, Place, tree

Tokens = Mapping[Place, int]
ROUNDED = 8  # tokens by which a cell may miss its share for being whole: one or two a level
Depth = Literal["nowhere", "within", "everywhere"]  # where names keep to their caps, and those beside them fill up
DEPTHS: dict[str, Depth] = {"fill_within_language": "within", "fill_all": "everywhere"}


@dataclass(frozen=True)
class Allotted:
    """What each cell is asked for: `asked` by its share alone, `tokens` after caps and policy."""

    total: int  # of the budget
    root: Node
    asked: Tokens
    tokens: Tokens

    @property
    def got(self) -> int:
        """Tokens of the corpus: all of the budget, unless it shrank."""
        return sum(self.tokens.values())


def allot(mix: Mix, total: int, cells: Sequence[Cell]) -> Allotted:
    """The tokens of each cell, of a corpus of `total`.

    Errors: Short, which says what cannot be had, and how much is missing.
    """
    root, asked = wanted(mix, total, cells)
    short.must_hold(root)
    if not _missed(root, asked):
        return Allotted(total, root, asked, asked)
    if mix.when_short == "shrink":
        shrunk = _largest(root, total)
        if not shrunk:
            raise Short(short.nothing(root, asked))
        return Allotted(total, root, asked, _shared(root, shrunk, "nowhere"))
    depth = DEPTHS.get(mix.when_short)
    if depth is None:
        raise Short(short.table(total, _largest(root, total), root, asked))
    if over := _overfull(root, asked, depth):
        raise Short(short.full(mix.when_short, total, over))
    return Allotted(total, root, asked, _shared(root, total, depth))


def weights(found: Allotted) -> dict[Place, float]:
    """The share of each cell as a real number, 0 to 1.

    Where weights alone decided it is theirs, before tokens were made whole, and so the same at every budget; where an
    amount, a floor, a cap or a policy did, it is that of the tokens.
    """
    got, by_weight = found.got or 1, _by_weight(found.root, Fraction(1))
    return {
        place: float(by_weight[place] if abs(tokens - by_weight[place] * got) <= ROUNDED else Fraction(tokens, got))
        for place, tokens in found.tokens.items()
    }


def _by_weight(node: Node, share: Fraction) -> dict[Place, Fraction]:
    if node.cell is not None:
        return {node.cell.place: share}
    given = [child.claim(False).weight for child in node.within]
    whole = sum(given, Fraction(0)) or Fraction(1)
    found: dict[Place, Fraction] = {}
    for child, weight in zip(node.within, given, strict=True):
        found |= _by_weight(child, share * weight / whole)
    return found


def wanted(mix: Mix, total: int, cells: Sequence[Cell]) -> tuple[Node, dict[Place, int]]:
    """The mix laid over the cells, and what its shares ask of each, whatever there is of it.

    Errors: Short, where fixed amounts and floors are more than the tokens they stand in.
    """
    root = tree(mix, cells)
    try:
        return root, _shared(root, total, "nowhere")
    except Narrow as error:
        raise Short(short.narrow(error.node, error.total)) from error


def _missed(root: Node, asked: Tokens) -> dict[Place, int]:
    lacks = {node.cell.place: short.missed(node, asked[node.cell.place]) for node in root.cells if node.cell}
    return {place: number for place, number in lacks.items() if number}


def _overfull(root: Node, asked: Tokens, depth: Depth) -> list[tuple[Node, int]]:
    """The groups, or the whole corpus, that are asked for more than all in them can feed, and for how much."""
    groups = (root,) if depth == "everywhere" else root.groups
    sums = [(node, sum(asked[each.cell.place] for each in node.cells if each.cell)) for node in groups]
    return [(node, number) for node, number in sums if number > node.most]


@dataclass
class Narrow(Exception):
    """A name has fewer tokens than what is fixed in it."""

    node: Node
    total: int


def _shared(node: Node, total: int, depth: Depth) -> dict[Place, int]:
    """The tokens of every cell below a name that has so many.

    Errors: Narrow.
    """
    if node.cell is not None:
        return {node.cell.place: total}
    inner: Depth = "everywhere" if node.group and depth == "within" else depth
    capped = node.even or inner == "everywhere"
    found: dict[Place, int] = {}
    for child, number in zip(node.within, _parted(node, total, capped), strict=True):
        found |= _shared(child, number, inner)
    return found


def _parted(node: Node, total: int, capped: bool) -> list[int]:
    """What each name of a level gets; those that are filled evenly go past their caps together, to be missed there."""
    claims = [child.claim(capped) for child in node.within]
    try:
        return divide(total, claims)
    except TooFew as error:
        raise Narrow(node, total) from error
    except TooMany as error:
        free = [Claim(claim.weight, claim.order, claim.low) for claim in claims if claim.weight]
        if not free:
            raise Narrow(node, total) from error
    full = [claim.low if claim.high is None or not claim.weight else claim.high for claim in claims]
    more = iter(divide(total - sum(full), [Claim(claim.weight, claim.order) for claim in free]))
    return [number + (next(more) if claim.weight else 0) for number, claim in zip(full, claims, strict=True)]


def _largest(root: Node, total: int) -> int:
    """By halves: no cell's tokens fall as the total grows, so what is too much stays so."""
    caps = {node.cell.place: node.cap for node in root.cells if node.cell is not None}

    def fits(number: int) -> bool:
        try:
            return all(tokens <= caps[place] for place, tokens in _shared(root, number, "nowhere").items())
        except Narrow:  # what is fixed needs more: too small, not too large
            return True

    low, high = 0, total + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
