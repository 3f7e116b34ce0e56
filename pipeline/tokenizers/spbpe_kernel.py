"""Counts the tokens of SentencePiece BPE without making them: cut, look the segment up, merge only what is new.

A merge across a junction of two characters makes a piece that contains the junction. So a text may be cut wherever no
piece of the vocabulary contains the junction, and the segments counted apart: the same tokens, by the rule itself.
"""

import numpy as np
import numpy.typing as npt

from prep.compiling import compiled, lean, part
from prep.machine import load
from prep.pipeline.tokenizers.memo_keys import PADDING, REMEMBERED, WORDS, key, slot_of
from prep.pipeline.tokenizers.merge_kernel import SHORT, long, short
from prep.pipeline.tokenizers.spbpe_tables import ALONE, STARTS, SYMBOL, Tables

OPEN, ASIDE = -2, -1  # in place of a text's tokens

Memo = npt.NDArray[np.uint64]  # segments counted before; never grows, for the newer replaces the older
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]


@compiled
def spaced(text: Bytes, ends: Longs, prefix: bool) -> tuple[Bytes, Longs]:
    """The texts one after another, each after the space that the model puts before it."""
    count = len(ends) - 1
    room = ends[count] - ends[0] + count + PADDING
    copy, marks = np.zeros(room, np.uint8), np.zeros(count + 1, np.int64)
    at = 0
    for row in range(count):
        length = ends[row + 1] - ends[row]
        if length and prefix:
            copy[at] = 32
            at += 1
        copy[at : at + length] = text[ends[row] : ends[row + 1]]
        at += length
        marks[row + 1] = at
    return copy, marks


@lean
def count(text: Bytes, marks: Longs, tables: Tables, memo: Memo, scratch: Longs, room: Longs, tokens: Longs) -> int:
    """Tokens of each text whose number is OPEN; ASIDE for one that holds a user-defined piece, matched before merges.

    A text stays OPEN where a segment of it has more symbols than `room` has; the most that one has is returned.
    """
    codes, junctions, width = tables.codes, tables.junctions, tables.width
    address, place, slots = int(text.ctypes.data), int(memo.ctypes.data), len(memo) // WORDS
    longest = 0
    for row in range(len(tokens)):
        at, end = marks[row], marks[row + 1]
        start, symbols, alone, left, total = at, 0, 0, 0, 0
        while at <= end and tokens[row] == OPEN:
            after, code = _next(text, at, codes)
            junction = left * width + (code & SYMBOL)
            if at == end or not junctions[junction >> 3] >> (junction & 7) & 1:
                length = at - start
                if symbols < 2:
                    total += alone
                elif symbols > max(SHORT, room.shape[1]):
                    longest = max(longest, symbols)
                    break
                elif length > REMEMBERED:
                    total += _merge(text, start, at, symbols, tables, scratch, room)
                else:
                    one, two, three = key(address + start, length)
                    slot = slot_of(one, two, three, slots)
                    known = _remembered(place + 32 * slot, one, two, three, length)
                    if known < 0:
                        known = _remembered(place + 32 * (slot ^ 1), one, two, three, length)
                    if known < 0:
                        known = _merge(text, start, at, symbols, tables, scratch, room)
                        _remember(memo, slot, (one, two, three), np.uint64(length << 32 | known))
                    total += known
                start, symbols = at, 0
            if code & STARTS and at < end and _is_defined(text, at, end, tables):
                tokens[row] = ASIDE
            symbols += 1
            alone, left, at = (code & ALONE) >> 16, code & SYMBOL, after
        if at > end and tokens[row] == OPEN:
            tokens[row] = total
    return longest


@part
def _next(text: Bytes, at: int, codes: npt.NDArray[np.int32]) -> tuple[int, int]:
    """Where the character ends, and its code. A broken character gives a wrong code, but stays within the table."""
    first = np.int64(text[at])
    if first < 0x80:
        return at + 1, codes[first]
    if first < 0xE0:
        return at + 2, codes[(first & 0x1F) << 6 | text[at + 1] & 0x3F]
    if first < 0xF0:
        return at + 3, codes[(first & 0x0F) << 12 | (text[at + 1] & 0x3F) << 6 | text[at + 2] & 0x3F]
    high = (first & 0x07) << 18 | np.int64(text[at + 1] & 0x3F) << 12
    return at + 4, codes[high | (text[at + 2] & 0x3F) << 6 | text[at + 3] & 0x3F]


@part
def _is_defined(text: Bytes, at: int, end: int, tables: Tables) -> bool:
    for piece in range(len(tables.defined_ends) - 1):
        start, stop = tables.defined_ends[piece], tables.defined_ends[piece + 1]
        same = stop - start <= end - at
        for each in range(stop - start if same else 0):
            same &= tables.defined[start + each] == text[at + each]
        if same:
            return True
    return False


@part
def _remembered(place: int, one: np.uint64, two: np.uint64, three: np.uint64, length: int) -> int:
    """The count kept at an address, or -1. All bytes and the length are compared, so no two segments are confused."""
    last = load(place, 24)
    same = load(place, 0) == one and load(place, 8) == two and load(place, 16) == three
    if same and last >> np.uint64(32) == np.uint64(length):
        return int(last & np.uint64(0xFFFFFFFF))
    return -1


@part
def _remember(memo: Memo, slot: int, words: tuple[np.uint64, np.uint64, np.uint64], last: np.uint64) -> None:
    """What was in the first place moves to the second, and what was there is forgotten."""
    first, second = slot * WORDS, (slot ^ 1) * WORDS
    for word in range(WORDS):
        memo[second + word] = memo[first + word]
    memo[first], memo[first + 1], memo[first + 2] = words
    memo[first + 3] = last


@part
def _merge(text: Bytes, start: int, end: int, symbols: int, tables: Tables, scratch: Longs, room: Longs) -> int:
    """Tokens of a segment, by merging the best pair until none is left."""
    ids = scratch if symbols <= SHORT else room
    at, size = start, 0
    while at < end:
        at, code = _next(text, at, tables.codes)
        ids[0, size] = code & SYMBOL
        size += 1
    if symbols <= SHORT:
        short(int(scratch.ctypes.data), size, int(tables.pairs.ctypes.data), len(tables.pairs))
    else:
        long(room, size, int(tables.pairs.ctypes.data), len(tables.pairs))
    tokens = 0
    for place in range(size):
        tokens += tables.alone[ids[0, place]] if ids[0, place] else 0
    return tokens
