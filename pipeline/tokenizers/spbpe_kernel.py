"""Counts the tokens of SentencePiece BPE without making them: cut, look the segment up, merge only what is new.

A merge across a junction of two characters makes a piece that contains the junction. So a text may be cut wherever no
piece of the vocabulary contains the junction, and the segments counted apart: the same tokens, by the rule itself.
"""

import heapq
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from llvmlite.ir import IntType
from numba import types
from numba.extending import intrinsic

from prep.compiling import compiled
from prep.pipeline.tokenizers.spbpe_tables import ALONE, STARTS, SYMBOL, Tables

WORDS = 4  # of 8 bytes in a memo entry: three of text, one of length and count; half a cache line
REMEMBERED = 24  # bytes; longer segments are merged each time
PADDING = REMEMBERED  # bytes readable after the last text
SHORT = 64  # symbols; above, a heap finds the next merge
NONE = 1 << 62  # no merge

Memo = npt.NDArray[np.uint64]  # segments counted before; never grows, for the newer replaces the older
Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]


@intrinsic
def _load64(_typing: Any, address: Any, offset: Any) -> Any:
    """Eight bytes from any address."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(builder.add(*arguments), IntType(64).as_pointer())
        loaded = builder.load(place)
        loaded.align = 1
        return loaded

    return types.uint64(types.int64, types.int64), generate


_load = cast(Callable[[int, int], np.uint64], _load64)


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


@compiled
def count(text: Bytes, marks: Longs, tables: Tables, memo: Memo) -> Longs:
    """Tokens of each text; -1 for one that holds a user-defined piece, which is matched before all merges."""
    tokens = np.zeros(len(marks) - 1, np.int64)
    scratch = np.empty((2, SHORT), np.int64)
    codes, junctions, width = tables.codes, tables.junctions, tables.width
    address, place, slots = int(text.ctypes.data), int(memo.ctypes.data), len(memo) // WORDS
    for row in range(len(tokens)):
        at, end = marks[row], marks[row + 1]
        start, symbols, alone, left, total = at, 0, 0, 0, 0
        while at <= end:
            after, code = _next(text, at, codes)
            junction = left * width + (code & SYMBOL)
            if at == end or not junctions[junction >> 3] >> (junction & 7) & 1:
                length = at - start
                if symbols < 2:
                    total += alone
                elif length > REMEMBERED:
                    total += _merge(text, start, at, symbols, tables, scratch)
                else:
                    one, two, three = _key(address + start, length)
                    slot = _slot(one, two, three, slots)
                    known = _remembered(place + 32 * slot, one, two, three, length)
                    if known < 0:
                        known = _remembered(place + 32 * (slot ^ 1), one, two, three, length)
                    if known < 0:
                        known = _merge(text, start, at, symbols, tables, scratch)
                        _remember(memo, slot, (one, two, three), np.uint64(length << 32 | known))
                    total += known
                start, symbols = at, 0
            if code & STARTS and at < end and _is_defined(text, at, end, tables):
                total = -1
                break
            symbols += 1
            alone, left, at = (code & ALONE) >> 16, code & SYMBOL, after
        tokens[row] = total
    return tokens


@compiled
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


@compiled
def _is_defined(text: Bytes, at: int, end: int, tables: Tables) -> bool:
    for piece in range(len(tables.defined_ends) - 1):
        start, stop = tables.defined_ends[piece], tables.defined_ends[piece + 1]
        if stop - start <= end - at and np.array_equal(tables.defined[start:stop], text[at : at + stop - start]):
            return True
    return False


@compiled
def _key(address: int, length: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """A segment of at most REMEMBERED bytes as three numbers, zeros after its end."""
    return (
        _load(address, 0) & _low(8 * min(length, 8)),
        _load(address, 8) & _low(8 * min(max(length - 8, 0), 8)),
        _load(address, 16) & _low(8 * max(length - 16, 0)),
    )


@compiled
def _low(bits: int) -> np.uint64:
    """So many ones, up to 64; without a branch, for the lengths of words cannot be foreseen."""
    half = np.uint64(bits >> 1)
    return ~((np.uint64(0xFFFFFFFFFFFFFFFF) << half) << (np.uint64(bits) - half))


@compiled
def _slot(one: np.uint64, two: np.uint64, three: np.uint64, slots: int) -> int:
    """The first of the two places of a key."""
    mixed = one ^ two * np.uint64(0x9E3779B97F4A7C15) ^ three * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    mixed = (mixed ^ mixed >> np.uint64(32)) * np.uint64(0xD6E8FEB86659FD93)
    return int(mixed >> np.uint64(32) & np.uint64(slots - 1))  # the upper half: there every byte had its say


@compiled
def _remembered(place: int, one: np.uint64, two: np.uint64, three: np.uint64, length: int) -> int:
    """The count kept at an address, or -1. All bytes and the length are compared, so no two segments are confused."""
    last = _load(place, 24)
    same = _load(place, 0) == one and _load(place, 8) == two and _load(place, 16) == three
    if same and last >> np.uint64(32) == np.uint64(length):
        return int(last & np.uint64(0xFFFFFFFF))
    return -1


@compiled
def _remember(memo: Memo, slot: int, key: tuple[np.uint64, np.uint64, np.uint64], last: np.uint64) -> None:
    """What was in the first place moves to the second, and what was there is forgotten."""
    first, second = slot * WORDS, (slot ^ 1) * WORDS
    memo[second : second + WORDS] = memo[first : first + WORDS]
    memo[first], memo[first + 1], memo[first + 2] = key
    memo[first + 3] = last


@compiled
def _pair(left: int, right: int, tables: Tables) -> int:
    """Rank and result of a merge, the rank in the upper half: lower is earlier, equal ranks go from the left."""
    if not left or not right:
        return NONE
    key = left << 32 | right
    slot = np.int64(np.uint64(key) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) & (len(tables.pairs) - 1)
    while tables.pairs[slot, 0] != key:
        if tables.pairs[slot, 0] == 0:
            return NONE
        slot = (slot + 1) & (len(tables.pairs) - 1)
    return int(tables.pairs[slot, 1])


@compiled
def _merge(text: Bytes, start: int, end: int, symbols: int, tables: Tables, scratch: Longs) -> int:
    """Tokens of a segment, by merging the best pair until none is left."""
    found = scratch if symbols <= SHORT else np.empty((2, symbols), np.int64)
    ids, next_merges = found[0], found[1]
    at, size = start, 0
    while at < end:
        at, code = _next(text, at, tables.codes)
        ids[size] = code & SYMBOL
        size += 1
    for place in range(size - 1):
        next_merges[place] = _pair(ids[place], ids[place + 1], tables)
    size = _merge_short(ids, next_merges, size, tables) if size <= SHORT else _merge_long(ids, next_merges, tables)
    tokens = 0
    for place in range(size):
        tokens += tables.alone[ids[place]]
    return tokens


@compiled
def _merge_short(ids: Longs, merges: Longs, size: int, tables: Tables) -> int:
    """Merge within `ids`; how many are left. merges[i] is that of ids[i] and ids[i + 1]."""
    while size > 1:
        best = 0
        for place in range(1, size - 1):
            if merges[place] >> 32 < merges[best] >> 32:
                best = place
        if merges[best] == NONE:
            break
        ids[best] = merges[best] & 0xFFFFFFFF
        size -= 1
        for place in range(best + 1, size):
            ids[place] = ids[place + 1]
            merges[place - 1] = merges[place]
        if best:
            merges[best - 1] = _pair(ids[best - 1], ids[best], tables)
        if best < size - 1:
            merges[best] = _pair(ids[best], ids[best + 1], tables)
    return size


@compiled
def _merge_long(ids: Longs, merges: Longs, tables: Tables) -> int:
    """As `_merge_short`, in n log n: a run of a million spaces is one segment."""
    size = len(ids)
    before, after = np.arange(-1, size - 1), np.arange(1, size + 1)
    agenda = [(merges[place] >> 32, place, merges[place]) for place in range(size - 1) if merges[place] != NONE]
    heapq.heapify(agenda)
    while len(agenda):
        _, left, merge = heapq.heappop(agenda)
        if merges[left] != merge or not ids[left]:
            continue  # one of the two has merged otherwise since
        right = after[left]
        ids[left], ids[right], merges[right] = merge & 0xFFFFFFFF, 0, NONE
        after[left] = after[right]
        merges[left] = NONE
        if after[left] < size:
            before[after[left]] = left
            merges[left] = _pair(ids[left], ids[after[left]], tables)
            if merges[left] != NONE:
                heapq.heappush(agenda, (merges[left] >> 32, left, merges[left]))
        if before[left] >= 0:
            previous = before[left]
            merges[previous] = _pair(ids[previous], ids[left], tables)
            if merges[previous] != NONE:
                heapq.heappush(agenda, (merges[previous] >> 32, previous, merges[previous]))
    kept = ids[ids != 0]
    ids[: len(kept)] = kept
    return len(kept)
