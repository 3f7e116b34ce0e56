"""Merges the symbols of one segment, the best pair first, as every byte-pair encoding does."""

import numpy as np
import numpy.typing as npt

from prep.compiling import compiled, part
from prep.machine import peek, poke

PLACE_BITS = 6
SHORT = 1 << PLACE_BITS  # symbols; above, a heap finds the next merge
ROW = 8 * SHORT  # bytes
ROWS = 5  # of scratch, the first for the symbols
ROOM = 7  # rows of what `long` works in: the heap takes three, as each merge brings two
LONG_BITS = 31
MOST_PLACE = (1 << LONG_BITS) - 1
NONE = 1 << 62  # no merge
MIXER = np.uint64(0x9E3779B97F4A7C15)

Longs = npt.NDArray[np.int64]


def hashed(merges: dict[int, int]) -> Longs:
    """Merges for `pair`: open addressing, at most half full. Of left << 32 | right, neither 0: rank << 32 | result."""
    table = np.zeros((1 << max(4, (2 * len(merges)).bit_length()), 2), np.int64)
    _fill(table, np.fromiter(merges.keys(), np.int64), np.fromiter(merges.values(), np.int64))
    return table


@compiled
def _fill(table: Longs, keys: Longs, values: Longs) -> None:
    for each in range(len(keys)):
        slot = _slot(keys[each], len(table))
        while table[slot, 0]:
            slot = (slot + 1) & (len(table) - 1)
        table[slot, 0], table[slot, 1] = keys[each], values[each]


@part
def _slot(key: int, slots: int) -> int:
    return int(np.int64(np.uint64(key) * MIXER >> np.uint64(40)) & (slots - 1))


@part
def pair(left: int, right: int, table: int, slots: int) -> int:
    """Rank and result of a merge, the rank in the upper half: lower is earlier, equal ranks go from the left.

    `table` is the address of `hashed`.
    """
    if not left or not right:
        return NONE
    key = left << 32 | right
    slot = _slot(key, slots)
    found = peek(table, 16 * slot)
    while found != key:
        if found == 0:
            return NONE
        slot = (slot + 1) & (slots - 1)
        found = peek(table, 16 * slot)
    return int(peek(table, 16 * slot + 8))


@part
def short(ids: int, size: int, table: int, slots: int) -> int:
    """How many of the first `size` symbols are left when none can be merged; the others are 0 then.

    By addresses, of at most SHORT symbols in row 0 of scratch, which has ROWS rows of SHORT numbers. All merges are
    looked at before each: no branch depends on which is the best. A merge's place stands after its rank, so that equal
    ranks go from the left.
    """
    keys, results, before, after = ids + ROW, ids + 2 * ROW, ids + 3 * ROW, ids + 4 * ROW
    left, number = peek(ids, 0), 0
    for place in range(size - 1):
        right = peek(ids, 8 * place + 8)
        number = pair(left, right, table, slots)
        poke(keys, 8 * place, NONE if number == NONE else number >> 32 << PLACE_BITS | place)
        poke(results, 8 * place, number & 0xFFFFFFFF)
        poke(before, 8 * place, place - 1)
        poke(after, 8 * place, place + 1)
        left = right
    poke(keys, 8 * size - 8, NONE)
    poke(before, 8 * size - 8, size - 2)
    poke(after, 8 * size - 8, size)
    for merged in range(size):
        best, place = NONE, 0
        while place < size:
            best, place = min(best, peek(keys, 8 * place)), peek(after, 8 * place)
        if best == NONE:
            return size - merged
        place = best & (SHORT - 1)
        gone, previous = peek(after, 8 * place), peek(before, 8 * place)
        following, made = peek(after, 8 * gone), peek(results, 8 * place)
        poke(ids, 8 * place, made)
        poke(ids, 8 * gone, 0)
        poke(after, 8 * place, following)
        poke(keys, 8 * place, NONE)
        if following < size:
            poke(before, 8 * following, place)
            number = pair(made, peek(ids, 8 * following), table, slots)
            poke(keys, 8 * place, NONE if number == NONE else number >> 32 << PLACE_BITS | place)
            poke(results, 8 * place, number & 0xFFFFFFFF)
        if previous >= 0:
            number = pair(peek(ids, 8 * previous), made, table, slots)
            poke(keys, 8 * previous, NONE if number == NONE else number >> 32 << PLACE_BITS | previous)
            poke(results, 8 * previous, number & 0xFFFFFFFF)
    return 1


@part
def long(room: Longs, size: int, table: int, slots: int) -> int:
    """As `short`, of the first `size` symbols in row 0 of an array of ROOM rows, in n log n.

    A run of a million spaces is one segment. A heap of rank and place says which merge is the next.
    """
    ids, merges, before, after, heap = room[0], room[1], room[2], room[3], room[4:].reshape(-1)
    waiting, left = 0, size
    for place in range(size):
        before[place], after[place], merges[place] = place - 1, place + 1, NONE
    for place in range(size - 1):
        merges[place] = pair(ids[place], ids[place + 1], table, slots)
        waiting = _push(heap, waiting, merges[place], place)
    while waiting:
        first, waiting = _pop(heap, waiting)
        place = first & MOST_PLACE
        if not ids[place] or merges[place] >> 32 != first >> LONG_BITS:
            continue  # one of the two has merged otherwise since
        gone, previous = after[place], before[place]
        following = after[gone]
        ids[place], ids[gone], merges[gone], merges[place] = merges[place] & 0xFFFFFFFF, 0, NONE, NONE
        after[place] = following
        left -= 1
        if following < size:
            before[following] = place
            merges[place] = pair(ids[place], ids[following], table, slots)
            waiting = _push(heap, waiting, merges[place], place)
        if previous >= 0:
            merges[previous] = pair(ids[previous], ids[place], table, slots)
            waiting = _push(heap, waiting, merges[previous], previous)
    return left


@part
def _push(heap: Longs, size: int, merge: int, place: int) -> int:
    """Put a merge into a heap, if it is one; how many the heap has."""
    if merge == NONE:
        return size
    number, at = merge >> 32 << LONG_BITS | place, size
    while at and heap[(at - 1) >> 1] > number:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = number
    return size + 1


@part
def _pop(heap: Longs, size: int) -> tuple[int, int]:
    """Take the least out of a heap; it, and how many are left."""
    first, last, at = heap[0], heap[size - 1], 0
    size -= 1
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = last
    return first, size
