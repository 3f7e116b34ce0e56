"""The formats that a finished corpus is written as. Each writes rows in batches, and reads back what books need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from prep.manifests import files
from prep.manifests.ledger import CELL, SIZES, TOKENS
from prep.manifests.shards import Columns, Sink, Writer, side_by_side
from prep.pipeline.run import RowWriter

ROW_GROUP = 4096  # rows a Parquet row group: what a streaming reader holds at once
ZSTD_LEVEL = 3


class ParquetWriter:
    """Zstd-compressed Parquet."""

    def __init__(self, sink: Sink, schema: pa.Schema) -> None:
        """The schema of every batch to come."""
        self._rows = 0
        self._writer = pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd")

    def write(self, batch: pa.RecordBatch) -> None:
        """One row group."""
        self._writer.write_batch(batch, row_group_size=ROW_GROUP)
        self._rows += batch.num_rows

    def close(self) -> int:
        """Write the footer."""
        self._writer.close()
        return self._rows


class JsonLinesWriter:
    """JSON lines in one zstd frame; `metadata` becomes an object again."""

    def __init__(self, sink: Sink) -> None:
        """The file to write to."""
        self._rows = 0
        self._stream = zstandard.ZstdCompressor(level=ZSTD_LEVEL).stream_writer(cast(IO[bytes], sink), closefd=False)

    def write(self, batch: pa.RecordBatch) -> None:
        """A line a row."""
        for row in batch.to_pylist():
            row["metadata"] = orjson.Fragment(row["metadata"])
            self._stream.write(orjson.dumps(row) + b"\n")
        self._rows += batch.num_rows

    def close(self) -> int:
        """End the frame."""
        self._stream.close()  # type: ignore[no-untyped-call]
        return self._rows


@dataclass(frozen=True)
class Format:
    """Where files of a format go, how they are written, and how their thin columns are read back."""

    pattern: str  # of the file's name, with the part of the corpus, its number and how many there are
    open: Callable[[pa.Schema], Callable[[Sink], RowWriter]]
    thin: Callable[[str], Iterator[pa.RecordBatch]]
    glob: str  # of the files of a part


def _booked(schema: pa.Schema) -> list[str]:
    return [name for name in schema.names if name in (*CELL, *SIZES) or name.startswith(TOKENS)]


def _thin_parquet(path: str) -> Iterator[pa.RecordBatch]:
    file = pq.ParquetFile(files.open_random(path))
    yield from file.iter_batches(columns=_booked(file.schema_arrow))


def _thin_arrow(path: str) -> Iterator[pa.RecordBatch]:
    for batch in side_by_side([Columns(path)]):
        yield batch.select(_booked(batch.schema))


def _thin_jsonl(path: str) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, Any]] = []
    for row in json_rows(path):
        rows.append({name: value for name, value in row.items() if name in CELL or name.startswith(TOKENS)})
        rows[-1]["n_bytes"], rows[-1]["n_chars"] = len(row["text"].encode()), len(row["text"])
        if len(rows) == ROW_GROUP:
            yield pa.RecordBatch.from_pylist(rows)
            rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows)


def json_rows(path: str) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    with zstandard.ZstdDecompressor().stream_reader(files.open_random(path)) as stream:
        rest = b""
        while chunk := stream.read(1 << 20):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from map(orjson.loads, lines)


FORMATS = {
    "parquet": Format(
        "data/{part}-{number:05d}-of-{count:05d}.parquet",
        lambda schema: partial(ParquetWriter, schema=schema), _thin_parquet, "data/{part}-*.parquet",
    ),
    "arrow": Format(
        "arrow/{part}-{number:05d}-of-{count:05d}.arrow",
        lambda schema: partial(Writer, schema=schema), _thin_arrow, "arrow/{part}-*.arrow",
    ),
    "jsonl": Format(
        "jsonl/{part}-{number:05d}-of-{count:05d}.jsonl.zst",
        lambda _: JsonLinesWriter, _thin_jsonl, "jsonl/{part}-*.jsonl.zst",
    ),
}  # fmt: skip
