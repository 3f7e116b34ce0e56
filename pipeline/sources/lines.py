"""Lines of a stream, with a bound on how much of one is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prep.pipeline.sources.piece import RAW_BOUND


class Line(NamedTuple):
    """A line without its newline; of a line longer than the bound, only its beginning."""

    offset: int
    data: bytes
    end: int  # byte after its newline, or after the last byte of the file
    over: bool = False


class _Open:
    """A line whose end has not been seen."""

    def __init__(self, offset: int, bound: int) -> None:
        self.offset, self.bound, self.size, self.parts, self.over = offset, bound, 0, list[bytes](), False

    def add(self, part: bytes) -> None:
        self.size += len(part)
        if self.size <= self.bound:
            self.parts.append(part)
        elif not self.over:
            self.parts, self.over = [b"".join((*self.parts, part))[: min(self.bound, RAW_BOUND)]], True

    def close(self, newline: int) -> Line:
        return Line(self.offset, b"".join(self.parts), self.offset + self.size + newline, self.over)


def lines(chunks: Iterable[bytes], bound: int, offset: int = 0) -> Iterator[Line]:
    r"""Every line, ended by \n alone; `offset` is the first chunk's place in the stream."""
    held = _Open(offset, bound)
    for chunk in chunks:
        first, *rest = chunk.split(b"\n")
        held.add(first)
        if not rest:
            continue
        line = held.close(newline=1)
        yield line
        offset, last = line.end, rest.pop()
        for data in rest:
            end = offset + len(data) + 1
            # A chunk is smaller than the bound unless a test sets a tiny one.
            over = len(data) > bound
            yield Line(offset, data[: min(bound, RAW_BOUND)] if over else data, end, over)
            offset = end
        held = _Open(offset, bound)
        held.add(last)
    if held.size:
        yield held.close(newline=0)


def lines_of_range(chunks: Iterable[bytes], bound: int, start: int, stop: int) -> Iterator[Line]:
    """Lines that start at `start` or later and before `stop`; the chunks begin at the byte before `start`."""
    found = lines(chunks, bound, max(start - 1, 0))
    if start > 0:
        first = next(found, None)  # belongs to the range before, whole or in part
        if first is None or first.end >= stop:
            return
    for line in found:
        yield line
        if line.end >= stop:
            return
