"""The mix of a run file laid over the cells that there are: a tree of who parts whose tokens, with floors and caps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from prep.errors import BadSettings
from prep.pipeline.mixing import ways
from prep.pipeline.mixing.ask import CODE_SHARE, PROPORTIONAL, REST, UNIMAX, Level, Mix, Part
from prep.pipeline.mixing.divisor import Claim, divide

CODE = "code"
PLUS = Fraction(3, 4)  # of what is not code, to the language that a preset favours: equal 40/40/20, frplus 60/20/20
Place = tuple[str, str, str]  # source, language, kind


@dataclass(frozen=True)
class Cell:
    """What there is of a source in one language and kind; `tokens` with the trainer's end-of-document tokens."""

    place: Place
    documents: int
    tokens: int
    there: bool = True  # False: the mix asks for it, and no document is of it
    taken: int = 0  # tokens that earlier phases of the corpus take, copies included


@dataclass(frozen=True)
class Node:
    """A name of the mix: a cell, or names that share its tokens. Weights are relative to those beside it."""

    name: str
    weight: Fraction = Fraction(0)
    fixed: int | None = None  # tokens, whatever the names beside it get
    even: bool = False  # its names are filled to their caps from the smallest up
    printed: float | None = None  # epochs that somebody printed beside its weight
    group: bool = False  # a language, or a group of the mix
    within: tuple[Node, ...] = ()
    cell: Cell | None = None
    floor: int = 0  # of a cell
    cap: int = 0  # of a cell: what its epochs leave

    @cached_property
    def cells(self) -> tuple[Node, ...]:
        """All cells below, itself where it is one."""
        return (self,) if self.cell is not None else tuple(each for node in self.within for each in node.cells)

    @cached_property
    def groups(self) -> tuple[Node, ...]:
        """The groups below, itself where it is one; what is asked of nobody above all groups counts as one."""
        return (
            (self,)
            if self.group or self.cell is not None
            else tuple(each for node in self.within for each in node.groups)
        )

    @cached_property
    def available(self) -> int:
        """Tokens there are, once."""
        return sum(node.cell.tokens for node in self.cells if node.cell is not None)

    @cached_property
    def taken(self) -> int:
        """Tokens that earlier phases take."""
        return sum(node.cell.taken for node in self.cells if node.cell is not None)

    @cached_property
    def low(self) -> int:
        """The least that it must have."""
        below = self.floor if self.cell is not None else sum(node.low for node in self.within)
        return below if self.fixed is None else max(self.fixed, below)

    @cached_property
    def most(self) -> int:
        """What it can feed."""
        wanted = [node.most if node.weight or node.fixed is not None else node.low for node in self.within]
        below = self.cap if self.cell is not None else sum(wanted)
        return below if self.fixed is None else min(self.fixed, below)

    def claim(self, capped: bool) -> Claim:
        """What it wants beside others; ties go to the heavier, then the larger, then by name."""
        documents = sum(node.cell.documents for node in self.cells if node.cell is not None)
        order = (-self.weight, -self.available, -documents, self.name)
        if self.fixed is not None:
            return Claim(Fraction(0), order, self.fixed, self.fixed)
        return Claim(self.weight, order, self.low, max(self.most, self.low) if capped else None)


def exact(number: float) -> Fraction:
    """The decimal that a person wrote: 0.1 is a tenth, not the nearest binary fraction."""
    return Fraction(repr(number))


def grouped(mix: Mix) -> dict[str, str]:
    """The group that takes a source or a kind out of its language."""
    return {word: name for name, words in sorted(mix.groups.items()) for word in words}


def group_of(groups: Mapping[str, str], place: Place) -> str:
    """The group of a cell: that of its source, or else of its kind, or else its language."""
    source, language, kind = place
    return groups.get(source) or groups.get(kind) or language


def top(mix: Mix) -> Level:
    """Who parts the corpus: as `shares` say, or the preset.

    Errors: BadSettings.
    """
    if mix.preset is None:
        if not mix.shares:
            raise BadSettings("mix: give `preset` and `pair`, or `shares`")
        return mix.shares
    if mix.pair is None:
        raise BadSettings("mix: a preset needs a pair; add `pair: [ja, en]`")
    code = exact(CODE_SHARE if mix.code is None else mix.code)
    favoured = mix.preset.removesuffix("plus")
    halves = (Fraction(1, 2),) * 2 if mix.preset == "equal" else (PLUS, 1 - PLUS)
    order = sorted(mix.pair, key=lambda name: name != favoured)
    shares = {name: (1 - code) * half for name, half in zip(order, halves, strict=True)} | (
        {CODE: code} if code else {}
    )
    return {name: Part(share=float(share)) for name, share in shares.items()}


def asked(mix: Mix, cells: Iterable[Place]) -> tuple[str, ...]:
    """The groups that the mix takes text of, in alphabetical order."""
    level, known = top(mix), {group_of(grouped(mix), cell) for cell in cells}
    if isinstance(level, str):
        return tuple(sorted(known))
    named = {name for name, part in level.items() if name != REST and _amounts(part)}
    return tuple(sorted(named | (known - level.keys() if REST in level else set())))


def _amounts(part: Part) -> bool:
    return any((part.share, part.weight, part.times, part.tokens, part.epochs))


def tree(mix: Mix, cells: Sequence[Cell]) -> Node:
    """The whole mix, over the cells of the groups that it asks for."""
    by_group: dict[str, list[Node]] = {name: [] for name in asked(mix, (cell.place for cell in cells))}
    for node in _bounded(mix, cells):
        if node.cell is not None and (name := group_of(grouped(mix), node.cell.place)) in by_group:
            by_group[name].append(node)
    inner, sources = mix.within, {cell.place[0] for cell in cells}
    levels = {name: inner if isinstance(inner, str) else inner.get(name, PROPORTIONAL) for name in by_group}
    groups = [
        replace(_level(name, levels[name], found, sources), group=True) for name, found in sorted(by_group.items())
    ]
    level = top(mix)
    if isinstance(level, str):
        return _by_way("", level, groups)
    claimed = {name: [node for node in groups if node.name == name] for name in level if name != REST}
    rest = [node for node in groups if node.name not in level]
    return _named("", level, {name: found[0] for name, found in claimed.items() if found}, rest)


def _bounded(mix: Mix, cells: Sequence[Cell]) -> list[Node]:
    """A node for each cell, with its floor and its cap."""
    floors = dict.fromkeys((cell.place for cell in cells), 0)
    for name, floor in mix.floors.items():
        here = [cell for cell in cells if name in (cell.place[0], cell.place[2], group_of(grouped(mix), cell.place))]
        whole = sum(cell.tokens for cell in here)
        least = floor.tokens if floor.tokens is not None else int(exact(floor.epochs or 0.0) * whole)
        claims = [Claim(Fraction(cell.tokens), cell.place) for cell in here]
        shared = divide(least, claims) if whole else [least, *[0] * len(here)]
        for cell, number in zip(here, shared, strict=False):
            floors[cell.place] = max(floors[cell.place], number)
    return [
        Node(
            "/".join(cell.place),
            cell=cell,
            floor=floors[cell.place],
            cap=max(0, int(cell.tokens * max_epochs(mix, cell.place)) - cell.taken),
        )
        for cell in sorted(cells, key=lambda cell: cell.place)
    ]


def max_epochs(mix: Mix, place: Place) -> Fraction:
    """How often a cell's documents may be in the corpus: as its source, kind or group says, in this order."""
    if not isinstance(mix.max_epochs, dict):
        return exact(mix.max_epochs)
    source, _, kind = place
    names = (source, kind, group_of(grouped(mix), place), REST)
    return exact(next((mix.max_epochs[name] for name in names if name in mix.max_epochs), 1.0))


def _level(name: str, level: Level, cells: Sequence[Node], sources: AbstractSet[str]) -> Node:
    """Cells under a name, parted as the level says: by way among sources, or by names; a source's name is no kind."""
    if isinstance(level, str):
        return _by_way(name, level, _by_source(cells))
    left, claimed = list(cells), dict[str, Node]()
    for word in sorted(level.keys() - {REST}, key=lambda word: (word not in sources, word)):
        mine = [node for node in left if _is_of(node, word, 0 if word in sources else 2)]
        left = [node for node in left if node not in mine]
        claimed[word] = _level(_path(name, word), level[word].within, mine, sources)
    return _named(name, level, claimed, [_level("", PROPORTIONAL, [node], sources) for node in left])


def _is_of(node: Node, word: str, at: int) -> bool:
    return node.cell is not None and node.cell.place[at] == word


def _by_source(cells: Sequence[Node]) -> list[Node]:
    """The cells, those of one source under its name."""
    found: dict[str, list[Node]] = {}
    for node in cells:
        if node.cell is not None:
            found.setdefault(node.cell.place[0], []).append(node)
    return [
        here[0] if len(here) == 1 else _by_way(source, PROPORTIONAL, here) for source, here in sorted(found.items())
    ]


def _by_way(name: str, way: str, nodes: Sequence[Node]) -> Node:
    weights = ways.weights(way, [node.available for node in nodes])
    weighed = [replace(node, weight=weight) for node, weight in zip(nodes, weights, strict=True)]
    return Node(name, even=way == UNIMAX, within=_wanted(name, weighed))


def _wanted(name: str, nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The names of a level. Where none has a weight, they are asked alike if none has a token, so that each is missed.

    Else what is asked of them, or of a name without names, is asked of nobody.
    """
    if any(node.weight for node in nodes):
        return tuple(nodes)
    if nodes and not any(node.available for node in nodes):
        return tuple(replace(node, weight=Fraction(1)) for node in nodes)
    return (*nodes, replace(_nobody(name or "the corpus"), weight=Fraction(1)))


def _path(name: str, word: str) -> str:
    return f"{name}/{word}" if name else word


def _nobody(name: str) -> Node:
    return Node(name, cell=Cell((name, "", ""), 0, 0, there=False))


def _named(name: str, level: Mapping[str, Part], claimed: Mapping[str, Node], others: Sequence[Node]) -> Node:
    """Names with amounts; `others` are what no name is of: those of `rest`, or nothing for them."""
    given = {
        word: _given(part, claimed.get(word) or _nobody(_path(name, word)))
        for word, part in sorted(level.items())
        if word != REST
    }
    if REST not in level:
        return Node(name, within=_wanted(name, [*given.values(), *others]))
    way = level[REST].within
    rest = replace(
        _by_way(_path(name, REST), way if isinstance(way, str) else PROPORTIONAL, others),
        weight=Fraction(1),
    )
    if any(part.times is not None for part in level.values()):
        rest = replace(rest, weight=Fraction(rest.available))
    shares = sum((node.weight for word, node in given.items() if level[word].share is not None), Fraction(0))
    fixed = [node for node in given.values() if node.fixed is not None]
    if not shares:
        return Node(name, within=(*given.values(), rest))
    beside = [node for node in given.values() if node.fixed is None]
    left = Node(REST, within=(*fixed, rest)) if fixed else rest  # shares are of the whole level, fixed amounts included
    return Node(name, within=(*beside, replace(left, weight=max(1 - shares, Fraction(0)))))


def _given(part: Part, node: Node) -> Node:
    """A name with its amount."""
    if part.fixed:
        fixed = part.tokens if part.tokens is not None else int(exact(part.epochs or 0.0) * node.available)
        return replace(node, fixed=fixed)
    if part.times is not None:
        return replace(node, weight=exact(part.times) * node.available)
    weight = part.share if part.share is not None else part.weight
    return replace(node, weight=exact(weight or 0.0), printed=part.epochs)
