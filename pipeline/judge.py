"""Which documents may be in the corpus: every reason against each, over thin columns. Used by `mix` and by `size`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.manifests import ledger
from prep.manifests.ledger import CELL, TOKENS
from prep.manifests.shards import Columns
from prep.pipeline import draw, query, score
from prep.pipeline.dedup import GROUP
from prep.pipeline.query import Connection
from prep.pipeline.reasons import ELIGIBLE, Place, Reason, Terms
from prep.pipeline.stage import Result, document_shards
from prep.pipeline.verdict import Verdict


@dataclass(frozen=True)
class Columned:
    """The finished results whose columns are judged, and what they say of each cell."""

    ingested: Result
    counted: Result
    scores: Mapping[str, Result]  # by name: score.quality and its like
    grouped: Result | None
    tokenizer: str

    @property
    def cells(self) -> list[Place]:
        """Every cell, in order; a cell's number is its place here."""
        return [(row["source"], row["language"], row["kind"]) for row in self.counted.manifest.ledger["cells"]]

    @property
    def inputs(self) -> dict[str, Result]:
        """By stage."""
        found = {"ingest": self.ingested, f"count.{self.tokenizer}": self.counted, **self.scores}
        return found if self.grouped is None else {**found, "dedup": self.grouped}

    def units(self) -> list[list[Columns]]:
        """The thin columns of each shard, side by side."""
        wanted = {
            "ingest": (*CELL, "n_bytes", "draw_key", "id_hash"),
            f"count.{self.tokenizer}": (TOKENS + self.tokenizer,),
            score.NAME: (score.QUALITY,),
            "dedup": (GROUP,),
        }
        paths = {name: [path for _, path in document_shards(result)] for name, result in self.inputs.items()}
        return [[Columns(paths[name][shard], wanted[name]) for name in paths] for shard in range(len(paths["ingest"]))]


def judge(connection: Connection, columned: Columned, terms: Terms) -> None:
    """Make the table `judged`: shard, row, cell, draw, tie, tokens, bytes, reasons. One row a document."""
    query.load(connection, "judged", columned.units(), Judge(columned.cells, terms, columned.tokenizer))
    if columned.grouped is not None:
        _mark_duplicates(connection, columned.cells, terms)


@dataclass(frozen=True)
class Judge:
    """Makes the numbers of a batch of thin columns."""

    cells: Sequence[Place]
    terms: Terms
    tokenizer: str

    def __call__(self, batch: pa.RecordBatch) -> dict[str, npt.NDArray[Any]]:
        cell = numbered(batch, self.cells)
        group, grouped = _group(batch)
        return {
            "cell": cell,
            "draw": draw.draw(np.asarray(batch["draw_key"]), self.terms.seed, draw.ORDER),
            "tie": draw.halves(batch["id_hash"])[0],
            "tokens": np.asarray(batch[TOKENS + self.tokenizer]),
            "bytes": np.asarray(batch["n_bytes"]),
            "reasons": Verdict(self.cells, self.terms)(batch, cell),
            "high": group[0],
            "low": group[1],
            "grouped": grouped,
        }


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


def _mark_duplicates(connection: Connection, cells: Sequence[Place], terms: Terms) -> None:
    """Leave one of each group: of those that nothing else speaks against, the best rank, then the lowest id hash."""
    ranks = sorted({terms.rank(cell) for cell in cells})
    table = pa.table({"cell": range(len(cells)), "rank": [ranks.index(terms.rank(cell)) for cell in cells]})
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
        from (select cell, reasons::bigint as reasons, bytes, tokens from judged)
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
