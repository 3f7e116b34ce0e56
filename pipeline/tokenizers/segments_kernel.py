"""Cuts byte-level text where no token joins, and looks the segments up; those not known are handed back.

`segments.py` says why the counts are exact.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from prep.compiling import compiled, lean, load, peek, poke, prefetch, trailing_zeros
from prep.pipeline.tokenizers.merge_kernel import ROWS, SHORT, short
from prep.pipeline.tokenizers.spbpe_kernel import PADDING, REMEMBERED, WORDS, _key, _slot

__all__ = ["PADDING", "REMEMBERED", "WORDS"]

# Kinds of characters. OTHER are letters not cut between; NEUTRAL is neither letter nor mark; MARK may change the
# character before it, as may all of four bytes; WORD are letters of one and two bytes; HEAD and STOP are signs of such,
# HEAD those that added tokens begin with; SIGN and LETTER are of three bytes.
KINDS = OTHER, NEUTRAL, MARK, WORD, SPACE, NEWLINE, DIGIT, HEAD, STOP, QUOTE, SIGN, LETTER = tuple(range(12))
KEEP, CUT, ASK = range(3)  # what is done between two kinds; ASK: cut if no token joins the two characters
NEVER, LAST, TOKENS = range(3)  # where runs of spaces are cut: before the last one, or around, for they are tokens
BEFORE_RUN, BEFORE_LAST, AFTER_RUN = 1, 2, 4
WIDTH = 16  # of the table of that
PENDING = 1 << 31  # in a memo entry, of a segment that is being counted: the rest is its number
UNKNOWN = -1 << 32  # less than any segment's number can be
MISSES = 1 << 15  # handed back at once
WAYS = 4  # entries that may hold a segment, two cache lines; of 2, three frequent words drove each other out
WINDOW = 1 << 10  # segments looked up together: 48 KB
MOST_CUTS = 3  # by which a window may get too full
SPACE_BYTE, SPACES = ord(" "), 0x2020
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


class Merging(NamedTuple):
    """What counts a segment that is words and nothing else."""

    groups: Longs  # by kind: characters of one number make a word; 0 leaves the segment to the engine behind
    cased: bool  # a capital may begin a word
    units: Longs  # by byte, its symbol; a symbol is an id + 1
    pairs: npt.NDArray[np.int64]  # `merge_kernel.hashed`


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


class Here(NamedTuple):
    """Addresses, for what is called once a segment."""

    text: int
    kinds: int
    groups: int
    cased: bool
    apart: bool
    blanks: int
    longest: int
    units: int
    pairs: int
    slots: int
    scratch: int


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


@lean
def _code(word: int) -> int:
    """The character of three bytes at the low end of a number."""
    return (word & 0x0F) << 12 | (word >> 2 & 0xFC0) | (word >> 16 & 0x3F)


@lean
def _character(word: int) -> tuple[int, int]:
    """Code point and size of the character at the low end of a number."""
    if word & 0x80 == 0:
        return word & 0x7F, 1
    if word & 0xE0 == 0xC0:
        return (word & 0x1F) << 6 | (word >> 8 & 0x3F), 2
    if word & 0xF0 == 0xE0:
        return _code(word), 3
    return FOUR, 4


@lean
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


@lean
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
            code, width = _character(word)
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


@lean
def _blanks(text: Bytes, at: int, end: int, before: int, tables: Any, marks: Longs, size: int) -> tuple[int, int]:
    """Read two and more spaces and cut there; where they end, and how many segments then are."""
    address, start = int(text.ctypes.data), at
    at += 2
    while at < end and text[at] == SPACE_BYTE:
        at += 1
    follower = whole(NEWLINE)
    if at < end:
        code, _ = _character(peek(address, at))
        follower = whole(tables.kinds[code])
    where = _around(tables, at - start, before, follower) if follower != MARK else whole(0)
    for bit, place in ((BEFORE_RUN, start), (BEFORE_LAST, at - 1), (AFTER_RUN, at)):
        if where & bit and marks[size] < place < end:
            size += 1
            marks[size] = place
    return at, size


@lean
def _around(tables: Any, run: int, before: int, follower: int) -> int:
    """Where a run of spaces is cut: `segments.py`, 6 and 7."""
    if tables.blanks == TOKENS:
        return BEFORE_RUN | (BEFORE_LAST if run % tables.longest == 1 else AFTER_RUN)
    if tables.blanks == NEVER or follower in (NEUTRAL, SPACE, NEWLINE):
        return 0
    if tables.apart or before not in (NEUTRAL, SPACE, NEWLINE):
        return BEFORE_LAST
    return BEFORE_RUN | BEFORE_LAST if before == NEWLINE else 0


@lean
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


@lean
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


@lean
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


@lean
def placed(text: Bytes, tables: Any, merging: Merging, scratch: Longs) -> Here:
    """Good as long as the arrays are."""
    return Here(
        text.ctypes.data, tables.kinds.ctypes.data, merging.groups.ctypes.data, merging.cased,
        tables.apart, tables.blanks, tables.longest,
        merging.units.ctypes.data, merging.pairs.ctypes.data, len(merging.pairs), scratch.ctypes.data,
    )  # fmt: skip


@lean
def words(here: Here, start: int, stop: int) -> int:
    """Tokens of a segment that is words of letters, digits or signs, perhaps after white space; or less than 0."""
    total, begin, at = _white(here, start, stop)
    before, lead = whole(0), at
    while at < stop:
        code, width = _character(peek(here.text, at))
        kind = peek(here.kinds, code) & 0xFF
        group = peek(here.groups, 8 * kind)
        may_begin = here.cased and at > lead and (65 <= code <= 90 or 0x80 <= code < 0x800)  # A to Z
        if group == 0 or may_begin or total < 0:
            return whole(-1)
        if before and group != before:
            total += merged(here, begin, at)
            begin = at
        if kind == QUOTE and begin == at:
            width = _contraction(peek(here.text, at), stop - at)
            if width > 1:
                total += merged(here, at, at + width)
                begin, group = at + width, whole(0)
        before, at = group, at + width
    return total + merged(here, begin, stop)


@lean
def _white(here: Here, start: int, stop: int) -> tuple[int, int, int]:
    """Read white space: its tokens, or -1 where it is left alone; where the first word begins, and goes on after it.

    In GPT-2 all but the last character are a word; of the others' splits only one character is read. A last space
    begins the word that follows.
    """
    at, last, kind, blanks = start, start, whole(SPACE), whole(0)
    width = whole(0)
    while True:
        code, width = _character(peek(here.text, at))
        following = peek(here.kinds, code) & 0xFF
        if following != SPACE and following != NEWLINE:
            break
        kind, last, at, blanks = following, at, at + width, blanks + (code == SPACE_BYTE)
        if at >= stop:
            return _all_white(here, start, stop, blanks)
    if at == start:
        return whole(0), start, start
    if last > start and not (here.apart and (here.blanks == LAST or (here.blanks == TOKENS and blanks < 2))):
        return whole(-1), start, at
    tokens = merged(here, start, last)
    joins = peek(here.text, last) & 0xFF == SPACE_BYTE if here.apart else kind == SPACE
    if joins:
        return tokens, last, at
    return tokens + merged(here, last, at), at, at


@lean
def _all_white(here: Here, start: int, stop: int, blanks: int) -> tuple[int, int, int]:
    """As `_white`, of a segment of nothing else."""
    if here.blanks == TOKENS and blanks == stop - start and blanks > 1:
        return -(-blanks // here.longest), stop, stop
    if here.apart and (here.blanks == LAST or (here.blanks == TOKENS and blanks < 2)):
        return merged(here, start, stop), stop, stop
    return whole(-1), start, stop - 1


@lean
def _contraction(word: int, room: int) -> int:
    """Bytes of what a quote begins: 3 for 're, 've and 'll, 2 for 's, 't, 'm and 'd, else 1."""
    second, third = word >> 8 & 0xFF, word >> 16 & 0xFF
    if room >= 2 and (second == 115 or second == 116 or second == 109 or second == 100):
        return 2
    if room >= 3 and ((third == 101 and (second == 114 or second == 118)) or (second == 108 and third == 108)):
        return 3  # re, ve; ll
    return 1


@lean
def merged(here: Here, start: int, stop: int) -> int:
    """Tokens of a word, or so few that no sum with them is 0 or more: a word that is too long is left alone."""
    size = stop - start
    if size > SHORT:
        return UNKNOWN
    if size == 0:
        return 0
    for each in range(size):
        byte = peek(here.text, start + each) & 0xFF
        poke(here.scratch, 8 * each, peek(here.units, 8 * byte))
    return short(here.scratch, size, here.pairs, here.slots)


@lean
def made_by_merging(tokens: Bytes, ends: Longs, tables: Any, merging: Merging, scratch: Longs) -> bool:
    """Whether every token, as a word, is one token; not asked of those of more bytes than SHORT."""
    here = placed(tokens, tables, merging, scratch)
    alone = True
    for each in range(len(ends) - 1):
        alone &= merged(here, ends[each], ends[each + 1]) in (1, UNKNOWN)
    return alone


@lean
def _recall(entry: int, one: np.uint64, two: np.uint64, three: np.uint64, length: int) -> int:
    """The count of a segment; of one that is being counted minus its number, less 1; or UNKNOWN."""
    for _ in range(WAYS):
        last = peek(entry, 24)
        same = load(entry, 0) == one and load(entry, 8) == two and load(entry, 16) == three
        if same and last >> 32 == length:
            return -1 - (last & (PENDING - 1)) if last & PENDING else last & (PENDING - 1)
        entry += 8 * WORDS
    return UNKNOWN


@lean
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
