"""Records become documents: identified, edited, hashed. What is skipped or rejected is put aside, with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from prep.errors import BadSource
from prep.filters.edits import EDITS
from prep.manifests import ledger
from prep.manifests.record import part_name
from prep.manifests.shards import Columns, Writer, lengths, table
from prep.pipeline.language import By, utf8
from prep.pipeline.rejects import Bound, Watch
from prep.pipeline.run import PART, Output
from prep.pipeline.sources.piece import Fields, Piece
from prep.pipeline.sources.reading import Reading
from prep.pipeline.stage import MACHINE

HASH = pa.binary(16)  # xxh3-128
DOCUMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.large_string()),
        ("source", pa.string()),
        ("language", pa.string()),
        ("kind", pa.string()),
        ("licence", pa.string()),
        ("url", pa.string()),
        ("n_bytes", pa.int64()),
        ("n_chars", pa.int64()),
        ("text_hash", HASH),
        ("id_hash", HASH),
        ("draw_key", pa.uint64()),  # what chance hangs on: hash of the record's own id, else of its text
        ("removed", pa.map_(pa.string(), pa.int64())),  # UTF-8 bytes removed, by edit that touched the text
        ("metadata", pa.large_string()),
    ]
)
ASIDE = pa.schema(
    [
        ("source", pa.string()),
        ("file", pa.string()),
        ("record", pa.int64()),  # number in its file, from 1; -1 where unknown
        ("offset", pa.int64()),  # byte where it starts in the unpacked file; -1 where unknown
        ("skipped", pa.string()),
        ("rejected", pa.string()),
        ("raw", pa.large_binary()),  # as it stood, up to a bound
    ]
)
ASIDE_PREFIX = "aside"
OTHER = "other"  # language or kind whose field holds a value that the run file does not name


@dataclass(frozen=True)
class Property:
    """Language or kind: one value for a whole source, or by a field, with the values that the run file names."""

    constant: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    def column(self, found: pa.Array) -> pa.Array:
        """The property of each record, from the field that carries it."""
        if self.constant is not None:
            return pa.repeat(pa.scalar(self.constant, pa.string()), len(found))
        coded = found.dictionary_encode()
        names = pa.array([self.values.get(name, OTHER) for name in coded.dictionary.to_pylist()], pa.string())
        return pc.fill_null(names.take(coded.indices), OTHER)


@dataclass(frozen=True)
class Detected:
    """A language that is found in each text, be it declared or not."""

    by: By

    def column(self, text: pa.Array, model: str | None) -> pa.Array:
        """The language of each document; `other` where nothing is found."""
        found = self.by.identifier(model)(utf8(text))
        return pa.array([each.language or OTHER for each in found], pa.string())


@dataclass(frozen=True)
class Records:
    """A unit of reading: one piece of a source."""

    piece: Piece
    fields: Fields

    def identity(self) -> object:
        """What is read, and which fields of it."""
        return {"piece": self.piece.identity(), "fields": vars(self.fields)}

    def open(self, skip: int) -> OpenedRecords:
        """Its records, the first `skip` left out."""
        return OpenedRecords(self.piece, Reading(self.piece, self.fields, skip))

    def beside(self) -> tuple[str, ...]:
        """Nothing comes before a record."""
        return ()

    def weight(self) -> int:
        """Bytes on disk."""
        return self.piece.size


@dataclass(frozen=True)
class OpenedRecords:
    """Records being read, with the name of their file."""

    piece: Piece
    reading: Reading

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        names = pa.array([file.name for file in self.piece.files], pa.string())
        try:
            for batch in self.reading:
                place = batch.schema.get_field_index("file")
                yield batch.set_column(place, "file", names.take(batch.column(place)))
        except BadSource as error:  # the reader names the file
            raise BadSource(f"source {self.piece.source}: {error}") from error

    @property
    def facts(self) -> dict[str, Any]:
        """Digests of the bytes read, by source and file."""
        return {"digests": {f"{self.piece.source}/{name}": value for name, value in self.reading.digests.items()}}


@dataclass(frozen=True)
class Ingest:
    """Makes documents of the records of one source."""

    name: ClassVar[str] = "ingest"
    version: ClassVar[int] = 3
    shard_bytes: ClassVar[int] = 128_000_000

    source: str
    language: Property | Detected
    kind: Property
    edits: tuple[str, ...] = ()
    own_ids: bool = False
    qualify: bool = False
    max_document: int = 8_000_000
    model: str | None = field(default=None, metadata=MACHINE)  # where the file lies that finds languages
    bad: Bound | None = field(default=None, metadata=MACHINE)  # when to give up; changes no byte of what is kept

    def schema(self) -> pa.Schema:
        """Of the documents."""
        return DOCUMENTS

    def outputs(self, key: str, index: int) -> dict[str, Output]:
        """The documents, and what is put aside."""
        return {
            PART: Output(part_name(key, index), partial(Writer, schema=DOCUMENTS)),
            ASIDE_PREFIX: Output(f"{ASIDE_PREFIX}-{key}-{index:04d}.arrow", partial(Writer, schema=ASIDE)),
        }

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Every record is a row: a document's columns, or why it is none."""
        watch = Watch(self.source, self.bad)
        for batch in batches:
            rows = self._rows(batch)
            watch.look(rows)
            yield rows

    def split(self, batch: pa.RecordBatch) -> dict[str, pa.RecordBatch]:
        """Documents, and the records that are none."""
        whole = pc.and_(pc.is_null(batch["skipped"]), pc.is_null(batch["rejected"]))
        return {
            PART: batch.filter(whole).select(DOCUMENTS.names),
            ASIDE_PREFIX: batch.filter(pc.invert(whole)).select(ASIDE.names),
        }

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Documents by cell; and what became of the records that were read."""
        part, aside = written
        left = table([Columns(aside, ("skipped", "rejected"))]).combine_chunks()
        removed = table([Columns(part, ("removed",))]).column("removed").combine_chunks()
        cells = ledger.count((*beside, part))
        intake = {
            "source": self.source,
            "read": taken,
            "documents": sum(row["documents"] for row in cells),
            "skipped": ledger.histogram(left["skipped"]),
            "rejected": ledger.histogram(left["rejected"]),
            "edited": _edited(removed),
        }
        return {"cells": cells, "intake": [intake]}

    def _rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        text, removed = self._edit(batch["text"])
        n_bytes = lengths(text)
        skipped, rejected = self._left_out(batch, text, n_bytes)
        kept = pa.array(np.asarray(pc.and_(pc.is_null(skipped), pc.is_null(rejected))))
        text = pc.if_else(kept, text, pa.scalar(None, pa.large_string()))
        text_hash = hashes(text)
        own, id_ = self._ids(batch)
        columns = {
            "id": id_,
            "text": text,
            "source": pa.repeat(pa.scalar(self.source, pa.string()), batch.num_rows),
            "language": self._language(batch["language"], text),
            "kind": self.kind.column(batch["kind"]),
            "licence": batch["licence"],
            "url": batch["url"],
            "n_bytes": pa.array(lengths(text)),
            "n_chars": pc.fill_null(pc.utf8_length(text), 0).cast(pa.int64()),
            "text_hash": text_hash,
            "id_hash": hashes(id_),
            "draw_key": pa.array(_first_half(hashes(own) if self.own_ids else text_hash)),
            "removed": removed,
            "metadata": batch["metadata"],
            **{name: batch[name] for name in ("file", "record", "offset", "raw")},
            "skipped": skipped,
            "rejected": rejected,
        }
        fields = pa.schema([*DOCUMENTS, *(field for field in ASIDE if field.name not in DOCUMENTS.names)])
        return pa.record_batch([columns[field.name] for field in fields], schema=fields)

    def _language(self, said: pa.Array, text: pa.Array) -> pa.Array:
        if isinstance(self.language, Detected):
            return self.language.column(text, self.model)
        return self.language.column(said)

    def _edit(self, text: pa.Array) -> tuple[pa.Array, pa.Array]:
        if not self.edits:
            return text, pa.nulls(len(text), DOCUMENTS.field("removed").type)
        present = pc.fill_null(text, "").to_pylist()
        removed: list[dict[str, int]] = [{} for _ in present]
        for name in self.edits:
            edited = EDITS[name.partition("/")[0]](present)
            for row, (before, after) in enumerate(zip(present, edited, strict=True)):
                if before is not after and before != after:
                    removed[row][name.partition("/")[0]] = len(before.encode()) - len(after.encode())
            present = edited
        whole = np.asarray(text.is_valid())
        return (
            pa.array(present, pa.large_string(), mask=~whole),
            pa.array([list(row.items()) or None for row in removed], DOCUMENTS.field("removed").type),
        )

    def _left_out(
        self, batch: pa.RecordBatch, text: pa.Array, n_bytes: npt.NDArray[np.int64]
    ) -> tuple[pa.Array, pa.Array]:
        """Reasons to skip and to reject: those of the reader, empty text, and what an edit made too long."""
        open_ = pc.and_(pc.is_null(batch["skipped"]), pc.is_null(batch["rejected"]))
        blank = pc.or_(pc.utf8_is_space(text), pc.equal(pc.binary_length(text), 0))
        empty = pc.and_(open_, pc.fill_null(blank, True))
        long = pc.and_(open_, pa.array(n_bytes > self.max_document))
        skipped = pc.if_else(empty, pa.scalar("empty text"), batch["skipped"])
        return skipped, pc.if_else(long, pa.scalar("text over max_document"), batch["rejected"])

    def _ids(self, batch: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
        """The record's own id, and the one it is known by: its own, or where it stands, or both."""
        own = batch["id"]
        if self.own_ids and not self.qualify:
            return own, own
        numbered = pc.greater(batch["record"], 0)
        place = pc.if_else(
            numbered,
            pc.binary_join_element_wise("#", batch["record"].cast(pa.string()), ""),
            pc.binary_join_element_wise("@", batch["offset"].cast(pa.string()), ""),
        )
        known = pc.binary_join_element_wise(self.source + "/", batch["file"], place, "")
        return own, pc.binary_join_element_wise(known, own, ":") if self.own_ids else known


def hashes(column: pa.Array) -> pa.Array:
    """xxh3-128 of each value's UTF-8; null stays null."""
    values = column.cast(pa.large_binary())
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int64)[values.offset : values.offset + len(values) + 1]
    data = memoryview(values.buffers()[2] or b"")
    valid = np.asarray(values.is_valid())
    digest = xxhash.xxh3_128_digest
    found = [
        digest(data[start:stop]) if there else None
        for start, stop, there in zip(offsets[:-1].tolist(), offsets[1:].tolist(), valid.tolist(), strict=True)
    ]
    return pa.array(found, HASH)


def _first_half(hashed: pa.Array) -> npt.NDArray[np.uint64]:
    """The first eight bytes of each hash as a number; nulls are 0."""
    filled = pc.fill_null(hashed, pa.scalar(bytes(16), HASH))
    return np.frombuffer(filled.buffers()[1], dtype=">u8")[filled.offset * 2 :: 2][: len(filled)].astype(np.uint64)


def _edited(removed: pa.Array) -> dict[str, int]:
    """Bytes removed by each edit."""
    items = removed.drop_null()
    totals: dict[str, int] = {}
    for name, number in zip(items.keys.to_pylist(), items.items.to_pylist(), strict=True):
        totals[name] = totals.get(name, 0) + number
    return dict(sorted(totals.items()))
