"""Finds the added tokens in texts, and writes what stands between them as texts of their own."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.compiling import compiled, lean, part
from prep.machine import WIDE, at_least, equal, peek, poke, trailing_zeros
from prep.pipeline.tokenizers.added import Trie
from prep.pipeline.tokenizers.steady import KNOWN, STEADY

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
Place = int | np.int64
NEWLINE = 10
STEP = 8  # bytes copied at once
APART = 64  # bytes between two windows
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
SPACED_LEADS = (0xC2, 0xE1, 0xE2, 0xEF)  # first bytes of all white space above ASCII, but for U+3000, and of more


class Rules(NamedTuple):
    """What is looked for."""

    trie: Trie
    steady: Bytes  # by code point, as of steady.py; none: texts are not normalised
    lead: int  # the first byte of the first character that is not steady
    joins: Longs  # by the newlines that end a stretch: what a newline in their place counts too little; none: no joins


class Sheet(NamedTuple):
    """What is written."""

    text: Bytes
    ends: Longs  # of the stretches in `text`, after a 0
    at: Longs  # where `text` ends, and how many stretches there are


class Split(NamedTuple):
    """Texts in stretches."""

    text: Bytes
    ends: Longs
    firsts: Longs  # by text: its first stretch; and after the last
    tokens: Longs  # by text: the added tokens in it, and what its joins count too little; or one of the next two

    @property
    def stretches(self) -> pa.LargeStringArray:
        """The stretches of all texts."""
        parts = (pa.py_buffer(self.ends), pa.py_buffer(self.text))
        return pa.LargeStringArray.from_buffers(len(self.ends) - 1, *parts)


CHANGED, UNSURE = -1, -2  # texts that NFC may change, and those of which that is all we know: no stretches


def first_lead(steady: Bytes) -> int:
    """The lowest first byte of two that NFC may change something after; or that of three."""
    for lead in range(0xC2, 0xE0):
        if (steady[(lead & 0x1F) << 6 :][:64] != STEADY).any():
            return lead
    return 0xE0


def plain(text: Bytes, bounds: Longs, rules: Rules) -> npt.NDArray[np.bool_]:
    """Which texts hold nothing that an added token begins with, and no character that NFC may change: most of them."""
    found = np.empty(len(bounds) - 1, np.bool_)
    _mark_plain(text, bounds, rules, found)
    return found


@lean
def _mark_plain(text: Bytes, bounds: Longs, rules: Rules, found: npt.NDArray[np.bool_]) -> None:
    for row in range(len(found)):
        start, stop = bounds[row], bounds[row + 1]
        found[row] = _next_head(text, start, stop, rules.trie) == stop and _changed(text, start, stop, rules) == 0


def holding(text: Bytes, bounds: Longs, trie: Trie) -> npt.NDArray[np.bool_]:
    """Which texts hold one of the tokens."""
    found = np.empty(len(bounds) - 1, np.bool_)
    _mark_holding(text, bounds, trie, found)
    return found


@lean
def _mark_holding(text: Bytes, bounds: Longs, trie: Trie, found: npt.NDArray[np.bool_]) -> None:
    for row in range(len(found)):
        at, stop = bounds[row], bounds[row + 1]
        size: Place = 0
        while at < stop and not size:
            at = _next_head(text, at, stop, trie)
            if at < stop:
                size = _longest(text, at, stop, trie)
            at += 1
        found[row] = size > 0


def split(text: Bytes, bounds: Longs, rows: Longs, rules: Rules) -> Split:
    """The stretches of these of the texts, and the tokens that they do not count."""
    count = len(rows)
    size = int((bounds[rows + 1] - bounds[rows]).sum())
    sheet = Sheet(np.empty(size + STEP, np.uint8), np.empty(size + 1, np.int64), np.zeros(2, np.int64))
    sheet.ends[0] = 0
    firsts, tokens = np.zeros(count + 1, np.int64), np.empty(count, np.int64)
    _split(text, bounds, rows, rules, sheet, firsts, tokens)
    return Split(sheet.text[: sheet.at[0]], sheet.ends[: sheet.at[1] + 1], firsts, tokens)


@lean
def _split(text: Bytes, bounds: Longs, rows: Longs, rules: Rules, sheet: Sheet, firsts: Longs, tokens: Longs) -> None:
    for at, row in enumerate(rows):
        tokens[at] = _changed(text, bounds[row], bounds[row + 1], rules)
        if not tokens[at]:
            tokens[at] = _cut(text, bounds[row], bounds[row + 1], rules, sheet)
        firsts[at + 1] = sheet.at[1]


@compiled
def summed(found: Split, counts: Longs) -> Longs:
    """Tokens of each text, from those of the stretches."""
    tokens = found.tokens.copy()
    for row in range(len(tokens)):
        for stretch in range(found.firsts[row], found.firsts[row + 1]):
            tokens[row] += counts[stretch]
    return tokens


@part
def _changed(text: Bytes, at: Place, stop: Place, rules: Rules) -> int:
    """0 if NFC leaves all characters as they are."""
    found, table, lead = 0, rules.steady, rules.lead
    at = _next_lead(text, at, stop, lead) if len(table) else stop
    while at < stop:
        code, size = _character(text, at)
        if code >= len(table) or not table[code]:
            return UNSURE
        if table[code] == KNOWN:
            found = CHANGED
        at += size
        if at < stop and text[at] < lead:
            at = _next_lead(text, at, stop, lead)
    return found


@part
def _character(text: Bytes, at: Place) -> tuple[Place, int]:
    """A code point and its bytes."""
    first = np.int64(text[at])
    if first < 0x80:
        return first, 1
    second = np.int64(text[at + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, 2
    third = np.int64(text[at + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, 3
    return (first & 0x07) << 18 | second << 12 | third << 6 | (np.int64(text[at + 3]) & 0x3F), 4


def windows(text: Bytes, rules: Rules) -> list[tuple[int, int]]:
    """Where alone NFC may change a text, with the steady characters before.

    NFC makes of a steady character and what follows the same whatever stands before. Windows that are close are one.
    """
    found = np.empty((len(text) // APART + 1, 2), np.int64)
    count = _windows(text, rules.steady, found)
    return [(begin, end) for begin, end in found[:count].tolist()]


@lean
def _windows(text: Bytes, table: Bytes, found: Longs) -> int:
    at, steady, count = 0, 0, 0
    while at < len(text):
        code, size = _character(text, at)
        if code < len(table) and table[code] == STEADY:
            steady = at
        else:
            if not count or steady - found[count - 1, 1] >= APART:
                found[count, 0] = steady
                count += 1
            found[count - 1, 1] = at + size
        at += size
    return count


@part
def _next_lead(text: Bytes, at: Place, stop: Place, lead: int) -> Place:
    """The next byte that is not below `lead`, or `stop`."""
    address = int(text.ctypes.data)
    while at < stop and at + WIDE <= len(text):
        bits = at_least(address + at, lead)
        if bits:
            return min(at + trailing_zeros(bits), stop)
        at += WIDE
    while at < stop and text[at] < lead:
        at += 1
    return min(at, stop)


@part
def _cut(text: Bytes, begin: Place, stop: Place, rules: Rules, sheet: Sheet) -> Place:
    """Write the stretches of one text; the tokens between them, and what joins count too little."""
    trie, joins, written, ends = rules.trie, rules.joins, sheet.text, sheet.ends
    tokens, start, at = 0, begin, _next_head(text, begin, stop, trie)
    first = end = sheet.at[0]  # of the stretch that is being written
    stretches = sheet.at[1]
    while start < stop:
        size = _longest(text, at, stop, trie) if at < stop else 0
        if start < at and (size or at == stop):
            lines = _joined(text, start, written, first, end, len(joins)) if first < end else -1
            if lines >= 0:
                end -= lines
                written[end] = NEWLINE
                end += 1
                tokens += joins[lines]
            elif first < end:
                stretches += 1
                ends[stretches] = first = end
            _copy(text, start, at, written, end)
            end += at - start
            start = at
        if size:
            tokens += 1
            start = at + size
        at = _next_head(text, at + max(size, 1), stop, trie)
    if first < end:
        stretches += 1
        ends[stretches] = end
    sheet.at[0], sheet.at[1] = end, stretches
    return tokens


@part
def _next_head(text: Bytes, at: Place, stop: Place, trie: Trie) -> Place:
    """The next place where a token may begin, or `stop`."""
    address = int(text.ctypes.data)
    while at < stop and at + WIDE < len(text):
        bits = _heads(address + at, trie.heads)
        if bits:
            return min(at + trailing_zeros(bits), stop)
        at += WIDE
    while at < stop and not _is_head(text, at, stop, trie.heads):
        at += 1
    return min(at, stop)


@part
def _is_head(text: Bytes, at: Place, stop: Place, heads: Longs) -> bool:
    """As `_heads` of one byte."""
    for each in range(len(heads)):
        first, second = heads[each, 0], heads[each, 1]
        if text[at] == first and (second < 0 or (at + 1 < stop and text[at + 1] == second)):
            return True
    return False


@part
def _heads(address: Place, heads: Longs) -> np.uint64:
    """Bits of the WIDE bytes at an address: where a token may begin."""
    found = np.uint64(0)
    for each in range(len(heads)):
        first, second = heads[each, 0], heads[each, 1]
        found |= equal(address, first) & (equal(address + 1, second) if second >= 0 else ALL)
    return found


@part
def _longest(text: Bytes, at: Place, stop: Place, trie: Trie) -> Place:
    """Bytes of the longest token that begins here, or 0."""
    if text[at] == trie.alone:
        return np.int64(trie.runs[_run(text, at, min(stop, at + len(trie.runs) - 1))])
    kind, step, final = trie.kind, trie.step, trie.final
    state, place, best = np.uint64(0), np.uint64(at), np.uint64(at)
    while place < np.uint64(stop):
        state = np.uint64(step[state, np.uint64(kind[text[place]])])
        if not state:
            break
        place += np.uint64(1)
        if final[state]:
            best = place
    return np.int64(best) - at


@part
def _run(text: Bytes, at: Place, stop: Place) -> Place:
    """How often the byte at a place stands there, up to `stop`."""
    if at + WIDE <= len(text):
        same = trailing_zeros(~equal(int(text.ctypes.data) + at, text[at]))
        if same < WIDE:
            return min(same, stop - at)
    end = at
    while end < stop and text[end] == text[at]:
        end += 1
    return end - at


@part
def _copy(text: Bytes, start: Place, stop: Place, target: Bytes, end: Place) -> None:
    """Eight bytes at a time; `target` has room for seven more."""
    source, written = int(text.ctypes.data), int(target.ctypes.data)
    if stop + STEP <= len(text):
        for near in range(0, stop - start, STEP):
            poke(written, int(end + near), peek(source, int(start + near)))
    else:
        for near in range(stop - start):
            target[end + near] = text[start + near]


@part
def _joined(text: Bytes, start: Place, written: Bytes, first: Place, end: Place, most: int) -> int:
    """Whether the stretch from `start` on may be joined to the one written before: newlines that end that, else -1."""
    if not most or not _solid(text, start):
        return -1
    lines, last = 0, end - 1
    while lines < most and last >= first and written[last] == NEWLINE:
        lines += 1
        last -= 1
    while last > first and written[last] & 0xC0 == 0x80:
        last -= 1
    return lines if lines < most and (last < first or _solid(written, last)) else -1


@part
def _solid(text: Bytes, at: Place) -> bool:
    """Whether the character here is surely no white space."""
    lead = text[at]
    if lead < 0x80:
        return bool(0x20 < lead < 0x7F)
    if lead == 0xE3:
        return bool(text[at + 1] != 0x80 or text[at + 2] != 0x80)
    return lead not in SPACED_LEADS
