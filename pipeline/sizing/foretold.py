"""How many documents a corpus has of each cell, by the cuts that `size` makes and before it writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from prep.pipeline.query import Connection
from prep.pipeline.sizing.cuts import Cut, Cuts


def documents(connection: Connection, cells: int, phases: Sequence[Cuts]) -> list[list[int]]:
    """Documents, copies counted, that each phase takes of `judged`, by number of the cell."""
    found = []
    for phase in phases:
        starts = _before(connection, cells, phase.starts or [Cut(0)] * cells)
        ends, more = _before(connection, cells, phase.cells), _beyond(connection, cells, phase)
        found.append([end - start + extra for start, end, extra in zip(starts, ends, more, strict=True)])
    return found


def _before(connection: Connection, cells: int, cuts: Sequence[Cut]) -> list[int]:
    """How many come before the cut of each cell: those of the whole passes, and those up to its key."""
    last = [(number, cut) for number, cut in enumerate(cuts) if cut.key is not None]
    ends = {
        "cell": np.array([number for number, _ in last], np.int32),
        "last_key": np.array([cut.key for _, cut in last], np.uint64),
        "last_tie": np.array([cut.tie for _, cut in last], np.uint64),
    }
    connection.register("ends", pa.table(ends))
    inside = connection.execute(
        """select cell, count(*) from judged join ends using (cell)
           where reasons = 0 and (key < last_key or (key = last_key and tie <= last_tie)) group by cell"""
    ).fetchall()
    connection.unregister("ends")
    whole = connection.execute("select cell, count(*) from judged where reasons = 0 group by cell").fetchall()
    counts, upto = dict(whole), dict(inside)
    return [cuts[number].passes * counts.get(number, 0) + upto.get(number, 0) for number in range(cells)]


def _beyond(connection: Connection, cells: int, phase: Cuts) -> list[int]:
    """How many are in once more beyond the cut."""
    extras = {
        "shard": np.array([extra.shard for extra in phase.extras], np.int32),
        "row": np.array([extra.row for extra in phase.extras], np.int32),
    }
    connection.register("extras", pa.table(extras))
    rows = connection.execute(
        "select cell, count(*) from judged join extras using (shard, row) where reasons = 0 group by cell"
    ).fetchall()
    connection.unregister("extras")
    found = dict(rows)
    return [found.get(number, 0) for number in range(cells)]
