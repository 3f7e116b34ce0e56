"""Arrow shards in and out: batches cut by a fixed rule, columns of several stages laid side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import Buffer

from prep.errors import BrokenShard
from prep.manifests import files
from prep.manifests.record import Shard

ROWS = 4096  # most rows of a record batch
BATCH_BYTES = 4_000_000  # most bytes of text of a record batch (one longer document stands alone)
_WEIGHTY = ("text", "raw", "metadata")  # the columns whose bytes count

ANEW = "delete it, and the manifest.json in its folder, and run again: only what is missing is made anew"
# Every stage reads the text again. Japanese, MB/s of a core unpacking: lz4 3,400 (1.8 times smaller), zstd 1,300 (2.5);
# `prep count` spent a fifth of its time on that and kept 54 to 67% of its engine's speed, with lz4 75 to 80%.
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True)
class Columns:
    """Some columns of one shard file; all of them where none is named."""

    path: str
    names: tuple[str, ...] | None = None


def lengths(column: pa.Array) -> npt.NDArray[np.int64]:
    """Bytes of each value of a string or binary column; nulls have none."""
    return np.asarray(pc.fill_null(pc.binary_length(column), 0), dtype=np.int64)


def weights(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Bytes of text (and of raw rejected records) of each row."""
    total = np.zeros(batch.num_rows, dtype=np.int64)
    for name in _WEIGHTY:
        if name in batch.schema.names:
            total += lengths(batch.column(name))
    return total


def regroup(batches: Iterable[pa.RecordBatch], rows: int = ROWS, most: int = BATCH_BYTES) -> Iterator[pa.RecordBatch]:
    """The same rows in batches cut by a rule that looks at the rows alone, however they arrive.

    A batch ends before the row that would bring it over `rows` rows or `most` bytes of text; it holds at least one row.
    """
    held: list[pa.RecordBatch] = []
    held_rows = held_bytes = 0
    for batch in batches:
        sums = np.concatenate(([0], np.cumsum(weights(batch))))
        start = 0
        while start < batch.num_rows:
            fitting = int(np.searchsorted(sums, sums[start] + most - held_bytes, side="right")) - 1 - start
            take = min(rows - held_rows, max(fitting, 0 if held else 1), batch.num_rows - start)
            if take:
                held.append(batch.slice(start, take))
                held_rows += take
                held_bytes += int(sums[start + take] - sums[start])
                start += take
            if start < batch.num_rows or held_rows == rows:
                yield concat(held)
                held, held_rows, held_bytes = [], 0, 0
    if held:
        yield concat(held)


def concat(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch of freshly laid out buffers, so that the bytes written do not tell how the rows were sliced before."""
    whole: pa.RecordBatch = pa.concat_batches(batches) if len(batches) > 1 else batches[0]
    return whole.take(pa.array(np.arange(whole.num_rows))) if whole.num_rows and len(batches) == 1 else whole


class Sink:
    """Writes through to a file and keeps the SHA-256 and the number of its bytes."""

    closed = False

    def __init__(self, file: IO[bytes], name: str) -> None:
        """`name` is what the manifest will call the file."""
        self._file, self._name, self._sha256, self._bytes = file, name, hashlib.sha256(), 0

    def write(self, data: Buffer) -> int:
        """Write and take note."""
        view = memoryview(data)
        self._file.write(view)
        self._sha256.update(view)
        self._bytes += view.nbytes
        return view.nbytes

    def flush(self) -> None:
        """Arrow and zstandard call this; the file is flushed when it is published."""

    def close(self) -> None:
        """Arrow calls this; the file is closed when it is published."""

    def shard(self, rows: int) -> Shard:
        """What was written, for the manifest."""
        return Shard(self._name, rows, self._bytes, self._sha256.hexdigest())


@contextmanager
def publish(folder: str, name: str) -> Iterator[Sink]:
    """A file to publish whose checksum is taken while it is written."""
    with files.publish(files.join(folder, name)) as file:
        yield Sink(file, name)


class Writer:
    """Writes batches as an Arrow IPC file, compressed by buffer."""

    def __init__(self, sink: Sink, schema: pa.Schema) -> None:
        """The schema of every batch to come."""
        self._rows = 0
        self._writer = pa.ipc.new_file(sink, schema, options=_OPTIONS)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch, unless it is empty."""
        if batch.num_rows:
            self._writer.write_batch(batch)
            self._rows += batch.num_rows

    def close(self) -> int:
        """Write the footer; the number of rows."""
        self._writer.close()
        return self._rows


def write(folder: str, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Shard:
    """Publish one Arrow IPC file of batches."""
    with publish(folder, name) as sink:
        writer = Writer(sink, schema)
        for batch in batches:
            writer.write(batch)
        return sink.shard(writer.close())


def _open(wanted: Columns) -> pa.ipc.RecordBatchFileReader:
    try:
        file = files.open_random(wanted.path)
        reader = pa.ipc.open_file(file)
        if wanted.names is None:
            return reader
        known = reader.schema.names
        fields = [known.index(name) for name in wanted.names]
        return pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=sorted(fields)))
    except FileNotFoundError as error:
        raise BrokenShard(f"{wanted.path}: gone; delete the manifest.json in its folder, and run again") from error
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        raise BrokenShard(f"{wanted.path}: not a whole Arrow file with {wanted.names}: {error}; {ANEW}") from error


def read(wanted: Columns, pick: Callable[[int], Iterable[int]] = range) -> Iterator[pa.RecordBatch]:
    """The batches of a shard file, of the wanted columns only; no other column's bytes are read.

    `pick` is told how many batches there are and names those that are wanted; all of them by default.
    """
    reader = _open(wanted)
    for index in pick(reader.num_record_batches):
        try:
            yield reader.get_batch(index)
        except (pa.ArrowInvalid, OSError) as error:
            raise BrokenShard(f"{wanted.path}: record batch {index} cannot be read: {error}; {ANEW}") from error


def schema_of(path: str) -> pa.Schema:
    """The schema of a shard file."""
    return _open(Columns(path)).schema


def side_by_side(wanted: Sequence[Columns]) -> Iterator[pa.RecordBatch]:
    """Rows of several shard files laid side by side, row for row; batches end where any of the files' batches ends.

    Errors: BrokenShard, where the files differ in their number of rows.
    """
    streams = [read(columns) for columns in wanted]
    heads = [next(stream, None) for stream in streams]
    while any(head is not None for head in heads):
        if any(head is None for head in heads):
            raise BrokenShard("shards of one unit differ in rows: " + ", ".join(columns.path for columns in wanted))
        whole = [head for head in heads if head is not None]
        rows = min(head.num_rows for head in whole)
        yield _beside([head.slice(0, rows) for head in whole])
        heads = [
            head.slice(rows) if head.num_rows > rows else next(stream, None)
            for head, stream in zip(whole, streams, strict=True)
        ]


def _beside(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    fields = [field for batch in batches for field in batch.schema]
    return pa.record_batch([column for batch in batches for column in batch.columns], schema=pa.schema(fields))


def table(wanted: Sequence[Columns]) -> pa.Table:
    """Thin columns of one unit as a table in memory."""
    batches = list(side_by_side(wanted))
    if not batches:
        fields = [field for columns in wanted for field in _open(columns).schema]
        return pa.schema(fields).empty_table()
    return pa.Table.from_batches(batches)
