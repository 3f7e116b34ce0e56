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
from prep.manifests.shards import read as read_shard
from prep.pipeline import query
from prep.pipeline.ingest import ASIDE_PREFIX, Detected, Ingest, Property, Records
from prep.pipeline.language import By
from prep.pipeline.query import Limits
from prep.pipeline.rejects import bound, example, must_be_good, watched
from prep.pipeline.seen import Seen
from prep.pipeline.settings import Run, Source
from prep.pipeline.sources.listing import Listing, listing
from prep.pipeline.sources.piece import Fields, Piece, Where
from prep.pipeline.stage import Job, Task, described
from prep.pipeline.values import DETECT, FromField


def job(run: Run, listings: Mapping[str, Listing], limits: Limits) -> Job:
    """Say what there is to ingest of what is listed."""
    seen = Seen(run.out)
    pieces = {name: [seen.etagged(piece) for piece in found.pieces] for name, found in listings.items()}
    every = [piece for name in sorted(pieces) for piece in pieces[name]]
    model = run.identify.model if run.identify else None
    plain = {name: stage(name, source, model) for name, source in run.sources.items()}
    stages = {name: replace(each, bad=bound(run.sources[name], pieces[name])) for name, each in plain.items()}
    tasks = [Task(stages[piece.source], Records(piece, fields(run.sources[piece.source]))) for piece in every]
    settings = {
        name: {
            "stage": described(plain[name]),
            "fields": asdict(fields(source)),
            "listing": [piece.identity() for piece in pieces[name]],
        }
        for name, source in run.sources.items()
    }
    recipe = Recipe(Ingest.name, Ingest.version, settings)
    folder = files.join(run.out, recipe.folder)

    def an_example(receipts: Sequence[Receipt], source: str) -> str:
        return a_rejected(folder, receipts, source)

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
        must_be_good(page["intake"], run, every, lambda source: an_example(receipts, source))
        must_be_unique(folder, receipts, {task.key: piece for task, piece in zip(tasks, every, strict=True)}, limits)
        seen.remember(every, receipts)
        return page

    return Job(recipe, begin, balance, {}, watch=lambda made: watched(run, every, made, an_example))


def listed(run: Run, base: Path) -> dict[str, Listing]:
    """What lies where the sources' paths point.

    Errors: BadSource.
    """
    return {name: listed_source(name, source, base) for name, source in run.sources.items()}


def listed_source(name: str, source: Source, base: Path) -> Listing:
    try:
        return listing(_where(name, source), base)
    except BadSource as error:
        raise BadSource(str(error) if str(error).startswith("source ") else f"source {name}: {error}") from error


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


def stage(name: str, source: Source, model: str | None = None) -> Ingest:
    """The settings of a source that change its documents; `model` finds languages, CLD2 where there is none."""
    detect = source.language == DETECT
    return Ingest(
        source=name,
        language=Detected(By.model(model)) if detect else _property(source.language),
        kind=_property(source.kind),
        edits=tuple(f"{edit}/{EDITS[edit].version}" for edit in source.edits),
        own_ids="id" in source.fields,
        qualify=source.on_duplicate_id == "qualify",
        max_document=source.max_document,
        model=model if detect else None,
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


def a_rejected(folder: str, receipts: Sequence[Receipt], source: str) -> str:
    """A rejected record of a source, and why it is one."""
    for receipt in receipts:
        bad = any(row["source"] == source and row["rejected"] for row in receipt.ledger["intake"])
        for shard in receipt.shards if bad else ():
            if shard.name.startswith(ASIDE_PREFIX):
                for batch in read_shard(Columns(files.join(folder, shard.name))):
                    if batch["rejected"].null_count < batch.num_rows:
                        return f"{example(batch)}; all of them lie in {folder}/{ASIDE_PREFIX}-*.arrow"
    return "none"


def must_be_unique(folder: str, receipts: Sequence[Receipt], pieces: Mapping[str, Piece], limits: Limits) -> None:
    """No two documents of the run have the same id. `pieces` go by the keys of the receipts.

    Errors: BadSource, which names the id, the sources and the files.
    """
    paths = {
        files.join(folder, shard.name): pieces[receipt.key]
        for receipt in receipts
        for shard in receipt.shards
        if shard.name.startswith("part-")
    }
    with query.database(limits, folder) as connection:
        twice = query.repeated(connection, [[Columns(path, ("id_hash",))] for path in paths], "id_hash")
    if twice:
        (path, row), (other, _) = ((list(paths)[shard], row) for shard, row in twice)
        one, two = (f"source {piece.source} ({piece.files[0].name})" for piece in (paths[path], paths[other]))
        raise BadSource(
            f"id {query.value(Columns(path, ('id',)), row)['id']!r} stands twice: in {one} and again in {two}; "
            "set `on_duplicate_id: qualify` on the source to put file and record number before its ids, "
            "or leave `fields: {id: …}` out"
        )
