"""N-grams of words or characters: the commonest, and how much of a text came before. Linear in the text."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from prep.compiling import lean
from prep.filters.rules.units import BACK, BASE, Sets, U, Words64, cleared, place_of, seen, spread, stirred
from prep.filters.rules.words import Words

BLANK = 0x20


class Sums(NamedTuple):
    """For pieces one after another: sums of their digests up to each, and what undoes the power of what is before."""

    digests: Words64
    backs: Words64


@numba.njit(inline="always")
def gram(sums: Sums, start: int, size: int) -> np.uint64:
    """The digest of so many pieces from one on."""
    return stirred((sums.digests[start + size] - sums.digests[start]) * sums.backs[start])


@lean
def join(words: Words, count: int, blanks: bool, sums: Sums) -> None:
    """Sums over words, with a blank after each or with nothing between them."""
    total, power, back = U(0), U(1), U(1)
    blank = spread(BLANK)
    for number in range(count):
        sums.digests[number], sums.backs[number] = total, back
        total += words.digests[number] * power
        power *= words.powers[number]
        back *= words.backs[number]
        if blanks:
            total += blank * power
            power *= U(BASE)
            back *= U(BACK)
    sums.digests[count], sums.backs[count] = total, back


@lean
def join_characters(codes: npt.NDArray[np.uint32], count: int, sums: Sums) -> None:
    """Sums over characters."""
    total, power, back = U(0), U(1), U(1)
    for number in range(count):
        sums.digests[number], sums.backs[number] = total, back
        total += spread(codes[number]) * power
        power *= U(BASE)
        back *= U(BACK)
    sums.digests[count], sums.backs[count] = total, back


@lean
def commonest(sums: Sums, count: int, size: int, sets: Sets) -> tuple[int, int]:
    """Where the commonest n-gram first stands, and how often it comes; of several the first."""
    mask = cleared(sets, count)
    best, first = 0, 0
    for number in range(count - size + 1):
        key = gram(sums, number, size)
        cell = place_of(sets.keys, mask, key)
        if sets.keys[cell] != key:
            sets.keys[cell], sets.counts[cell], sets.firsts[cell] = key, 0, number
        sets.counts[cell] += 1
        often, where = sets.counts[cell], sets.firsts[cell]
        if often > best or (often == best and where < first):
            best, first = often, where
    return first, best


@lean
def repeated(sums: Sums, words: Words, lengths: npt.NDArray[np.int32], count: int, size: int, sets: Sets) -> int:
    """Characters of n-grams that came before; after one the search goes on behind it. `lengths` are sums."""
    mask = cleared(sets, count)
    number = characters = 0
    while number < count - size + 1:
        if seen(sets.keys, mask, gram(sums, number, size)):
            characters += lengths[number + size] - lengths[number]
            number += size
        else:
            number += 1
    return characters


@lean
def kinds(sums: Sums, count: int, size: int, sets: Sets, often: npt.NDArray[np.int32]) -> tuple[int, int, int]:
    """Distinct n-grams, those that come twice or more, and their occurrences.

    `often` gets the occurrences of the recurrent kinds, in the order of their second coming.
    """
    mask = cleared(sets, count)
    distinct = recurrent = occurrences = 0
    for number in range(count - size + 1):
        key = gram(sums, number, size)
        cell = place_of(sets.keys, mask, key)
        if sets.keys[cell] != key:
            sets.keys[cell], sets.counts[cell], distinct = key, 0, distinct + 1
        elif sets.counts[cell] == 0:
            sets.counts[cell], often[recurrent] = recurrent + 1, 2
            recurrent, occurrences = recurrent + 1, occurrences + 2
        else:
            often[sets.counts[cell] - 1] += 1
            occurrences += 1
    return distinct, recurrent, occurrences


@lean
def count_word_ngrams(words: Words, count: int, spaced: bool, sums: Sums, sets: Sets, lengths: npt.NDArray[np.int32],
                      into: npt.NDArray[np.uint32]) -> None:  # fmt: skip
    """Characters of the commonest 2-, 3-, 4-grams, of repeated 5- to 10-grams, and occurrences of recurrent 7-grams."""
    total = 0
    for number in range(count):
        lengths[number] = total
        total += words.bounds.stops[number] - words.bounds.starts[number]
    lengths[count] = total
    join(words, count, True, sums)
    for size in range(2, 5):
        into[size - 2] = 0
        if count >= size:
            first, often = commonest(sums, count, size, sets)
            into[size - 2] = (lengths[first + size] - lengths[first] + size - 1) * often
    if not spaced:
        into[9] = kinds(sums, count, 7, sets, sets.firsts)[2]
    join(words, count, False, sums)
    for size in range(5, 11):
        into[size - 2] = repeated(sums, words, lengths, count, size, sets)
