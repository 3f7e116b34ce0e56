"""Finds the added tokens in texts, and writes what stands between them as texts of their own."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from prep.compiling import compiled, lean
from prep.pipeline.tokenizers.added import Trie
from prep.pipeline.tokenizers.steady import KNOWN, STEADY

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
Place = int | np.int64
NEWLINE = 10
BLOCK = 64  # bytes looked at together: compiled to a few instructions
SPACED_LEADS = (0xC2, 0xE1, 0xE2, 0xEF)  # first bytes of all white space above ASCII, but for U+3000, and of more


class Rules(NamedTuple):
    """What is looked for."""

    trie: Trie
    steady: Bytes  # by code point, as of steady.py; none: texts are not normalised
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


MAY_BEGIN, MAY_CHANGE = 1, 2  # what two bytes may be the begin of: an added token; a character that NFC changes


def looks(pairs: Bytes, steady: Bytes) -> Bytes:
    """By two bytes, the later one times 256, MAY_BEGIN and MAY_CHANGE: of three bytes the first two say which 64."""
    found = np.where(pairs != 0, MAY_BEGIN, 0).astype(np.uint8).reshape(256, 256)
    if len(steady):
        found[:, 0xF0:] |= MAY_CHANGE
        changed = steady[:0x10000] != STEADY
        codes = np.flatnonzero(changed[:0x800])
        codes = codes[codes >= 0x80]
        found[0x80 | codes & 0x3F, 0xC0 | codes >> 6] |= MAY_CHANGE
        blocks = np.flatnonzero(changed.reshape(-1, BLOCK).any(axis=1))
        blocks = blocks[blocks >= 0x800 // BLOCK]
        found[0x80 | blocks & 0x3F, 0xE0 | blocks >> 6] |= MAY_CHANGE
    return found.reshape(-1)


def plain(text: Bytes, bounds: Longs, look: Bytes, table: Bytes) -> npt.NDArray[np.bool_]:
    """Which texts surely hold no added token, and no character that NFC changes: most of them, and seen at a glance."""
    found = np.ones(len(bounds) - 1, np.bool_)
    _mark_others(text, bounds, look, table, found)
    return found


@lean
def _mark_others(text: Bytes, bounds: Longs, look: Bytes, table: Bytes, found: npt.NDArray[np.bool_]) -> None:
    one, low = np.uint64(1), np.uint64(0x3F)
    for row in range(len(found)):
        at, stop = np.uint64(bounds[row]), np.uint64(bounds[row + 1])
        this = np.uint64(text[at]) if at < stop else np.uint64(0)
        while at < stop:
            at += one
            after = np.uint64(text[at]) if at < stop else np.uint64(0)
            seen = look[this | after << np.uint64(8)]
            if seen:
                steady = False
                if seen == MAY_CHANGE and np.uint64(0xE0) <= this < np.uint64(0xF0):
                    code = (this & np.uint64(0x0F)) << np.uint64(12) | (after & low) << np.uint64(6)
                    steady = table[code | np.uint64(text[at + one]) & low] == STEADY
                if not steady:
                    found[row] = False
                    break
            this = after


CHANGED, UNSURE = -1, -2  # texts that NFC may change, and those of which that is all we know: no stretches


def split(text: Bytes, bounds: Longs, rules: Rules) -> Split:
    """The stretches of each text, and the tokens that they do not count."""
    count = len(bounds) - 1
    size = bounds[count] - bounds[0]
    sheet = Sheet(np.empty(size, np.uint8), np.empty(size + 1, np.int64), np.zeros(2, np.int64))
    sheet.ends[0] = 0
    firsts, tokens = np.zeros(count + 1, np.int64), np.empty(count, np.int64)
    _split(text, bounds, rules, sheet, firsts, tokens)
    return Split(sheet.text[: sheet.at[0]], sheet.ends[: sheet.at[1] + 1], firsts, tokens)


@lean
def _split(text: Bytes, bounds: Longs, rules: Rules, sheet: Sheet, firsts: Longs, tokens: Longs) -> None:
    for row in range(len(tokens)):
        tokens[row] = _changed(text, bounds[row], bounds[row + 1], rules.steady) if len(rules.steady) else 0
        if not tokens[row]:
            tokens[row] = _cut(text, bounds[row], bounds[row + 1], rules, sheet)
        firsts[row + 1] = sheet.at[1]


@compiled
def summed(found: Split, counts: Longs) -> Longs:
    """Tokens of each text, from those of the stretches."""
    tokens = found.tokens.copy()
    for row in range(len(tokens)):
        for stretch in range(found.firsts[row], found.firsts[row + 1]):
            tokens[row] += counts[stretch]
    return tokens


@lean
def _changed(text: Bytes, at: Place, stop: Place, table: Bytes) -> int:
    """0 if NFC leaves all characters as they are. UTF-8 is taken as sound."""
    found = 0
    while at < stop:
        if text[at] < 0x80:
            while at + BLOCK <= stop:
                block, either = text[at : at + BLOCK], np.uint8(0)  # a slice: its indices are surely not below 0
                for near in range(BLOCK):
                    either |= block[near]
                if either >= 0x80:
                    break
                at += BLOCK
            while at < stop and text[at] < 0x80:
                at += 1
            continue
        lead = np.int64(text[at])
        if lead < 0xE0:
            code, size = (lead & 0x1F) << 6 | (np.int64(text[at + 1]) & 0x3F), 2
        elif lead < 0xF0:
            low = (np.int64(text[at + 1]) & 0x3F) << 6 | (np.int64(text[at + 2]) & 0x3F)
            code, size = (lead & 0x0F) << 12 | low, 3
        else:
            low = (np.int64(text[at + 2]) & 0x3F) << 6 | (np.int64(text[at + 3]) & 0x3F)
            code, size = (lead & 0x07) << 18 | (np.int64(text[at + 1]) & 0x3F) << 12 | low, 4
        if code >= len(table) or not table[code]:
            return UNSURE
        if table[code] == KNOWN:
            found = CHANGED
        at += size
    return found


@lean
def _cut(text: Bytes, begin: Place, stop: Place, rules: Rules, sheet: Sheet) -> Place:
    """Write the stretches of one text; the tokens between them, and what joins count too little."""
    trie, pairs, joins, written, ends = rules.trie, rules.trie.pairs, rules.joins, sheet.text, sheet.ends
    tokens, start, at = 0, begin, _candidate(text, begin, stop, pairs)
    first = end = sheet.at[0]  # of the stretch that is being written
    stretches = sheet.at[1]
    while start < stop:
        size = _longest(text, at, stop, trie) if at < stop else 0
        if start < at and (size or at == stop):
            lines = _joined(text, start, written[first:end], len(joins)) if first < end else -1
            if lines >= 0:
                end -= lines
                written[end] = NEWLINE
                end += 1
                tokens += joins[lines]
            elif first < end:
                stretches += 1
                ends[stretches] = first = end
            _copy(text[start:at], written[end:])
            end += at - start
            start = at
        if size:
            tokens += 1
            start = at + size
        at = _candidate(text, at + max(size, 1), stop, pairs)
    if first < end:
        stretches += 1
        ends[stretches] = end
    sheet.at[0], sheet.at[1] = end, stretches
    return tokens


@lean
def _candidate(text: Bytes, at: Place, stop: Place, pairs: Bytes) -> Place:
    """The next place where a token may begin, or `stop`."""
    if at >= stop:
        return stop
    place, last, one = np.uint64(at), np.uint64(stop - 1), np.uint64(1)  # unsigned: no test for indices below 0
    this = np.uint64(text[place])
    while place < last:
        following = np.uint64(text[place + one])
        if pairs[this | following << np.uint64(8)]:
            return np.int64(place)
        this = following
        place += one
    return stop - 1 if pairs[this] else stop  # of a token of one byte, all pairs are set


@lean
def _longest(text: Bytes, at: Place, stop: Place, trie: Trie) -> Place:
    """Bytes of the longest token that begins here, or 0."""
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


@lean
def _copy(source: Bytes, target: Bytes) -> None:
    for near in range(len(source)):
        target[near] = source[near]


@lean
def _joined(text: Bytes, start: Place, before: Bytes, most: int) -> int:
    """Whether the stretch from `start` on may be joined to the one before: newlines that end that one, else -1."""
    if not most or not _solid(text, start):
        return -1
    lines, last = 0, len(before) - 1
    while lines < most and last >= 0 and before[last] == NEWLINE:
        lines += 1
        last -= 1
    while last > 0 and before[last] & 0xC0 == 0x80:
        last -= 1
    return lines if lines < most and (last < 0 or _solid(before, last)) else -1


@lean
def _solid(text: Bytes, at: Place) -> bool:
    """Whether the character here is surely no white space."""
    lead = text[at]
    if lead < 0x80:
        return bool(0x20 < lead < 0x7F)
    if lead == 0xE3:
        return bool(text[at + 1] != 0x80 or text[at + 2] != 0x80)
    return lead not in SPACED_LEADS
