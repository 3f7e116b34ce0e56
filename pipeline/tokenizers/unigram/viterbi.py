"""Count the pieces of the best path through each text: forward Viterbi, no back pointers, no ids.

Equal to sentencepiece to the last bit, because the order of additions and their width are its own: scores are added in
32 bits from the left, the first of two equal paths wins (starts in increasing order, short pieces first), and as soon
as the sum at a start passes 100,000 it is taken off every sum ahead. tokenizers adds in 64 bits and takes nothing off.
With 64 bits 18 of 3,760 long documents had another count than sentencepiece has (llm-jp-v4.0-alpha).
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from prep.pipeline.tokenizers.unigram.trie import Floats, Ints

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
WINDOW = 1024  # characters looked at together: with sums and counts 20 KB, so that they stay in the first cache
REPLACEMENT = 0xFFFD  # what a byte that is not UTF-8 counts as
BAD = np.int64(1 << 30)
U = np.uint64  # an unsigned place: a signed one is asked each time whether it counts from the end


class Lexicon(NamedTuple):
    """A trie and the rules of its model, as the compiled functions take them."""

    links: Ints
    scores: Floats
    pages: Ints
    symbols: Ints
    widths: Ints
    unknown: float  # score of an unknown character
    most: float  # a sum past this is taken off all
    fallback: bool  # an unknown character is as many tokens as it has bytes
    blank: int  # the symbol before or after a text
    prefix: bool
    suffix: bool
    keep: int  # characters ahead that a start must see: one less than the longest piece has


class Window(NamedTuple):
    """The characters looked at, and for each place before, between and behind them the best path that ends there."""

    signs: Ints
    best: npt.NDArray[np.float32] | npt.NDArray[np.float64]
    tally: Longs  # twice the tokens, and one more where the last is unknown: the next unknown character joins it


@numba.njit(inline="always")
def tail(data: Bytes, at: np.int64) -> np.int64:
    """The six bits of a continuing byte; a number past every code point if it is none."""
    byte = np.int64(data[U(at)])
    return byte & 0x3F if byte & 0xC0 == 0x80 else BAD


@numba.njit(inline="always")
def decode(data: Bytes, at: np.int64, stop: np.int64) -> np.int64:
    """Code point of the character beyond ASCII at a place, times 8, plus its size in bytes.

    A byte that begins none is U+FFFD of one byte, by sentencepiece's rule. Inline, for a call counts references to the
    array, 13 ns each.
    """
    lead = np.int64(data[U(at)])
    if lead & 0xF0 == 0xE0 and at + 3 <= stop:
        code = (lead & 0x0F) << 12 | tail(data, at + 1) << 6 | tail(data, at + 2)
        if 0x800 <= code < 0xD800 or 0xDFFF < code < 0x10000:
            return code << 3 | 3
    elif lead & 0xE0 == 0xC0 and at + 2 <= stop:
        code = (lead & 0x1F) << 6 | tail(data, at + 1)
        if 0x80 <= code < 0x800:
            return code << 3 | 2
    elif lead & 0xF8 == 0xF0 and at + 4 <= stop:
        code = (lead & 7) << 18 | tail(data, at + 1) << 12 | tail(data, at + 2) << 6 | tail(data, at + 3)
        if 0x10000 <= code < 0x110000:
            return code << 3 | 4
    return np.int64(REPLACEMENT << 3 | 1)


@numba.njit(cache=True, nogil=True)
def advance(lexicon: Lexicon, window: Window, stop: int, count: int) -> None:
    """Carry the best sums on from the first `stop` of `count` characters."""
    signs, best, tally = window
    links, scores, widths, fallback = lexicon.links, lexicon.scores, lexicon.widths, lexicon.fallback
    real = best.dtype.type
    unknown, most = real(lexicon.unknown), real(lexicon.most)
    size = U(count)
    for start in range(U(stop)):
        here = best[start]
        if abs(here) > most:
            for ahead in range(start, size + U(1)):
                best[ahead] = best[ahead] - here
            here = real(0)
        known = (tally[start] | 1) + 1
        node = U(signs[start])
        alone = False
        if links[U(4) * node + U(1)] == 0:
            end = U(start)
            while True:
                end += U(1)
                score = scores[U(2) * node + U(1)]
                if score == score:
                    reached = here + real(score)
                    alone |= end == start + U(1)
                    if reached > best[end]:
                        best[end] = reached
                        tally[end] = known
                base = links[U(4) * node]
                if base < 0 or end == size:
                    break
                child = U(base) + U(signs[end])
                if U(links[U(4) * child + U(1)]) != node:
                    break
                node = child
        if not alone:
            reached = here + unknown
            end = U(start) + U(1)
            if reached > best[end]:
                best[end] = reached
                if fallback:
                    tally[end] = known - 2 + 2 * widths[U(signs[start])]
                elif tally[start] & 1:
                    tally[end] = tally[start]
                else:
                    tally[end] = tally[start] + 3


@numba.njit(cache=True, nogil=True)
def one(lexicon: Lexicon, window: Window, data: Bytes, at: np.int64, stop: np.int64) -> np.int64:
    """Tokens of the text in `data[at:stop]`."""
    signs, best, tally = window
    pages, symbols = lexicon.pages, lexicon.symbols
    if at == stop:
        return np.int64(0)
    best[0], tally[0] = 0.0, 0
    count, suffix = 0, lexicon.suffix
    if lexicon.prefix:
        signs[0], best[1] = lexicon.blank, -np.inf
        count = 1
    while True:
        while at < stop and count < len(signs):
            code = np.int64(data[U(at)])
            if code < 0x80:  # a way of its own, for its size need not be waited for: 1 ns for each byte instead of 11
                at += 1
            else:
                code = decode(data, at, stop)
                size = code & 7
                code >>= 3
                if size == 3:  # asked, though `at += size` would do: a guess of the processor hides the wait
                    at += 3
                else:
                    at += size
            signs[U(count)] = symbols[U(pages[U(code >> 8)] + (code & 255))]
            count += 1
            best[U(count)] = -np.inf
        if at == stop and suffix and count < len(signs):
            signs[count], suffix = lexicon.blank, False
            count += 1
            best[count] = -np.inf
        done = count if at == stop and not suffix else count - lexicon.keep
        advance(lexicon, window, done, count)
        if done == count:
            return np.int64(tally[count] >> 1)
        for left in range(count - done):
            signs[left] = signs[done + left]
        for left in range(count - done + 1):
            best[left], tally[left] = best[done + left], tally[done + left]
        count -= done


@numba.njit(cache=True, nogil=True)
def every(lexicon: Lexicon, window: Window, data: Bytes, offsets: Longs, counts: Longs) -> None:
    """Tokens of each of the texts between two offsets."""
    for text in range(len(counts)):
        counts[text] = one(lexicon, window, data, offsets[text], offsets[text + 1])
