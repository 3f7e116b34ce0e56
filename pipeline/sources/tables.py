"""Parquet and Arrow IPC files, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from prep.errors import BadSource
from prep.pipeline.sources.columns import Convert, check_schema
from prep.pipeline.sources.piece import Fields, File, Piece
from prep.pipeline.sources.remote import RANDOM
from prep.pipeline.sources.rows import BATCH_ROWS
from prep.pipeline.sources.stream import Cut, is_compressed, open_file

FEW_ROWS = 64  # rows decoded at once where a row may be long
BATCH_TARGET = 8_000_000  # bytes of a batch as Parquet's own figures foretell it

Numbered = Iterator[tuple[int, pa.RecordBatch]]


def batches(piece: Piece, fields: Fields) -> Iterator[pa.RecordBatch]:
    """The records of a Parquet or Arrow file, or of the row groups that start in the piece."""
    (file,) = piece.files
    if not file.size:
        return
    convert = Convert(fields)
    with open_file(file, RANDOM) as handle:
        check_plain(handle, file)
        read = parquet if piece.format == "parquet" else arrow
        for first, batch in told(read(handle, piece, fields), file):
            yield from convert(batch, first)


def check_plain(handle: IO[bytes], file: File) -> None:
    """Complain of a file that was compressed whole: it cannot be read at will."""
    head = handle.read(8)
    handle.seek(0)
    if is_compressed(head):
        raise BadSource(f"{file.name}: is compressed as a whole; unpack it (Parquet and Arrow compress inside)")


def told(batches: Numbered, file: File) -> Numbered:
    """The same batches, with Arrow's errors as ours."""
    while True:
        try:
            made = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise Cut(f"{file.name}: cannot be read, it is damaged, truncated or of another kind ({error})") from error
        if made is None:
            return
        yield made


def parquet(handle: IO[bytes], piece: Piece, fields: Fields) -> Numbered:
    """Row groups whose first column chunk starts in the piece; numbers count the whole file's rows."""
    text = fields.text or "text"
    source = pa.PythonFile(handle, mode="r")
    metadata = pq.read_metadata(source)
    check_schema(metadata.schema.to_arrow_schema(), piece.files[0].name, fields)
    # Without pre_buffer pages are read as they are needed, not a whole row group. The text stays a dictionary where
    # the file has one: a short page of indices can stand for a terabyte of one repeated string.
    keep = [text] if text in metadata.schema.to_arrow_schema().names else None
    file = pq.ParquetFile(source, metadata=metadata, read_dictionary=keep, pre_buffer=False, buffer_size=1 << 20)
    first = 1
    for index in range(file.num_row_groups):
        group = file.metadata.row_group(index)
        if in_piece(group, piece):
            number = first
            for batch in file.iter_batches(batch_rows(group), row_groups=[index], use_threads=False):
                yield number, batch
                number += len(batch)
        first += group.num_rows


def in_piece(group: pq.RowGroupMetaData, piece: Piece) -> bool:
    """Whether the row group belongs to the piece."""
    column = group.column(0)
    start = min(at for at in (column.dictionary_page_offset, column.data_page_offset) if at is not None)
    return piece.start <= start and (piece.stop is None or start < piece.stop)


def batch_rows(group: pq.RowGroupMetaData) -> int:
    """Rows to decode at once."""
    each = group.total_byte_size / max(group.num_rows, 1)
    return min(max(int(BATCH_TARGET / max(each, 1)), FEW_ROWS), BATCH_ROWS)


def arrow(handle: IO[bytes], piece: Piece, fields: Fields) -> Numbered:
    """IPC files and streams, told apart by their first bytes."""
    head = handle.read(6)
    handle.seek(0)
    if head.startswith(b"FEA1"):
        raise BadSource(f"{piece.files[0].name}: is Feather version 1; write it again as Feather 2 or Parquet")
    source = pa.PythonFile(handle, mode="r")
    if head == b"ARROW1":
        file = pa.ipc.open_file(source)
        return numbered((file.get_batch(index) for index in range(file.num_record_batches)), file.schema, piece, fields)
    stream = pa.ipc.open_stream(source)
    return numbered(stream, stream.schema, piece, fields)


def numbered(found: Iterator[pa.RecordBatch], schema: pa.Schema, piece: Piece, fields: Fields) -> Numbered:
    """Batches with the number of their first row."""
    check_schema(schema, piece.files[0].name, fields)
    first = 1
    for batch in found:
        yield first, batch
        first += len(batch)
