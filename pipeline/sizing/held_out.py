"""What is held out of training: drawn by a purpose of its own, by text, before the corpus is sized.

So no text stands on both sides, nor in the training of a larger or smaller corpus. What a keep leaves out that follows
the budget (`pareto: auto`) counts as if it were in: it is not held out now, and not trained on where it comes in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.pipeline import draw, query
from prep.pipeline.query import Connection
from prep.pipeline.reasons import Place, Reason

EOD = "eod"  # of what is asked: tokens that the end of each document is charged
# Tokens and documents by draw, of what may be in: of all, less those with duplicates, and of these one a text.
_MAY = "using (cell) where (reasons & ~ignored) = 0"
_TEXTS = f"""
    select vdraw, tokens, 1 as documents from seen join ignoring {_MAY}
    union all select vdraw, -tokens, -1 from grouped join ignoring {_MAY}
    union all select vdraw, max(tokens), 1 from grouped join ignoring {_MAY} group by vdraw, high, low
"""  # noqa: S608 - constants
SHIFT = 48  # the tokens are added up by the first 16 bits of the draw, and put in order in one bucket


def draws(batch: pa.RecordBatch, seed: int) -> npt.NDArray[np.uint64]:
    """Of each document, the draw of its text; the largest number where nothing is held out."""
    if "text_hash" not in batch.schema.names:
        return np.full(batch.num_rows, np.iinfo(np.uint64).max)
    return draw.draw(draw.halves(batch["text_hash"])[0], seed, draw.VALIDATION)


def drawn(
    connection: Connection, cells: Sequence[Place], asked: Mapping[str, Any], moving: Collection[int]
) -> list[int | None]:
    """For each cell the draw up to which documents are held out; None for nothing.

    `moving` are the cells whose keep follows the budget.
    """
    if not asked:
        return [None] * len(cells)
    if asked["tokens"]:
        numbers = pa.table({"cell": pa.array(range(len(cells)), pa.int32())})
        ignored = pa.array([int(Reason.QUALITY) if each in moving else 0 for each in range(len(cells))], pa.uint64())
        connection.register("ignoring", numbers.append_column("ignored", ignored))
        found = _upto(connection, asked["tokens"], asked.get(EOD, 0))
        connection.unregister("ignoring")
        return [found] * len(cells)
    part = {source: most - 1 for source, share in asked["shares"].items() if (most := round(share * (1 << 64)))}
    return [part.get(source) for source, _, _ in cells]


def _upto(connection: Connection, tokens: int, eod: int) -> int | None:
    """The largest draw up to which the documents that may be in hold at most so many tokens, their ends included."""
    buckets = connection.execute(f"""
        select (vdraw >> {SHIFT})::integer as bucket, sum(tokens + {eod} * documents)::bigint from ({_TEXTS})
        group by bucket order by bucket
    """).fetchall()  # noqa: S608 - a number
    full = place = 0
    for place, number in buckets:  # noqa: B007 - the bucket where it ends is what is sought
        if full + number > tokens:
            break
        full += number
    else:
        return int(np.iinfo(np.uint64).max)
    inside = query.ask(
        connection,
        f"""select vdraw, sum(tokens + {eod} * documents)::bigint as tokens from ({_TEXTS})
            where vdraw between ? and ? group by vdraw order by vdraw""",  # noqa: S608 - a number
        [place << SHIFT, ((place + 1) << SHIFT) - 1],
    )
    fitting = int(np.searchsorted(np.cumsum(inside["tokens"].to_numpy()), tokens - full, side="right"))
    return int(inside["vdraw"][fitting - 1].as_py()) if fitting else (place << SHIFT) - 1 if place else None
