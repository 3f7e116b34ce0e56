"""The ingest job: what is listed, what is read from it, and whether what came out may stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from prep.errors import BadSource
from prep.filters.edits import EDITS
from prep.manifests import files, ledger
from prep.manifests.record import Receipt, Recipe
from prep.manifests.shards import Columns
from prep.pipeline import query
from prep.pipeline.ingest import Bound, Ingest, Property, Records
from prep.pipeline.query import Limits
from prep.pipeline.seen import Seen
from prep.pipeline.settings import MAX_BAD, FromField, Run, Source
from prep.pipeline.sources.listing import Listing, listing
from prep.pipeline.sources.piece import Fields, Piece, Where
from prep.pipeline.stage import Job, Task, described

UNPACKED = 30  # bytes of text that a byte on disk may unpack to, where it is packed: far above the 3 to 5 of real text
LEAST_BAD = 10  # rejected records that any source may hold, however small


def job(run: Run, listings: Mapping[str, Listing], limits: Limits) -> Job:
    """Say what there is to ingest of what is listed."""
    seen = Seen(run.out)
    pieces = {name: [seen.etagged(piece) for piece in found.pieces] for name, found in listings.items()}
    tasks = [
        Task(
            replace(stage(name, run.sources[name]), bad=bound(run.sources[name], pieces[name])),
            Records(piece, fields(run.sources[name])),
        )
        for name in sorted(pieces)
        for piece in pieces[name]
    ]
    settings = {
        name: {
            "stage": described(stage(name, source)),
            "fields": asdict(fields(source)),
            "listing": [piece.identity() for piece in pieces[name]],
        }
        for name, source in run.sources.items()
    }
    recipe = Recipe(Ingest.name, Ingest.version, settings)
    every = [piece for found in pieces.values() for piece in found]

    def begin(*_: object) -> list[Task]:
        seen.expect(every)
        return tasks

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        page: dict[str, Any] = {
            "cells": ledger.add(receipt.ledger["cells"] for receipt in receipts),
            "intake": ledger.intake(receipt.ledger["intake"] for receipt in receipts),
            "files": {name: _files(found) for name, found in listings.items()},
        }
        ledger.must_balance_intake(page["intake"])
        must_be_good(page["intake"], run, files.join(run.out, recipe.folder))
        must_be_unique(files.join(run.out, recipe.folder), receipts, limits)
        seen.remember(every, receipts)
        return page

    return Job(recipe, begin, balance, {})


def listed(run: Run, base: Path) -> dict[str, Listing]:
    """What lies where the sources' paths point."""
    return {name: listing(_where(name, source), base) for name, source in run.sources.items()}


def _files(found: Listing) -> dict[str, Any]:
    """How many files are read, and how many are not, by reason."""
    read = {file.name for piece in found.pieces for file in piece.files}
    skipped = Counter(reason for _, reason in found.skipped)
    return {"read": len(read), "excluded": found.excluded, "skipped": dict(sorted(skipped.items()))}


def _where(name: str, source: Source) -> Where:
    return Where(
        name, source.path, source.exclude, source.format, source.encoding,
        source.hf, source.name, source.split, source.revision,
    )  # fmt: skip


def stage(name: str, source: Source) -> Ingest:
    """The settings of a source that change its documents."""
    return Ingest(
        source=name,
        language=_property(source.language),
        kind=_property(source.kind),
        edits=tuple(f"{edit}/{EDITS[edit].version}" for edit in source.edits),
        own_ids="id" in source.fields,
        qualify=source.on_duplicate_id == "qualify",
        max_document=source.max_document,
    )


def _property(value: str | FromField) -> Property:
    return Property(constant=value) if isinstance(value, str) else Property(values=value.values or {})


def fields(source: Source) -> Fields:
    """Which fields of a record are read."""
    named: dict[str, Any] = {
        name: value.field
        for name in ("language", "kind", "licence", "url")
        if isinstance(value := getattr(source, name), FromField)
    }
    return Fields(text=source.fields.get("text"), id=source.fields.get("id"), max_document=source.max_document, **named)


def bound(source: Source, pieces: Sequence[Piece]) -> Bound:
    """How many rejected records a source may hold: 0.1% or 10, whichever is more, unless the run file says."""
    unpacked = sum(piece.size for piece in pieces) * UNPACKED
    if source.max_bad is None:
        return Bound(LEAST_BAD, MAX_BAD, unpacked)
    return Bound(0, source.max_bad, unpacked)


def must_be_good(intake: Sequence[ledger.Row], run: Run, folder: str) -> None:
    """Every source has documents, and few enough rejected records.

    Errors: BadSource, with the reasons and where the rejected records lie.
    """
    for row in intake:
        name, bad = row["source"], sum(row["rejected"].values())
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in {**row["skipped"], **row["rejected"]}.items())
        if not row["documents"]:
            raise BadSource(
                f"source {name}: no document in {row['read']:,} records ({reasons or 'its files are empty'}); "
                f"check `path`, `format` and `fields` of the source. The records lie in {folder}/aside-*.arrow"
            )
        allowed = bound(run.sources[name], []).allowed(row["read"])
        if bad > allowed:
            raise BadSource(
                f"source {name}: {bad:,} of {row['read']:,} records are rejected ({reasons}), {allowed:,} are allowed; "
                f"mend the source or raise its `max_bad`. The rejected records lie in {folder}/aside-*.arrow"
            )


def must_be_unique(folder: str, receipts: Sequence[Receipt], limits: Limits) -> None:
    """No two documents of the run have the same id.

    Errors: BadSource, which names the id and the sources.
    """
    paths = [
        files.join(folder, shard.name)
        for receipt in receipts
        for shard in receipt.shards
        if shard.name.startswith("part-")
    ]
    with query.database(limits, folder) as connection:
        twice = query.repeated(connection, [[Columns(path, ("id_hash",))] for path in paths], "id_hash")
    if twice:
        one, other = (query.value(Columns(paths[shard], ("id", "source")), row) for shard, row in twice)
        raise BadSource(
            f"id {one['id']!r} stands twice: in source {one['source']} and again in source {other['source']}; "
            "set `on_duplicate_id: qualify` on the source to put file and record number before its ids, "
            "or leave `fields: {id: …}` out"
        )
