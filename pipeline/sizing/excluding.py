"""Lists of the run file that name documents to be left out: by id, url, domain, text hash or source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from prep.errors import BadSettings
from prep.manifests import files
from prep.manifests.record import digest
from prep.pipeline.draw import halves
from prep.pipeline.reasons import Place
from prep.pipeline.settings import Run
from prep.pipeline.sizing.ask import ExcludeList

Flags = npt.NDArray[np.bool_]
COLUMNS = {"id": ("id_hash",), "url": ("url",), "domain": ("url",), "text_hash": ("text_hash",), "source": ()}
HOST = r"^(?:(?:[A-Za-z][A-Za-z0-9+.-]*:)?//)?(?:[^/?#]*@)?(?P<host>[^/?#:]+?)\.?(?:[/?#:]|$)"  # the scheme may lack
LABELS = 128  # of a name, more than DNS allows


@dataclass(frozen=True)
class Exclusion:
    """One list. In a recipe stands the digest of its values, for a list may hold millions."""

    by: str
    reason: str
    duplicates: bool  # whether documents of the same text go too
    digest: str
    values: tuple[str, ...] = field(repr=False)

    @cached_property
    def _hashes(self) -> npt.NDArray[np.uint64]:
        """The first halves of 16-byte hashes: among 1e8 documents and 1e6 values two share one with chance 5e-6."""
        if self.by == "id":
            return np.array([xxhash.xxh3_128_intdigest(value.encode()) >> 64 for value in self.values], dtype=np.uint64)
        return np.array([int(value, 16) >> 64 for value in self.values], dtype=np.uint64)

    def names(self, batch: pa.RecordBatch, cell: npt.NDArray[Any], cells: Sequence[Place]) -> Flags:
        """Which documents of a batch it names; `cell` is the number of each one's cell."""
        if self.by == "source":
            return np.asarray(np.array([source in self.values for source, _, _ in cells], dtype=bool)[cell])
        if self.by == "url":
            return _among(batch["url"], self.values)
        if self.by == "domain":
            return self._domains(batch["url"])
        return np.isin(halves(batch[COLUMNS[self.by][0]])[0], self._hashes)

    def _domains(self, url: pa.Array) -> Flags:
        """A domain names its subdomains too."""
        host = pc.utf8_lower(pc.struct_field(pc.extract_regex(url, HOST), "host"))
        found = np.zeros(len(url), dtype=bool)
        for _ in range(LABELS):
            found |= _among(host, self.values)
            host = pc.struct_field(pc.extract_regex(host, r"^[^.]*\.(?P<rest>.+)$"), "rest")
            if host.null_count == len(host):
                break
        return found


def _among(words: pa.Array, values: Sequence[str]) -> Flags:
    return np.asarray(pc.fill_null(pc.is_in(words, pa.array(values, words.type)), False))


@dataclass(frozen=True)
class Excluded:
    """All lists of a run; `refill`: whether the next documents by draw take the places of those that go."""

    lists: tuple[Exclusion, ...] = ()
    refill: bool = False

    @classmethod
    def of(cls, run: Run) -> Excluded:
        """The lists of a run file, read.

        Errors: BadSettings, where a file of values cannot be read or holds what is no value.
        """
        asked = run.exclude
        return cls(tuple(_read(each) for each in asked.lists), asked.refill == "same_cell") if asked else cls()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of ingest that the lists look at."""
        return tuple(sorted({name for each in self.lists for name in COLUMNS[each.by]}))

    @property
    def spread(self) -> Flags:
        """By number of a list, whether duplicates go too; 0 is none."""
        return np.array([False, *(each.duplicates for each in self.lists)])

    def plain(self) -> dict[str, Any]:
        """For a recipe."""
        lists = [[each.by, each.reason, each.duplicates, each.digest] for each in self.lists]
        return {"lists": lists, "refill": self.refill} if lists else {}

    def marks(self, batch: pa.RecordBatch, cell: npt.NDArray[Any], cells: Sequence[Place]) -> npt.NDArray[np.int16]:
        """Of each document the number of the first list that names it, from 1; 0 where none does."""
        found = np.zeros(batch.num_rows, dtype=np.int16)
        for number, each in enumerate(self.lists, 1):
            found[(found == 0) & each.names(batch, cell, cells)] = number
        return found


NO_LISTS = Excluded()


def _read(asked: ExcludeList) -> Exclusion:
    values = list(asked.values)
    if asked.file is not None:
        try:
            text = files.read(asked.file).decode("utf-8-sig")  # Windows marks its lists
        except (OSError, UnicodeDecodeError) as error:
            raise BadSettings(
                f"exclude: {asked.file}: cannot be read ({error}); give a text of a value a line"
            ) from error
        values += _lines(text)
    if asked.by == "domain":
        values = [value.lower().strip(".") for value in values]
    if asked.by == "text_hash":
        _must_be_hashes(values, asked.file)
        values = [value.lower() for value in values]
    values = sorted(set(values))
    return Exclusion(asked.by, asked.reason, asked.duplicates, digest(values), tuple(values))


def _lines(text: str) -> list[str]:
    """The values of a file: its lines, but for empty ones and those that begin with `# `; an id may begin with `#`.

    Only a line feed ends a line: `str.splitlines` cuts at U+2028 and others too, which ids may hold.
    """
    lines = (line.strip(" \t\r") for line in text.split("\n"))
    return [line for line in lines if line not in ("", "#") and not line.startswith("# ")]


def _must_be_hashes(values: Sequence[str], file: str | None) -> None:
    for value in values:
        if len(value) != 32 or not set(value.lower()) <= set("0123456789abcdef"):
            where = f"{file}: " if file else ""
            raise BadSettings(
                f"exclude: {where}{value!r} is no text hash; write the 32 hex digits of the column `text_hash`"
            )
