"""The characters of a text as symbols, a window of them at a time, and where no piece joins two of them."""

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from prep.pipeline.tokenizers.unigram.memo import MIX, U
from prep.pipeline.tokenizers.unigram.trie import Floats, Ints

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
SIZE = 512  # characters looked at together: the narrower, the better their sum is known
PAIR_BITS = 21  # 256 KB: with 34,000 pairs of llm-jp-v3.1 2 of 100 others are taken for one, which costs time only


class Lexicon(NamedTuple):
    """A trie and the rules of its model, as the compiled functions take them.

    `roots[4 * s]` is the base of symbol s's node, below 0 where no longer piece begins with it; `roots[4 * s + 1]` is 0
    where it is a piece itself, else its bytes; `firsts[2 * s + 1]` is its score by itself: one memory, as in the trie.
    """

    links: Ints
    scores: Floats
    pages: Ints
    symbols: Ints
    plane: npt.NDArray[np.uint16]  # the same for the code points below 65,536, in one look
    roots: Ints
    firsts: Floats
    alone: npt.NDArray[np.uint64]  # what a symbol by itself falls and counts; no symbol: nothing
    pairs: npt.NDArray[np.uint64]  # a bit for each pair of symbols that may stand side by side in a piece
    most: float  # a sum past this is taken off all
    fallback: bool  # an unknown character is as many tokens as it has bytes
    blank: int  # the symbol before or after a text
    prefix: bool
    suffix: bool
    keep: int  # characters ahead that a start must see: one less than the longest piece has
    reach: int  # characters of the longest stretch that cannot be set back twice; 0: no stretch is looked at by itself
    rise: float  # the most that a piece scores above 0, for each of its characters
    worst: float  # the largest score, above or below 0
    cap: float  # no sum between two stretches is larger
    grain: float  # the most that an addition is wrong by, as a share of the sum


class Window(NamedTuple):
    """The characters looked at, where stretches of two and more begin and end, and room for the paths through one.

    `sums`, `tally` and `state` have a place before, between and behind the characters of the stretch. `tally` is twice
    the tokens, and one more where the last is unknown: the next unknown character joins it.
    """

    signs: npt.NDArray[np.uint16]
    edges: Ints
    sums: npt.NDArray[np.float32] | npt.NDArray[np.float64]
    tally: Longs
    state: Floats  # four numbers for each place


def window(size: int, kind: type[np.float32] | type[np.float64]) -> Window:
    """Room for so many characters; behind the signs 32 more, for keys are read whole."""
    signs, edges = np.zeros(size + 32, np.uint16), np.zeros(size + 2, np.int32)
    sums: Any = np.zeros(size + 1, kind)
    return Window(signs, edges, sums, np.zeros(size + 1, np.int64), np.zeros(4 * size + 4))


@numba.njit(inline="always")
def place_of(one: np.uint64, two: np.uint64) -> np.uint64:
    """The bit of a pair of symbols: with the same first one those of frequent second ones lie on one cache line."""
    return ((one * MIX) >> U(64 - PAIR_BITS)) ^ two


def pairs(found: Longs) -> npt.NDArray[np.uint64]:
    """The bits of pairs of symbols, the first one times 2**32."""
    words = found.astype(np.uint64)
    places = (((words >> U(32)) * MIX) >> U(64 - PAIR_BITS)) ^ (words & U(0xFFFFFFFF))
    bits = np.zeros(1 << (PAIR_BITS - 6), np.uint64)
    np.bitwise_or.at(bits, places >> U(6), U(1) << (places & U(63)))
    return bits


@numba.njit(inline="always")
def take(lexicon, signs, edges, size, data, at, stop, suffix, count, before, cut, found, sums):  # type: ignore[no-untyped-def]
    """Read on from `at` until the window is full, without a branch on cuts.

    `edges` are where stretches of two and more characters begin and end, in turn; what the others count is added to
    `sums`. Returns where to read on, whether the blank behind the text is still to come, the characters in the window,
    the last of them, whether a stretch begins with it, the edges found, and the sums.
    """
    symbols, pages, plane, bits, alone = lexicon.symbols, lexicon.pages, lexicon.plane, lexicon.pairs, lexicon.alone
    while count < size:
        if at < stop:
            lead = U(data[at])
            if lead < U(0x80):
                sign = U(plane[lead])
                at += U(1)
            elif lead < U(0xE0):
                sign = U(plane[(lead & U(0x1F)) << U(6) | U(data[at + U(1)]) & U(0x3F)])
                at += U(2)
            elif lead < U(0xF0):
                low = (U(data[at + U(1)]) & U(0x3F)) << U(6) | U(data[at + U(2)]) & U(0x3F)
                sign = U(plane[(lead & U(0x0F)) << U(12) | low])
                at += U(3)
            else:
                high = (lead & U(7)) << U(10) | (U(data[at + U(1)]) & U(0x3F)) << U(4)
                high |= (U(data[at + U(2)]) & U(0x3F)) >> U(2)
                low = (U(data[at + U(2)]) & U(3)) << U(6) | U(data[at + U(3)]) & U(0x3F)
                sign = U(symbols[U(pages[high]) + low])
                at += U(4)
        elif suffix:
            sign, suffix = U(lexicon.blank), False
        else:
            break
        place = place_of(before, sign)
        here = (U(1) ^ (bits[place >> U(6)] >> (place & U(63)))) & U(1)
        here |= U(before == U(0))  # a text begins with a stretch
        edges[found] = count - cut  # a begin is seen one character late
        found += cut ^ here
        sums += alone[before] & (U(0) - (cut & here))
        signs[count] = sign
        count += U(1)
        before, cut = sign, here
    return at, suffix, count, before, cut, found, sums
