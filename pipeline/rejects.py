"""How many rejected records a source may hold, and when it is given up: early where it is sure, else at the end."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import orjson
import pyarrow as pa

from prep.errors import BadSource
from prep.manifests import ledger
from prep.manifests.record import Receipt
from prep.manifests.shards import weights
from prep.pipeline.settings import MAX_BAD, Run, Source
from prep.pipeline.sources.piece import Piece

UNPACKED = 30  # bytes of text that a byte on disk may unpack to, where it is packed: far above the 3 to 5 of real text
LEAST_BAD = 10  # rejected records that any source may hold, however small
MARGIN = 4  # records still to come may be so many times shorter than those seen, before a source is given up early
ENOUGH = 1_000  # rejected records before a source is given up early: so many tell how long its records are
NO_FIELD = "no field "  # how the reason begins that `sources.fields` gives for a missing field


@dataclass(frozen=True)
class Bound:
    """How many rejected records a source may hold, and how many bytes it unpacks to at most."""

    least: int
    share: float
    unpacked: int

    def allowed(self, records: int) -> int:
        """Of so many records."""
        return max(self.least, int(Fraction(repr(self.share)) * records))  # 0.29 * 100 is less than 29


@dataclass
class Watch:
    """Gives a source up as soon as it is sure to hold too many rejected records, and not after a terabyte of them."""

    source: str
    bad: Bound | None
    read: int = 0
    rejected: int = 0
    bytes: int = 0

    def look(self, rows: pa.RecordBatch) -> None:
        """Count a batch.

        Errors: BadSource, which names the file and the reason of a rejected record.
        """
        reasons = rows["rejected"]
        self.read += rows.num_rows
        self.rejected += len(reasons) - reasons.null_count
        self.bytes += int(weights(rows).sum())
        if self.bad is None or self.rejected <= self.bad.least or not self.bytes:
            return
        possible = max(self.read, MARGIN * self.bad.unpacked * self.read // self.bytes)
        if self.rejected > (allowed := self.bad.allowed(possible)):
            raise BadSource(
                f"source {self.source}: {self.rejected:,} of the first {self.read:,} records of a piece are rejected, "
                f"and {allowed:,} are allowed in all of it; for one, {example(rows)}. "
                "Check `fields`, `format` and `encoding` of the source, or raise its `max_bad`"
            )


def example(aside: pa.RecordBatch) -> str:
    """Where the first rejected record stands, and why; of a missing field also which fields there are."""
    rejected = aside.filter(aside["rejected"].is_valid())
    row = rejected.slice(0, 1).select(["file", "record", "offset", "rejected", "raw"]).to_pylist()[0]
    place = f"record {row['record']}" if row["record"] > 0 else f"the record at byte {row['offset']}"
    return f"{row['file']}, {place}: {row['rejected']}{_fields_there(row['rejected'], row['raw'] or b'')}"


def _fields_there(reason: str, raw: bytes) -> str:
    """The names of a JSON record's fields where one is missing, and the one that was probably meant."""
    if not reason.startswith(NO_FIELD):
        return ""
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError:  # cut at the bound of what is kept
        return ""
    if not isinstance(record, dict) or not record:
        return ""
    near = difflib.get_close_matches(reason.removeprefix(NO_FIELD).strip("'"), record, n=1, cutoff=0.5)
    return f" (its fields are {', '.join(list(record)[:20])}{f'; did you mean {near[0]!r}?' if near else ''})"


def bound(source: Source, pieces: Sequence[Piece]) -> Bound:
    """How many rejected records a source may hold: 0.1% or 10, whichever is more, unless the run file says."""
    unpacked = sum(piece.size for piece in pieces) * UNPACKED
    if source.max_bad is None:
        return Bound(LEAST_BAD, MAX_BAD, unpacked)
    return Bound(0, source.max_bad, unpacked)


def watched(
    run: Run, pieces: Sequence[Piece], made: Iterable[list[Receipt]], an_example: Callable[[list[Receipt], str], str]
) -> Iterator[list[Receipt]]:
    """What came of each piece, passed on, as long as its source may still hold few enough rejected records.

    `Watch` does the same inside one piece; here a wrong field is told after the first of many.
    Errors: BadSource.
    """
    whole, seen, read, rejected = (Counter[str]() for _ in range(4))
    for piece in pieces:
        whole[piece.source] += piece.size
    for piece, steps in zip(pieces, made, strict=True):
        name = piece.source
        seen[name] += piece.size
        for row in (row for step in steps for row in step.ledger["intake"]):
            read[name] += row["read"]
            rejected[name] += sum(row["rejected"].values())
        possible = MARGIN * read[name] * whole[name] // max(seen[name], 1)
        allowed = bound(run.sources[name], []).allowed(possible)
        if rejected[name] > max(allowed, ENOUGH):
            raise BadSource(
                f"source {name}: {rejected[name]:,} of the first {read[name]:,} records are rejected, and {allowed:,} "
                f"are allowed at most in all of it; for one, {an_example(steps, name)}. Check `fields`, "
                "`format` and `encoding` of the source, or raise its `max_bad`"
            )
        yield steps


def must_be_good(
    intake: Sequence[ledger.Row], run: Run, pieces: Sequence[Piece], an_example: Callable[[str], str]
) -> None:
    """Every source has documents, and few enough rejected records.

    Errors: BadSource, with the files, the reasons, and one of the rejected records.
    """
    for row in intake:
        name, bad = row["source"], sum(row["rejected"].values())
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in {**row["skipped"], **row["rejected"]}.items())
        for_one = f". For one, {an_example(name)}" if bad else ""
        named = [file.name for piece in pieces if piece.source == name for file in piece.files]
        of = f"of {named[0]}" if len(set(named)) == 1 else f"of {len(set(named)):,} files ({named[0]} ...)"
        if not row["documents"]:
            raise BadSource(
                f"source {name}: no document in {row['read']:,} records {of}: {reasons or 'nothing in it'}; "
                f"check `path`, `format`, `encoding`, `fields` and `max_document` of the source{for_one}"
            )
        allowed = bound(run.sources[name], []).allowed(row["read"])
        if bad > allowed:
            raise BadSource(
                f"source {name}: {bad:,} of {row['read']:,} records {of} are rejected ({reasons}), {allowed:,} are "
                f"allowed; mend the source or raise its `max_bad`{for_one}"
            )
