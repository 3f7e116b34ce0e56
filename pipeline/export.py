"""Write the corpus: the documents that `size` chose, in one global order, as files that trainers open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prep.errors import Unbalanced
from prep.manifests import files, ledger
from prep.manifests.ledger import CELL, TOKENS
from prep.manifests.record import Receipt, Recipe
from prep.manifests.shards import Columns, schema_of, side_by_side, table, write
from prep.pipeline import order, provenance, query, score
from prep.pipeline.formats import FORMATS
from prep.pipeline.ingest import DOCUMENTS
from prep.pipeline.judge import Columned
from prep.pipeline.query import Limits
from prep.pipeline.run import Output
from prep.pipeline.score import QUALITY
from prep.pipeline.settings import Run
from prep.pipeline.spread import Spread
from prep.pipeline.stage import Job, Result, Task, described, document_shards

TEXT = ("id", "text", *CELL, "licence", "url", "n_bytes", "n_chars", "text_hash", "metadata")
TAKEN = 4096  # rows that are put in order at once: bounds the second copy of the text that ordering needs


@dataclass(frozen=True)
class Export:
    """Writes one shard of the corpus in every format."""

    name: ClassVar[str] = "export"
    version: ClassVar[int] = 1
    shard_bytes: ClassVar[int] = 1 << 62  # the order has cut the shards already

    formats: tuple[str, ...]
    tokenizers: tuple[str, ...]
    scored: bool
    number: int
    count: int

    def schema(self) -> pa.Schema:
        """Of the corpus."""
        return pa.schema(
            [
                *(DOCUMENTS.field(name) for name in TEXT if name not in ("text_hash", "metadata")),
                *((TOKENS + name, pa.int64()) for name in self.tokenizers),
                *([(QUALITY, pa.float32())] if self.scored else []),
                ("text_hash", pa.string()),
                ("pass", pa.int32()),
                ("metadata", pa.large_string()),
            ]
        )

    def outputs(self, key: str, index: int) -> dict[str, Output]:
        """A file in each format."""
        return {
            name: Output(
                FORMATS[name].pattern.format(number=self.number, count=self.count), FORMATS[name].open(self.schema())
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
            yield pa.record_batch([columns[name] for name in self.schema().names], schema=self.schema())

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Documents, bytes and tokens by cell, read back from every file; they must tell the same."""
        pages = [
            ledger.add(ledger.cells(batch) for batch in FORMATS[name].thin(path))
            for name, path in zip(self.formats, written, strict=True)
        ]
        if any(page != pages[0] for page in pages):
            raise Unbalanced(f"the formats of one shard differ: {', '.join(written)}")
        return {"cells": pages[0]}


@dataclass(frozen=True)
class Spilled:
    """A unit: one shard of the corpus, lying in a part of every spill."""

    recipe: str
    number: int
    spills: tuple[str, ...]

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
        rows = pa.Table.from_batches(
            [pa.ipc.open_file(files.open_random(path)).get_batch(self.number) for path in self.spills]
        )
        rows = rows.combine_chunks()
        places = np.argsort(rows["seat"].to_numpy(), kind="stable")
        for start in range(0, len(places), TAKEN):
            yield from rows.take(pa.array(places[start : start + TAKEN])).drop_columns("seat").to_batches()


@dataclass(frozen=True)
class Spilling:
    """The documents of one input shard that are in the corpus, to be grouped by output shard."""

    columns: tuple[Columns, ...]
    places: str
    count: int
    folder: str
    name: str


def spill(order_: Spilling) -> str:
    """Write one record batch for each output shard; an empty one where this input shard gives it nothing."""
    rows = _taken(order_.columns, table([Columns(order_.places)]))
    schema = rows.schema.remove(rows.schema.get_field_index("out"))
    edges = np.searchsorted(rows["out"].to_numpy(), np.arange(order_.count + 1))
    with files.publish(files.join(order_.folder, order_.name)) as file, pa.ipc.new_file(file, schema) as writer:
        for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            part = rows.slice(start, stop - start).drop_columns("out").combine_chunks().to_batches()
            writer.write_batch(part[0] if part else pa.RecordBatch.from_pylist([], schema))
    return files.join(order_.folder, order_.name)


def _taken(columns: Sequence[Columns], places: pa.Table) -> pa.Table:
    """The rows at the given places, a copy for each, grouped by output shard."""
    row = places["row"].to_numpy()
    extra = places.drop_columns("row")
    fields = [schema_of(column.path).field(name) for column in columns for name in column.names or ()]
    parts, start = [pa.schema([*fields, *extra.schema]).empty_table()], 0
    for batch in side_by_side(columns):
        low, high = np.searchsorted(row, (start, start + batch.num_rows)).tolist()
        part = pa.Table.from_batches([batch.take(pa.array(row[low:high] - start))])
        for name in extra.schema.names:
            part = part.append_column(name, extra[name].slice(low, high - low))
        parts.append(part.select(parts[0].schema.names))
        start += batch.num_rows
    whole = pa.concat_tables(parts)
    return whole.take(pa.array(np.argsort(whole["out"].to_numpy(), kind="stable")))


def job(run: Run, columned: Columned, chain: Mapping[str, Result], limits: Limits) -> Job:
    """Put the chosen documents in order and write them. `chain` are the results of every stage so far, by name."""
    counted = {name.removeprefix("count."): result for name, result in chain.items() if name.startswith("count.")}
    sized = chain["size"]
    stage = Export(run.export.formats, tuple(sorted(counted)), score.NAME in columned.scores, 0, 0)
    results = {**columned.inputs, **{f"count.{name}": result for name, result in counted.items()}, "size": sized}
    settings = {**described(stage), "shard": run.export.shard, "seed": run.seed, "tokenizer": columned.tokenizer}
    inputs = {name: result.manifest.digest for name, result in sorted(results.items())}
    recipe = Recipe(Export.name, Export.version, settings, inputs)

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        folder = files.join(run.out, recipe.folder)
        scratch = stack.enter_context(
            TemporaryDirectory(prefix=files.TEMPORARY, dir=limits.scratch or folder, ignore_cleanup_errors=True)
        )
        with query.database(limits, folder) as connection:
            count = order.place(connection, columned, sized, run.seed, run.export.shard)
            spillings = list(_spillings(connection, _columns(columned, counted), count, scratch))
        spills = tuple(spread(spill, spillings))
        return [
            Task(replace(stage, number=number, count=count), Spilled(recipe.digest, number, spills))
            for number in range(count)
        ]

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        cells = ledger.add(receipt.ledger["cells"] for receipt in receipts)
        _must_be_what_was_sized(cells, sized.manifest.ledger["selection"], columned.tokenizer)
        return {"cells": cells}

    return Job(recipe, tasks, balance, results, finish=lambda folder, _: provenance.copy(folder, chain))


def _columns(columned: Columned, counted: Mapping[str, Result]) -> list[tuple[Columns, ...]]:
    """What is exported of each input shard."""
    results = [(columned.ingested, TEXT), *((counted[name], (TOKENS + name,)) for name in sorted(counted))]
    if score.NAME in columned.scores:
        results.append((columned.scores[score.NAME], (QUALITY,)))
    paths = [[Columns(path, names) for _, path in document_shards(result)] for result, names in results]
    return list(zip(*paths, strict=True))


def _spillings(
    connection: query.Connection, shards: Sequence[tuple[Columns, ...]], count: int, scratch: str
) -> Iterator[Spilling]:
    for shard, columns in enumerate(shards):
        question = "select row, pass::integer as pass, out, seat from placed where shard = ? order by row, pass"
        places = query.ask(connection, question, [shard])
        name = f"places-{shard:06d}.arrow"
        write(scratch, name, places.schema, places.to_batches())
        yield Spilling(columns, files.join(scratch, name), count, scratch, f"spill-{shard:06d}.arrow")


def _must_be_what_was_sized(cells: Sequence[ledger.Row], selection: Sequence[ledger.Row], tokenizer: str) -> None:
    """Documents written = Σ copies, and so their bytes and tokens, in every cell."""
    written = {
        tuple(row[name] for name in CELL): (row["documents"], row["bytes"], row["tokens"][tokenizer]) for row in cells
    }
    for row in selection:
        place = tuple(row[name] for name in CELL)
        chosen = (row["copies"], row["copied_bytes"], row["copied_tokens"])
        if written.pop(place, (0, 0, 0)) != chosen:
            raise Unbalanced(
                f"export: {'/'.join(place)}: chosen (documents, bytes, tokens) {chosen}, written otherwise"
            )
    if written:
        raise Unbalanced(f"export: written, but never chosen: {sorted(written)}")
