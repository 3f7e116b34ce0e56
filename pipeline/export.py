"""Write the corpus: the documents that `size` chose, in one global order, as files that trainers open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prep.errors import NoSpace, Unbalanced
from prep.manifests import files, ledger
from prep.manifests.ledger import CELL, PHASE, TOKENS
from prep.manifests.record import Receipt, Recipe
from prep.manifests.shards import Columns
from prep.pipeline import provenance, score
from prep.pipeline.formats import FORMATS
from prep.pipeline.ingest import DOCUMENTS
from prep.pipeline.judge import Columned
from prep.pipeline.numbers import format_bytes
from prep.pipeline.ordering import placing, spill
from prep.pipeline.ordering.placing import VALIDATION, Ordering, Placed
from prep.pipeline.ordering.spill import WHOLE_BYTES, WHOLE_TOKENS, Batch, Spilling, Trimming
from prep.pipeline.query import Limits
from prep.pipeline.reasons import Reason
from prep.pipeline.run import Output
from prep.pipeline.score import QUALITY
from prep.pipeline.settings import Run
from prep.pipeline.spread import Spread
from prep.pipeline.stage import ADDED, Job, Result, Task, described, document_shards

TEXT = ("id", "text", *CELL, "licence", "url", "n_bytes", "n_chars", "text_hash", "metadata")
TAKEN = 4096  # rows that are put in order at once: bounds the second copy of the text that ordering needs
FIGURES = ("documents", "bytes", "tokens")
NONE = (0, 0, 0)
WEIGHTS = "weights"  # .json and .txt: what a trainer that blends by itself is told


@dataclass(frozen=True)
class Export:
    """Writes one shard of the corpus in every format."""

    name: ClassVar[str] = "export"
    version: ClassVar[int] = 3
    shard_bytes: ClassVar[int] = 1 << 62  # the order has cut the shards already

    formats: tuple[str, ...]
    tokenizers: tuple[str, ...]
    scored: bool
    exact: bool = False
    part: str = placing.TRAIN
    number: int = 0
    count: int = 0
    phased: bool = field(default=False, metadata=ADDED)
    phase: str = field(default="", metadata=ADDED)  # none of what is held out

    def of(self, part: str, number: int, count: int) -> Export:
        """The same for a file: so many has that part of the corpus."""
        phase = placing.phase_of(part) if self.phased else ""
        return replace(self, part=part, number=number, count=count, phase=phase)

    def schema(self) -> pa.Schema:
        """Of the corpus."""
        return pa.schema(
            [
                *(DOCUMENTS.field(name) for name in TEXT if name not in ("text_hash", "metadata")),
                *((TOKENS + name, pa.int64()) for name in self.tokenizers),
                *([(QUALITY, pa.float32())] if self.scored else []),
                *([(WHOLE_BYTES, pa.int64()), (WHOLE_TOKENS, pa.int64())] if self.exact else []),
                ("text_hash", pa.string()),
                ("pass", pa.int32()),
                *([(PHASE, pa.string())] if self.phased else []),
                ("metadata", pa.large_string()),
            ]
        )

    def outputs(self, key: str, index: int) -> dict[str, Output]:
        """A file in each format."""
        return {
            name: Output(
                FORMATS[name].pattern.format(part=self.part, number=self.number, count=self.count),
                FORMATS[name].open(self.schema()),
            )
            for name in self.formats
        }

    def split(self, batch: pa.RecordBatch) -> dict[str, pa.RecordBatch]:
        """The same rows for each."""
        return dict.fromkeys(self.formats, batch)

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows in order, in the form that a reader expects."""
        for batch in batches:
            columns = {name: batch[name] for name in batch.schema.names}
            hexed = [value.hex() for value in batch["text_hash"].to_pylist()]
            columns["text_hash"] = pa.array(hexed, pa.string())
            if self.scored:
                columns[QUALITY] = pc.divide(batch[QUALITY].cast(pa.float32()), np.float32(65535))
            columns[PHASE] = pa.array([self.phase or None] * batch.num_rows, pa.string())
            yield pa.record_batch([columns[name] for name in self.schema().names], schema=self.schema())

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Documents, bytes and tokens by cell, read back from every file; they must tell the same."""
        pages = [
            ledger.add(ledger.cells(batch) for batch in FORMATS[name].thin(path))
            for name, path in zip(self.formats, written, strict=True)
        ]
        if any(page != pages[0] for page in pages):
            raise Unbalanced(f"the formats of one shard differ: {', '.join(written)}")
        if self.part == VALIDATION:
            return {"cells": [], VALIDATION: pages[0]}
        return {"cells": pages[0], **({"phases": [{PHASE: self.phase, "cells": pages[0]}]} if self.phase else {})}


@dataclass(frozen=True)
class Spilled:
    """A unit: one shard of the corpus, lying in a part of every spill."""

    recipe: str
    number: int
    batches: tuple[Batch, ...]

    def identity(self) -> object:
        """The recipe and the number: the order hangs on every document."""
        return [self.recipe, self.number]

    def open(self, skip: int) -> Spilled:
        """Itself: it is read as it lies."""
        return self

    def beside(self) -> tuple[str, ...]:
        """It is counted from what is written alone."""
        return ()

    def weight(self) -> int:
        """The shards of a corpus are cut alike."""
        return 1

    @property
    def facts(self) -> dict[str, Any]:
        """Nothing that the manifest lacks."""
        return {}

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        rows = pa.Table.from_batches([spill.record_batch(batch.path, batch.index) for batch in self.batches])
        rows = rows.combine_chunks()
        places = np.argsort(rows["seat"].to_numpy(), kind="stable")
        for start in range(0, len(places), TAKEN):
            yield from rows.take(pa.array(places[start : start + TAKEN])).drop_columns(["out", "seat"]).to_batches()


def job(run: Run, columned: Columned, chain: Mapping[str, Result], limits: Limits) -> Job:
    """Put the chosen documents in order and write them. `chain` are the results of every stage so far, by name."""
    counted = {name.removeprefix("count."): result for name, result in chain.items() if name.startswith("count.")}
    sized = chain["size"]
    scored, phased = score.NAME in columned.scores, run.phases is not None
    stage = Export(run.export.formats, tuple(sorted(counted)), scored, run.budget.exact, phased=phased)
    results = {**columned.inputs, **{f"count.{name}": result for name, result in counted.items()}, "size": sized}
    settings = {**described(stage), **_ordered(run), "seed": run.seed, "tokenizer": columned.tokenizer}
    inputs = {name: result.manifest.digest for name, result in sorted(results.items())}
    recipe = Recipe(Export.name, Export.version, settings, inputs)

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        folder = files.join(run.out, recipe.folder)
        scratch = stack.enter_context(
            TemporaryDirectory(prefix=files.TEMPORARY, dir=limits.scratch or folder, ignore_cleanup_errors=True)
        )
        with ExitStack() as planning:
            ordering = Ordering(columned, sized, run.export, run.seed)
            placed = placing.place(ordering, run.export.shard, scratch, planning)
            _must_hold(scratch, sized.manifest.ledger["selection"], len(placed.outs))
            spillings = list(_spillings(run, columned, counted, placed, (sized, scratch)))
        outs = spill.spilled(spread, spillings, len(placed.outs), scratch)
        return [
            Task(stage.of(out.part, out.number, out.count), Spilled(recipe.digest, number, tuple(outs[number])))
            for number, out in enumerate(placed.outs)
        ]

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        page = totals([receipt.ledger for receipt in receipts])
        weighed = run.export.repeats == "weights"
        for finding in differences(page, sized.manifest.ledger, columned.tokenizer, weighed=weighed):
            raise Unbalanced(f"export: {finding}")
        return page

    def finish(folder: str, page: Mapping[str, Any]) -> None:
        provenance.copy(folder, chain)
        if run.export.layout == "by_cell":
            _write_weights(folder, sized.manifest.ledger["selection"])

    return Job(recipe, tasks, balance, results, finish=finish)


def _ordered(run: Run) -> dict[str, Any]:
    """What of the run file changes the order and the files."""
    return {name: getattr(run.export, name) for name in ("shard", "order", "layout", "repeats")}


def scratch_bytes(selection: Sequence[ledger.Row], outs: int) -> int:
    """Bytes of text that lie in the scratch folder at once, at most."""
    held = [row["left_out"].get(Reason.VALIDATION.name, {}).get("bytes", 0) for row in selection]
    copied: int = sum(row["copied_bytes"] for row in selection)
    return int(copied + sum(held)) * (1 if outs <= spill.FANOUT else 2)


def _must_hold(scratch: str, selection: Sequence[ledger.Row], outs: int) -> None:
    """Errors: NoSpace, before anything is spilled."""
    needed, free = scratch_bytes(selection, outs), files.free_bytes(scratch)
    if free is not None and needed > free:
        raise NoSpace(
            f"{scratch}: putting the corpus in order needs {format_bytes(needed)} for a while, {format_bytes(free)} "
            "are free; give --scratch a folder on a larger disk"
        )


def _spillings(
    run: Run, columned: Columned, counted: Mapping[str, Result], placed: Placed, where: tuple[Result, str]
) -> Iterator[Spilling]:
    sized, scratch = where
    width = spill.width(len(placed.outs))
    kept: dict[int, dict[tuple[int, int], tuple[int, int]]] = {}
    for (shard, row, number), left in placing.cut(sized).items():
        kept.setdefault(shard, {})[row, number] = left
    for shard, columns in enumerate(_columns(columned, counted)):
        path = files.join(scratch, f"places-{shard:06d}.npy")
        np.save(path, placed.places.rows(shard))
        trimming = Trimming(kept.get(shard, {}), columned.tokenizer, run.tokenizers) if run.budget.exact else None
        yield Spilling(columns, path, width, files.join(scratch, f"spill-{shard:06d}.arrow"), trimming)


def _columns(columned: Columned, counted: Mapping[str, Result]) -> list[tuple[Columns, ...]]:
    """What is exported of each input shard."""
    results = [(columned.ingested, TEXT), *((counted[name], (TOKENS + name,)) for name in sorted(counted))]
    if score.NAME in columned.scores:
        results.append((columned.scores[score.NAME], (QUALITY,)))
    paths = [[Columns(path, names) for _, path in document_shards(result)] for result, names in results]
    return list(zip(*paths, strict=True))


def totals(pages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The pages of every file added up."""
    held = ledger.add(page.get(VALIDATION, ()) for page in pages)
    phases: dict[str, list[Any]] = {}
    for each in (each for page in pages for each in page.get("phases", ())):
        phases.setdefault(each[PHASE], []).append(each["cells"])
    return {
        "cells": ledger.add(page["cells"] for page in pages),
        **({VALIDATION: held} if held else {}),
        **({"phases": [{PHASE: name, "cells": ledger.add(cells)} for name, cells in phases.items()]} if phases else {}),
    }


def differences(page: Mapping[str, Any], chosen: Mapping[str, Any], tokenizer: str, *, weighed: bool) -> Iterator[str]:
    """Where what was written is not what was chosen, by the page of `size`: documents, bytes and tokens of each cell.

    Written are all copies, or each document once where the trainer is told `weighed` repeats. So too in each phase, and
    of what is held out.
    """
    selection, copied = chosen["selection"], ("copies", "copied_bytes", "copied_tokens")
    yield from _differences("", _figures(selection, FIGURES if weighed else copied), page["cells"], tokenizer)
    out = {_place(row): row["left_out"].get(Reason.VALIDATION.name) for row in selection}
    held = {place: tuple(row[name] for name in FIGURES) for place, row in out.items() if row}
    yield from _differences(f"{VALIDATION}: ", held, page.get(VALIDATION, ()), tokenizer)
    written = {each[PHASE]: each["cells"] for each in page.get("phases", ())}
    for each in chosen.get("phases", ()):
        asked = _figures(each["cells"], copied)
        yield from _differences(f"phase {each[PHASE]}: ", asked, written.get(each[PHASE], ()), tokenizer)


def _figures(rows: Sequence[ledger.Row], names: Sequence[str]) -> dict[tuple[str, ...], tuple[int, ...]]:
    return {_place(row): tuple(row[name] for name in names) for row in rows}


def _differences(
    what: str, one: Mapping[tuple[str, ...], tuple[int, ...]], written: Sequence[ledger.Row], tokenizer: str
) -> Iterator[str]:
    two = {_place(row): (row["documents"], row["bytes"], row["tokens"][tokenizer]) for row in written}
    for place in sorted(one.keys() | two.keys()):
        for name, asked, got in zip(FIGURES, one.get(place, NONE), two.get(place, NONE), strict=True):
            if asked != got:
                yield f"{what}{'/'.join(place)}: {asked:,} {name} chosen, {got:,} written"


def _place(row: ledger.Row) -> tuple[str, ...]:
    return tuple(row[name] for name in CELL)


def _write_weights(folder: str, selection: Sequence[ledger.Row]) -> None:
    """Leave the line that a blending trainer is given, and the figures behind it."""
    told = placing.weights(selection)
    line = " ".join(f"{row['weight']:.9f} data/{row['prefix']}" for row in told)
    files.write(files.join(folder, f"{WEIGHTS}.txt"), f"{line}\n".encode())
    files.write(files.join(folder, f"{WEIGHTS}.json"), json.dumps(told, indent=1, ensure_ascii=False).encode() + b"\n")
