"""The text of the corpus on its way from input shards to output files: an external sort, by one spill or two.

An input shard spills one file with a record batch for each output file (or range of them) that it gives rows to; an
output file reads its batch of every spill. Above a thousand output files the ranges are spilled once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from prep.errors import BrokenShard, Unbalanced
from prep.manifests import files
from prep.manifests.ledger import TOKENS
from prep.manifests.shards import ANEW, Columns, lengths, schema_of, side_by_side, weights
from prep.pipeline import counting
from prep.pipeline.ingest import hashes
from prep.pipeline.settings import Tokenizer
from prep.pipeline.spread import Spread

FANOUT = 1000  # record batches of a spill; with more each would be a small read
HELD = 256_000_000  # bytes of text that the second spill holds at once
PLACED = ("pass", "out", "seat")
WHOLE_BYTES, WHOLE_TOKENS = "whole_bytes", "whole_tokens"  # of a cut document, before it was cut; else null


@dataclass(frozen=True)
class Batch:
    """One record batch of a spill: the bucket that it is of, where it lies, and its bytes of text."""

    bucket: int
    path: str
    index: int
    bytes: int


@dataclass(frozen=True)
class Trimming:
    """Which copies are cut: the tokens and bytes that are kept of each, and who counts."""

    kept: Mapping[tuple[int, int], tuple[int, int]]  # by row and pass: tokens and bytes
    tokenizer: str
    tokenizers: Mapping[str, Tokenizer] = field(default_factory=dict)


@dataclass(frozen=True)
class Spilling:
    """The copies of one input shard, to be grouped by output file, `width` files a batch."""

    columns: tuple[Columns, ...]
    places: str  # a file of `order.PLACE` rows
    width: int
    path: str
    trimming: Trimming | None


@dataclass(frozen=True)
class Again:
    """Batches of a range of output files, to be grouped by file."""

    batches: tuple[Batch, ...]
    path: str


def spilled(spread: Spread, spillings: Iterable[Spilling], count: int, scratch: str) -> list[list[Batch]]:
    """Spill every input shard; of each of `count` output files the batches that it is made of."""
    found = _by_bucket((batch for batches in spread(spill, spillings) for batch in batches), -(-count // width(count)))
    if width(count) == 1:
        return found
    ranges = [
        Again(tuple(part), files.join(scratch, f"again-{bucket:06d}-{number:06d}.arrow"))
        for bucket, batches in enumerate(found)
        for number, part in enumerate(_chunks(batches))
    ]
    return _by_bucket((batch for batches in spread(spill_again, ranges) for batch in batches), count)


def width(count: int) -> int:
    """Output files to a batch of the first spill, of so many in all."""
    return max(1, -(-count // FANOUT))


def _by_bucket(batches: Iterable[Batch], count: int) -> list[list[Batch]]:
    found: list[list[Batch]] = [[] for _ in range(count)]
    for batch in batches:
        found[batch.bucket].append(batch)
    return found


def _chunks(batches: Sequence[Batch]) -> Iterator[list[Batch]]:
    part: list[Batch] = []
    for batch in batches:
        if part and sum(each.bytes for each in part) + batch.bytes > HELD:
            yield part
            part = []
        part.append(batch)
    if part:
        yield part


def spill(asked: Spilling) -> list[Batch]:
    """Write the batches of one input shard. Runs in a worker.

    It holds the shard's chosen text once, however often it is repeated, and the batch that it writes.
    """
    places = np.load(asked.places)
    rows = np.unique(places["row"])
    text = _chosen(asked.columns, rows)
    order = np.argsort(places["out"], kind="stable")
    places = places[order]
    held = np.searchsorted(rows, places["row"])
    trimming = asked.trimming

    def taken(start: int, stop: int) -> pa.Table:
        table = text.take(pa.array(held[start:stop]))
        for name in PLACED:
            table = table.append_column(name, pa.array(places[name][start:stop]))
        if trimming is None:
            return table
        table = table.append_column(WHOLE_BYTES, pa.nulls(stop - start, pa.int64()))
        table = table.append_column(WHOLE_TOKENS, pa.nulls(stop - start, pa.int64()))
        here = places[start:stop]
        for (row, number), kept in trimming.kept.items():
            for place in np.flatnonzero((here["row"] == row) & (here["pass"] == number)).tolist():
                table = _trimmed(table, place, kept, trimming)
        return table

    return _written(asked.path, places["out"] // asked.width, taken)


def _chosen(columns: Sequence[Columns], rows: npt.NDArray[np.int32]) -> pa.Table:
    fields = [schema_of(column.path).field(name) for column in columns for name in column.names or ()]
    parts, start = [pa.schema(fields).empty_table()], 0
    for batch in side_by_side(columns):
        low, high = np.searchsorted(rows, (start, start + batch.num_rows)).tolist()
        if high > low:
            part = batch.take(pa.array(rows[low:high] - start))
            _must_be_whole(part, rows[low:high], columns[0].path)
            parts.append(pa.Table.from_batches([part]).select(parts[0].schema.names))
        start += batch.num_rows
    return pa.concat_tables(parts).combine_chunks()


def _must_be_whole(part: pa.RecordBatch, rows: npt.NDArray[np.int32], path: str) -> None:
    """Nothing after this reads the text of a shard, and what packs it keeps no checksum.

    Errors: BrokenShard, where a text is not the one that was hashed when the shard was written.
    """
    wrong = (lengths(part["text"]) != part["n_bytes"].to_numpy()) | np.asarray(
        pc.not_equal(hashes(part["text"]), part["text_hash"])
    )
    if wrong.any():
        raise BrokenShard(
            f"{path}: row {rows[wrong][0]} ({part['id'].filter(wrong)[0]}) holds another text than was written; "
            f"{int(wrong.sum())} of {len(wrong)} rows do; {ANEW}"
        )


def _trimmed(table: pa.Table, place: int, kept: tuple[int, int], trimming: Trimming) -> pa.Table:
    """The same rows, the text of one cut, its sizes and hash those of what is left.

    Errors: Unbalanced, where the budget's tokenizer counts other than when the cut was found.
    """
    tokens, n_bytes = kept
    row = table.slice(place, 1).to_pylist()[0]
    text = row["text"].encode()[:n_bytes].decode()
    whole = {WHOLE_BYTES: row["n_bytes"], WHOLE_TOKENS: row[TOKENS + trimming.tokenizer]}
    left = pa.array([text], pa.large_string())
    counts = {
        TOKENS + name: int(counting.reference(given).count(left)[0]) for name, given in trimming.tokenizers.items()
    }
    if counts[TOKENS + trimming.tokenizer] != tokens:
        raise Unbalanced(
            f"export: {row['id']}: cut to {n_bytes:,} bytes it has {counts[TOKENS + trimming.tokenizer]:,} tokens, "
            f"{tokens:,} when it was sized; remove the folder of `size` and run again"
        )
    sizes = {"n_bytes": n_bytes, "n_chars": len(text), "text_hash": xxhash.xxh3_128_digest(text.encode())}
    new = pa.Table.from_pylist([{**row, "text": text, **sizes, **counts, **whole}], table.schema)
    return pa.concat_tables([table.slice(0, place), new, table.slice(place + 1)])


def spill_again(asked: Again) -> list[Batch]:
    """Write the batches of a range of output files by file. Runs in a worker."""
    table = pa.Table.from_batches([record_batch(batch.path, batch.index) for batch in asked.batches])
    order = np.argsort(table["out"].to_numpy(), kind="stable")
    outs = table["out"].to_numpy()[order]
    return _written(asked.path, outs, lambda start, stop: table.take(pa.array(order[start:stop])))


def _written(path: str, bucket: npt.NDArray[Any], taken: Callable[[int, int], pa.Table]) -> list[Batch]:
    """Write one record batch for each run of rows of one bucket; `taken` gives the rows from one place to another."""
    edges = np.flatnonzero(np.diff(bucket, prepend=-1, append=-1)).tolist() if len(bucket) else []
    found: list[Batch] = []
    with files.publish(path) as file, ExitStack() as stack:
        writer = None
        for index, (start, stop) in enumerate(pairwise(edges)):
            [batch] = taken(start, stop).combine_chunks().to_batches()
            writer = writer or stack.enter_context(pa.ipc.new_file(file, batch.schema))
            writer.write_batch(batch)
            found.append(Batch(int(bucket[start]), path, index, int(weights(batch).sum())))
    return found


def record_batch(path: str, index: int) -> pa.RecordBatch:
    """One batch of a spill."""
    return pa.ipc.open_file(files.open_random(path)).get_batch(index)
