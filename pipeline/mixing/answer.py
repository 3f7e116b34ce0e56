"""What a mix comes to, as plain data: `as_json` writes it as it stands, with the unit in every name.

Losses and effective tokens are by the data-constrained law (Muennighoff et al. 2023), each cell repeated for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from prep.errors import Short
from prep.pipeline.mixing import short
from prep.pipeline.mixing.allot import Allotted, Tokens, allot, wanted
from prep.pipeline.mixing.ask import Mix
from prep.pipeline.mixing.phases import Phase, left, named
from prep.pipeline.mixing.tree import Cell, Node, Place, max_epochs
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
    earlier_tokens: int
    tokens: int
    share: float
    epochs: float
    max_epochs: float
    effective_tokens: float
    text_bytes: float
    share_of_bytes: float
    floor_tokens: int
    to_collect_tokens: int
    written_documents: int | None = None  # copies counted; None where that is not known before filters have judged


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
    """The whole table. `problem` says why the corpus cannot be made as asked; the lines then show what was asked.

    Where the corpus has `phases`, each is a table by itself, without losses, and the whole is their sum.
    """

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
    phase: str = ""
    phases: tuple[Answer, ...] = ()


def answers(phases: Sequence[Phase], supplies: Sequence[Supply], params: float, filtered: bool = True) -> Answer:
    """What all phases come to over what there is.

    Errors: Short, as `answer`.
    """
    if not phases[0].name:
        return answer(phases[0].mix, phases[0].tokens, supplies, params, filtered)
    taken, found = dict[Place, int](), list[Answer]()
    for phase in phases:
        cells = left([supply.cell for supply in supplies], taken)
        here = [replace(supply, cell=cell) for supply, cell in zip(supplies, cells, strict=True)]
        with named(phase):
            one = answer(phase.mix, phase.tokens, here, params, filtered)
        found.append(replace(one, phase=phase.name, loss_nats_per_token=None, loss_if_all_unique=None))
        got = {(line.source, line.language, line.kind): line.tokens for line in one.cells}
        for cell in cells:
            most = int(cell.tokens * max_epochs(phase.mix, cell.place))
            taken[cell.place] = min(cell.taken + got.get(cell.place, 0), most)
    return _together(found, params)


def with_documents(found: Answer, written: Mapping[tuple[str, Place], int]) -> Answer:
    """The same with the documents that will be written, by phase and cell."""
    names = {each.phase for each in found.phases} or {found.phase}

    def told(line: Line, cells: Sequence[Line]) -> Line:
        places = [(cell.source, cell.language, cell.kind) for cell in cells]
        return replace(line, written_documents=sum(written.get((name, each), 0) for name in names for each in places))

    return replace(
        found,
        whole=told(found.whole, found.cells),
        groups=tuple(told(line, [cell for cell in found.cells if cell.group == line.group]) for line in found.groups),
        cells=tuple(told(line, [line]) for line in found.cells),
        phases=tuple(with_documents(each, written) for each in found.phases),
    )


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
    by_place = {supply.cell.place: supply for supply in supplies}
    cells = [_line(found, by_place, group, node) for group in found.root.groups for node in group.cells]
    printed = tuple(_printed(found.root, found.asked))
    return _summed(
        cells, (total, params), when_short=mix.when_short, filtered=filtered, problem=problem, printed=printed
    )


def _line(found: Allotted, supplies: Mapping[Place, Supply], group: Node, node: Node) -> Line:
    """A cell; its shares are told by all lines together."""
    assert node.cell is not None
    place, there, earlier = node.cell.place, node.available, node.taken
    source, language, kind = place
    asked, tokens = found.asked[place], found.tokens[place]
    supply = supplies.get(place, Supply(node.cell, 0, 0))
    return Line(
        group=group.name,
        source=source,
        language=language,
        kind=kind,
        documents=node.cell.documents,
        counted_tokens=supply.counted_tokens,
        available_tokens=there,
        asked_share=0.0,
        asked_tokens=asked,
        earlier_tokens=earlier,
        tokens=tokens,
        share=0.0,
        epochs=tokens / there if there else 0.0,
        max_epochs=(node.cap + earlier) / there if there else 0.0,
        effective_tokens=repetition.worth(tokens + earlier, there) - repetition.worth(earlier, there) if there else 0.0,
        # as long as its documents are like those before the cut
        text_bytes=tokens / supply.cell.tokens * supply.bytes if supply.cell.tokens else 0.0,
        share_of_bytes=0.0,
        floor_tokens=node.floor,
        to_collect_tokens=short.missed(node, asked),
    )


def _summed(cells: Sequence[Line], asked: tuple[int, float], **said: Any) -> Answer:
    """Lines and their sums, of a corpus of so many tokens, and what repeating costs a model of so many parameters."""
    total, params = asked
    got, text = sum(line.tokens for line in cells), sum(line.text_bytes for line in cells)

    def shared(line: Line) -> Line:
        return replace(
            line,
            asked_share=line.asked_tokens / (total or 1),
            share=line.tokens / (got or 1),
            share_of_bytes=line.text_bytes / text if text else 0.0,
        )

    by_group = {name: [line for line in cells if line.group == name] for name in dict.fromkeys(c.group for c in cells)}
    parts = [Part(line.tokens, line.available_tokens) for line in cells if line.available_tokens and line.tokens]
    repeated = repetition.repetition(params, parts) if parts else None
    return Answer(
        budget_tokens=total,
        tokens=got,
        whole=shared(_added("", cells)),
        groups=tuple(shared(_added(name, here)) for name, here in by_group.items()),
        cells=tuple(map(shared, cells)),
        params=params,
        loss_nats_per_token=repeated.loss if repeated else None,
        loss_if_all_unique=repeated.loss_if_all_unique if repeated else None,
        **said,
    )


def _added(group: str, lines: Sequence[Line]) -> Line:
    """Lines of several cells added up."""
    sums = {name: sum(getattr(line, name) for line in lines) for name in SUMS}
    there = sums["available_tokens"]
    return Line(
        group=group, source="", language="", kind="", **sums, asked_share=0.0, share=0.0, share_of_bytes=0.0,
        epochs=sums["tokens"] / there if there else 0.0,
        max_epochs=sum(line.max_epochs * line.available_tokens for line in lines) / there if there else 0.0,
    )  # fmt: skip


def _together(phases: Sequence[Answer], params: float) -> Answer:
    """The whole corpus: what the phases have of each cell, added up."""
    by_cell: dict[tuple[str, ...], list[Line]] = {}
    for line in (line for phase in phases for line in phase.cells):
        by_cell.setdefault((line.group, line.source, line.language, line.kind), []).append(line)
    cells = [
        replace(
            here[0],
            **{name: sum(getattr(line, name) for line in here) for name in OF_A_PHASE},
            earlier_tokens=0,
            epochs=sum(line.epochs for line in here),
        )
        for _, here in sorted(by_cell.items())
    ]
    short_of = [f"phase {phase.phase}: {phase.problem}" for phase in phases if phase.problem is not None]
    return _summed(
        cells,
        (sum(phase.budget_tokens for phase in phases), params),
        when_short=", ".join(dict.fromkeys(phase.when_short for phase in phases)),
        filtered=phases[0].filtered,
        problem="\n".join(short_of) or None,
        printed=(),
        phases=tuple(phases),
    )


OF_A_PHASE = ("asked_tokens", "tokens", "effective_tokens", "text_bytes", "floor_tokens", "to_collect_tokens")
SUMS = ("documents", "counted_tokens", "available_tokens", "earlier_tokens", *OF_A_PHASE)


def _printed(node: Node, asked: Tokens) -> Iterator[Printed]:
    """Of every name with printed epochs, what its weight makes of them."""
    if node.printed is not None and node.available:
        tokens = sum(asked[each.cell.place] for each in node.cells if each.cell is not None)
        yield Printed(node.name, node.printed, tokens / node.available)
    for each in node.within:
        yield from _printed(each, asked)


def as_json(found: Answer) -> dict[str, Any]:
    """The answer for programs; docs/mixing.md says what the keys hold."""
    return {"schema": SCHEMA, **_plain(found)}


def _plain(found: Answer) -> dict[str, Any]:
    plain = {name: value for name, value in asdict(found).items() if name not in ("phase", "phases")}
    plain["printed"] = [{**asdict(each), "agree": each.agree} for each in found.printed]
    if found.phases:
        plain["phases"] = [{"phase": each.phase, **_plain(each)} for each in found.phases]
    return plain
