"""Which local files have been read, and when they were last changed.

A recipe holds a file's path and size, not its date, so that a copied corpus is known again. A file that was changed in
place to the same size would go unnoticed: so a changed date makes the file be hashed again, and other content gives its
listing an `etag`. This memory is a convenience outside the chain; without it nothing but that check is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import xxhash
from pydantic import Field
from typing_extensions import TypedDict

from prep.manifests import files
from prep.manifests.record import Receipt, readable
from prep.manifests.shapes import load
from prep.pipeline.sources.piece import File, Piece

NAME = "seen.json"


class Known(TypedDict):
    """What was read of a file; `digests` are by the part of it, `[start:stop]`, that has them."""

    size: int
    changed: int
    etag: str | None
    digests: dict[Annotated[str, Field(pattern=r"^(\[\d{1,18}:(\d{1,18}|None)\])?$")], str]


class Seen:
    """Files by source and name: size, date, etag, and digests of what was read of them."""

    def __init__(self, out: str) -> None:
        """`out` is the output folder, which keeps the memory."""
        self._path = files.join(out, NAME)
        self._known: dict[str, Known] = (
            load(dict[str, Known], self._path, "delete it and run again") if files.exists(self._path) else {}
        )
        self._etags: dict[str, str | None] = {}
        self._dates: dict[str, int] = {}  # of local files when they were listed

    def etagged(self, piece: Piece) -> Piece:
        """The piece, its local files marked where their content is not what was read before."""
        return replace(piece, files=tuple(self._mark(piece.source, file) for file in piece.files))

    def _mark(self, source: str, file: File) -> File:
        if not _local(file):
            return file
        name = f"{source}/{file.name}"
        if name not in self._etags:  # a file of many pieces is looked at once
            self._dates[name] = _changed(file)
            self._etags[name] = self._etag(file, self._dates[name], self._known.get(name))
        return replace(file, etag=self._etags[name])

    def _etag(self, file: File, changed: int, known: Known | None) -> str | None:
        """None for a file that was never seen otherwise; a file that has another size, and may have had this one before
        with other content, goes by its content.
        """
        if known is None or file.etag:
            return file.etag
        if known["size"] == file.size and (known["changed"] == changed or _same(file, known["digests"])):
            return None if known["etag"] is None else str(known["etag"])
        return "xxh3:" + _digest(file, 0, None)

    def expect(self, pieces: Iterable[Piece]) -> None:
        """Take note of what these pieces are before they are read: a file may be edited after a run that was killed."""
        for piece in pieces:
            for file in filter(_local, piece.files):
                name = f"{piece.source}/{file.name}"
                known = self._known.get(name)
                same = known is not None and (known["size"], known["etag"]) == (file.size, file.etag)
                digests = known["digests"] if known is not None and same else {}
                self._known[name] = {
                    "size": file.size, "changed": self._dates[name], "etag": file.etag, "digests": digests,
                }  # fmt: skip
        files.write(self._path, readable(self._known))

    def remember(self, pieces: Iterable[Piece], receipts: Sequence[Receipt]) -> None:
        """Keep the digests of what was read of these pieces."""
        digests: dict[str, str] = {}
        for receipt in receipts:
            digests.update(receipt.facts.get("digests", {}))
        for piece in pieces:
            for file in filter(_local, piece.files):
                name, label = f"{piece.source}/{file.name}", f"{piece.source}/{piece.label(file)}"
                if label in digests:
                    self._known[name]["digests"][label.removeprefix(name)] = digests[label]
        files.write(self._path, readable(self._known))


def _local(file: File) -> bool:
    return files.is_local(file.url) and Path(file.url).is_file()


def _changed(file: File) -> int:
    return Path(file.url).stat().st_mtime_ns


def _same(file: File, digests: dict[str, str]) -> bool:
    return bool(digests) and all(_digest(file, *_bounds(span)) == digest for span, digest in digests.items())


def _bounds(span: str) -> tuple[int, int | None]:
    """`` is the whole file, `[0:67108864]` a part of it."""
    if not span:
        return 0, None
    start, _, stop = span.strip("[]").partition(":")
    return int(start), int(stop) if stop.isdigit() else None


def _digest(file: File, start: int, stop: int | None) -> str:
    hashed = xxhash.xxh3_128()
    for chunk in _chunks(file.url, start, stop):
        hashed.update(chunk)
    return hashed.hexdigest()


def _chunks(path: str, start: int, stop: int | None) -> Iterator[bytes]:
    with Path(path).open("rb") as stream:
        stream.seek(start)
        left = stop - start if stop is not None else None
        while chunk := stream.read(1 << 20 if left is None else min(1 << 20, left)):
            yield chunk
            left = None if left is None else left - len(chunk)
