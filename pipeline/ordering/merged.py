"""Many ordered streams of copies as one: by position, those at one position by hash, in memory of a block a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prep.pipeline.ordering.buckets import Rows, in_order

COPY = np.dtype(
    [
        ("position", "<f8"),  # among those of its cell, or its group, or the corpus: about the tokens before it
        ("key", "<u8"),
        ("tie", "<u8"),
        ("tokens", "<i8"),
        ("bytes", "<i8"),
        ("cell", "<i4"),
        ("shard", "<i4"),
        ("row", "<i4"),
        ("pass", "<i4"),
    ]
)
ORDER = ("position", "key", "tie", "pass", "shard", "row")


@dataclass
class _Head:
    """What was read of a stream and not yet given."""

    stream: Iterator[Rows]
    rows: Rows
    positions: npt.NDArray[np.float64]  # those of the rows, side by side in memory
    ended: bool = False

    def read(self) -> None:
        block = next(self.stream, None)
        if block is None:
            self.ended = True
        else:
            self.rows = np.concatenate((self.rows, block))
            self.positions = np.ascontiguousarray(self.rows["position"])

    def take(self, stop: int) -> Rows:
        taken, self.rows, self.positions = self.rows[:stop], self.rows[stop:], self.positions[stop:]
        return taken


def merged(streams: Sequence[Iterable[Rows]]) -> Iterator[Rows]:
    """The rows of all streams in order; those of each come in order of position.

    A row is given once every stream has passed its position, so that rows at one position are put in order together,
    wherever the blocks are cut.
    """
    nothing = np.empty(0, dtype=COPY)
    heads = [_Head(iter(stream), nothing, nothing["position"]) for stream in streams]
    while heads:
        for head in heads:
            while not head.ended and (not len(head.rows) or head.positions[0] == head.positions[-1]):
                head.read()
        limit = min((head.positions[-1] for head in heads if not head.ended), default=np.inf)
        parts = [head.take(int(np.searchsorted(head.positions, limit))) for head in heads]
        heads = [head for head in heads if len(head.rows) or not head.ended]
        if sum(map(len, parts)):
            yield in_order(np.concatenate(parts), ORDER)


def placed(rows: Iterable[Rows], share: float) -> Iterator[Rows]:
    """Rows that come in order, each at (tokens before it + half its own) / `share`."""
    before = 0
    for block in rows:
        after = before + np.cumsum(block["tokens"])
        block["position"] = (2 * after - block["tokens"]) / (2 * share or 1)
        before = int(after[-1])
        yield block
