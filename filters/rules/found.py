"""Words of lists in one text, letters and digits, and the marks of generated files."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from prep.compiling import lean
from prep.filters.rules.c4 import lowered
from prep.filters.rules.characters import ALNUM, MARK
from prep.filters.rules.units import BASE, Points, Text, U, Words64, place_of, spread, stirred

HEAD = 1000  # characters in which a generated file says so
FILTER_BITS = 16  # of the first look at two characters


class Lexicon(NamedTuple):
    """The words of all lists: digests with the bits of their lists, and a first look by their first two characters."""

    keys: Words64
    lists: npt.NDArray[np.uint8]
    mask: int
    pairs: npt.NDArray[np.uint8]
    longest: int
    whole: bool  # words stand alone: no letter or digit beside them


@lean
def pair(one: np.uint32, two: np.uint32) -> np.uint64:
    """The place of two characters in the first look."""
    return ((U(one) << U(21) | U(two)) * U(BASE)) >> U(64 - FILTER_BITS)


@lean
def longest_word(text: Text, start: int, count: int, lexicon: Lexicon) -> tuple[int, int]:
    """Of the listed words that begin at a place the longest: its characters and the bits of its lists."""
    codes, flags = text
    total, power = U(0), U(1)
    size = found = 0
    for place in range(start, min(count, start + lexicon.longest)):
        total += spread(lowered(codes[place])) * power
        power *= U(BASE)
        key = stirred(total)
        cell = place_of(lexicon.keys, lexicon.mask, key)
        if lexicon.keys[cell] == key:
            after = flags[place + 1] if place + 1 < count else np.uint32(0)
            if not lexicon.whole or not after & (ALNUM | MARK):
                size, found = place + 1 - start, lexicon.lists[cell]
    return size, found


@lean
def count_listed(text: Text, count: int, lexicon: Lexicon, into: Points) -> None:
    """Words of each list, and the characters of those of the second: the longest at each place, without overlap."""
    codes, flags = text
    into[:] = 0
    place = 0
    while place < count and lexicon.longest:
        one = lowered(codes[place])
        two = lowered(codes[place + 1]) if place + 1 < count else np.uint32(0)
        size = found = 0
        if lexicon.pairs[pair(one, two)] or lexicon.pairs[pair(one, np.uint32(0))]:
            before = flags[place - 1] if place else np.uint32(0)
            if not lexicon.whole or not before & (ALNUM | MARK):
                size, found = longest_word(text, place, count, lexicon)
        if size:
            into[0] += found & 1
            into[1] += (found >> 1) & 1
            into[2] += size * ((found >> 1) & 1)
            into[3] += (found >> 2) & 1
            into[4] += (found >> 3) & 1
        place += max(size, 1)


@lean
def count_alphanumerics(flags: Points, count: int) -> int:
    """Letters and digits, as str.isalnum has them."""
    found = 0
    for place in range(count):
        found += (flags[place] & ALNUM) != 0
    return found
