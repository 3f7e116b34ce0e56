"""Cuts byte-level text where no token joins, and looks the segments up; those not known are handed back.

`segments.py` says why the counts are exact.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from prep.compiling import compiled, lean, part
from prep.machine import load, peek, prefetch, trailing_zeros
from prep.pipeline.tokenizers.memo_keys import REMEMBERED, WORDS, key, slot_of
from prep.pipeline.tokenizers.merge_kernel import ROWS, SHORT
from prep.pipeline.tokenizers.segments_characters import (
    ASK,
    HEAD,
    MARK,
    NEUTRAL,
    NEVER,
    NEWLINE,
    OTHER,
    SPACE,
    SPACE_BYTE,
    TOKENS,
    WIDTH,
    WORD,
    character,
    whole,
)  # fmt: skip
from prep.pipeline.tokenizers.segments_words import Bytes, Longs, Merging, placed, words

PENDING = 1 << 31  # in a memo entry, of a segment that is being counted: the rest is its number
UNKNOWN = -1 << 32  # less than any segment's number can be
MISSES = 1 << 15  # handed back at once
WAYS = 4  # entries that may hold a segment, two cache lines; of 2, three frequent words drove each other out
WINDOW = 1 << 10  # segments looked up together: 48 KB
MOST_CUTS = 3  # by which a window may get too full
SPACES = 0x2020  # two of them
BEFORE_RUN, BEFORE_LAST, AFTER_RUN = 1, 2, 4  # bits: where a run of spaces is cut

ONE = np.uint64(1)
HIGH, CASE = np.uint64(0x8080808080808080), np.uint64(0x2020202020202020)
# Added to a byte below 0x80, they set its high bit from "a" on, and from what comes after "z".
FROM_A, FROM_BRACE = np.uint64(0x1F1F1F1F1F1F1F1F), np.uint64(0x0505050505050505)

Known = npt.NDArray[np.uint64]  # what segments count. It does not grow, for the newer replaces the older


class Window(NamedTuple):
    """Segments that follow one another: where each ends, after where the first begins; its text, its key, its slot."""

    ends: Longs
    rows: Longs
    keys: npt.NDArray[np.uint64]  # three words each
    slots: Longs  # its first word in the memo


class Misses(NamedTuple):
    """Segments not known, and the texts in which they occur."""

    starts: Longs
    stops: Longs
    rows: Longs
    which: Longs


class Desk(NamedTuple):
    """What a scan works on."""

    known: Known
    found: Misses
    window: Window
    scratch: Longs  # of merges


def desk(known: Known) -> Desk:
    """With room for a window of segments and for the misses of one scan."""
    size = WINDOW + MOST_CUTS
    window = Window(
        np.empty(size + 1, np.int64), np.empty(size, np.int64), np.empty(3 * size, np.uint64), np.empty(size, np.int64)
    )
    return Desk(known, Misses(*np.empty((4, MISSES), np.int64)), window, np.empty((ROWS, SHORT), np.int64))


@part
def _letters(word: np.uint64) -> int:
    """How many of eight bytes, from the first on, are ASCII letters: a bit of each byte says that it is none."""
    low = (word | CASE) & ~HIGH
    letters = (low + FROM_A) & ~(low + FROM_BRACE) & ~word
    return trailing_zeros(~letters & HIGH) >> 3


@lean
def scan(
    text: Bytes, ends: Longs, begin: tuple[int, int], tables: Any, merging: Merging, desk: Desk, tokens: Longs,
    aside: npt.NDArray[np.bool_],
) -> tuple[tuple[int, int], int, int]:  # fmt: skip
    """Add to `tokens` what is counted from `begin` (row, place) on, until all is read or too much is not known.

    What is added for a text in which an added token may be means nothing; it is marked in `aside`.

    Returns where the next scan begins, and how many segments, and occurrences of such, are left to count. In three
    loops, for each hides the waits of the next: cuts, without a branch on them; keys, and a first look at their slots,
    which may be far; then counts.
    """
    unique, uses = whole(0), whole(0)
    while begin[0] < len(tokens) and uses + WINDOW + MOST_CUTS <= len(desk.found.rows):
        begin, size = cut(text, ends, begin, tables, desk.window)
        prepare(text, desk.window, size, desk.known)
        unique, uses = look_up(text, size, tables, merging, desk, (unique, uses), tokens, aside)
    return begin, unique, uses


@part
def cut(text: Bytes, ends: Longs, begin: tuple[int, int], tables: Any, window: Window) -> tuple[tuple[int, int], int]:
    """Find the segments from `begin` on, until the window is full; where to go on, and how many they are."""
    row, at = begin
    address, marks = int(text.ctypes.data), window.ends
    kinds, rules, starts = int(tables.kinds.ctypes.data), int(tables.rules.ctypes.data), int(tables.starts.ctypes.data)
    lefts, rights = int(tables.lefts.ctypes.data), int(tables.rights.ctypes.data)
    joined = int(tables.joined.ctypes.data)
    worded = peek(starts, 8 * WORD) >> 1
    size = whole(0)
    marks[0] = at
    while row < len(ends) - 1 and size < WINDOW:
        end, first = ends[row + 1], size
        before, left, clean, last = whole(OTHER), whole(0), whole(1), at
        while at < end and size < WINDOW:
            word = peek(address, at)
            code, width = character(word)
            kind = peek(kinds, code) & 0xFF
            rule = peek(rules, 8 * (before * WIDTH + kind))
            if rule == ASK:
                bit = peek(lefts, 8 * left) * tables.width + peek(rights, 8 * code)
                rule = clean & ~whole(load(joined, bit >> 3) >> np.uint64(bit & 7))
            begins = peek(starts, 8 * kind)
            clean = (begins & (clean | begins >> 1)) | rule
            marks[size + 1] = at
            size += rule
            if kind == MARK and size > first and marks[size] == last:
                size -= 1  # it may change the character before it, which stays with what it followed
            if word & 0xFFFF == SPACES and at + 1 < end:
                at, size = _blanks(text, at, end, before, tables, marks, size)
                before, left, last, width, kind = whole(SPACE), code, at - 1, whole(0), whole(SPACE)
                if marks[size] == at:
                    before, left, clean = whole(OTHER), whole(0), whole(1)
            else:
                before, left, last, at = kind, code, at, at + width
            if kind == WORD or kind == SPACE:  # noqa: SIM109 - numba loops over a tuple
                # Nothing is cut before letters that follow: up to eight are taken at once.
                run = min(_letters(load(address, at)), end - at)
                if run:
                    before, clean, last = WORD, worded, at + run - 1
                at += run
        window.rows[first:size] = row
        if size >= WINDOW:  # and a mark might follow: begin again at the last cut but one
            return (row, marks[size - 1]), size - 1
        if end > marks[size]:
            window.rows[size] = row
            size += 1
            marks[size] = end
        row, at = row + 1, end
    return (row, at), size


@part
def _blanks(text: Bytes, at: int, end: int, before: int, tables: Any, marks: Longs, size: int) -> tuple[int, int]:
    """Read two and more spaces and cut there; where they end, and how many segments then are."""
    address, start = int(text.ctypes.data), at
    at += 2
    while at < end and text[at] == SPACE_BYTE:
        at += 1
    follower = whole(NEWLINE)
    if at < end:
        code, _ = character(peek(address, at))
        follower = whole(tables.kinds[code])
    where = _around(tables, at - start, before, follower) if follower != MARK else whole(0)
    for bit, place in ((BEFORE_RUN, start), (BEFORE_LAST, at - 1), (AFTER_RUN, at)):
        if where & bit and marks[size] < place < end:
            size += 1
            marks[size] = place
    return at, size


@part
def _around(tables: Any, run: int, before: int, follower: int) -> int:
    """Where a run of spaces is cut: `segments.py`, 6 and 7."""
    if tables.blanks == TOKENS:
        return BEFORE_RUN | (BEFORE_LAST if run % tables.longest == 1 else AFTER_RUN)
    if tables.blanks == NEVER or follower in (NEUTRAL, SPACE, NEWLINE):
        return 0
    if tables.apart or before not in (NEUTRAL, SPACE, NEWLINE):
        return BEFORE_LAST
    return BEFORE_RUN | BEFORE_LAST if before == NEWLINE else 0


@part
def prepare(text: Bytes, window: Window, size: int, known: Known) -> None:
    """Make the keys of segments, and begin to fetch what is known of them."""
    address, sets = int(text.ctypes.data), len(known) // (WORDS * WAYS)
    for each in range(size):
        start, length = window.ends[each], window.ends[each + 1] - window.ends[each]
        if length <= REMEMBERED:
            one, two, three = key(address + start, length)
            slot = WORDS * WAYS * slot_of(one, two, three, sets)
            place = np.uint64(3 * each)
            window.keys[place], window.keys[place + ONE], window.keys[place + ONE + ONE] = one, two, three
            window.slots[each] = slot
            prefetch(known, slot)
            prefetch(known, slot + WORDS * WAYS // 2)


@part
def look_up(
    text: Bytes, size: int, tables: Any, merging: Merging, desk: Desk, missed: tuple[int, int], tokens: Longs,
    aside: npt.NDArray[np.bool_],
) -> tuple[int, int]:  # fmt: skip
    """Add what segments count to the tokens of their texts; how many, and occurrences of such, are missed now."""
    window, known, found = desk.window, desk.known, desk.found
    unique, uses = missed
    here = placed(text, tables, merging, desk.scratch)
    memo = int(known.ctypes.data)
    for number in range(size):
        each, place = np.uint64(number), np.uint64(3 * number)
        one, two, three = window.keys[place], window.keys[place + ONE], window.keys[place + ONE + ONE]
        start, stop = window.ends[each], window.ends[each + ONE]
        length, slot, count = stop - start, window.slots[each], UNKNOWN
        if length <= REMEMBERED:
            count = _recall(memo + 8 * slot, one, two, three, length)
        if count == UNKNOWN:
            open_, is_token = _heads(text, start, stop, tables)
            aside[window.rows[each]] |= is_token
            count = words(here, start, stop)
            last = np.uint64(length << 32 | (count if count >= 0 else PENDING | unique))
            count = count if count >= 0 else -1 - unique
            if length <= REMEMBERED and not open_:
                _remember(known, slot, (one, two, three), last)
        if count >= 0:
            tokens[np.uint64(window.rows[each])] += count
            continue
        found.rows[uses], found.which[uses] = window.rows[each], -1 - count
        uses += 1
        if -1 - count == unique:
            found.starts[unique], found.stops[unique] = start, stop
            unique += 1
    return unique, uses


@part
def _heads(text: Bytes, start: int, stop: int, tables: Any) -> tuple[bool, bool]:
    """Whether an added token may begin in a segment, which then must not be remembered; and whether one does here.

    Signs are not cut apart: if one begins in a segment, all the signs that it begins with are in there.
    """
    address, may, does = int(text.ctypes.data), False, False
    for at in range(start, stop):
        if tables.kinds[text[at]] == HEAD:
            word = peek(address, at)
            for each in range(len(tables.heads)):
                other = word ^ tables.heads[each, 0]
                may |= other & tables.heads[each, 1] == 0
                does |= other & tables.heads[each, 2] == 0
    return may, does


@part
def _recall(entry: int, one: np.uint64, two: np.uint64, three: np.uint64, length: int) -> int:
    """The count of a segment; of one that is being counted minus its number, less 1; or UNKNOWN."""
    for _ in range(WAYS):
        last = peek(entry, 24)
        same = load(entry, 0) == one and load(entry, 8) == two and load(entry, 16) == three
        if same and last >> 32 == length:
            return -1 - (last & (PENDING - 1)) if last & PENDING else last & (PENDING - 1)
        entry += 8 * WORDS
    return UNKNOWN


@part
def _remember(known: Known, slot: int, words: tuple[np.uint64, np.uint64, np.uint64], last: np.uint64) -> None:
    """What came into these entries first is forgotten."""
    for word in range(slot + WORDS * WAYS - 1, slot + WORDS - 1, -1):
        known[word] = known[word - WORDS]
    known[slot], known[slot + 1], known[slot + 2] = words
    known[slot + 3] = last


@compiled
def gather(text: Bytes, found: Misses, unique: int) -> tuple[Bytes, Longs]:
    """The segments not known, one after another, and their bounds."""
    bounds = np.zeros(unique + 1, np.int64)
    for each in range(unique):
        bounds[each + 1] = bounds[each] + found.stops[each] - found.starts[each]
    copy = np.empty(bounds[unique], np.uint8)
    for each in range(unique):
        first, start = bounds[each], found.starts[each]  # numba compiles 4 s for what a copy of slices may complain of
        for near in range(bounds[each + 1] - first):
            copy[first + near] = text[start + near]
    return copy, bounds


@compiled
def settle(text: Bytes, found: Misses, counts: Longs, uses: int, known: Known, tokens: Longs) -> None:
    """Give the counts of `found` to the texts and to the memo, unless another segment has taken the place there."""
    address, sets = int(text.ctypes.data), len(known) // (WORDS * WAYS)
    for each in range(len(counts)):
        start, length = found.starts[each], found.stops[each] - found.starts[each]
        if length <= REMEMBERED:
            one, two, three = key(address + start, length)
            first = WORDS * WAYS * slot_of(one, two, three, sets)
            for last in range(first + WORDS - 1, first + WORDS * WAYS, WORDS):
                if known[last] == np.uint64(length << 32 | PENDING | each):
                    known[last] = np.uint64(length << 32 | counts[each])
    for use in range(uses):
        tokens[found.rows[use]] += counts[found.which[use]]
