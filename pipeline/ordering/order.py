"""The order of the corpus: one for all of it, in which every stretch has the asked ratio.

A copy's position in its cell is (tokens of the cell before it + half its own) / share of the cell; copies of one text
lie a whole pass apart. Cells are interleaved by position inside their group (a language) first, then the groups: so a
stretch of the corpus holds each group, and each cell in it, in proportion, and a smaller corpus of the same shares is
the beginning of a larger one, but for the last documents of its cells. It is made of streams that were put in order on
disk, so it takes the memory of a few blocks, whatever the corpus's size.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

from prep.manifests import files
from prep.pipeline import draw
from prep.pipeline.ordering.buckets import Buckets, Rows, buckets, in_order
from prep.pipeline.ordering.merged import COPY, merged, placed

DOCUMENT = np.dtype(
    [
        ("key", "<u8"),  # by which a cell is put in order, ties by `tie`
        ("tie", "<u8"),
        ("tokens", "<i8"),
        ("bytes", "<i8"),
        ("cell", "<i4"),
        ("shard", "<i4"),
        ("row", "<i4"),
        ("pass", "<i4"),  # the first it is in
        ("copies", "<i4"),
        ("cut", "?"),  # whether its last copy is cut
    ]
)
PLACE = np.dtype([("row", "<i4"), ("pass", "<i4"), ("out", "<i4"), ("seat", "<i4")])
SORTED = 1 << 17  # documents of a cell that are put in order in memory at once, about
DIGIT = 12  # bits of a key by which documents are thrown apart
DIGITS = 6  # of a key
STREAMED = 1 << 20  # rows that all streams together hold
Cuts = Mapping[tuple[int, int, int], tuple[int, int]]  # by shard, row and pass: what is left, in tokens and bytes


@dataclass(frozen=True)
class Part:
    """Cells whose copies are put in one order, the group of each cell, and its share: by default that of its tokens."""

    cells: Sequence[int]
    group: Mapping[int, int]
    share: Mapping[int, float] | None = None


class Sorted:
    """The documents of every cell in order, on disk."""

    def __init__(self, file: IO[bytes], cells: int, cuts: Cuts) -> None:
        """Of so many cells; nothing is in it yet."""
        self._file, self._cuts = file, cuts
        self._starts, self._counts = [0] * cells, [0] * cells
        self.tokens, self.passes = [0] * cells, [0] * cells  # of all copies; most copies of a document
        self._rows = 0

    def append(self, cell: int, rows: Rows) -> None:
        """The next documents of a cell; those of one cell come together."""
        if not self._counts[cell]:
            self._starts[cell] = self._rows
        self._file.write(rows.tobytes())
        self._rows, self._counts[cell] = self._rows + len(rows), self._counts[cell] + len(rows)
        self.passes[cell] = max(self.passes[cell], int((rows["pass"] + rows["copies"]).max()))
        self.tokens[cell] += int((rows["tokens"] * rows["copies"]).sum())
        for row in rows[rows["cut"]]:
            last = int(row["pass"]) + int(row["copies"]) - 1
            self.tokens[cell] += self._cuts[int(row["shard"]), int(row["row"]), last][0] - int(row["tokens"])

    def copies(self, cell: int, block: int) -> Iterator[Rows]:
        """Every copy of a cell in order, pass after pass."""
        for number in range(self.passes[cell]):
            for start in range(0, self._counts[cell], block):
                rows = self._read(self._starts[cell] + start, min(block, self._counts[cell] - start))
                rows = rows[(rows["pass"] <= number) & (number < rows["pass"] + rows["copies"])]
                if len(rows):
                    yield self._pass(rows, number)

    def _read(self, first: int, count: int) -> Rows:
        self._file.seek(first * DOCUMENT.itemsize)
        return np.frombuffer(self._file.read(count * DOCUMENT.itemsize), dtype=DOCUMENT)

    def _pass(self, rows: Rows, number: int) -> Rows:
        found = np.zeros(len(rows), dtype=COPY)
        for name in ("key", "tie", "tokens", "bytes", "cell", "shard", "row"):
            found[name] = rows[name]
        found["pass"] = number
        for place in np.flatnonzero(rows["cut"] & (number == rows["pass"] + rows["copies"] - 1)).tolist():
            copy = int(rows[place]["shard"]), int(rows[place]["row"]), number
            found[place]["tokens"], found[place]["bytes"] = self._cuts[copy]
        return found


@contextmanager
def sorted_cells(blocks: Iterable[Rows], sizes: Sequence[int], cuts: Cuts, folder: str) -> Iterator[Sorted]:
    """Documents as they come, put in order by cell, key and tie. `sizes` are how many each cell holds, about."""
    digits = [min(DIGIT, max(0, (size // SORTED).bit_length())) for size in sizes]
    first = np.concatenate(([0], np.cumsum([1 << digit for digit in digits])))
    shift = np.array([64 - digit for digit in digits], dtype=np.uint64)
    with files.told(folder), tempfile.TemporaryFile(dir=folder) as file:
        found = Sorted(file, len(sizes), cuts)
        with buckets(folder, DOCUMENT, int(first[-1])) as thrown:
            for rows in blocks:
                cell = rows["cell"]
                digit = np.where(shift[cell] < 64, rows["key"] >> np.minimum(shift[cell], np.uint64(63)), np.uint64(0))
                thrown.add(first[cell] + digit.astype(np.int64), rows)
            for number in range(len(sizes)):
                for bucket in range(int(first[number]), int(first[number + 1])):
                    for part in ordered(thrown, bucket, folder):
                        found.append(number, part)
        yield found


def ordered(thrown: Buckets, bucket: int, folder: str, depth: int = 0) -> Iterator[Rows]:
    """The documents of a bucket by key and tie; one too large for memory is thrown apart by the next bits."""
    if thrown.size(bucket) <= 4 * SORTED or depth == 2 * DIGITS:
        rows = thrown.rows(bucket)
        if len(rows):
            yield in_order(rows, ("key", "tie", "shard", "row"))
        return
    word, digit = divmod(depth, DIGITS)
    with buckets(folder, DOCUMENT, 1 << DIGIT) as apart:
        for rows in thrown.blocks(bucket):
            apart.add(rows["tie" if word else "key"] << np.uint64(digit * DIGIT) >> np.uint64(64 - DIGIT), rows)
        for part in range(apart.count):
            yield from ordered(apart, part, folder, depth + 1)


def in_corpus(cells: Sorted, sequence: Part) -> Iterator[Rows]:
    """Every copy of some cells in the order of the corpus."""
    members: dict[int, list[int]] = {}
    for cell in sequence.cells:
        if cells.passes[cell]:
            members.setdefault(sequence.group[cell], []).append(cell)
    shares = sequence.share or dict(enumerate(map(float, cells.tokens)))
    block = max(1 << 10, min(1 << 16, STREAMED // max(1, 2 * sum(map(len, members.values())))))
    groups = []
    for group in sorted(members):
        streams = [placed(cells.copies(cell, block), shares[cell]) for cell in members[group]]
        groups.append(placed(merged(streams), math.fsum(shares[cell] for cell in members[group])))
    return merged(groups)


def seated(copies: Iterable[Rows], shard_bytes: int, first: int) -> Iterator[tuple[Rows, npt.NDArray[np.int64]]]:
    """The place of each copy that comes in order, and its input shard: a file ends with the copy that fills it.

    `first` is the number of the first file.
    """
    before, last, out, seat = 0, -1, first - 1, 0
    for rows in copies:
        ends = before + np.cumsum(rows["bytes"])
        full = (ends - rows["bytes"]) // shard_bytes
        new = np.diff(full, prepend=last) != 0
        number = out + np.cumsum(new)
        starts = np.maximum.accumulate(np.where(new, np.arange(len(rows)), -seat))
        found = np.empty(len(rows), dtype=PLACE)
        found["row"], found["pass"], found["out"] = rows["row"], rows["pass"], number
        found["seat"] = np.arange(len(rows)) - starts
        before, last, out, seat = int(ends[-1]), int(full[-1]), int(number[-1]), int(found["seat"][-1]) + 1
        yield found, rows["shard"].astype(np.int64)


def shuffled(rows: Rows, seed: int) -> Rows:
    """Each copy as a document by itself, in an order of its own."""
    each = np.repeat(rows, rows["copies"])
    starts = np.repeat(np.cumsum(rows["copies"]) - rows["copies"], rows["copies"])
    number = np.arange(len(each)) - starts
    last = number == each["copies"] - 1
    each["pass"], each["cut"] = each["pass"] + number, each["cut"] & last
    each["copies"] = 1
    each["key"] = draw.draw(each["key"] + each["pass"].astype(np.uint64), seed, draw.SHUFFLE)
    return each
