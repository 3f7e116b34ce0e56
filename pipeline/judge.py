"""Which documents may be in the corpus: every reason against each, over thin columns. Used by `mix` and by `size`.

A reason is a bit; a document may have several. The ledger books the first in the order of `Reason`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.filters import pareto
from prep.manifests import ledger
from prep.manifests.ledger import CELL, TOKENS
from prep.manifests.shards import Columns
from prep.pipeline import draw, query
from prep.pipeline.dedup import GROUP
from prep.pipeline.query import Connection
from prep.pipeline.score import QUALITY
from prep.pipeline.settings import Keep, Run
from prep.pipeline.stage import Result, document_shards


class Reason(IntFlag):
    """Why a document is left out, in the order in which the books take them."""

    NOT_IN_MIX = 1  # its language has no share
    QUALITY = 2  # its score fell to the keep of its language
    DUPLICATE = 4  # another document of its group stands for it
    BUDGET = 8  # it may be in, but its cell is full


ELIGIBLE = 0
Place = tuple[str, str, str]  # source, language, kind: a cell


@dataclass(frozen=True)
class Columned:
    """The finished results whose columns are judged, and what they say of each cell."""

    ingested: Result
    counted: Result
    scored: Result | None
    grouped: Result | None
    tokenizer: str

    @property
    def cells(self) -> list[Place]:
        """Every cell, in order; a cell's number is its place here."""
        return [(row["source"], row["language"], row["kind"]) for row in self.counted.manifest.ledger["cells"]]

    @property
    def inputs(self) -> dict[str, Result]:
        """By stage."""
        found = {
            "ingest": self.ingested, f"count.{self.tokenizer}": self.counted,
            "score": self.scored, "dedup": self.grouped,
        }  # fmt: skip
        return {name: result for name, result in found.items() if result is not None}

    def units(self) -> list[list[Columns]]:
        """The thin columns of each shard, side by side."""
        wanted = {
            "ingest": (*CELL, "n_bytes", "draw_key", "id_hash"),
            f"count.{self.tokenizer}": (TOKENS + self.tokenizer,),
            "score": (QUALITY,),
            "dedup": (GROUP,),
        }
        paths = {name: [path for _, path in document_shards(result)] for name, result in self.inputs.items()}
        return [[Columns(paths[name][shard], wanted[name]) for name in paths] for shard in range(len(paths["ingest"]))]


@dataclass(frozen=True)
class Rules:
    """What documents are judged by, as plain data: this much of the run file is in the recipes of `mix` and `size`."""

    languages: tuple[str, ...]  # that have a share
    filtered: tuple[str, ...]  # kinds that are judged by score
    keep: dict[str, dict[str, float | None]]  # by language
    exempt: tuple[str, ...]  # sources that are kept whole
    first: tuple[str, ...]  # kinds whose copy of a duplicate survives
    priority: dict[str, int]  # of a source, among duplicates
    seed: int

    @classmethod
    def of(cls, run: Run, languages: Sequence[str]) -> Rules:
        """The rules of a run file."""
        quality = run.quality
        return cls(
            languages=tuple(languages),
            filtered=tuple(quality.filter) if quality else (),
            keep={name: keep.model_dump() for name, keep in sorted(quality.keep.items())} if quality else {},
            exempt=tuple(sorted(name for name, source in run.sources.items() if source.exempt)),
            first=tuple(quality.train.reference) if quality and quality.train else (),
            priority={name: source.priority for name, source in sorted(run.sources.items()) if source.priority},
            seed=run.seed,
        )

    def judged_by(self, cell: Place) -> Keep | None:
        """How the documents of a cell are kept by score; None: all are."""
        source, language, kind = cell
        if source in self.exempt or kind not in self.filtered or language not in self.keep:
            return None
        return Keep(**self.keep[language])

    def rank(self, cell: Place) -> tuple[int, int]:
        """Which cell's copy of a duplicate survives: the lowest."""
        source, _, kind = cell
        return (0 if source in self.exempt or kind in self.first else 1, -self.priority.get(source, 0))


def judge(connection: Connection, columned: Columned, rules: Rules) -> None:
    """Make the table `judged`: shard, row, cell, draw, tie, tokens, bytes, reasons. One row a document."""
    query.load(connection, "judged", columned.units(), Judge(columned.cells, rules, columned.tokenizer))
    if columned.grouped is not None:
        _mark_duplicates(connection, columned.cells, rules)


@dataclass(frozen=True)
class Judge:
    """Makes the numbers of a batch of thin columns."""

    cells: Sequence[Place]
    rules: Rules
    tokenizer: str

    def __call__(self, batch: pa.RecordBatch) -> dict[str, npt.NDArray[Any]]:
        cell = numbered(batch, self.cells)
        keys = np.asarray(batch["draw_key"])
        group, grouped = _group(batch)
        return {
            "cell": cell,
            "draw": draw.draw(keys, self.rules.seed, draw.ORDER),
            "tie": draw.halves(batch["id_hash"])[0],
            "tokens": np.asarray(batch[TOKENS + self.tokenizer]),
            "bytes": np.asarray(batch["n_bytes"]),
            "reasons": self._reasons(batch, cell, keys),
            "high": group[0],
            "low": group[1],
            "grouped": grouped,
        }

    def _reasons(self, batch: pa.RecordBatch, cell: npt.NDArray[Any], keys: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
        asked = np.array([language in self.rules.languages for _, language, _ in self.cells], dtype=bool)
        reasons = np.where(asked[cell], ELIGIBLE, Reason.NOT_IN_MIX).astype(np.uint32)
        if QUALITY not in batch.schema.names:
            return reasons
        scores = np.asarray(pc.fill_null(batch[QUALITY], 0))
        scored = np.asarray(batch[QUALITY].is_valid())
        drawn = draw.draw(keys, self.rules.seed, draw.QUALITY)
        for number, place in enumerate(self.cells):
            keep = self.rules.judged_by(place)
            if keep is not None:
                here = scored & (cell == number)
                reasons[here] |= np.where(kept(scores[here], drawn[here], keep), 0, Reason.QUALITY).astype(np.uint32)
        return reasons


def kept(scores: npt.NDArray[Any], drawn: npt.NDArray[Any], keep: Keep) -> npt.NDArray[np.bool_]:
    """Which scores stay: by chance that grows with the score (Pareto), or by a threshold."""
    if keep.pareto is not None:
        return pareto.kept(scores, drawn, keep.pareto)
    return np.asarray(scores >= np.ceil((keep.threshold or 0.0) * 65535), dtype=np.bool_)


def numbered(batch: pa.RecordBatch, cells: Sequence[Place]) -> npt.NDArray[np.int32]:
    """The number of each row's cell."""
    numbers = {"\x1f".join(place): number for number, place in enumerate(cells)}
    coded = pc.binary_join_element_wise(*(batch[name] for name in CELL), "\x1f").dictionary_encode()
    names = np.array([numbers[name] for name in coded.dictionary.to_pylist()], dtype=np.int32)
    return np.asarray(names[np.asarray(coded.indices)], dtype=np.int32)


def _group(batch: pa.RecordBatch) -> tuple[tuple[npt.NDArray[Any], npt.NDArray[Any]], npt.NDArray[np.bool_]]:
    if GROUP not in batch.schema.names:
        nothing = np.zeros(batch.num_rows, dtype=np.uint64)
        return (nothing, nothing), nothing.astype(bool)
    filled = pc.fill_null(batch[GROUP], pa.scalar(bytes(16), pa.binary(16)))
    return draw.halves(filled), np.asarray(batch[GROUP].is_valid())


def _mark_duplicates(connection: Connection, cells: Sequence[Place], rules: Rules) -> None:
    """Leave one of each group: of those that nothing else speaks against, the best rank, then the lowest id hash."""
    ranks = sorted({rules.rank(cell) for cell in cells})
    table = pa.table({"cell": range(len(cells)), "rank": [ranks.index(rules.rank(cell)) for cell in cells]})
    connection.register("ranks", table)
    connection.execute(f"""
        create table superfluous as
        select shard, row from (
            select shard, row, row_number() over (
                partition by high, low order by (reasons <> {ELIGIBLE}), rank, tie, shard, row) as place
            from judged join ranks using (cell) where grouped)
        where place > 1
    """)  # noqa: S608 - a constant
    connection.unregister("ranks")
    connection.execute(f"""
        update judged set reasons = reasons | {int(Reason.DUPLICATE)} from superfluous
        where judged.shard = superfluous.shard and judged.row = superfluous.row
    """)  # noqa: S608


def available(connection: Connection, cells: Sequence[Place]) -> list[ledger.Row]:
    """Documents, bytes and tokens of each cell that nothing speaks against, and those left out by first reason."""
    found = connection.execute("""
        select cell, case when reasons = 0 then 0 else reasons & -reasons end as first,
               count(*), sum(bytes)::bigint, sum(tokens)::bigint
        from (select cell, reasons::integer as reasons, bytes, tokens from judged)
        group by all order by all
    """).fetchall()
    rows: dict[int, ledger.Row] = {
        number: {**dict(zip(CELL, cell, strict=True)), "documents": 0, "bytes": 0, "tokens": 0, "left_out": {}}
        for number, cell in enumerate(cells)
    }
    for number, first, documents, n_bytes, tokens in found:
        counts = {"documents": documents, "bytes": n_bytes, "tokens": tokens}
        if first == ELIGIBLE:
            rows[number].update(counts)
        else:
            rows[number]["left_out"][Reason(first).name] = counts
    return list(rows.values())
