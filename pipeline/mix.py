"""How many tokens each source gives: what the mix asks for, of what is left after filters, within its epochs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import pyarrow as pa

from prep.errors import Short
from prep.manifests import ledger
from prep.manifests.ledger import CELL, PHASE
from prep.manifests.record import Receipt, Recipe
from prep.pipeline.judge import Columned, Thin, available
from prep.pipeline.keeping.resolve import Decided, decide
from prep.pipeline.mixing.allot import Allotted, weights
from prep.pipeline.mixing.phases import Phase, allotted, asked_groups, parted
from prep.pipeline.mixing.tree import Cell, Node, Place
from prep.pipeline.numbers import format_count
from prep.pipeline.plan import budget
from prep.pipeline.query import Connection
from prep.pipeline.reasons import Reason, Terms
from prep.pipeline.settings import Run
from prep.pipeline.spread import Spread
from prep.pipeline.stage import ADDED, Asked, Job, Task

SPARE = (0.0, 0.01, 0.03, 0.1, 0.3)  # tried in turn, of the corpus, for what is held out for validation
TARGETS = pa.schema(
    [
        *((name, pa.string()) for name in CELL),
        ("group", pa.string()),  # of the mix: its language, unless `mix.groups` says another
        ("documents", pa.int64()),  # that may be in
        ("available", pa.int64()),  # their tokens, and `budget.eod` for each
        ("share", pa.float64()),  # asked, of the corpus's tokens
        ("asked", pa.int64()),  # tokens by that share of the budget
        ("tokens", pa.int64()),  # at which it is cut: what was asked, after caps and `when_short`
        ("weight", pa.float64()),  # its share of the corpus, as a real number: `allot.weights`
        ("epochs", pa.float64()),  # tokens / available
        ("floor", pa.int64()),  # tokens that it must have
        ("cap", pa.int64()),  # tokens that it may have: available · max_epochs, less what earlier phases have
    ]
)
EARLIER = "earlier"  # where the corpus has phases: tokens of the cell in those before
PHASED = TARGETS.insert(0, pa.field(PHASE, pa.string())).append(pa.field(EARLIER, pa.int64()))


def place(row: ledger.Row) -> Place:
    """The cell that a row of the books is of."""
    return row["source"], row["language"], row["kind"]


def cells(rows: Sequence[ledger.Row], eod: int) -> list[Cell]:
    """What there is of each cell, as a mix counts it: a document costs its tokens and those of its end."""
    return [Cell(place(row), row["documents"], row["tokens"] + eod * row["documents"]) for row in rows]


def phases(run: Run) -> tuple[Phase, ...]:
    """The phases of a run's corpus: one without a name where the run file has none.

    Errors: BadSettings.
    """
    return parted(run.mix, run.phases, budget.tokens(run.budget))


def groups(run: Run, places: Sequence[Place]) -> tuple[str, ...]:
    """The groups that the run takes text of."""
    return asked_groups(phases(run), places)


def targets(run: Run, rows: Sequence[ledger.Row]) -> list[ledger.Row]:
    """What each cell is asked for, in each phase.

    Errors: Short, with the table of what is missing.
    """
    each = phases(run)
    found = zip(each, allotted(each, cells(rows, run.budget.eod)), strict=True)
    return [row for phase, part in found for row in table(part, phase.name)]


def whole(page: Mapping[str, Any]) -> list[ledger.Row]:
    """The targets of the whole corpus, those of its phases added up, from the page of `mix` or `size`."""
    rows: list[ledger.Row] = page["targets"]
    if not any(PHASE in row for row in rows):
        return rows
    by_cell: dict[Place, list[ledger.Row]] = {}
    for row in rows:
        by_cell.setdefault(place(row), []).append(row)
    return [_added(here, page["asked"]) for _, here in sorted(by_cell.items())]


def _added(rows: Sequence[ledger.Row], total: int) -> ledger.Row:
    first = rows[0]
    sums = {name: sum(row[name] for row in rows) for name in ("asked", "tokens", "floor")}
    shares = {"share": sums["asked"] / (total or 1), "weight": sums["tokens"] / (total or 1)}
    shares["epochs"] = sums["tokens"] / (first["available"] or 1)
    return {**first, **sums, **shares, "cap": first["cap"] + first[EARLIER]}


def table(allotted: Allotted, phase: str = "") -> list[ledger.Row]:
    """A row for each cell of the groups that are asked, by group and cell."""
    shares = weights(allotted)
    rows = [
        (_row(allotted, group, node, shares), node)
        for group in allotted.root.groups for node in group.cells if _there(node)
    ]  # fmt: skip
    return [{PHASE: phase, **row, EARLIER: node.taken} if phase else row for row, node in rows]


def _there(node: Node) -> bool:
    return node.cell is not None and node.cell.there


def _row(allotted: Allotted, group: Node, node: Node, shares: Mapping[Place, float]) -> ledger.Row:
    assert node.cell is not None
    asked, tokens = allotted.asked[node.cell.place], allotted.tokens[node.cell.place]
    return {
        **dict(zip(CELL, node.cell.place, strict=True)),
        "group": group.name,
        "documents": node.cell.documents,
        "available": node.available,
        "share": asked / allotted.total if allotted.total else 0.0,
        "asked": asked,
        "tokens": tokens,
        "weight": shares[node.cell.place],
        "epochs": tokens / node.available if node.available else 0.0,
        "floor": node.floor,
        "cap": node.cap,
    }


@dataclass(frozen=True)
class Mixed:
    """Writes the targets."""

    name: ClassVar[str] = "mix"
    version: ClassVar[int] = 5

    phased: bool = field(default=False, metadata=ADDED)

    def schema(self) -> pa.Schema:
        """One row a cell, of each phase."""
        return PHASED if self.phased else TARGETS

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The answers are the rows."""
        return batches

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """The targets themselves are the page."""
        return {}


@dataclass
class Judged:
    """What a mix has to part: what is left of each cell, and the keeps by score that left it."""

    available: Sequence[ledger.Row]
    targets: Sequence[ledger.Row]
    kept: Decided


def decided(run: Run, columned: Columned, terms: Terms, connection: Connection, spare: float = 0.0) -> Decided:
    """The keeps by score with their numbers, by which what is kept feeds the mix of a run, and so much more.

    Errors: BadSettings, BadModel.
    """
    return decide(connection, columned, terms, Decided(phases(run), run.budget.eod, spare))


def judged(run: Run, columned: Columned, thin: Thin) -> Judged:
    """Find the numbers of the keeps, judge every document by them, and ask each cell for its part.

    What is held out for validation is not known before documents are judged: where the mix is short for it, keeps that
    are solved for are solved with more to spare. Errors: Short, BadSettings, BadModel.
    """
    terms = Terms.of(run, groups(run, columned.cells))
    for spare in SPARE if run.validation else SPARE[:1]:
        with thin.database() as connection:
            kept = decided(run, columned, terms, connection, spare)
            page = kept.page
            there = available(thin.judged(columned, replace(terms, kept=kept.keeps)), columned.cells)
            try:
                return Judged(there, targets(run, there), replace(kept, plan=None, booked=tuple(page)))
            except Short as error:
                if not run.validation or spare == SPARE[-1]:
                    raise Short("\n".join((str(error), *held_whole(there), *kept.advice()))) from error
    raise AssertionError("the last spare returns or raises")


def held_whole(rows: Sequence[ledger.Row]) -> list[str]:
    """The cells of which nothing is left because all of it is held out, each with what would help."""
    held = [(row, row["left_out"].get(Reason.VALIDATION.name)) for row in rows if not row["documents"]]
    return [
        f"validation: holds out all that is left of {'/'.join(place(row))} ({there['documents']:,} documents, "
        f"{format_count(there['tokens'])} tokens); lower `validation`, or name other sources in `validation.shares`"
        for row, there in held
        if there
    ]


def told(phase: Phase) -> dict[str, Any]:
    """A phase as plain data, for a recipe."""
    return {"name": phase.name, "tokens": phase.tokens, "mix": phase.mix.model_dump(mode="json")}


def job(run: Run, columned: Columned, thin: Thin) -> Job:
    """Judge every document, and ask each cell for its part of the budget."""
    total, parts = budget.tokens(run.budget), phases(run)
    terms = Terms.of(run, groups(run, columned.cells))
    settings = {
        "terms": asdict(terms), "mix": run.mix.model_dump(mode="json"), "tokens": total, "eod": run.budget.eod,
        **({"phases": [told(part) for part in parts]} if run.phases else {}),
    }  # fmt: skip
    inputs = {name: result.manifest.digest for name, result in columned.inputs.items()}
    recipe = Recipe(Mixed.name, Mixed.version, settings, inputs)
    page: dict[str, Any] = {"asked": total}
    stage = Mixed(phased=run.phases is not None)

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        found = judged(run, columned, thin)
        page.update(available=found.available, targets=found.targets, keeps=list(found.kept.booked))
        rows = pa.RecordBatch.from_pylist(page["targets"], stage.schema())
        return [Task(stage, Asked(f"{recipe.digest}/targets", lambda: iter([rows]), ()))]

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        ledger.must_balance_selection(Mixed.name, columned.counted.manifest.ledger["cells"], page["available"])
        return page

    return Job(recipe, tasks, balance, columned.inputs, here=True)
