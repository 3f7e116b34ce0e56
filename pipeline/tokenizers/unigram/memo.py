"""What a stretch between two cuts counts, kept for the next time it comes: bounded, and exact.

A stretch is the same path wherever it stands, but for rounding: sentencepiece adds in 32 bits, so that of two paths
that are nearly equal the sum before them decides. So a stretch is kept with its tolerance, how much every addition may
be wrong before another path could win, and with the scores of its path, which are added one by one as they would have
been. Where the sum is so large that the tolerance does not cover its rounding, the path is searched again.

A larger memo finds more, and its lines are farther away: they are fetched ahead.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from prep.machine import load, prefetch
from prep.pipeline.tokenizers.slabs import lines
from prep.pipeline.tokenizers.unigram.trie import Floats, Ints

LONGEST = 16  # characters of a stretch that is kept: four words of four symbols of 16 bits; no symbol is 0
CELL = 8  # words, one cache line: four of the key, one of tolerance and tokens, three of the path's scores
WAYS = 2  # cells that may hold a key: one for those that came often, one for the last that came
# 16 MB. CPU per byte of unseen text by 15, 16, 17, 18: Japanese 9.8, 10.3, 9.4, 8.9 ns, English 12.6, 11.2, 10.1, 10.3.
SET_BITS = 17
SEEN = -1.0  # the tolerance of a stretch that came once: most come no more, and are not worth learning
FIRST, SECOND_TIME, OFTEN = range(3)  # how often a stretch has come
TOLERANCE, TOKENS = 8, 9  # places in a cell's halves
PATH = {np.float32: (10, 6), np.float64: (5, 3)}  # where the path's scores begin in a cell, and how many fit
SECOND, EDGE = np.uint64(LONGEST + 1), np.uint64(2 * LONGEST + 2)  # where rows of what `learn` works in begin
DOWN = 1 - 2.0**-22  # so that no tolerance is rounded up as it is stored in 32 bits
KEY = 3  # words kept of a stretch that is looked at: the first half of its key, and where its cells are
HALF = 8  # symbols; few stretches are longer, and only of them the second half of the key is made
# By length: what belongs to a stretch of the first and the next four symbols that stand where it begins.
FIRST_FOUR = np.array([(1 << 16 * min(length, 4)) - 1 for length in range(HALF + 1)], np.uint64)
NEXT_FOUR = np.array([(1 << 16 * max(length - 4, 0)) - 1 for length in range(HALF + 1)], np.uint64)
MIX = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio of 64 bits
SET_SHIFT = np.uint64(64 - SET_BITS)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
U = np.uint64  # an unsigned place: a signed one is asked each time whether it counts from the end


class Memo(NamedTuple):
    """One memory under four names, and what `learn` works in."""

    words: npt.NDArray[np.uint64]
    tokens: Ints
    tolerances: npt.NDArray[np.float32]
    path: npt.NDArray[np.float32] | npt.NDArray[np.float64]
    sums: Floats
    back: Ints
    first: int  # of the path's scores in a cell
    most: int  # of them
    width: int  # of a cell, in scores


def empty(kind: type[np.float32] | type[np.float64]) -> Memo:
    """For a model whose scores are added in so many bits."""
    words = lines(CELL * WAYS << SET_BITS)
    views = words.view(np.int32), words.view(np.float32), words.view(kind)
    rows = LONGEST + 1
    return Memo(words, *views, np.zeros(3 * rows), np.zeros(2 * rows, np.int32), *PATH[kind], 64 // kind().itemsize)


@numba.njit(inline="always")
def reach(sums: Floats, back: Ints, start: np.uint64, end: np.uint64, score: float, tokens: int) -> None:
    """Take one more path to a place into account: the best by sum, and the sum of the second."""
    reached = sums[start] + score
    before = sums[end]
    if reached > before:
        other = sums[SECOND + start] + score
        sums[SECOND + end] = max(other, before)
        sums[end], sums[EDGE + end] = reached, score
        back[end], back[SECOND + end] = start, tokens
    elif reached > sums[SECOND + end]:
        sums[SECOND + end] = reached


@numba.njit(inline="always")
def learn(links, scores, widths, unknown, signs, begin, size, tokens, tolerances, path, sums, back, first, most, half):  # type: ignore[no-untyped-def]
    """Write the best path through a stretch into the cell that begins at `half`, whose key is there already."""
    for cell in range(SECOND + size + U(1)):
        sums[cell] = -np.inf
    sums[U(0)] = 0.0
    for start in range(size):
        node, end, alone = U(signs[begin + start]), start, False
        if links[U(4) * node + U(1)] == 0:
            while True:
                end += U(1)
                score = scores[U(2) * node + U(1)]
                if score == score:
                    alone |= end == start + U(1)
                    reach(sums, back, start, end, score, 1)
                base = links[U(4) * node]
                if base < 0 or end == size:
                    break
                child = U(base) + U(signs[begin + end])
                if U(links[U(4) * child + U(1)]) != node:
                    break
                node = child
        if not alone:
            reach(sums, back, start, start + U(1), unknown, widths[U(signs[begin + start])])
    pieces, count, cell = U(0), 0, size
    while cell:
        pieces += U(1)
        count += back[SECOND + cell]
        cell = U(back[cell])
    tokens[half + U(TOKENS)] = count + 256 * np.int64(pieces)
    tolerances[half + U(TOLERANCE)] = 0.0
    if pieces <= most:
        tolerances[half + U(TOLERANCE)] = DOWN * (sums[size] - sums[SECOND + size]) / np.float64(pieces + size)
        for more in range(U(3)):
            path[first + more] = 0.0  # added, it changes nothing, and three additions need not be counted
        cell = size
        while cell:
            pieces -= U(1)
            path[first + pieces] = sums[EDGE + cell]
            cell = U(back[cell])


@numba.njit(inline="always")
def symbols(address: int, at: int, count: int) -> np.uint64:
    """Four symbols as one word, or as many as there are; without a branch, for lengths cannot be foreseen."""
    bits = U(8 * min(max(count, 0), 4))
    return load(address, at) & ~((ALL << bits) << bits)


@numba.njit(inline="always")
def prepare(words, signs, cuts, keys, skip, found):  # type: ignore[no-untyped-def]
    """Make the keys of the stretches between cuts, and begin to fetch their cells, which may be far."""
    begin, address = np.int64(0), int(signs.ctypes.data)
    for number in range(skip, found):
        length, at, place = np.int64(cuts[number]) - begin, 2 * begin, U(KEY) * number
        row = U(min(length, HALF))
        w0, w1 = load(address, at) & FIRST_FOUR[row], load(address, at + 8) & NEXT_FOUR[row]
        mixed = (w0 ^ (w0 >> U(31))) * MIX
        if length > HALF:
            w2, w3 = rest(address, begin, length)
            mixed ^= (w2 << U(7)) * MIX ^ (w3 << U(9))
        mixed = (mixed ^ (mixed >> U(32)) ^ w1) * MIX
        keys[place], keys[place + U(1)], keys[place + U(2)] = w0, w1, (mixed >> SET_SHIFT) << U(4)
        prefetch(words, (mixed >> SET_SHIFT) << U(4))
        begin = np.int64(cuts[number])


@numba.njit(inline="always")
def rest(address, begin, length):  # type: ignore[no-untyped-def]
    """The second half of a long stretch's key."""
    return symbols(address, 2 * begin + 16, length - 8), symbols(address, 2 * begin + 24, length - 12)


@numba.njit(inline="always")
def other(words, cell, w0, w1, w2, w3):  # type: ignore[no-untyped-def]
    """Whether a cell is another stretch's."""
    return words[cell] != w0 or words[cell + U(1)] != w1 or words[cell + U(2)] != w2 or words[cell + U(3)] != w3


@numba.njit(inline="always")
def recall(words, tolerances, keys, place, address, begin, length):  # type: ignore[no-untyped-def]
    """The cell of the stretch whose key is at `place`, and whether it comes the FIRST or SECOND_TIME, or OFTEN.

    At the first coming the key is noted; at the second, the path is to be learnt.
    """
    w0, w1, w2, w3 = keys[place], keys[place + U(1)], U(0), U(0)
    cell, coming = keys[place + U(2)], OFTEN
    if length > HALF:
        w2, w3 = rest(address, begin, length)
    if other(words, cell, w0, w1, w2, w3):
        often, cell = cell, cell + U(CELL)
        if other(words, cell, w0, w1, w2, w3):
            words[cell], words[cell + U(1)], words[cell + U(2)], words[cell + U(3)] = w0, w1, w2, w3
            tolerances[cell * U(2) + U(TOLERANCE)] = SEEN
            coming = FIRST
        else:
            if tolerances[cell * U(2) + U(TOLERANCE)] == SEEN:
                coming = SECOND_TIME
            for word in range(U(CELL)):
                words[often + word], words[cell + word] = words[cell + word], words[often + word]
            cell = often
    return cell, coming
