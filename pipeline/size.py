"""Size the corpus to its budget: of every cell the documents of lowest draw up to its target, the last cut if asked.

A cell of documents is never above its target. With `budget.exact` it is never below it either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.errors import Short
from prep.manifests import ledger
from prep.manifests.ledger import COPIES, PHASE, TOKENS
from prep.manifests.record import Receipt, Recipe
from prep.manifests.shards import Columns, side_by_side
from prep.pipeline import counting, failed, query
from prep.pipeline.judge import Columned, Thin, available
from prep.pipeline.keeping.kept import Kept
from prep.pipeline.mix import cells as mixed_cells
from prep.pipeline.mix import groups, phases, place
from prep.pipeline.mixing import tree
from prep.pipeline.mixing.tree import Place
from prep.pipeline.query import Connection
from prep.pipeline.reasons import Reason, Terms
from prep.pipeline.settings import Run
from prep.pipeline.sizing import books, cuts
from prep.pipeline.sizing.columns import LEFT_OUT, LISTED, TYPES, per_phase
from prep.pipeline.sizing.cuts import Cut, Cuts
from prep.pipeline.sizing.exact import Extra, Reading
from prep.pipeline.sizing.excluding import Excluded
from prep.pipeline.sizing.foretold import documents as counted
from prep.pipeline.spread import Spread
from prep.pipeline.stage import ADDED, Asked, Job, Result, Task, document_shards

JUDGED = tuple(str(each.name) for each in (Reason.LANGUAGE, Reason.RULES, Reason.QUALITY))  # alike in `mix` and `size`


@dataclass(frozen=True)
class Phase:
    """What a phase of the corpus takes: of each cell the documents between two cuts, and some beyond the second."""

    name: str
    starts: tuple[Cut, ...]  # none for the beginning of the corpus
    cells: tuple[Cut, ...]
    extras: tuple[Extra, ...]  # of one shard

    def copies(self, cell: npt.NDArray[Any], key: npt.NDArray[Any], tie: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
        """How often a document is in it, but for those beyond the cut."""
        found = _reached(self.cells, cell, key, tie)
        return found - _reached(self.starts, cell, key, tie) if self.starts else found


def _reached(
    cuts: Sequence[Cut], cell: npt.NDArray[Any], key: npt.NDArray[Any], tie: npt.NDArray[Any]
) -> npt.NDArray[np.uint32]:
    """How often each document comes before the cut of its cell."""
    passes = np.array([cut.passes for cut in cuts], dtype=np.uint32)
    last = np.array([cut.key is not None for cut in cuts], dtype=bool)
    keys = np.array([cut.key or 0 for cut in cuts], dtype=np.uint64)
    ties = np.array([cut.tie for cut in cuts], dtype=np.uint64)
    before = (key < keys[cell]) | ((key == keys[cell]) & (tie <= ties[cell]))
    found: npt.NDArray[np.uint32] = passes[cell] + (last[cell] & before).astype(np.uint32)
    return found


@dataclass(frozen=True)
class Size:
    """Writes why each document is left out, how often it is in, and where its last copy is cut."""

    name: ClassVar[str] = "size"
    version: ClassVar[int] = 4

    cells: tuple[Cut, ...]  # by number of the cell
    tokenizer: str  # whose tokens are the budget's
    extras: tuple[Extra, ...] = ()  # of this shard
    phases: tuple[Phase, ...] = field(default=(), metadata=ADDED)  # in place of the cells and extras of the whole

    def schema(self) -> pa.Schema:
        """Five columns; with phases two more and three of each."""
        names = [phase.name for phase in self.phases]
        each = [(name, type_) for names_ in per_phase(names) for name, type_ in zip(names_, TYPES, strict=True)]
        return pa.schema(
            [(LEFT_OUT, pa.uint64()), *([(COPIES, TYPES[0])] if names else []), *each, (LISTED, pa.int16())]
        )

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Of the columns row, cell, key, tie, listed and reasons."""
        phases = self.phases or (Phase("", (), self.cells, self.extras),)
        for batch in batches:
            cell, key, tie, reasons = (np.asarray(batch[name]) for name in ("cell", "key", "tie", "reasons"))
            columns, total = list[Any](), np.zeros(batch.num_rows, dtype=np.uint32)
            for phase in phases:
                copies = np.where(reasons == 0, phase.copies(cell, key, tie), 0).astype(np.uint32)
                kept = _once_more(phase.extras, np.asarray(batch["row"]), reasons, copies)
                columns += [pa.array(copies), *kept]
                total += copies
            full = np.where((reasons == 0) & (total == 0), np.uint64(Reason.BUDGET), np.uint64(0))
            whole = [pa.array(reasons | full), *([pa.array(total)] if self.phases else [])]
            yield pa.record_batch([*whole, *columns, batch["listed"].cast(pa.int16())], schema=self.schema())

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """By cell: documents selected and left out by first reason, and what the copies hold, of each phase too."""
        columns = [*ledger.thin(beside), *(Columns(path) for path in written)]
        batches, tokens = list(side_by_side(columns)), TOKENS + self.tokenizer
        listed = books.add_listed(books.listed(batch) for batch in batches)
        phases = books.add_phases(books.of_phases(batch, tokens) for batch in batches)
        return {
            "selection": books.add(books.selection(batch, tokens) for batch in batches),
            "failed": failed.add(failed.failures(batch, LEFT_OUT, tokens) for batch in batches),
            **({"listed": listed} if listed else {}),
            **({"phases": phases} if phases else {}),
        }


def _once_more(
    extras: Sequence[Extra], rows: npt.NDArray[Any], reasons: npt.NDArray[Any], copies: npt.NDArray[np.uint32]
) -> tuple[pa.Array, pa.Array]:
    """Count the documents that are in once more, beyond the cut; what is kept of those that are cut."""
    kept = np.zeros((2, len(rows)), dtype=np.int64)
    for extra in extras:
        for at in np.flatnonzero((rows == extra.row) & (reasons == 0)).tolist():
            copies[at] += 1
            if extra.bytes is not None:
                kept[:, at] = extra.tokens, extra.bytes
    whole = kept[1] == 0
    return pa.array(kept[0], mask=whole), pa.array(kept[1], mask=whole)


def job(run: Run, columned: Columned, mixed: Result, thin: Thin) -> Job:
    """Cut every cell at its target."""
    page = mixed.manifest.ledger
    kept = tuple(Kept.read(row) for row in page["keeps"])
    terms = replace(Terms.of(run, groups(run, columned.cells)), kept=kept)
    excluded = Excluded.of(run)
    asked = _asked(run, columned, page["targets"])
    inputs = {**columned.inputs, "mix": mixed}
    settings = {
        "terms": asdict(terms), "tokenizer": columned.tokenizer, "exclude": excluded.plain(),
        "exact": run.budget.exact, "eod": run.budget.eod,
    }  # fmt: skip
    recipe = Recipe(
        Size.name, Size.version, settings, {name: result.manifest.digest for name, result in inputs.items()}
    )

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        found = _found(thin, run, columned, terms, list(asked.values()))
        connection = thin.listed(columned, terms)
        beside = zip(
            *([path for _, path in document_shards(r)] for r in (columned.ingested, columned.counted)), strict=True
        )
        made = []
        for number, ((key, _), paths) in enumerate(zip(document_shards(columned.ingested), beside, strict=True)):
            unit = Asked(f"{recipe.digest}/{key}", judged(connection, number), paths)
            made.append(Task(_stage(columned.tokenizer, list(asked), found, number), unit))
        return made

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        selection = books.add(receipt.ledger["selection"] for receipt in receipts)
        ledger.must_balance_selection(Size.name, columned.counted.manifest.ledger["cells"], selection)
        if not any(Reason.EXCLUDED.name in row["left_out"] for row in selection):  # which comes before those
            ledger.must_be_as_predicted(Size.name, page["available"], selection, JUDGED)
        names = {language: [rule.name for rule in rules] for language, rules in terms.rules.items()}
        fails = failed.named(failed.add(receipt.ledger["failed"] for receipt in receipts), names)
        listed = books.add_listed(receipt.ledger.get("listed", {}) for receipt in receipts)
        of_phases = books.add_phases(receipt.ledger.get("phases", ()) for receipt in receipts)
        told = {"selection": selection, "failed": fails, "targets": page["targets"], "asked": page["asked"]}
        return {**told, **({"listed": listed} if listed else {}), **({"phases": of_phases} if of_phases else {})}

    return Job(recipe, tasks, balance, inputs, here=True)


def foretold(
    run: Run, columned: Columned, terms: Terms, targets: Sequence[ledger.Row], thin: Thin
) -> dict[tuple[str, Place], int]:
    """How many documents, copies counted, the corpus will have of each cell in each phase. `terms` have the keeps.

    Errors: Short, as `size` itself.
    """
    asked = _asked(run, columned, targets)
    found = _found(thin, run, columned, terms, list(asked.values()))
    counts = counted(thin.listed(columned, terms), len(columned.cells), found)
    return {
        (name, cell): number
        for name, numbers in zip(asked, counts, strict=True)
        for cell, number in zip(columned.cells, numbers, strict=True)
    }


def _asked(run: Run, columned: Columned, targets: Sequence[ledger.Row]) -> dict[str, list[int]]:
    """By phase the tokens that each cell is asked for, by its number."""
    found = {(row.get(PHASE, ""), place(row)): row["tokens"] for row in targets}
    return {each.name: [found.get((each.name, cell), 0) for cell in columned.cells] for each in phases(run)}


def _stage(tokenizer: str, names: Sequence[str], found: Sequence[Cuts], shard: int) -> Size:
    """What is applied to one shard."""
    own = [tuple(extra for extra in part.extras if extra.shard == shard) for part in found]
    if names == [""]:
        return Size(found[0].cells, tokenizer, own[0])
    parts = zip(names, found, own, strict=True)
    return Size(
        (), tokenizer, phases=tuple(Phase(name, part.starts, part.cells, extras) for name, part, extras in parts)
    )


def _found(thin: Thin, run: Run, columned: Columned, terms: Terms, asked: Sequence[Sequence[int]]) -> list[Cuts]:
    """The cuts: of the corpus as it would be without lists, unless others move in for what they name."""
    reading = _reading(run, columned) if run.budget.exact else None
    connection = thin.judged(columned, terms)
    if thin.excluded.refill:
        connection = thin.listed(columned, terms)
        _must_refill(run, available(connection, columned.cells), [sum(each) for each in zip(*asked, strict=True)])
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
