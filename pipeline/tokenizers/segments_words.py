"""Counts a segment that is words: what the split makes of it, and the tokens that each word is merged to.

`segments.py` says why the counts are exact.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from prep.compiling import lean, part
from prep.machine import peek, poke
from prep.pipeline.tokenizers.merge_kernel import SHORT, short
from prep.pipeline.tokenizers.segments_characters import (
    LAST,
    NEWLINE,
    QUOTE,
    SPACE,
    SPACE_BYTE,
    TOKENS,
    character,
    whole,
)

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
TOO_LONG = -1 << 32  # tokens of a word that is left alone: no sum with them is 0 or more


class Merging(NamedTuple):
    """What counts a segment that is words and nothing else."""

    groups: Longs  # by kind: characters of one number make a word; 0 leaves the segment to the engine behind
    cased: bool  # a capital may begin a word
    units: Longs  # by byte, its symbol; a symbol is an id + 1
    pairs: npt.NDArray[np.int64]  # `merge_kernel.hashed`


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


@part
def placed(text: Bytes, tables: Any, merging: Merging, scratch: Longs) -> Here:
    """Good as long as the arrays are."""
    return Here(
        text.ctypes.data, tables.kinds.ctypes.data, merging.groups.ctypes.data, merging.cased,
        tables.apart, tables.blanks, tables.longest,
        merging.units.ctypes.data, merging.pairs.ctypes.data, len(merging.pairs), scratch.ctypes.data,
    )  # fmt: skip


@part
def words(here: Here, start: int, stop: int) -> int:
    """Tokens of a segment that is words of letters, digits or signs, perhaps after white space; or less than 0."""
    total, begin, at = _white(here, start, stop)
    before, lead = whole(0), at
    while at < stop:
        code, width = character(peek(here.text, at))
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


@part
def _white(here: Here, start: int, stop: int) -> tuple[int, int, int]:
    """Read white space: its tokens, or -1 where it is left alone; where the first word begins, and goes on after it.

    In GPT-2 all but the last character are a word; of the others' splits only one character is read. A last space
    begins the word that follows.
    """
    at, last, kind, blanks = start, start, whole(SPACE), whole(0)
    width = whole(0)
    while True:
        code, width = character(peek(here.text, at))
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


@part
def _all_white(here: Here, start: int, stop: int, blanks: int) -> tuple[int, int, int]:
    """As `_white`, of a segment of nothing else."""
    if here.blanks == TOKENS and blanks == stop - start and blanks > 1:
        return -(-blanks // here.longest), stop, stop
    if here.apart and (here.blanks == LAST or (here.blanks == TOKENS and blanks < 2)):
        return merged(here, start, stop), stop, stop
    return whole(-1), start, stop - 1


@part
def _contraction(word: int, room: int) -> int:
    """Bytes of what a quote begins: 3 for 're, 've and 'll, 2 for 's, 't, 'm and 'd, else 1."""
    second, third = word >> 8 & 0xFF, word >> 16 & 0xFF
    if room >= 2 and (second == 115 or second == 116 or second == 109 or second == 100):
        return 2
    if room >= 3 and ((third == 101 and (second == 114 or second == 118)) or (second == 108 and third == 108)):
        return 3  # re, ve; ll
    return 1


@part
def merged(here: Here, start: int, stop: int) -> int:
    """Tokens of a word, or so few that no sum with them is 0 or more: a word that is too long is left alone."""
    size = stop - start
    if size > SHORT:
        return TOO_LONG
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
        alone &= merged(here, ends[each], ends[each + 1]) in (1, TOO_LONG)
    return alone
