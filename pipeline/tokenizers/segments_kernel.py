"""Cuts byte-level text where no token joins, and looks the segments up; those not known are handed back.

`segments.py` says why the counts are exact.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from prep.compiling import compiled
from prep.pipeline.tokenizers.spbpe_kernel import PADDING, REMEMBERED, WORDS, _key, _load, _slot

__all__ = ["PADDING", "REMEMBERED", "WORDS"]

# Kinds of characters. OTHER are letters not cut between, of two and four bytes all; NEUTRAL is neither letter nor mark;
# MARK may change the character before it; PUNCT and LATIN are of ASCII, SIGN and LETTER of three bytes.
KINDS = OTHER, NEUTRAL, MARK, LATIN, NEWLINE, SPACE, DIGIT, PUNCT, SIGN, LETTER = tuple(range(10))
KEEP, CUT, ASK = range(3)  # what is done between two kinds; ASK: cut if no token joins the two characters
WIDTH = 16  # of the table of that
PENDING = 1 << 31  # in a memo entry, of a segment that is being counted: the rest is its number
MISSES = 1 << 15  # handed back at once
CODES = 1 << 16  # what three bytes of UTF-8 can say

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
whole = cast(Callable[[Any], int], np.int64)  # numba makes a float of a signed and an unsigned number


class Known(NamedTuple):
    """What segments count. Neither grows, for in the memo the newer replaces the older."""

    single: Longs  # by code point, of a segment of one such character; 0 if not known
    memo: npt.NDArray[np.uint64]


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
    """Code point and size of the character at the low end of a number; the code is 0xFFFF for those not looked at."""
    if word & 0x80 == 0:
        return word & 0x7F, 1
    if word & 0xF0 == 0xE0:
        return _code(word), 3
    return 0xFFFF, 2 if word & 0xE0 == 0xC0 else 4


@compiled
def _stays(word: int, kinds: int) -> bool:
    """Whether the character leaves the one before it, where a cut is, as it is. Of two and four bytes: who knows."""
    return word & 0x80 == 0 or (word & 0xF0 == 0xE0 and _load(kinds, _code(word)) & np.uint64(0xFF) != np.uint64(MARK))


@compiled
def _recall(address: int, length: int, slots: int, memo: npt.NDArray[np.uint64], number: int) -> int:
    """The count of a segment; or less than 0: minus its number, less 1, which is `number` if it is new."""
    if length > REMEMBERED:
        return -1 - number
    one, two, three = _key(address, length)
    place, first = int(memo.ctypes.data), whole(_slot(one, two, three, slots))
    for slot in range(2):
        entry = place + 32 * (first ^ slot)
        last = whole(_load(entry, 24))
        same = _load(entry, 0) == one and _load(entry, 8) == two and _load(entry, 16) == three
        if same and last >> 32 == length:
            return -1 - (last & (PENDING - 1)) if last & PENDING else last & (PENDING - 1)
    newer, older = first * WORDS, (first ^ 1) * WORDS
    memo[older : older + WORDS] = memo[newer : newer + WORDS]
    memo[newer], memo[newer + 1], memo[newer + 2] = one, two, three
    memo[newer + 3] = np.uint64(length << 32 | PENDING | number)
    return -1 - number


@compiled
def scan(
    text: Bytes, ends: Longs, begin: tuple[int, int], tables: Any, known: Known, found: Misses, tokens: Longs
) -> tuple[tuple[int, int], int, int]:
    """Add to `tokens` what is known from `begin` (row, place) on, until all is read or `found` is full.

    Returns where the next scan begins, and how many segments, and occurrences of such, were not known.
    """
    row, at = begin
    unique, uses = 0, 0
    kinds, rules, starts = int(tables.kinds.ctypes.data), int(tables.rules.ctypes.data), int(tables.starts.ctypes.data)
    address, slots, single = int(text.ctypes.data), len(known.memo) // WORDS, int(known.single.ctypes.data)
    lefts, rights = int(tables.lefts.ctypes.data), int(tables.rights.ctypes.data)
    joined = int(tables.joined.ctypes.data)
    while row < len(tokens):
        end = ends[row + 1]
        start, before, left, clean, total = at, whole(OTHER), whole(0), whole(1), whole(0)
        while start < end:
            size = 0
            if at < end:
                word = whole(_load(address, at))
                code, size = _character(word)
                kind = whole(_load(kinds, code) & np.uint64(0xFF))
                rule = whole(_load(rules, 8 * (before * WIDTH + kind)))
                if rule == ASK:
                    bit = whole(_load(lefts, 8 * left)) * tables.width + whole(_load(rights, 8 * code))
                    rule = clean & ~whole(_load(joined, bit >> 3) >> np.uint64(bit & 7))
                begins = whole(_load(starts, 8 * kind))
                clean = begins & (clean | begins >> 1)
                before, left = kind, code
                if rule == KEEP or (at + size < end and not _stays(word >> 8 * size, kinds)):
                    at += size
                    continue
            count, head = whole(0), whole(_load(address, start))
            if at - start == 3 and head & 0xF0 == 0xE0:
                count = whole(_load(single, 8 * _code(head)))
            if count == 0:
                if uses == len(found.rows):
                    break
                count = whole(_recall(address + start, at - start, slots, known.memo, unique))
                if count < 0:
                    found.rows[uses], found.which[uses] = row, -1 - count
                    uses += 1
                    if -1 - count == unique:
                        found.starts[unique], found.stops[unique] = start, at
                        unique += 1
                    count = whole(0)
            total += count
            start, clean, at = at, clean | 1, at + size
        tokens[row] += total
        if start < end:
            return (row, start), unique, uses
        row, at = row + 1, end
    return (row, at), unique, uses


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
    address, slots, memo = int(text.ctypes.data), len(known.memo) // WORDS, known.memo
    for each in range(len(counts)):
        start, length = found.starts[each], found.stops[each] - found.starts[each]
        if length <= REMEMBERED:
            one, two, three = _key(address + start, length)
            first = whole(_slot(one, two, three, slots))
            for slot in range(2):
                last = WORDS * (first ^ slot) + 3
                if memo[last] == np.uint64(length << 32 | PENDING | each):
                    memo[last] = np.uint64(length << 32 | counts[each])
            head = whole(_load(address, start))
            if length == 3 and head & 0xF0 == 0xE0:
                known.single[_code(head)] = counts[each]
    for use in range(uses):
        tokens[found.rows[use]] += counts[found.which[use]]
