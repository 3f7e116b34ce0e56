"""What is read of a source: all of it, or clusters drawn over all its files: blocks, row groups, or whole files.

A file of plain JSON lines is entered anywhere, and a Parquet file at its row groups. A stream that cannot seek (gzip,
zstd, WARC, CSV) is read whole or not at all: its head is not a sample of it. Drawing follows `estimate.Clusters`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from prep.errors import BadSettings, BadSource
from prep.pipeline.audit.estimate import Clusters
from prep.pipeline.numbers import format_bytes
from prep.pipeline.sources.piece import File, Piece
from prep.pipeline.sources.stream import is_compressed, open_file

WHOLE = 256_000_000  # bytes on disk up to which a source is read whole: some seconds
FEWEST = 10  # clusters that are read, where a source has so many, whatever their size
BLOCK, SMALLEST = 4 << 20, 16 << 10  # bytes of a block; a smaller budget has smaller blocks, down to a few documents
BLOCKS = 64  # blocks a budget is cut into at least
LOOKED_AT = 200  # files that are opened to see where they can be entered


@dataclass(frozen=True)
class Chosen:
    """The pieces to read, and how they were drawn; None where they are all there is."""

    pieces: list[Piece]
    drawn: Clusters | None = None
    cut: bool = False  # whether the clusters are parts of files

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(piece.size for piece in self.pieces)


def choose(pieces: Sequence[Piece], budget: int | None, hard: bool, seed: int) -> Chosen:
    """Clusters of about `budget` bytes on disk; not more, where that bound is `hard`.

    Errors: BadSettings, where a hard bound does not cover two clusters.
    """
    size = sum(piece.size for piece in pieces)
    if budget is None or size <= budget:
        return Chosen(list(pieces))
    units = [unit for unit in parts(pieces, budget) if unit.size]
    count = wanted(units, budget, hard)
    if hard:
        # Before the draw, so that the largest of each group would fit: to draw again until the draw fits would leave
        # the large files out, and their ratio with them.
        count = next((fewer for fewer in range(count, 1, -1) if largest(units, fewer, seed) <= budget), 0)
        if not count:
            raise too_tight(units, budget)
    return draw(units, count, seed) if count < len(units) else Chosen(list(pieces))


def wanted(units: Sequence[Piece], budget: int, hard: bool) -> int:
    """How many clusters: large ones are drawn more often, so that one has sum(x^2) / sum(x) bytes on average."""
    sizes = np.array([unit.size for unit in units], np.float64)
    each = float(sizes @ sizes / sizes.sum())
    least = 2 if hard else FEWEST
    return min(max(int(budget / each), least), len(units))


def too_tight(units: Sequence[Piece], budget: int) -> BadSettings:
    """The error for a bound that no interval can be had for."""
    large = max(units, key=lambda unit: unit.size)
    return BadSettings(
        f"source {large.source}: --max-read leaves it {format_bytes(budget)}, but an interval needs two of its "
        f"files, read whole, for they cannot be entered in the middle ({large.files[0].name} has "
        f"{format_bytes(large.size)}); raise --max-read or leave the source out"
    )


def dealt(units: Sequence[Piece], count: int, seed: int) -> list[list[Piece]]:
    """The units in `count` random groups; no order of files matters."""
    keys = [chance(seed, unit.source, unit.files[0].name, unit.start) for unit in units]
    order = sorted(range(len(units)), key=lambda at: (keys[at], units[at].files[0].name, units[at].start))
    return [[units[at] for at in order[number::count]] for number in range(count)]


def largest(units: Sequence[Piece], count: int, seed: int) -> int:
    """The most bytes that a draw of so many may read."""
    return sum(max(unit.size for unit in own) for own in dealt(units, count, seed))


def draw(units: Sequence[Piece], count: int, seed: int) -> Chosen:
    """One unit of each of `count` random groups, with probability proportional to size."""
    picked, size, group, members = [], [], [], []
    for number, own in enumerate(dealt(units, count, seed)):
        ends = np.cumsum([unit.size for unit in own])
        point = chance(seed, own[0].source, "group", number) / 2**64 * float(ends[-1])
        unit = own[min(int(np.searchsorted(ends, point, side="right")), len(own) - 1)]
        picked.append(unit)
        size.append(unit.size)
        group.append(int(ends[-1]))
        members.append(len(own))
    drawn = Clusters(*(np.array(each, np.float64) for each in (size, group, members)))
    order = np.array(sorted(range(count), key=lambda at: (picked[at].files[0].name, picked[at].start)))
    return Chosen(
        [picked[at] for at in order],
        Clusters(drawn.size[order], drawn.group[order], drawn.members[order]),
        all(unit.is_range for unit in units),
    )


def chance(seed: int, *words: object) -> int:
    """A uniform 64-bit number that hangs on the seed and on what is drawn, and on nothing else."""
    return xxhash.xxh3_64_intdigest(repr((seed, "audit", *words)).encode())


def parts(pieces: Sequence[Piece], budget: int) -> Iterator[Piece]:
    """The pieces, cut as far as their files can be entered."""
    block = min(max(budget // BLOCKS, SMALLEST), BLOCK)
    look = len({file.name for piece in pieces for file in piece.files}) <= LOOKED_AT
    groups: dict[str, list[tuple[int, int]]] = {}
    for piece in pieces:
        if piece.format == "jsonl" and (piece.is_range or (look and plain(piece.files[0]))):
            yield from blocks(piece, block)
        elif piece.format == "parquet" and look:
            name = piece.files[0].name
            groups[name] = groups.get(name) or row_groups(piece.files[0])
            yield from (
                replace(piece, start=start, stop=stop)
                for start, stop in groups[name]
                if piece.start <= start and (piece.stop is None or start < piece.stop)
            )
        else:
            yield piece


def blocks(piece: Piece, block: int) -> Iterator[Piece]:
    """Ranges of bytes; the records that start in one belong to it."""
    end = piece.files[0].size if piece.stop is None else piece.stop
    for start in range(piece.start, end, block):
        yield replace(piece, start=start, stop=min(start + block, end))


def plain(file: File) -> bool:
    """Whether the file is not compressed as a whole."""
    with open_file(file) as handle:
        return not is_compressed(handle.read(8))


def row_groups(file: File) -> list[tuple[int, int]]:
    """Where each row group begins, and where the next does; the last takes the footer, the first what is before it."""
    with open_file(file) as handle:
        try:
            metadata = pq.read_metadata(pa.PythonFile(handle, mode="r"))
        except (pa.ArrowException, OSError) as error:
            raise BadSource(
                f"{file.name}: its footer cannot be read ({error}); fetch the file again, or leave it out (`exclude`)"
            ) from error
    starts = sorted(group_start(metadata.row_group(at)) for at in range(metadata.num_row_groups)) or [0]
    starts[0] = 0
    return list(zip(starts, [*starts[1:], file.size], strict=True))


def group_start(group: pq.RowGroupMetaData) -> int:
    """The byte of its first column chunk, as the reader of Parquet takes it."""
    column = group.column(0)
    return int(min(at for at in (column.dictionary_page_offset, column.data_page_offset) if at is not None))


def budgets(sizes: Sequence[int], most: int | None) -> list[int]:
    """What each source may read; of a bound on all, the small ones take what they need and the rest share evenly."""
    if most is None:
        return [max(WHOLE, 1)] * len(sizes)
    shares, left = [0] * len(sizes), most
    order = sorted(range(len(sizes)), key=lambda at: sizes[at])
    for rank, at in enumerate(order):
        shares[at] = min(sizes[at], left // (len(order) - rank))
        left -= shares[at]
    return shares
