"""The characters of a text as symbols, a window of them at a time, and where no piece joins two of them."""

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from prep.pipeline.tokenizers.unigram.memo import KEY, LONGEST, MIX, U
from prep.pipeline.tokenizers.unigram.trie import Floats, Ints

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
WINDOW = 2048  # characters looked at together: signs, sums, counts and cuts are 50 KB
PAIR_BITS = 21  # 256 KB: with 34,000 pairs of llm-jp-v3.1 2 of 100 others are taken for one, which costs time only


class Lexicon(NamedTuple):
    """A trie and the rules of its model, as the compiled functions take them."""

    links: Ints
    scores: Floats
    pages: Ints
    symbols: Ints
    plane: npt.NDArray[np.uint16]  # the same for the code points below 65,536, in one look
    widths: Ints
    pairs: npt.NDArray[np.uint64]  # a bit for each pair of symbols that may stand side by side in a piece
    unknown: float  # score of an unknown character
    most: float  # a sum past this is taken off all
    fallback: bool  # an unknown character is as many tokens as it has bytes
    blank: int  # the symbol before or after a text
    prefix: bool
    suffix: bool
    keep: int  # characters ahead that a start must see: one less than the longest piece has
    kept: bool  # stretches are kept in the memo
    margin: float  # sums inside a stretch differ from the sum before it by less
    grain: float  # the most that an addition is wrong by, as a share of the sum


class Window(NamedTuple):
    """The characters looked at, where stretches begin, their keys, and room for the paths through one of them.

    `best` and `tally` have a place before, between and behind the characters of the stretch: of the best path that ends
    there the sum, and twice the tokens, and one more where the last is unknown: the next unknown character joins it.
    """

    signs: npt.NDArray[np.uint16]
    cuts: Ints
    keys: npt.NDArray[np.uint64]  # KEY words for each stretch
    best: npt.NDArray[np.float32] | npt.NDArray[np.float64]
    tally: Longs


def window(size: int, kind: type[np.float32] | type[np.float64]) -> Window:
    """Room for so many characters; behind the signs 16 more, for keys are read whole."""
    signs, cuts = np.zeros(size + LONGEST, np.uint16), np.zeros(size + 2, np.int32)
    best: Any = np.zeros(size + 1, kind)
    return Window(signs, cuts, np.zeros(KEY * (size + 2), np.uint64), best, np.zeros(size + 1, np.int64))


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
def take(lexicon, window, data, at, stop, suffix, count, before):  # type: ignore[no-untyped-def]
    """Read on from `at` until the window is full, and mark the cuts, without a branch on them.

    Returns where to read on, whether the blank behind the text is still to come, the characters in the window, the
    last of them, and the cuts found.
    """
    symbols, pages, plane, bits = lexicon.symbols, lexicon.pages, lexicon.plane, lexicon.pairs
    signs, cuts, size = window.signs, window.cuts, len(window.best) - 1
    found = U(0)
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
        cuts[found] = count
        found += (U(1) ^ (bits[place >> U(6)] >> (place & U(63)))) & U(1)
        signs[U(count)] = sign
        count += 1
        before = sign
    return at, suffix, count, before, found
