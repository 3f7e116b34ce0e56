"""Rows on disk by bucket, thrown in as they come, read back one at a time: so more is sorted than memory holds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from prep.manifests import files

Rows = npt.NDArray[Any]  # of a structured type
HELD = 1 << 18  # rows that are grouped before they are written: a bucket's part of fewer is a small write


class Buckets:
    """One file for all buckets: a thousand open files would pass the limit of a process.

    What is thrown in goes to the end, grouped by bucket, and it is remembered where each bucket's parts lie.
    """

    def __init__(self, file: IO[bytes], dtype: npt.DTypeLike, count: int) -> None:
        """Numbered from 0 to `count` - 1."""
        self.count = count
        self._file, self._dtype = file, np.dtype(dtype)
        self._parts: list[list[tuple[int, int]]] = [[] for _ in range(count)]  # of each bucket: first row, rows
        self._held: list[tuple[npt.NDArray[np.int64], Rows]] = []
        self._waiting = self._written = 0

    def add(self, bucket: npt.NDArray[Any], rows: Rows) -> None:
        """Rows, and the bucket of each."""
        self._held.append((bucket.astype(np.int64), rows))
        self._waiting += len(rows)
        if self._waiting >= HELD:
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        bucket, rows = (np.concatenate(part) for part in zip(*self._held, strict=True))
        self._held, self._waiting = [], 0
        by_bucket = np.argsort(bucket, kind="stable")
        there, first, many = np.unique(bucket[by_bucket], return_index=True, return_counts=True)
        for number, start, length in zip(there.tolist(), first.tolist(), many.tolist(), strict=True):
            self._parts[number].append((self._written + start, length))
        self._file.seek(self._written * self._dtype.itemsize)
        self._file.write(rows[by_bucket].tobytes())
        self._written += len(rows)

    def size(self, bucket: int) -> int:
        """Rows of a bucket."""
        self._flush()
        return sum(length for _, length in self._parts[bucket])

    def blocks(self, bucket: int) -> Iterator[Rows]:
        """The rows of a bucket, in the order in which they were thrown in, part by part."""
        self._flush()
        for first, length in self._parts[bucket]:
            self._file.seek(first * self._dtype.itemsize)
            yield np.frombuffer(self._file.read(length * self._dtype.itemsize), dtype=self._dtype)

    def rows(self, bucket: int) -> Rows:
        """All rows of a bucket."""
        return np.concatenate([np.empty(0, self._dtype), *self.blocks(bucket)])


def in_order(rows: Rows, names: tuple[str, ...]) -> Rows:
    """Rows by their fields, the first the most; the others are looked at only where two rows share the first."""
    first = np.ascontiguousarray(rows[names[0]])
    order = np.argsort(first)
    first = first[order]
    if (first[1:] == first[:-1]).any():
        order = np.lexsort([rows[name] for name in reversed(names)])
    return rows[order]


@contextmanager
def buckets(folder: str, dtype: npt.DTypeLike, count: int) -> Iterator[Buckets]:
    """Buckets in a nameless file of the folder, gone when the block ends.

    Errors: NoSpace, Unable.
    """
    with files.told(folder), tempfile.TemporaryFile(dir=folder) as file:
        yield Buckets(file, dtype, count)
