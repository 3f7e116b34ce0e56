"""Records that became no document: what was skipped or rejected at ingest, as it stood."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from prep.manifests import files
from prep.manifests.shards import Columns, read
from prep.pipeline.ingest import ASIDE_PREFIX
from prep.pipeline.look.finished import Finished

MOST = 20
RAW = 2_000  # bytes shown of a rejected record


@dataclass(frozen=True)
class Aside:
    """One record: `record` is its number in the file from 1, `offset` its byte; -1 where that is unknown."""

    source: str
    file: str
    record: int
    offset: int
    skipped: str | None
    rejected: str | None
    raw: str
    raw_left: int  # bytes kept beyond those shown

    @property
    def place(self) -> str:
        """As an id would have it."""
        return f"{self.source}/{self.file}#{self.record}" if self.record > 0 else (
            f"{self.source}/{self.file}@{self.offset}"
        )  # fmt: skip


def asides(finished: Finished, fits: Callable[[pa.RecordBatch], pa.Array]) -> list[Aside]:
    """The first records put aside that fit."""
    found: list[Aside] = []
    for batch in _batches(finished):
        found += [aside(row) for row in batch.filter(pc.fill_null(fits(batch), False)).to_pylist()]
        if len(found) >= MOST:
            break
    return found[:MOST]


def aside(row: dict[str, object]) -> Aside:
    """A row of what was put aside, as it is shown."""
    raw = bytes(row.get("raw") or b"")  # type: ignore[call-overload]
    named = {name: row[name] for name in ("source", "file", "record", "offset", "skipped", "rejected")}
    return Aside(**named, raw=raw[:RAW].decode("utf-8", "replace"), raw_left=max(len(raw) - RAW, 0))  # type: ignore[arg-type]


def _batches(finished: Finished) -> Iterator[pa.RecordBatch]:
    result = finished.results["ingest"]
    for shard in result.manifest.shards:
        if shard.name.startswith(ASIDE_PREFIX) and shard.rows:
            yield from read(Columns(files.join(result.folder, shard.name)))


def at(finished: Finished, place: str) -> list[Aside]:
    """Records by where they stand: `source/file#record` or `source/file@offset`, as ids have it."""

    def fits(batch: pa.RecordBatch) -> pa.Array:
        where = pc.binary_join_element_wise(batch["source"], batch["file"], "/")
        numbered = pc.binary_join_element_wise(where, batch["record"].cast(pa.string()), "#")
        measured = pc.binary_join_element_wise(where, batch["offset"].cast(pa.string()), "@")
        return pc.or_(pc.equal(numbered, place), pc.equal(measured, place))

    return asides(finished, fits)


def holding(finished: Finished, text: str, *, whole: bool) -> list[Aside]:
    """Rejected records whose bytes hold a text; `whole`: as a JSON value of its own, such as an id."""
    forms = {json.dumps(text, ensure_ascii=False), json.dumps(text)}
    needles = [(form if whole else form[1:-1]).encode() for form in sorted(forms)]
    needles += [] if whole else [text.encode()]

    def fits(batch: pa.RecordBatch) -> pa.Array:
        raw = batch["raw"]
        found = pc.match_substring(raw, needles[0])
        for needle in needles[1:]:
            found = pc.or_(found, pc.match_substring(raw, needle))
        return found

    return asides(finished, fits)
