"""Which language each document is in: found language, its share and the second one, beside what its source declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pycld2

from prep.filters import language
from prep.filters.language import Found, Identifier
from prep.manifests import ledger
from prep.manifests.ledger import CELL
from prep.manifests.record import Receipt, Recipe
from prep.manifests.shards import Columns, side_by_side
from prep.pipeline.stage import MACHINE, Job, Result, balanced, cell_books, described, over_documents

NAME = "score.language"  # of the result
FOUND = "found"  # in the ledger: documents and bytes of each cell by the language that was found
SCALE = 65535  # of stored shares

LANGUAGE, SHARE, SECOND, SECOND_SHARE, RELIABLE = COLUMNS = (
    "found_language", "found_share", "second_language", "second_share", "found_reliable",
)  # fmt: skip
SCHEMA = pa.schema(
    [
        (LANGUAGE, pa.string()),  # null where there is too little to tell by
        (SHARE, pa.uint16()),  # of the text, or a model's probability, in steps of 1/65535
        (SECOND, pa.string()),
        (SECOND_SHARE, pa.uint16()),
        (RELIABLE, pa.bool_()),
    ]
)


@dataclass(frozen=True)
class By:
    """What identifies: CLD2, or a fastText model by its digest."""

    what: str = f"cld2 {pycld2.__version__}"
    version: int = language.VERSION

    @classmethod
    def model(cls, path: str | None) -> By:
        """By the model of a run file, or by CLD2 where it names none.

        Errors: BadModel.
        """
        return cls() if path is None else cls(language.digest_of(path))

    def identifier(self, path: str | None) -> Identifier:
        """Opened once a process; `path` is where a model lies here."""
        return language.cld2 if path is None else language.load(path, self.what)


@dataclass(frozen=True)
class Identify:
    """Writes what is found; verdicts on it are those of selection."""

    name: ClassVar[str] = "score"
    version: ClassVar[int] = 1

    by: By
    path: str | None = field(default=None, metadata=MACHINE)

    def schema(self) -> pa.Schema:
        """Five columns."""
        return SCHEMA

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """What is found of each text."""
        identifier = self.by.identifier(self.path)
        for batch in batches:
            yield columns(identifier(utf8(batch["text"])))

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Documents and bytes by cell, and by the language found in each."""
        parts = [Columns(written[0], (LANGUAGE,)), Columns(beside[0], (*CELL, "n_bytes"))]
        found = _added(row for batch in side_by_side(parts) for row in _found(batch))
        return {**cell_books(written, beside), FOUND: found}


def job(model: str | None, ingested: Result) -> Job:
    """Identify the language of every document, whatever it is declared to be; without a model, by CLD2.

    Errors: BadModel.
    """
    stage = Identify(By.model(model), model)
    recipe = Recipe(Identify.name, Identify.version, described(stage), {"ingest": ingested.manifest.digest})
    cells: Callable[[Sequence[Receipt]], dict[str, Any]] = balanced(NAME, ingested.manifest.ledger["cells"])

    def balance(made: Sequence[Receipt]) -> dict[str, Any]:
        return {**cells(made), FOUND: _added(row for receipt in made for row in receipt.ledger[FOUND])}

    return Job(recipe, lambda *_: over_documents(stage, ingested, ("text", "language")), balance, {"ingest": ingested})


def utf8(texts: pa.Array) -> Iterator[bytes]:
    """Each text in UTF-8; null is empty."""
    return (value or b"" for value in texts.cast(pa.large_binary()).to_pylist())


def columns(found: Iterable[Found]) -> pa.RecordBatch:
    """What is found, as it is stored."""
    rows = list(found)
    shares = (np.rint(np.array([(row.share, row.second_share) for row in rows]).reshape(-1, 2) * SCALE)).astype(
        np.uint16
    )
    return pa.record_batch(
        [
            pa.array([row.language for row in rows], pa.string()),
            pa.array(shares[:, 0]),
            pa.array([row.second for row in rows], pa.string()),
            pa.array(shares[:, 1]),
            pa.array([row.reliable for row in rows], pa.bool_()),
        ],
        schema=SCHEMA,
    )


def _found(batch: pa.RecordBatch) -> Iterator[ledger.Row]:
    grouped = pa.Table.from_batches([batch]).group_by([*CELL, LANGUAGE])
    for row in grouped.aggregate([("n_bytes", "count"), ("n_bytes", "sum")]).to_pylist():
        place = {name: row[name] for name in CELL}
        yield {**place, FOUND: row[LANGUAGE], "documents": row["n_bytes_count"], "bytes": row["n_bytes_sum"]}


def _added(rows: Iterable[ledger.Row]) -> list[ledger.Row]:
    """Added up by cell and found language, those of each cell by documents."""
    total: dict[tuple[str | None, ...], ledger.Row] = {}
    for row in rows:
        into = total.setdefault((*(row[name] for name in CELL), row[FOUND]), {**row, "documents": 0, "bytes": 0})
        into["documents"] += row["documents"]
        into["bytes"] += row["bytes"]
    return sorted(total.values(), key=lambda row: (*(row[name] for name in CELL), -row["documents"], row[FOUND] or ""))
