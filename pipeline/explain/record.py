"""`--row FILE:N`: the record of a source file by its number, and the id that it has as a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from prep.errors import BadInput, BadSource
from prep.pipeline import intake
from prep.pipeline.explain.aside import Aside, aside
from prep.pipeline.explain.scan import near
from prep.pipeline.ingest import Records
from prep.pipeline.look.finished import Finished
from prep.pipeline.sources.piece import File, Piece


@dataclass(frozen=True)
class Record:
    """A record as the file has it now: the id that it goes by, or why it is no document."""

    source: str
    id: str | None
    put_aside: Aside | None


def parsed(row: str) -> tuple[str, int]:
    """`FILE:N`, both parts.

    Errors: BadInput.
    """
    file, colon, number = row.rpartition(":")
    if not colon or not file or not number.isdecimal() or int(number) < 1:
        raise BadInput(f"--row {row}: write a file and the number of a record from 1, such as wiki/a.jsonl.gz:17")
    return file, int(number)


def record(finished: Finished, file: str, number: int) -> Record:
    """Read the file up to that record.

    Errors: BadInput, where no source holds the file (with the nearest), or the file ends before; BadSource.
    """
    pieces = _pieces(finished, file)
    read = 0
    for piece in pieces:
        source = finished.run.sources[piece.source]
        for batch in Records(piece, intake.fields(source)).open(0):
            if read + batch.num_rows < number:
                read += batch.num_rows
                continue
            return _made(finished, piece, batch.slice(number - read - 1, 1))
    raise BadInput(f"{file} ends after {read:,} records; there is no record {number:,} in it")


def _made(finished: Finished, piece: Piece, row: pa.RecordBatch) -> Record:
    """What ingest makes of one record."""
    stage = intake.stage(piece.source, finished.run.sources[piece.source])
    [made] = next(stage(iter([row]))).to_pylist()
    if made["skipped"] is not None or made["rejected"] is not None:
        return Record(piece.source, made["id"], aside(made))
    return Record(piece.source, made["id"], None)


def _pieces(finished: Finished, wanted: str) -> list[Piece]:
    """The pieces of the one file that is meant, each without other files that are read with it."""
    names: list[str] = []
    for piece, file in _files(finished):
        if _meant(piece, file, wanted):
            return [
                replace(other, files=(each,))
                for other, each in _files(finished)
                if other.source == piece.source and each.name == file.name
            ]
        names.append(f"{piece.source}/{file.name}")
    close = near(names, wanted) or near([name.rsplit("/", 1)[-1] for name in names], wanted.rsplit("/", 1)[-1])
    nearest = f"; nearest: {', '.join(close)}" if close else ""
    raise BadInput(f"{wanted}: no source of the run file reads such a file now{nearest}")


def _files(finished: Finished) -> Iterator[tuple[Piece, File]]:
    for name, source in finished.run.sources.items():
        try:
            listing = intake.listed_source(name, source, Path.cwd())
        except BadSource:  # its files are gone since; others may still be there
            continue
        yield from ((piece, file) for piece in listing.pieces for file in piece.files)


def _meant(piece: Piece, file: File, wanted: str) -> bool:
    known = {file.name, f"{piece.source}/{file.name}", file.url}
    return wanted in known or (Path(wanted).is_file() and Path(file.url).exists() and Path(wanted).samefile(file.url))
