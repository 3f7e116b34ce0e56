"""How many tokens each source gives: what the mix asks for, of what is left after filters, within its epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import pyarrow as pa

from prep.manifests import ledger
from prep.manifests.ledger import CELL
from prep.manifests.record import Receipt, Recipe
from prep.pipeline.judge import Columned, Thin, available
from prep.pipeline.mixing import tree
from prep.pipeline.mixing.allot import Allotted, allot
from prep.pipeline.mixing.tree import Cell, Node, Place
from prep.pipeline.plan import budget
from prep.pipeline.reasons import Terms
from prep.pipeline.settings import Run
from prep.pipeline.spread import Spread
from prep.pipeline.stage import Asked, Job, Task

TARGETS = pa.schema(
    [
        *((name, pa.string()) for name in CELL),
        ("group", pa.string()),  # of the mix: its language, unless `mix.groups` says another
        ("documents", pa.int64()),  # that may be in
        ("available", pa.int64()),  # their tokens, and `budget.eod` for each
        ("share", pa.float64()),  # asked, of the corpus's tokens
        ("asked", pa.int64()),  # tokens by that share of the budget
        ("tokens", pa.int64()),  # at which it is cut: what was asked, after caps and `when_short`
        ("epochs", pa.float64()),  # tokens / available
        ("floor", pa.int64()),  # tokens that it must have
        ("cap", pa.int64()),  # tokens that it may have: available · max_epochs
    ]
)


def place(row: ledger.Row) -> Place:
    """The cell that a row of the books is of."""
    return row["source"], row["language"], row["kind"]


def cells(rows: Sequence[ledger.Row], eod: int) -> list[Cell]:
    """What there is of each cell, as a mix counts it: a document costs its tokens and those of its end."""
    return [Cell(place(row), row["documents"], row["tokens"] + eod * row["documents"]) for row in rows]


def targets(run: Run, total: int, rows: Sequence[ledger.Row]) -> list[ledger.Row]:
    """What each cell is asked for, of a corpus of `total` tokens.

    Errors: Short, with the table of what is missing.
    """
    return table(allot(run.mix, total, cells(rows, run.budget.eod)))


def table(allotted: Allotted) -> list[ledger.Row]:
    """A row for each cell of the groups that are asked, by group and cell."""
    return [_row(allotted, group, node) for group in allotted.root.groups for node in group.cells if _there(node)]


def _there(node: Node) -> bool:
    return node.cell is not None and node.cell.there


def _row(allotted: Allotted, group: Node, node: Node) -> ledger.Row:
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
        "epochs": tokens / node.available if node.available else 0.0,
        "floor": node.floor,
        "cap": node.cap,
    }


@dataclass(frozen=True)
class Mixed:
    """Writes the targets."""

    name: ClassVar[str] = "mix"
    version: ClassVar[int] = 2

    def schema(self) -> pa.Schema:
        """One row a cell."""
        return TARGETS

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The answers are the rows."""
        return batches

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """The targets themselves are the page."""
        return {}


def job(run: Run, columned: Columned, thin: Thin) -> Job:
    """Judge every document, and ask each cell for its part of the budget."""
    total = budget.tokens(run.budget)
    terms = Terms.of(run, tree.asked(run.mix, columned.cells))
    settings = {
        "terms": asdict(terms), "mix": run.mix.model_dump(mode="json"), "tokens": total, "eod": run.budget.eod,
    }  # fmt: skip
    inputs = {name: result.manifest.digest for name, result in columned.inputs.items()}
    recipe = Recipe(Mixed.name, Mixed.version, settings, inputs)
    page: dict[str, Any] = {"asked": total}

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        connection = thin.judged(columned, terms)
        page["available"] = available(connection, columned.cells)
        page["targets"] = targets(run, total, page["available"])
        rows = pa.RecordBatch.from_pylist(page["targets"], TARGETS)
        return [Task(Mixed(), Asked(f"{recipe.digest}/targets", lambda: iter([rows]), ()))]

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        ledger.must_balance_selection(Mixed.name, columned.counted.manifest.ledger["cells"], page["available"])
        return page

    return Job(recipe, tasks, balance, columned.inputs, here=True)
