"""What a stretch between two cuts counts, kept for the next time it comes.

A larger memo finds more, and its lines are farther away: they are fetched ahead.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from prep.compiling import inlined
from prep.machine import load, prefetch
from prep.pipeline.tokenizers.slabs import lines

LINE = 8  # words, one cache line: two short stretches, one for those that came often, one for the last that came
CELL = 4  # words of a short stretch: three of its key and its finding; a longer one has seven and its finding
SHORT, LONGER = 12, 28  # symbols of 16 bits that fit; no symbol is 0
# 8 MB. MB/s of unseen text by 16, 17, 18: Japanese 212, 228, 223, English 143, 158, 154.
SHORT_BITS = 17
LONGER_BITS = 14  # 1 MB: 1 of 100 stretches of English, 4 of 100 of code
BLOCK = 128  # stretches that are looked at together
KEY = 4  # words kept of each: its key, and where its line begins
MIX = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio of 64 bits
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
U = np.uint64  # an unsigned place: a signed one is asked each time whether it counts from the end
# By length: what belongs to a stretch of the words that stand where it begins; nothing of a longer one.
MASKS = np.array(
    [
        (1 << 16 * min(max(length - first, 0), 4)) - 1 if length <= SHORT else 0
        for length in range(SHORT + 2)
        for first in (0, 4, 8, 12)
    ],
    np.uint64,
)
# By length: a longer one has the key of a single symbol, which no stretch has that is looked up.
NEVER = np.array([0] * (SHORT + 1) + [1], np.uint64)

Words = npt.NDArray[np.uint64]


class Memo(NamedTuple):
    """Lines of short and of longer stretches; the keys of those that are looked at, and which of them are missed."""

    short: Words
    longer: Words
    keys: Words
    misses: npt.NDArray[np.int32]


def empty() -> Memo:
    """A memo that knows nothing."""
    return Memo(lines(LINE << SHORT_BITS), lines(LINE << LONGER_BITS), lines(KEY * BLOCK), np.zeros(BLOCK, np.int32))


@inlined
def prepare(short, keys, signs, edges, first, after):  # type: ignore[no-untyped-def]
    """Make the keys of a block of stretches, and begin to fetch their lines."""
    address = int(signs.ctypes.data)
    for number in range(first, after):
        begin, place = np.int64(edges[U(2) * number]), U(KEY) * (number - first)
        row = U(min(np.int64(edges[U(2) * number + U(1)]) - begin, SHORT + 1))
        w0 = load(address, 2 * begin) & MASKS[U(4) * row] | NEVER[row]
        w1 = load(address, 2 * begin + 8) & MASKS[U(4) * row + U(1)]
        w2 = load(address, 2 * begin + 16) & MASKS[U(4) * row + U(2)]
        mixed = (w0 ^ (w0 >> U(31)) ^ (w2 << U(7))) * MIX
        mixed = (mixed ^ (mixed >> U(32)) ^ w1 ^ (w2 >> U(5))) * MIX
        line = (mixed >> U(64 - SHORT_BITS)) * U(LINE)
        prefetch(short, line)
        keys[place], keys[place + U(1)], keys[place + U(2)], keys[place + U(3)] = w0, w1, w2, line


@inlined
def other(short, cell, keys, place):  # type: ignore[no-untyped-def]
    """Bits in which the key of a cell differs."""
    differs = short[cell] ^ keys[place] | short[cell + U(1)] ^ keys[place + U(1)]
    return differs | short[cell + U(2)] ^ keys[place + U(2)]


@inlined
def swapped(short, line):  # type: ignore[no-untyped-def]
    """Make the second stretch of a line the first; where its finding is kept."""
    for word in range(U(CELL)):
        last = line + U(CELL) + word
        short[line + word], short[last] = short[last], short[line + word]
    return line + U(CELL - 1)


@inlined
def recall(short, keys, place):  # type: ignore[no-untyped-def]
    """Where the finding of a stretch is kept: 0 stands there if it must be made.

    It may have come since it was missed: twice in a block.
    """
    line = keys[place + U(3)]
    last = line + U(CELL)
    if other(short, line, keys, place) == U(0):
        return line + U(CELL - 1)
    if other(short, last, keys, place) == U(0):
        return swapped(short, line)
    short[last], short[last + U(1)], short[last + U(2)] = keys[place], keys[place + U(1)], keys[place + U(2)]
    short[last + U(CELL - 1)] = U(0)
    return last + U(CELL - 1)


@inlined
def symbols(address, begin, size, word):  # type: ignore[no-untyped-def]
    """Four symbols of a stretch as one word, or as many as there are."""
    bits = U(8 * min(max(np.int64(size) - 4 * word, 0), 4))
    return load(address, 2 * np.int64(begin) + 8 * word) & ~((ALL << bits) << bits)


@inlined
def recall_longer(longer, address, begin, size):  # type: ignore[no-untyped-def]
    """The same for a longer stretch: each has one line where it may be."""
    mixed, differs = U(0), U(0)
    for word in range(LINE - 1):
        mixed = (mixed ^ (mixed >> U(32)) ^ symbols(address, begin, size, word)) * MIX
    line = (mixed >> U(64 - LONGER_BITS)) * U(LINE)
    for word in range(LINE - 1):
        key = symbols(address, begin, size, word)
        differs |= longer[line + U(word)] ^ key
        longer[line + U(word)] = key
    if differs:
        longer[line + U(LINE - 1)] = U(0)
    return line + U(LINE - 1)
