"""Columns of text as engines take them: slabs bounded by bytes, and the numbers behind them without a copy."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.errors import BrokenShard

# Bytes of a slab. gpt2, English, unseen text: fastokens 127, 167, 118 MB per CPU second by slabs of 1, 2, 4 MB; on
# Japanese there was no difference.
SLAB_BYTES = 2_000_000
LINE = 64  # bytes of a cache line

Number = TypeVar("Number", np.int64, np.uint8)


def column(texts: pa.StringArray | pa.LargeStringArray) -> pa.LargeStringArray:
    """The texts with offsets of 64 bits. None is missing, and all are UTF-8."""
    if texts.null_count:
        row = pc.index(texts.is_null(), True).as_py()
        raise BrokenShard(f"row {row} of {len(texts)} has no text to tokenize; ingest writes none such: run it again")
    return _sound(texts.cast(pa.large_string()))


def slabs(texts: pa.StringArray | pa.LargeStringArray, most: int = SLAB_BYTES) -> Iterator[pa.LargeStringArray]:
    """A `column` in order, in parts of at most `most` bytes, or of one text."""
    texts = column(texts)
    ends, start = bounds(texts), 0
    while start < len(texts):
        stop = max(start + 1, int(np.searchsorted(ends, ends[start] + most, side="right")) - 1)
        yield texts[start:stop]
        start = stop


def bounds(texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
    """Where each text begins in `content`, and where the last one ends."""
    buffer = texts.buffers()[1]
    if not len(texts):
        return _fixed(np.zeros(1, np.int64))
    return _fixed(np.frombuffer(buffer, np.int64, len(texts) + 1, texts.offset * 8))


def content(texts: pa.LargeStringArray) -> npt.NDArray[np.uint8]:
    """The bytes that `bounds` counts in."""
    buffer = texts.buffers()[2]
    return _fixed(np.frombuffer(buffer or b"", np.uint8))


def chosen(texts: pa.LargeStringArray, rows: npt.NDArray[np.int64]) -> list[bytes]:
    """Some of the texts."""
    data, ends = content(texts), bounds(texts)
    return [data[start:stop].tobytes() for start, stop in zip(ends[rows], ends[rows + 1], strict=True)]


def joined(texts: list[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Texts as the `content` and the `bounds` of a column."""
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return _fixed(np.frombuffer(b"".join(texts), np.uint8)), _fixed(ends)


def lines(words: int) -> npt.NDArray[np.uint64]:
    """Zeros that begin where a cache line begins: an entry of a memo that lies in two of them is fetched twice."""
    room = np.zeros(words + LINE // 8, np.uint64)
    skip = -room.ctypes.data % LINE // 8
    return room[skip : skip + words]


def _fixed(numbers: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Not to be written to, whoever made the buffer: numba compiles a function again for numbers of another type."""
    numbers.flags.writeable = False
    return numbers


def padded(
    text: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64], more: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """A copy of what lies between the first and the last of `ends`, readable `more` bytes past it; and its ends."""
    copy = np.zeros(ends[-1] - ends[0] + more, np.uint8)
    copy[: ends[-1] - ends[0]] = text[ends[0] : ends[-1]]
    return _fixed(copy), _fixed(ends - ends[0])


def _sound(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """The engines take bytes as they are. Arrow says what is wrong."""
    from prep.pipeline.tokenizers.utf8 import are_utf8  # numba takes 0.6 s to load, and who hands work out needs none

    if not are_utf8(content(texts), bounds(texts)):
        try:
            texts.validate(full=True)
        except pa.ArrowInvalid as error:
            raise BrokenShard(f"a text is not UTF-8 ({error}); ingest writes none such: run it again") from error
    return texts
