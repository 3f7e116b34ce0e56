"""The score that a document's own draw asks of it: how near each one is to the other side of its keep.

It is found by asking the verdict itself with other scores, sixteen times, so that it holds for every kind of keep. A
keep never takes a document for a lower score and leaves it for a higher one with the same draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.filters.quality import SCALE
from prep.pipeline import draw
from prep.pipeline.judge import numbered
from prep.pipeline.keeping.kept import Border
from prep.pipeline.reasons import Place
from prep.pipeline.score import QUALITY

NEVER = SCALE + 1  # no score would do
NOT_ASKED = -1  # the document is not judged by its score

Scores = npt.NDArray[np.int64]
Kept = Callable[[npt.NDArray[np.uint16]], npt.NDArray[np.bool_]]


def needed(batch: pa.RecordBatch, cells: list[Place], borders: Mapping[int, Border], seed: int) -> Scores:
    """The lowest stored score with which each document of a batch would be kept; `NOT_ASKED` where none is asked."""
    cell = numbered(batch, cells)
    drawn = draw.draw(np.asarray(batch["draw_key"]), seed, draw.QUALITY)
    scored = np.asarray(batch[QUALITY].is_valid())
    found = np.full(batch.num_rows, NOT_ASKED, dtype=np.int64)
    for number, border in borders.items():
        here = scored & (cell == number)
        chance = drawn[here]
        found[here] = lowest(lambda scores, chance=chance, border=border: border.keeps(scores, chance), int(here.sum()))  # type: ignore[misc]
    return found


def lowest(would_keep: Kept, count: int) -> Scores:
    """By halving: the lowest score that is kept, for each of `count` documents; `NEVER` where none is."""
    low, high = np.zeros(count, dtype=np.int64), np.full(count, NEVER, dtype=np.int64)
    while bool((low < high).any()):
        middle = (low + high) // 2
        keeps = would_keep(np.minimum(middle, SCALE).astype(np.uint16)) & (middle <= SCALE)
        high, low = np.where(keeps, middle, high), np.where(keeps, low, np.minimum(middle + 1, high))
    return high
