"""What is held out of training: drawn by a purpose of its own, by text, before the corpus is sized.

So the same documents are held out for every budget, and no text stands on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.pipeline import draw, query
from prep.pipeline.query import Connection
from prep.pipeline.reasons import Place

EOD = "eod"  # of what is asked: tokens that the end of each document is charged
SHIFT = 48  # the tokens are added up by the first 16 bits of the draw, and put in order in one bucket


def draws(batch: pa.RecordBatch, seed: int) -> npt.NDArray[np.uint64]:
    """Of each document, the draw of its text; the largest number where nothing is held out."""
    if "text_hash" not in batch.schema.names:
        return np.full(batch.num_rows, np.iinfo(np.uint64).max)
    return draw.draw(draw.halves(batch["text_hash"])[0], seed, draw.VALIDATION)


def drawn(connection: Connection, cells: Sequence[Place], asked: Mapping[str, Any]) -> list[int | None]:
    """For each cell the draw up to which documents are held out; None for nothing."""
    if not asked:
        return [None] * len(cells)
    if asked["tokens"]:
        return [_upto(connection, asked["tokens"], asked.get(EOD, 0))] * len(cells)
    part = {source: most - 1 for source, share in asked["shares"].items() if (most := round(share * (1 << 64)))}
    return [part.get(source) for source, _, _ in cells]


def _upto(connection: Connection, tokens: int, eod: int) -> int | None:
    """The largest draw up to which the documents that may be in hold at most so many tokens, their ends included."""
    buckets = connection.execute(f"""
        select (vdraw >> {SHIFT})::integer as bucket, sum(tokens)::bigint from (
            select vdraw, tokens + {eod} as tokens from seen where reasons = 0
            union all select vdraw, -(tokens + {eod}) from marks where reasons = 0 and bits <> 0)
        group by bucket order by bucket
    """).fetchall()  # noqa: S608 - numbers
    full = place = 0
    for place, number in buckets:  # noqa: B007 - the bucket where it ends is what is sought
        if full + number > tokens:
            break
        full += number
    else:
        return int(np.iinfo(np.uint64).max)
    inside = query.ask(
        connection,
        f"""select vdraw, sum(tokens + {eod})::bigint as tokens
            from seen anti join (select shard, row from marks) using (shard, row)
            where reasons = 0 and vdraw between ? and ? group by vdraw order by vdraw""",  # noqa: S608 - a number
        [place << SHIFT, ((place + 1) << SHIFT) - 1],
    )
    fitting = int(np.searchsorted(np.cumsum(inside["tokens"].to_numpy()), tokens - full, side="right"))
    return int(inside["vdraw"][fitting - 1].as_py()) if fitting else (place << SHIFT) - 1 if place else None
