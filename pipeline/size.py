"""Size the corpus to its budget: of every cell the documents of lowest draw up to its target, the last cut if asked.

A cell of documents is never above its target. With `budget.exact` it is never below it either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.errors import Short
from prep.manifests import ledger
from prep.manifests.ledger import CELL, COPIES, TOKENS
from prep.manifests.record import Receipt, Recipe
from prep.manifests.shards import Columns, side_by_side
from prep.pipeline import counting, failed, query
from prep.pipeline.judge import Columned, Thin, available
from prep.pipeline.keeping.kept import Kept
from prep.pipeline.mix import cells as mixed_cells
from prep.pipeline.mixing import tree
from prep.pipeline.query import Connection
from prep.pipeline.reasons import Reason, Terms
from prep.pipeline.settings import Run
from prep.pipeline.sizing import cuts
from prep.pipeline.sizing.cuts import Cut, Cuts
from prep.pipeline.sizing.exact import Extra, Reading
from prep.pipeline.sizing.excluding import Excluded
from prep.pipeline.spread import Spread
from prep.pipeline.stage import Asked, Job, Result, Task, document_shards

LEFT_OUT = "left_out"  # the bits of `Reason`; 0 where the document is in the corpus
LISTED = "listed"  # the number of the list of `exclude:` that names it, from 1; 0 for none
KEPT_TOKENS, KEPT_BYTES = "kept_tokens", "kept_bytes"  # of the last copy, where it is cut; else null
JUDGED = tuple(str(each.name) for each in (Reason.LANGUAGE, Reason.RULES, Reason.QUALITY))  # alike in `mix` and `size`
COLUMNS = pa.schema(
    [
        (LEFT_OUT, pa.uint64()),
        (COPIES, pa.uint32()),
        (KEPT_TOKENS, pa.int64()),
        (KEPT_BYTES, pa.int64()),
        (LISTED, pa.int16()),
    ]
)


@dataclass(frozen=True)
class Size:
    """Writes why each document is left out, how often it is in, and where its last copy is cut."""

    name: ClassVar[str] = "size"
    version: ClassVar[int] = 3

    cells: tuple[Cut, ...]  # by number of the cell
    tokenizer: str  # whose tokens are the budget's
    extras: tuple[Extra, ...] = ()  # of this shard

    def schema(self) -> pa.Schema:
        """Five columns."""
        return COLUMNS

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Of the columns row, cell, key, tie, listed and reasons."""
        passes = np.array([cut.passes for cut in self.cells], dtype=np.uint32)
        last = np.array([cut.key is not None for cut in self.cells], dtype=bool)
        keys = np.array([cut.key or 0 for cut in self.cells], dtype=np.uint64)
        ties = np.array([cut.tie for cut in self.cells], dtype=np.uint64)
        for batch in batches:
            cell, key, tie, reasons = (np.asarray(batch[name]) for name in ("cell", "key", "tie", "reasons"))
            before = (key < keys[cell]) | ((key == keys[cell]) & (tie <= ties[cell]))
            copies = np.where(reasons == 0, passes[cell] + (last[cell] & before), 0).astype(np.uint32)
            kept = self._once_more(np.asarray(batch["row"]), reasons, copies)
            full = np.where((reasons == 0) & (copies == 0), np.uint64(Reason.BUDGET), np.uint64(0))
            columns = [pa.array(reasons | full), pa.array(copies), *kept, batch["listed"].cast(pa.int16())]
            yield pa.record_batch(columns, schema=COLUMNS)

    def _once_more(
        self, rows: npt.NDArray[Any], reasons: npt.NDArray[Any], copies: npt.NDArray[np.uint32]
    ) -> tuple[pa.Array, pa.Array]:
        """Count the documents that are in once more, beyond the cut; what is kept of those that are cut."""
        kept = np.zeros((2, len(rows)), dtype=np.int64)
        for extra in self.extras:
            for place in np.flatnonzero((rows == extra.row) & (reasons == 0)).tolist():
                copies[place] += 1
                if extra.bytes is not None:
                    kept[:, place] = extra.tokens, extra.bytes
        whole = kept[1] == 0
        return pa.array(kept[0], mask=whole), pa.array(kept[1], mask=whole)

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """By cell: documents selected and left out by first reason, and what the copies hold."""
        columns = [*ledger.thin(beside), *(Columns(path) for path in written)]
        batches, tokens = list(side_by_side(columns)), TOKENS + self.tokenizer
        listed = add_listed(_listed(batch) for batch in batches)
        return {
            "selection": add(_selection(batch, tokens) for batch in batches),
            "failed": failed.add(failed.failures(batch, LEFT_OUT, tokens) for batch in batches),
            **({"listed": listed} if listed else {}),
        }


def job(run: Run, columned: Columned, mixed: Result, thin: Thin) -> Job:
    """Cut every cell at its target."""
    page = mixed.manifest.ledger
    kept = tuple(Kept.read(row) for row in page["keeps"])
    terms = replace(Terms.of(run, tree.asked(run.mix, columned.cells)), kept=kept)
    excluded = Excluded.of(run)
    targets = {tuple(row[name] for name in CELL): row["tokens"] for row in page["targets"]}
    asked = [targets.get(cell, 0) for cell in columned.cells]
    inputs = {**columned.inputs, "mix": mixed}
    settings = {
        "terms": asdict(terms), "tokenizer": columned.tokenizer, "exclude": excluded.plain(),
        "exact": run.budget.exact, "eod": run.budget.eod,
    }  # fmt: skip
    recipe = Recipe(
        Size.name, Size.version, settings, {name: result.manifest.digest for name, result in inputs.items()}
    )

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        found = _found(thin, run, columned, terms, asked)
        connection = thin.listed(columned, terms)
        stage = Size(found.cells, columned.tokenizer)
        books = zip(
            *([path for _, path in document_shards(r)] for r in (columned.ingested, columned.counted)), strict=True
        )
        made = []
        for place, ((key, _), paths) in enumerate(zip(document_shards(columned.ingested), books, strict=True)):
            own = tuple(extra for extra in found.extras if extra.shard == place)
            unit = Asked(f"{recipe.digest}/{key}", judged(connection, place), paths)
            made.append(Task(replace(stage, extras=own), unit))
        return made

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        selection = add(receipt.ledger["selection"] for receipt in receipts)
        ledger.must_balance_selection(Size.name, columned.counted.manifest.ledger["cells"], selection)
        if not any(Reason.EXCLUDED.name in row["left_out"] for row in selection):  # which comes before those
            ledger.must_be_as_predicted(Size.name, page["available"], selection, JUDGED)
        names = {language: [rule.name for rule in rules] for language, rules in terms.rules.items()}
        fails = failed.named(failed.add(receipt.ledger["failed"] for receipt in receipts), names)
        listed = add_listed(receipt.ledger.get("listed", {}) for receipt in receipts)
        told = {"selection": selection, "failed": fails, "targets": page["targets"], "asked": page["asked"]}
        return {**told, **({"listed": listed} if listed else {})}

    return Job(recipe, tasks, balance, inputs, here=True)


def _found(thin: Thin, run: Run, columned: Columned, terms: Terms, asked: Sequence[int]) -> Cuts:
    """The cuts: of the corpus as it would be without lists, unless others move in for what they name."""
    reading = _reading(run, columned) if run.budget.exact else None
    connection = thin.judged(columned, terms)
    if thin.excluded.refill:
        connection = thin.listed(columned, terms)
        _must_refill(run, available(connection, columned.cells), asked)
    return cuts.find(connection, asked, run.budget.eod, reading)


def _must_refill(run: Run, there: Sequence[ledger.Row], asked: Sequence[int]) -> None:
    """What lists leave must do within the epochs of the mix.

    Errors: Short, with the cells that have too little for others to move in.
    """
    cells = [cell for row in there for cell in mixed_cells([row], run.budget.eod)]
    caps = [int(cell.tokens * tree.max_epochs(run.mix, cell.place)) for cell in cells]
    lacks = [
        f"{'/'.join(cell.place)} (asked {wanted:,}, {most:,} in its epochs)"
        for cell, wanted, most in zip(cells, asked, caps, strict=True)
        if wanted > most
    ]
    if lacks:
        raise Short(
            f"exclude: the lists leave too few tokens for others to move in: {', '.join(lacks)}; write `refill: none` "
            "(the corpus is then so much smaller), ask less of it in `mix`, or raise `mix.max_epochs`"
        )


def _reading(run: Run, columned: Columned) -> Reading:
    """How the texts of documents are had and counted by the budget's tokenizer."""
    paths = [path for _, path in document_shards(columned.ingested)]
    counter = counting.reference(run.tokenizers[columned.tokenizer])

    def text(shard: int, row: int) -> str:
        return str(query.value(Columns(paths[shard], ("text",)), row)["text"])

    def count(text: str) -> int:
        return int(counter.count(pa.array([text], pa.large_string()))[0])

    return Reading(text, count, run.budget.eod)


def judged(connection: Connection, shard: int) -> Callable[[], Iterator[pa.RecordBatch]]:
    """What the cut looks at, for each row of one shard."""

    def answer() -> Iterator[pa.RecordBatch]:
        question = "select row, cell, key, tie, listed, reasons from judged where shard = ? order by row"
        yield from query.ask(connection, question, [shard]).combine_chunks().to_batches()

    return answer


def _selection(batch: pa.RecordBatch, tokens: str) -> list[ledger.Row]:
    """By cell: documents, bytes and tokens selected, those left out by first reason, and those of all copies.

    What was cut off of documents is taken off what the copies hold.
    """
    bits = np.asarray(batch[LEFT_OUT])
    first = pa.array(bits & (~bits + np.uint64(1)))
    copies = batch[COPIES].cast(pa.int64())
    cut = batch[KEPT_BYTES].is_valid().cast(pa.int64())
    away = {
        name: pc.fill_null(pc.subtract(batch[whole], batch[kept]), 0)
        for name, whole, kept in (("bytes", "n_bytes", KEPT_BYTES), ("tokens", tokens, KEPT_TOKENS))
    }
    table = pa.table(
        {
            **{name: batch[name] for name in CELL},
            "first": first,
            "documents": pa.repeat(1, batch.num_rows),
            "bytes": batch["n_bytes"],
            "tokens": batch[tokens],
            "copies": copies,
            "copied_bytes": pc.subtract(pc.multiply(copies, batch["n_bytes"]), away["bytes"]),
            "copied_tokens": pc.subtract(pc.multiply(copies, batch[tokens]), away["tokens"]),
            "cut": cut,
            "cut_bytes": away["bytes"],
            "cut_tokens": away["tokens"],
        }
    )
    sums = tuple(name for name in table.schema.names if name not in (*CELL, "first"))
    rows = []
    for row in table.group_by([*CELL, "first"]).aggregate([(name, "sum") for name in sums]).to_pylist():
        place = {name: row[name] for name in CELL}
        counts = {name: row[f"{name}_sum"] or 0 for name in sums}
        reason = Reason(row["first"]).name
        three = {name: counts[name] for name in sums[:3]}
        nothing = dict.fromkeys(sums, 0)
        rows.append({**place, **(nothing if reason else counts), "left_out": {reason: three} if reason else {}})
    return rows


def _listed(batch: pa.RecordBatch) -> dict[str, int]:
    """Documents left out by each list, by its number; by 0 those that go with one of the same text."""
    gone = (np.asarray(batch[LEFT_OUT]) & np.uint64(Reason.EXCLUDED)) != 0
    return ledger.histogram(batch[LISTED].filter(pa.array(gone)).cast(pa.string()))


def add_listed(pages: Iterable[dict[str, int]]) -> dict[str, int]:
    """Counts of several pages added up."""
    total = Counter[str]()
    for page in pages:
        total.update(page)
    return dict(sorted(total.items()))


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
