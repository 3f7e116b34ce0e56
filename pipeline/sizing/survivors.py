"""Which document of each group of duplicates stands for it, and which go with one that a list names.

Groups are looked at a part at a time, by the first bits of their hash: a window over all of them would not fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from prep.pipeline.dedup import GROUP
from prep.pipeline.draw import halves
from prep.pipeline.query import Connection
from prep.pipeline.reasons import Place, Reason, Terms

AT_ONCE = 2_000_000  # documents whose groups are put in order at once


def grouped(batch: pa.RecordBatch, numbers: pa.Table) -> pa.Table:
    """Of the numbers of a batch, those of documents with duplicates, and the two halves of their group's hash."""
    if GROUP not in batch.schema.names:
        nothing = pa.array(np.empty(0, dtype=np.uint64))
        return numbers.slice(0, 0).append_column("high", nothing).append_column("low", nothing)
    there = batch[GROUP].is_valid()
    high, low = halves(batch[GROUP].filter(there))
    return numbers.filter(there).append_column("high", pa.array(high)).append_column("low", pa.array(low))


def named(listed: bool) -> str:
    """In SQL, the bit of a document that a list names."""
    return f"case when listed > 0 then {int(Reason.EXCLUDED)} else 0 end" if listed else "0"


def mark(connection: Connection, cells: Sequence[Place], terms: Terms, *, listed: bool) -> None:
    """Make the table `marks`: the bits that its group brings upon a document, where there are any.

    One of each group stays: of those that nothing else speaks against, the best rank, then the lowest id hash.
    """
    ranks = sorted({terms.rank(cell) for cell in cells})
    table = pa.table({"cell": range(len(cells)), "rank": [ranks.index(terms.rank(cell)) for cell in cells]})
    connection.register("ranks", table)
    [[count]] = connection.execute("select count(*) from grouped").fetchall()
    parts = 1 << (count // AT_ONCE).bit_length()
    connection.execute("drop table if exists marks")
    for part in range(parts):
        low, high = part * (1 << 64) // parts, (part + 1) * (1 << 64) // parts - 1
        connection.execute(
            f"""
            {"insert into marks" if part else "create table marks as"}
            select shard, row, tokens, vdraw, reasons,
                   (case when place > 1 then {int(Reason.DUPLICATE)} else 0 end
                    | case when goes then {int(Reason.EXCLUDED)} else 0 end)::ubigint as bits
            from (select *, row_number() over (
                      partition by high, low order by (reasons | {named(listed)}) <> 0, rank, tie, shard, row) as place
                  from (select *, {"bool_or(spread) over (partition by high, low)" if listed else "false"} as goes
                        from grouped join ranks using (cell) where high between ? and ?))
            where place > 1 or goes""",  # noqa: S608 - constants
            [low, high],
        )
    connection.unregister("ranks")
