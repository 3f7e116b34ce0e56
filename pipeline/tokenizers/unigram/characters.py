"""The characters of a text as symbols, a window of them at a time, and where no piece joins two of them."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from prep.compiling import inlined
from prep.machine import load, trailing_zeros
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
    cuts: npt.NDArray[np.uint64]  # a bit for each character: a stretch begins with it


def window(size: int, kind: type[np.float32] | type[np.float64]) -> Window:
    """Room for so many characters; behind the signs 32 more, for keys are read whole, and before them 0."""
    signs, edges = np.zeros(size + 36, np.uint16)[4:], np.zeros(size + 2, np.int32)
    sums: Any = np.zeros(size + 1, kind)
    cuts = np.zeros(size // 64 + 2, np.uint64)
    return Window(signs, edges, sums, np.zeros(size + 1, np.int64), np.zeros(4 * size + 4), cuts)


@inlined
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


@inlined
def read(symbols, pages, plane, blank, signs, size, data, near, at, stop, suffix, count):  # type: ignore[no-untyped-def]
    """Read on from `at` until the window is full: one word for each character, or for eight of ASCII.

    Before `near` a word can be loaded, from there on it is put together. Returns where to read on, whether the blank
    behind the text is still to come, and the characters in the window.
    """
    address = int(data.ctypes.data)
    while count < size and at < stop:
        if at >= near:
            word = U(0)
            for byte in range(min(U(8), U(len(data)) - at)):
                word |= U(data[at + byte]) << (U(8) * byte)
        else:
            word = load(address, np.int64(at))  # type: ignore[arg-type]
        if word & U(0xF0) == U(0xE0):
            code = (word & U(0x0F)) << U(12) | (word >> U(2)) & U(0xFC0) | (word >> U(16)) & U(0x3F)
            signs[count] = plane[code]
            at += U(3)
            count += U(1)
        elif word & U(0x8080808080808080) == U(0) and at + U(8) <= stop and count + U(8) <= size:
            for byte in range(U(8)):
                signs[count + byte] = plane[(word >> (U(8) * byte)) & U(0x7F)]
            at += U(8)
            count += U(8)
        elif word & U(0x80) == U(0):
            signs[count] = plane[word & U(0x7F)]
            at += U(1)
            count += U(1)
        elif word & U(0xE0) == U(0xC0):
            signs[count] = plane[(word & U(0x1F)) << U(6) | (word >> U(8)) & U(0x3F)]
            at += U(2)
            count += U(1)
        else:
            code = (word & U(0x07)) << U(18) | (word << U(4)) & U(0x3F000)
            code |= (word >> U(10)) & U(0xFC0) | (word >> U(24)) & U(0x3F)
            signs[count] = symbols[U(pages[code >> U(8)]) + (code & U(0xFF))]
            at += U(4)
            count += U(1)
    if suffix and at >= stop and count < size:
        signs[count], suffix = blank, False
        count += U(1)
    return at, suffix, count


@inlined
def split(bits, alone, signs, cuts, edges, count, unread):  # type: ignore[no-untyped-def]
    """Cut the characters of a window, of which the first begins a stretch: where no piece holds two side by side.

    `edges` are where stretches of two and more characters begin and end, in turn; what the others count is added up.
    Returns the last cut, which is behind the text if nothing is `unread`, the edges found, and the sums. Cuts are bits,
    of which only the turns are gone through. With a loop of its own to read, English was 10% faster than when each
    character was read, compared and added at once, Japanese 5%.
    """
    words, size = (count >> U(6)) + U(1), count
    for word in range(words):
        mask, base = U(0), word << U(6)
        place = min(base + U(64), count)
        while place > base:
            place -= U(1)
            spot = place_of(U(signs[place - U(1)]), U(signs[place]))
            mask = mask + mask + ((bits[spot >> U(6)] >> (spot & U(63))) & U(1))
        cuts[word] = ~mask
    cuts[U(0)] |= U(1)
    if unread:
        size = count - U(1)
        while cuts[size >> U(6)] >> (size & U(63)) & U(1) == U(0):
            size -= U(1)
    words = (size >> U(6)) + U(1)
    cuts[words - U(1)] = cuts[words - U(1)] & ((U(2) << (size & U(63))) - U(1)) | U(1) << (size & U(63))
    cuts[words] = 0
    before, found, sums = U(1), U(0), U(0)
    for word in range(words):
        cut, base = cuts[word], word << U(6)
        single = cut & (cut >> U(1) | cuts[word + U(1)] << U(63))
        turns = cut ^ (cut + cut | before)
        before = cut >> U(63)
        while single:
            sums += alone[signs[base + U(trailing_zeros(single))]]
            single &= single - U(1)
        while turns:
            edges[found] = base + U(trailing_zeros(turns)) - (U(1) & ~found)
            turns &= turns - U(1)
            found += U(1)
    return size, found & ~U(1), sums
