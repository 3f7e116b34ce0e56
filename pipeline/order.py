"""The order of the corpus: one for all of it, in which every stretch has the asked ratio.

A copy's position in its cell is (tokens of the cell before it + half its own) / tokens of the cell; copies of one text
lie a whole pass apart. Cells are interleaved by position inside their language first, then the languages: so a stretch
of the corpus holds each language, and each source in it, in proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.manifests.ledger import COPIES, TOKENS
from prep.manifests.shards import Columns
from prep.pipeline import draw, query
from prep.pipeline.judge import Columned, numbered
from prep.pipeline.query import Connection
from prep.pipeline.reasons import Place
from prep.pipeline.stage import Result, document_shards


def place(connection: Connection, columned: Columned, sized: Result, seed: int, shard_bytes: int) -> int:
    """Make the table `placed`: shard, row, pass, out (the output shard) and seat (the place in it). How many outs."""
    cells = columned.cells

    def convert(batch: pa.RecordBatch) -> dict[str, npt.NDArray[Any]]:
        return {
            "cell": numbered(batch, cells),
            "draw": draw.draw(np.asarray(batch["draw_key"]), seed, draw.ORDER),
            "tie": draw.halves(batch["id_hash"])[0],
            "tokens": np.asarray(batch[TOKENS + columned.tokenizer]),
            "bytes": np.asarray(batch["n_bytes"]),
            COPIES: np.asarray(batch[COPIES]),
        }

    copies = [Columns(path, (COPIES,)) for _, path in document_shards(sized)]
    query.load(
        connection, "sized", [[*unit, more] for unit, more in zip(columned.units(), copies, strict=True)], convert
    )
    _order(connection, cells, shard_bytes)
    [[count, last]] = connection.execute("select count(distinct out), max(out) from placed").fetchall()
    if count and last != count - 1:  # a document longer than a shard leaves numbers without documents
        connection.execute("""
            create table numbers as
            select out as gapped, (row_number() over (order by out) - 1)::integer as number
            from (select distinct out from placed);
            update placed set out = number from numbers where out = gapped;
        """)
    return int(count)


def _order(connection: Connection, cells: Sequence[Place], shard_bytes: int) -> None:
    languages = sorted({language for _, language, _ in cells})
    table = pa.table({"cell": range(len(cells)), "language": [languages.index(language) for _, language, _ in cells]})
    connection.register("languages", table)
    connection.execute("""
        create table copied as
        select shard, row, cell, language, draw, tie, tokens, bytes, unnest(range(copies)) as pass
        from sized join languages using (cell) where copies > 0;

        create table in_language as
        select *, (2 * sum(tokens) over before - tokens)::double
                  / greatest(2 * sum(tokens) over (partition by cell), 1) as position
        from copied
        window before as (partition by cell order by pass, draw, tie, shard, row rows unbounded preceding);

        create table in_corpus as
        select shard, row, pass, bytes, draw, tie,
               (2 * sum(tokens) over before - tokens)::double
               / greatest(2 * sum(tokens) over (partition by language), 1) as position
        from in_language
        window before as (
            partition by language order by position, draw, tie, pass, shard, row rows unbounded preceding);
    """)
    connection.execute(
        """
        create table placed as
        with ordered as (
            select shard, row, pass, row_number() over here as place,
                   ((sum(bytes) over here - bytes) // ?)::integer as out
            from in_corpus
            window here as (order by position, draw, tie, pass, shard, row rows unbounded preceding))
        select shard, row, pass, out, (place - min(place) over (partition by out))::integer as seat from ordered
        """,
        [shard_bytes],
    )
    connection.unregister("languages")
