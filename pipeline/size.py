"""Size the corpus to its budget: of every cell the documents of lowest draw, whole, up to its target, never above."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prep.manifests import ledger
from prep.manifests.ledger import CELL, COPIES, TOKENS
from prep.manifests.record import Receipt, Recipe
from prep.manifests.shards import Columns, side_by_side
from prep.pipeline import query
from prep.pipeline.judge import Columned, judge
from prep.pipeline.query import Connection, Limits
from prep.pipeline.reasons import Reason, Terms
from prep.pipeline.settings import Run
from prep.pipeline.spread import Spread
from prep.pipeline.stage import Asked, Job, Result, Task, document_shards

LEFT_OUT = "left_out"  # the bits of `Reason`; 0 where the document is in the corpus
BUCKET_BITS = 16  # a cell's draws are first added up by their top bits, then ordered in the one bucket of the cut


@dataclass(frozen=True)
class Cut:
    """What a cell gives: so many whole passes, and a last one of the documents up to a draw (and a tie), if any."""

    passes: int
    draw: int | None = None
    tie: int = 0


@dataclass(frozen=True)
class Size:
    """Writes why each document is left out, and how often it is in."""

    name: ClassVar[str] = "size"
    version: ClassVar[int] = 2

    cuts: tuple[Cut, ...]  # by number of the cell
    tokenizer: str  # whose tokens are the budget's

    def schema(self) -> pa.Schema:
        """Two columns."""
        return pa.schema([(LEFT_OUT, pa.uint64()), (COPIES, pa.uint32())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Of the columns cell, draw, tie and reasons."""
        passes = np.array([cut.passes for cut in self.cuts], dtype=np.uint32)
        last = np.array([cut.draw is not None for cut in self.cuts], dtype=bool)
        draws = np.array([cut.draw or 0 for cut in self.cuts], dtype=np.uint64)
        ties = np.array([cut.tie for cut in self.cuts], dtype=np.uint64)
        for batch in batches:
            cell, draw, tie, reasons = (np.asarray(batch[name]) for name in ("cell", "draw", "tie", "reasons"))
            before = (draw < draws[cell]) | ((draw == draws[cell]) & (tie <= ties[cell]))
            copies = np.where(reasons == 0, passes[cell] + (last[cell] & before), 0).astype(np.uint32)
            full = np.where((reasons == 0) & (copies == 0), np.uint64(Reason.BUDGET), np.uint64(0))
            yield pa.record_batch([pa.array(reasons | full), pa.array(copies)], schema=self.schema())

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """By cell: documents selected and left out by first reason, and what the copies hold."""
        columns = [*ledger.thin(beside), *(Columns(path) for path in written)]
        return {"selection": add(_selection(batch, TOKENS + self.tokenizer) for batch in side_by_side(columns))}


def job(run: Run, columned: Columned, mixed: Result, limits: Limits) -> Job:
    """Cut every cell at its target."""
    page = mixed.manifest.ledger
    terms = Terms.of(run, sorted({row["group"] for row in page["targets"]}))
    inputs = {**columned.inputs, "mix": mixed}
    recipe = Recipe(
        Size.name,
        Size.version,
        {"terms": asdict(terms), "tokenizer": columned.tokenizer},
        {name: result.manifest.digest for name, result in inputs.items()},
    )

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        connection = stack.enter_context(query.database(limits, run.out))
        judge(connection, columned, terms)
        stage = Size(cuts(connection, columned, page["targets"]), columned.tokenizer)
        books = zip(
            *([path for _, path in document_shards(r)] for r in (columned.ingested, columned.counted)), strict=True
        )
        return [
            Task(stage, Asked(f"{recipe.digest}/{key}", judged(connection, place), paths))
            for place, ((key, _), paths) in enumerate(zip(document_shards(columned.ingested), books, strict=True))
        ]

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        selection = add(receipt.ledger["selection"] for receipt in receipts)
        ledger.must_balance_selection(Size.name, columned.counted.manifest.ledger["cells"], selection)
        return {"selection": selection, "targets": page["targets"], "asked": page["asked"]}

    return Job(recipe, tasks, balance, inputs, here=True)


def cuts(connection: Connection, columned: Columned, targets: Sequence[ledger.Row]) -> tuple[Cut, ...]:
    """Where each cell is cut."""
    asked = {tuple(row[name] for name in CELL): row for row in targets}
    found = []
    for number, cell in enumerate(columned.cells):
        row = asked.get(cell)
        if row is None or not row["available"]:
            found.append(Cut(0))
            continue
        passes, rest = divmod(row["tokens"], row["available"])
        found.append(cut(connection, number, passes, rest))
    return tuple(found)


def cut(connection: Connection, cell: int, passes: int, rest: int) -> Cut:
    """The last document, in the order of draws, up to which a cell's documents fit `rest` tokens.

    A histogram over the top bits of the draw finds the bucket of the cut; only its documents are put in order.
    """
    shift = 64 - BUCKET_BITS
    buckets = connection.execute(
        f"""select (draw >> {shift})::integer as bucket, sum(tokens)::bigint from judged
            where cell = ? and reasons = 0 group by bucket order by bucket""",  # noqa: S608 - a constant
        [cell],
    ).fetchall()
    place = full = 0
    for place, tokens in buckets:  # noqa: B007 - the bucket where it ends is what is sought
        if full + tokens > rest:
            break
        full += tokens
    first = place << shift
    last = Cut(passes, first - 1, int(np.iinfo(np.uint64).max)) if first else Cut(passes)
    inside = query.ask(
        connection,
        """select draw, tie, tokens from judged
           where cell = ? and reasons = 0 and draw between ? and ? order by draw, tie""",
        [cell, first, first + (1 << shift) - 1],
    )
    fitting = int(np.searchsorted(np.cumsum(inside["tokens"].to_numpy()), rest - full, side="right"))
    if fitting:
        last = Cut(passes, *(inside[name][fitting - 1].as_py() for name in ("draw", "tie")))
    return last


def judged(connection: Connection, shard: int) -> Callable[[], Iterator[pa.RecordBatch]]:
    """What the cut looks at, for each row of one shard."""

    def answer() -> Iterator[pa.RecordBatch]:
        question = "select cell, draw, tie, reasons from judged where shard = ? order by row"
        yield from query.ask(connection, question, [shard]).combine_chunks().to_batches()

    return answer


def _selection(batch: pa.RecordBatch, tokens: str) -> list[ledger.Row]:
    """By cell: documents, bytes and tokens selected, those left out by first reason, and those of all copies."""
    bits = np.asarray(batch[LEFT_OUT])
    first = pa.array(bits & (~bits + np.uint64(1)))
    copies = batch[COPIES].cast(pa.int64())
    table = pa.table(
        {
            **{name: batch[name] for name in CELL},
            "first": first,
            "documents": pa.repeat(1, batch.num_rows),
            "bytes": batch["n_bytes"],
            "tokens": batch[tokens],
            "copies": copies,
            "copied_bytes": pc.multiply(copies, batch["n_bytes"]),
            "copied_tokens": pc.multiply(copies, batch[tokens]),
        }
    )
    sums = ("documents", "bytes", "tokens", "copies", "copied_bytes", "copied_tokens")
    rows = []
    for row in table.group_by([*CELL, "first"]).aggregate([(name, "sum") for name in sums]).to_pylist():
        place = {name: row[name] for name in CELL}
        counts = {name: row[f"{name}_sum"] or 0 for name in sums}
        reason = Reason(row["first"]).name
        three = {name: counts[name] for name in sums[:3]}
        nothing = dict.fromkeys(sums, 0)
        rows.append({**place, **(nothing if reason else counts), "left_out": {reason: three} if reason else {}})
    return rows


def add(pages: Iterable[Iterable[ledger.Row]]) -> list[ledger.Row]:
    """Rows of several pages added up by cell."""
    total: dict[tuple[str, ...], ledger.Row] = {}
    for row in (row for page in pages for row in page):
        place = tuple(row[name] for name in CELL)
        into = total.setdefault(place, {**dict(zip(CELL, place, strict=True)), "left_out": {}})
        _add_counts(into, row)
        for reason, counts in row["left_out"].items():
            _add_counts(into["left_out"].setdefault(reason, {}), counts)
    return [total[place] for place in sorted(total)]


def _add_counts(into: ledger.Row, counts: ledger.Row) -> None:
    for name, number in counts.items():
        if isinstance(number, int):
            into[name] = into.get(name, 0) + number
