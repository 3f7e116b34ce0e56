"""Cuts byte-level text where no token joins, and looks the segments up; those not known are handed back.

`segments.py` says why the counts are exact.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from prep.compiling import compiled, prefetch, trailing_zeros
from prep.pipeline.tokenizers.spbpe_kernel import PADDING, REMEMBERED, WORDS, _key, _load, _slot

__all__ = ["PADDING", "REMEMBERED", "WORDS"]

# Kinds of characters. OTHER are letters not cut between; NEUTRAL is neither letter nor mark; MARK may change the
# character before it, as may all of four bytes; WORD are letters of one and two bytes; PUNCT and STOP are of ASCII,
# PUNCT those that added tokens are made of; SIGN and LETTER of three bytes.
KINDS = OTHER, NEUTRAL, MARK, WORD, SPACE, NEWLINE, DIGIT, PUNCT, STOP, QUOTE, SIGN, LETTER = tuple(range(12))
KEEP, CUT, ASK = range(3)  # what is done between two kinds; ASK: cut if no token joins the two characters
WIDTH = 16  # of the table of that
PENDING = 1 << 31  # in a memo entry, of a segment that is being counted: the rest is its number
UNKNOWN = -1 << 32  # less than any segment's number can be
MISSES = 1 << 15  # handed back at once
WAYS = 4  # entries that may hold a segment, two cache lines; of 2, three frequent words drove each other out
WINDOW = 1 << 10  # segments looked up together: 48 KB
CODES = 1 << 16  # what three bytes of UTF-8 can say
FOUR = CODES - 1  # stands for what takes four

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
ONE = np.uint64(1)
HIGH, CASE = np.uint64(0x8080808080808080), np.uint64(0x2020202020202020)
# Added to a byte below 0x80, they set its high bit from "a" on, and from what comes after "z".
FROM_A, FROM_BRACE = np.uint64(0x1F1F1F1F1F1F1F1F), np.uint64(0x0505050505050505)
whole = cast(Callable[[Any], int], np.int64)  # numba makes a float of a signed and an unsigned number


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


@compiled
def junctions(text: Bytes, ends: Longs) -> Longs:
    """What tokens have on the two sides of each place in them, 32 bits each: three bytes, or less at their own ends.

    Only where these can be two characters of three bytes, or parts of such. A side is its bytes, then two bits of size.
    """
    found, size = np.empty(max(1, len(text)), np.int64), 0
    for row in range(len(ends) - 1):
        for cut in range(ends[row] + 1, ends[row + 1]):
            before, after = min(3, cut - ends[row]), min(3, ends[row + 1] - cut)
            begins = text[cut] >> 4 == 0xE and text[cut - 1] >> 6 == 2
            if not begins or (before == 3 and text[cut - 3] >> 4 != 0xE):
                continue
            left, right = 0, 0
            for at in range(cut - before, cut):
                left = left << 8 | whole(text[at])
            for at in range(cut, cut + after):
                right = right << 8 | whole(text[at])
            found[size] = (left << 2 | before) << 32 | right << 2 | after
            size += 1
    return found[:size]


@compiled
def _code(word: int) -> int:
    """The character of three bytes at the low end of a number."""
    return (word & 0x0F) << 12 | (word >> 2 & 0xFC0) | (word >> 16 & 0x3F)


@compiled
def _character(word: int) -> tuple[int, int]:
    """Code point and size of the character at the low end of a number."""
    if word & 0x80 == 0:
        return word & 0x7F, 1
    if word & 0xE0 == 0xC0:
        return (word & 0x1F) << 6 | (word >> 8 & 0x3F), 2
    if word & 0xF0 == 0xE0:
        return _code(word), 3
    return FOUR, 4


@compiled
def _letters(word: np.uint64) -> int:
    """How many of eight bytes, from the first on, are ASCII letters: a bit of each byte says that it is none."""
    low = (word | CASE) & ~HIGH
    letters = (low + FROM_A) & ~(low + FROM_BRACE) & ~word
    return trailing_zeros(~letters & HIGH) >> 3


@compiled
def scan(
    text: Bytes, ends: Longs, begin: tuple[int, int], tables: Any, known: Known, found: Misses, tokens: Longs
) -> tuple[tuple[int, int], int, int]:
    """Add to `tokens` what is known from `begin` (row, place) on, until all is read or `found` may get too small.

    Returns where the next scan begins, and how many segments, and occurrences of such, were not known. In three loops,
    for each hides the waits of the next: cuts, without a branch on them; keys, and a first look at their slots, which
    may be far; then counts.
    """
    window = Window(
        np.empty(WINDOW + 1, np.int64), np.empty(WINDOW, np.int64), np.empty(3 * WINDOW, np.uint64),
        np.empty(WINDOW, np.int64),
    )  # fmt: skip
    unique, uses = whole(0), whole(0)
    while begin[0] < len(tokens) and uses + WINDOW <= len(found.rows):
        begin, size = cut(text, ends, begin, tables, window)
        prepare(text, window, size, known)
        unique, uses = look_up(window, size, known, found, (unique, uses), tokens)
    return begin, unique, uses


@compiled
def cut(text: Bytes, ends: Longs, begin: tuple[int, int], tables: Any, window: Window) -> tuple[tuple[int, int], int]:
    """Find the segments from `begin` on, until the window is full; where to go on, and how many they are."""
    row, at = begin
    address, marks, full = int(text.ctypes.data), window.ends, len(window.rows)
    kinds, rules, starts = int(tables.kinds.ctypes.data), int(tables.rules.ctypes.data), int(tables.starts.ctypes.data)
    lefts, rights = int(tables.lefts.ctypes.data), int(tables.rights.ctypes.data)
    joined = int(tables.joined.ctypes.data)
    worded = whole(_load(starts, 8 * WORD)) >> 1
    size = whole(0)
    marks[0] = at
    while row < len(ends) - 1 and size < full:
        end, first = ends[row + 1], size
        before, left, clean, last = whole(OTHER), whole(0), whole(1), at
        while at < end and size < full:
            word = whole(_load(address, at))
            code, width = _character(word)
            kind = whole(_load(kinds, code) & np.uint64(0xFF))
            rule = whole(_load(rules, 8 * (before * WIDTH + kind)))
            if rule == ASK:
                bit = whole(_load(lefts, 8 * left)) * tables.width + whole(_load(rights, 8 * code))
                rule = clean & ~whole(_load(joined, bit >> 3) >> np.uint64(bit & 7))
            begins = whole(_load(starts, 8 * kind))
            clean = (begins & (clean | begins >> 1)) | rule
            marks[size + 1] = at
            size += rule
            if kind == MARK and size > first and marks[size] == last:
                size -= 1  # it may change the character before it, which stays with what it followed
            before, left, last, at = kind, code, at, at + width
            if kind == WORD or kind == SPACE:  # noqa: SIM109 - numba loops over a tuple
                # Nothing is cut before letters that follow: up to eight are taken at once.
                run = min(_letters(_load(address, at)), end - at)
                if run:
                    before, clean, last = WORD, worded, at + run - 1
                at += run
        window.rows[first:size] = row
        if size == full:  # and a mark might follow: begin again at the last cut but one
            return (row, marks[size - 1]), size - 1
        if end > marks[size]:
            window.rows[size] = row
            size += 1
            marks[size] = end
        row, at = row + 1, end
    return (row, at), size


@compiled
def prepare(text: Bytes, window: Window, size: int, known: Known) -> None:
    """Make the keys of segments, and begin to fetch what is known of them."""
    address, sets = int(text.ctypes.data), len(known) // (WORDS * WAYS)
    for each in range(size):
        start, length = window.ends[each], window.ends[each + 1] - window.ends[each]
        if length <= REMEMBERED:
            one, two, three = _key(address + start, length)
            slot = WORDS * WAYS * _slot(one, two, three, sets)
            place = np.uint64(3 * each)
            window.keys[place], window.keys[place + ONE], window.keys[place + ONE + ONE] = one, two, three
            window.slots[each] = slot
            prefetch(known, slot)
            prefetch(known, slot + WORDS * WAYS // 2)


@compiled
def look_up(
    window: Window, size: int, known: Known, found: Misses, missed: tuple[int, int], tokens: Longs
) -> tuple[int, int]:
    """Add what is known of segments to the tokens of their texts; how many, and occurrences of such, are missed now."""
    unique, uses = missed
    memo = int(known.ctypes.data)
    for number in range(size):
        each, place = np.uint64(number), np.uint64(3 * number)
        one, two, three = window.keys[place], window.keys[place + ONE], window.keys[place + ONE + ONE]
        length, count = window.ends[each + ONE] - window.ends[each], -1 - unique
        if length <= REMEMBERED:
            slot = window.slots[each]
            count = _recall(memo + 8 * slot, one, two, three, length)
            if count == UNKNOWN:
                count = -1 - unique
                _remember(known, slot, (one, two, three), np.uint64(length << 32 | PENDING | unique))
        if count >= 0:
            tokens[np.uint64(window.rows[each])] += count
            continue
        found.rows[uses], found.which[uses] = window.rows[each], -1 - count
        uses += 1
        if -1 - count == unique:
            found.starts[unique], found.stops[unique] = window.ends[each], window.ends[each + ONE]
            unique += 1
    return unique, uses


@compiled
def _recall(entry: int, one: np.uint64, two: np.uint64, three: np.uint64, length: int) -> int:
    """The count of a segment; of one that is being counted minus its number, less 1; or UNKNOWN."""
    for _ in range(WAYS):
        last = whole(_load(entry, 24))
        same = _load(entry, 0) == one and _load(entry, 8) == two and _load(entry, 16) == three
        if same and last >> 32 == length:
            return -1 - (last & (PENDING - 1)) if last & PENDING else last & (PENDING - 1)
        entry += 8 * WORDS
    return UNKNOWN


@compiled
def _remember(known: Known, slot: int, key: tuple[np.uint64, np.uint64, np.uint64], last: np.uint64) -> None:
    """What came into these entries first is forgotten."""
    for word in range(slot + WORDS * WAYS - 1, slot + WORDS - 1, -1):
        known[word] = known[word - WORDS]
    known[slot], known[slot + 1], known[slot + 2] = key
    known[slot + 3] = last


@compiled
def gather(text: Bytes, found: Misses, unique: int) -> tuple[Bytes, Longs]:
    """The segments not known, one after another, and their bounds."""
    bounds = np.zeros(unique + 1, np.int64)
    for each in range(unique):
        bounds[each + 1] = bounds[each] + found.stops[each] - found.starts[each]
    copy = np.empty(bounds[unique], np.uint8)
    for each in range(unique):
        copy[bounds[each] : bounds[each + 1]] = text[found.starts[each] : found.stops[each]]
    return copy, bounds


@compiled
def settle(text: Bytes, found: Misses, counts: Longs, uses: int, known: Known, tokens: Longs) -> None:
    """Give the counts of `found` to the texts and to the memo, unless another segment has taken the place there."""
    address, sets = int(text.ctypes.data), len(known) // (WORDS * WAYS)
    for each in range(len(counts)):
        start, length = found.starts[each], found.stops[each] - found.starts[each]
        if length <= REMEMBERED:
            one, two, three = _key(address + start, length)
            first = WORDS * WAYS * _slot(one, two, three, sets)
            for last in range(first + WORDS - 1, first + WORDS * WAYS, WORDS):
                if known[last] == np.uint64(length << 32 | PENDING | each):
                    known[last] = np.uint64(length << 32 | counts[each])
    for use in range(uses):
        tokens[found.rows[use]] += counts[found.which[use]]
