"""Records as rows, and rows as record batches of a fixed schema, cut by rows and bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa

from prep.pipeline.sources.piece import RAW_BOUND
from prep.pipeline.sources.stream import Cut

BATCH_BYTES = 4_000_000  # of text, metadata and raw bytes; one record may be more
BATCH_ROWS = 4096

RECORDS = pa.schema(
    [
        ("file", pa.int32()),  # index into the piece's files
        ("record", pa.int64()),  # number in its file from 1; -1 where the file was split by bytes
        ("offset", pa.int64()),  # byte of the decompressed file where it starts; -1 unknown
        ("text", pa.large_string()),
        ("id", pa.string()),
        ("language", pa.string()),
        ("kind", pa.string()),
        ("licence", pa.string()),
        ("url", pa.string()),
        ("metadata", pa.large_string()),  # JSON object of everything else the record carried
        ("skipped", pa.string()),
        ("rejected", pa.string()),
        ("raw", pa.large_binary()),  # of rejected records: their first `RAW_BOUND` bytes as they stood
    ]
)


class Row(NamedTuple):
    """One record read, in the order of `RECORDS`."""

    file: int
    record: int
    offset: int
    text: str | None = None
    id: str | None = None
    language: str | None = None
    kind: str | None = None
    licence: str | None = None
    url: str | None = None
    metadata: bytes = b"{}"
    skipped: str | None = None
    rejected: str | None = None
    raw: bytes | None = None

    @classmethod
    def document(cls, record: int, offset: int, values: Iterable[str | None], metadata: bytes) -> Row:
        """A record that is one; `values` are text, id, language, kind, licence and url."""
        return cls._make((0, record, offset, *values, metadata, None, None, None))


class Unfit(Exception):
    """A record that is no document; `reason` is a category to count by and holds no value of the record."""

    def __init__(self, reason: str, skipped: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.skipped = reason, skipped

    def row(self, record: int, offset: int, raw: bytes) -> Row:
        """The row that stands for the record."""
        if self.skipped:
            return Row(0, record, offset, skipped=self.reason)
        return Row(0, record, offset, rejected=self.reason, raw=raw[:RAW_BOUND])


def too_long(max_document: int) -> Unfit:
    """For a text above the bound of memory everywhere."""
    return Unfit(f"text over max_document ({max_document} bytes)")


def over_line(bound: int) -> Unfit:
    """For a line or field too long to be looked at."""
    return Unfit(f"line over {bound} bytes")


def check_length(text: str, max_document: int) -> None:
    """Complain where the text's UTF-8 is too long, encoding it only where it could be."""
    if len(text) * 4 > max_document and len(text.encode()) > max_document:
        raise too_long(max_document)


def size_of(row: Row) -> int:
    """An upper bound of the row's bytes, without encoding its text."""
    size = len(row.metadata) + (len(row.raw) if row.raw else 0)
    if row.text:
        size += len(row.text) if row.text.isascii() else 4 * len(row.text)
    return size


def batches(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    """The rows, packed; where the file breaks off, those that came before it are still given."""
    held: list[Row] = []
    size = 0
    try:
        for row in rows:
            more = size_of(row)
            if held and (size + more > BATCH_BYTES or len(held) == BATCH_ROWS):
                yield pack(held)
                held, size = [], 0
            held.append(row)
            size += more
    except Cut:
        if held:
            yield pack(held)
        raise
    if held:
        yield pack(held)


def pack(rows: list[Row]) -> pa.RecordBatch:
    """Rows as one batch."""
    columns = zip(*rows, strict=True)
    return pa.record_batch(
        [pa.array(column, field.type) for column, field in zip(columns, RECORDS, strict=True)], schema=RECORDS
    )
