"""What a mix comes to, as plain data: `as_json` writes it as it stands, with the unit in every name.

Losses and effective tokens are by the data-constrained law (Muennighoff et al. 2023), each cell repeated for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from prep.errors import Short
from prep.pipeline.mixing import short
from prep.pipeline.mixing.allot import Allotted, Tokens, allot, wanted
from prep.pipeline.mixing.ask import Mix
from prep.pipeline.mixing.tree import Cell, Node, Place
from prep.pipeline.plan import repetition
from prep.pipeline.plan.repetition import Part

SCHEMA = "prep-mix/1"
PRINTED_SLACK = 0.05  # of epochs: papers print two digits, so that a figure may be off by a twentieth


@dataclass(frozen=True)
class Supply:
    """What there is of a cell: text and tokens as counted, and the same after filters."""

    cell: Cell  # after filters, with end-of-document tokens
    counted_tokens: int  # before filters, without them
    bytes: int  # of text, after filters


@dataclass(frozen=True)
class Line:
    """A source in one language and kind, or a group of them, or the whole corpus."""

    group: str
    source: str
    language: str
    kind: str
    documents: int
    counted_tokens: int
    available_tokens: int
    asked_share: float
    asked_tokens: int
    tokens: int
    share: float
    epochs: float
    max_epochs: float
    effective_tokens: float
    text_bytes: float
    share_of_bytes: float
    floor_tokens: int
    to_collect_tokens: int


@dataclass(frozen=True)
class Printed:
    """Epochs that somebody printed beside a weight, and those that the weight makes at this budget."""

    name: str
    printed_epochs: float
    implied_epochs: float

    @property
    def agree(self) -> bool:
        """Whether they are the same, as far as two digits tell."""
        return abs(self.implied_epochs / self.printed_epochs - 1) <= PRINTED_SLACK


@dataclass(frozen=True)
class Answer:
    """The whole table. `problem` says why the corpus cannot be made as asked; the lines then show what was asked."""

    budget_tokens: int
    tokens: int
    when_short: str
    filtered: bool  # False: filters have not been asked yet, and what is available is an upper bound
    problem: str | None
    whole: Line
    groups: tuple[Line, ...]
    cells: tuple[Line, ...]
    printed: tuple[Printed, ...]
    params: float
    loss_nats_per_token: float | None
    loss_if_all_unique: float | None


def answer(mix: Mix, total: int, supplies: Sequence[Supply], params: float, filtered: bool = True) -> Answer:
    """What the mix comes to over what there is, for a model of so many parameters.

    Errors: Short, where fixed amounts and floors are more than the tokens they stand in: then there is no table.
    """
    problem: str | None = None
    there = [supply.cell for supply in supplies]
    try:
        found = allot(mix, total, there)
    except Short as error:
        problem = str(error)
        root, asked = wanted(mix, total, there)
        found = Allotted(total, root, asked, asked)
    lines = _Lines(found, {supply.cell.place: supply for supply in supplies})
    cells = [lines.cell(group, node) for group in found.root.groups for node in group.cells]
    by_group = {group.name: [cell for cell in cells if cell.group == group.name] for group in found.root.groups}
    parts = [Part(line.tokens, line.available_tokens) for line in cells if line.available_tokens and line.tokens]
    repeated = repetition.repetition(params, parts) if parts else None
    return Answer(
        budget_tokens=total,
        tokens=found.got,
        when_short=mix.when_short,
        filtered=filtered,
        problem=problem,
        whole=lines.added("", cells),
        groups=tuple(lines.added(name, here) for name, here in by_group.items()),
        cells=tuple(cells),
        printed=tuple(_printed(found.root, found.asked)),
        params=params,
        loss_nats_per_token=repeated.loss if repeated else None,
        loss_if_all_unique=repeated.loss_if_all_unique if repeated else None,
    )


@dataclass(frozen=True)
class _Lines:
    found: Allotted
    supplies: Mapping[Place, Supply]

    def cell(self, group: Node, node: Node) -> Line:
        assert node.cell is not None
        place, there = node.cell.place, node.available
        asked, tokens = self.found.asked[place], self.found.tokens[place]
        supply = self.supplies.get(place, Supply(node.cell, 0, 0))
        text = self._text(place)
        return Line(
            group=group.name,
            **dict(zip(("source", "language", "kind"), place, strict=True)),
            documents=node.cell.documents,
            counted_tokens=supply.counted_tokens,
            available_tokens=there,
            asked_share=asked / (self.found.total or 1),
            asked_tokens=asked,
            tokens=tokens,
            share=tokens / (self.found.got or 1),
            epochs=tokens / there if there else 0.0,
            max_epochs=node.cap / there if there else 0.0,
            effective_tokens=repetition.worth(tokens, there) if there else 0.0,
            text_bytes=text,
            share_of_bytes=text / self.bytes if self.bytes else 0.0,
            floor_tokens=node.floor,
            to_collect_tokens=short.missed(node, asked),
        )

    @cached_property
    def bytes(self) -> float:
        """Text of the whole corpus."""
        return sum(map(self._text, self.found.tokens))

    def _text(self, place: Place) -> float:
        """Bytes of text behind the tokens of a cell, as long as its documents are like those before the cut."""
        supply = self.supplies.get(place)
        if supply is None or not supply.cell.tokens:
            return 0.0
        return self.found.tokens[place] / supply.cell.tokens * supply.bytes

    def added(self, group: str, lines: Sequence[Line]) -> Line:
        """Lines added up."""
        sums = {name: sum(getattr(line, name) for line in lines) for name in SUMS}
        tokens, there = sums["tokens"], sums["available_tokens"]
        return Line(
            group=group, source="", language="", kind="", **sums,
            asked_share=sums["asked_tokens"] / (self.found.total or 1),
            share=tokens / (self.found.got or 1),
            epochs=tokens / there if there else 0.0,
            max_epochs=sum(line.max_epochs * line.available_tokens for line in lines) / there if there else 0.0,
            share_of_bytes=sums["text_bytes"] / self.bytes if self.bytes else 0.0,
        )  # fmt: skip


SUMS = (
    "documents", "counted_tokens", "available_tokens", "asked_tokens", "tokens", "effective_tokens", "text_bytes",
    "floor_tokens", "to_collect_tokens",
)  # fmt: skip


def _printed(node: Node, asked: Tokens) -> Iterator[Printed]:
    """Of every name with printed epochs, what its weight makes of them."""
    if node.printed is not None and node.available:
        tokens = sum(asked[each.cell.place] for each in node.cells if each.cell is not None)
        yield Printed(node.name, node.printed, tokens / node.available)
    for each in node.within:
        yield from _printed(each, asked)


def as_json(found: Answer) -> dict[str, Any]:
    """The answer for programs; docs/mixing.md says what the keys hold."""
    printed = [{**asdict(each), "agree": each.agree} for each in found.printed]
    return {"schema": SCHEMA, **asdict(found), "printed": printed}
