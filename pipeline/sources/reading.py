"""One pass over a piece: its records as batches, and digests of the bytes they were read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from prep.errors import BadSource
from prep.pipeline.sources import csvfile, jsonl, text, warc
from prep.pipeline.sources.piece import Fields, Piece
from prep.pipeline.sources.remote import HEAD
from prep.pipeline.sources.rows import RECORDS, Row, batches
from prep.pipeline.sources.stream import Cut, Raw, open_file

__all__ = ["RECORDS", "Reading"]

ByRows = Callable[[Raw, Piece, Fields], Iterator[Row]]
BY_ROWS: dict[str, ByRows] = {"jsonl": jsonl.rows, "csv": csvfile.rows, "warc": warc.rows}


class Reading:
    """Every record of the piece is a row, skipped and rejected ones included; the first `skip` are not given again.

    `digests` is whole after the last batch: of each file, or of the piece's range of it, as it stands on disk. What
    is streamed from a hub has none; its revision is its digest.
    """

    def __init__(self, piece: Piece, fields: Fields, skip: int = 0) -> None:
        self.piece, self.fields, self.skip = piece, fields, skip
        self.digests: dict[str, str] = {}

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches of `RECORDS`, of at most `BATCH_ROWS` rows and `BATCH_BYTES` or one row."""
        records = 0
        try:
            for batch in self._batches():
                begin = max(self.skip - records, 0)
                records += len(batch)
                if begin < len(batch):
                    yield batch.slice(begin)
        except Cut as cut:
            raise BadSource(
                f"{cut}; {records} records before that are whole. Fetch the file again, or leave it out (`exclude`)"
            ) from cut

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self.piece.format in BY_ROWS:
            return self._by_rows(BY_ROWS[self.piece.format])
        if self.piece.format == "text":
            return batches(self._texts())
        if self.piece.format == "hf":
            from prep.pipeline.sources import hub

            return hub.batches(self.piece, self.fields)
        return self._by_columns()

    def _by_rows(self, rows: ByRows) -> Iterator[pa.RecordBatch]:
        for raw in self._open():
            yield from batches(rows(raw, self.piece, self.fields))

    def _texts(self) -> Iterator[Row]:
        for index, raw in enumerate(self._open()):
            yield text.row(raw, index, self.piece, self.fields)

    def _by_columns(self) -> Iterator[pa.RecordBatch]:
        from prep.pipeline.sources import tables

        for _ in self._open():  # hashed first, in order; the reader then seeks as it likes
            pass
        yield from tables.batches(self.piece, self.fields)
        for file in self.piece.files:
            open_file(file, HEAD).close()  # it is looked at once more

    def _open(self) -> Iterator[Raw]:
        """Each file in turn; it is finished when the next one is asked for."""
        for file in self.piece.files:
            with Raw(file, self.piece.start, self.piece.stop) as raw:
                yield raw
                self.digests[self.piece.label(file)] = raw.finish()
