"""Count the pieces of the best path through each text: forward Viterbi, no back pointers, no ids.

Equal to sentencepiece to the last bit, because the order of additions and their width are its own: scores are added in
32 bits from the left, the first of two equal paths wins (starts in increasing order, short pieces first), and as soon
as the sum at a start passes 100,000 it is taken off every sum ahead. tokenizers adds in 64 bits and takes nothing off.
With 64 bits 18 of 3,760 long documents had another count than sentencepiece has (llm-jp-v4.0-alpha).

A text is cut where no piece of the vocabulary holds the two characters side by side: every path passes there, and the
stretch between two cuts (a word; in Japanese two characters on average) is looked up in `memo`.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from prep.compiling import compiled, prefetch
from prep.pipeline.tokenizers.unigram.memo import CELL, LONGEST, SEEN, SET_BITS, TOKENS, TOLERANCE, Memo, learn
from prep.pipeline.tokenizers.unigram.trie import Floats, Ints

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
WINDOW = 2048  # characters looked at together: signs, sums, counts and cuts are 50 KB
MIX = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio of 64 bits
SET_SHIFT = np.uint64(64 - SET_BITS)
PAIR_BITS = 21  # 256 KB: with 34,000 pairs of llm-jp-v3.1 2 of 100 others are taken for one, which costs time only
U = np.uint64  # an unsigned place: a signed one is asked each time whether it counts from the end


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

    signs: Ints
    cuts: Ints
    keys: npt.NDArray[np.uint64]  # five words for each stretch: its key, and where its cells are
    best: npt.NDArray[np.float32] | npt.NDArray[np.float64]
    tally: Longs


def window(size: int, kind: type[np.float32] | type[np.float64]) -> Window:
    """Room for so many characters; behind the signs 16 more, for keys are read whole."""
    signs, cuts = np.zeros(size + LONGEST, np.int32), np.zeros(size + 2, np.int32)
    return Window(
        signs, cuts, np.zeros(5 * size + 10, np.uint64), np.zeros(size + 1, kind), np.zeros(size + 1, np.int64)
    )


@numba.njit(inline="always")
def advance(links, scores, widths, fallback, real, unknown, most, signs, best, tally, begin, stop, count):  # type: ignore[no-untyped-def]
    """Carry the best sums on from the first `stop` of the `count` characters from `begin` on."""
    for start in range(stop):
        here = best[start]
        if abs(here) > most:
            for ahead in range(start, count + U(1)):
                best[ahead] = best[ahead] - here
            here = here - here
        known = (tally[start] | 1) + 1
        node = U(signs[begin + start])
        alone = False
        if links[U(4) * node + U(1)] == 0:
            end = start
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
                if base < 0 or end == count:
                    break
                child = U(base) + U(signs[begin + end])
                if U(links[U(4) * child + U(1)]) != node:
                    break
                node = child
        if not alone:
            reached = here + unknown
            end = start + U(1)
            if reached > best[end]:
                best[end] = reached
                if fallback:
                    tally[end] = known - 2 + 2 * widths[U(signs[begin + start])]
                elif tally[start] & 1:
                    tally[end] = tally[start]
                else:
                    tally[end] = tally[start] + 3


@compiled
def slide(lexicon: Lexicon, window: Window, count: int, ready: int) -> int:
    """Make room in a window that is full of one stretch; how many characters are left in it."""
    signs, best, tally = window.signs, window.best, window.tally
    real = best.dtype.type
    unknown, most = real(lexicon.unknown), real(lexicon.most)
    done = count - lexicon.keep
    for place in range(ready + 1, count + 1):
        best[place] = -np.inf
    advance(
        lexicon.links,
        lexicon.scores,
        lexicon.widths,
        lexicon.fallback,
        real,
        unknown,
        most,
        signs,
        best,
        tally,
        U(0),
        U(done),
        U(count),
    )
    for left in range(count - done):
        signs[left] = signs[done + left]
    for left in range(count - done + 1):
        best[left], tally[left] = best[done + left], tally[done + left]
    return count - done


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
def some(signs: Ints, at: np.uint64, count: np.int64) -> np.uint64:
    """Four symbols as one word, or as many as there are."""
    word = U(signs[at]) | U(signs[at + U(1)]) << U(16) | U(signs[at + U(2)]) << U(32) | U(signs[at + U(3)]) << U(48)
    if count >= 4:
        return word
    return word & ((U(1) << U(16 * max(count, 0))) - U(1))


@numba.njit(inline="always")
def other(words, cell, w0, w1, w2, w3):  # type: ignore[no-untyped-def]
    """Whether a cell is another stretch's."""
    return words[cell] != w0 or words[cell + U(1)] != w1 or words[cell + U(2)] != w2 or words[cell + U(3)] != w3


@compiled
def every(lexicon: Lexicon, window: Window, memo: Memo, data: Bytes, offsets: Longs, counts: Longs) -> None:
    """Tokens of each of the texts between two offsets, which are UTF-8.

    In one function, for a call counts references to arrays, 13 ns each. In three loops, for each hides the waits of the
    next: characters and cuts without a branch on them; keys, and a first look at their slots, which may be far; then
    the sums.
    """
    signs, cuts, keys, best, tally = window
    symbols, pages, plane, bits = lexicon.symbols, lexicon.pages, lexicon.plane, lexicon.pairs
    links, scores, widths, fallback = lexicon.links, lexicon.scores, lexicon.widths, lexicon.fallback
    words, numbers, tolerances, path, sums, back = (
        memo.words,
        memo.tokens,
        memo.tolerances,
        memo.path,
        memo.sums,
        memo.back,
    )
    first, longest, width = U(memo.first), U(memo.most), U(memo.width)
    real = best.dtype.type
    unknown, most, margin, grain = real(lexicon.unknown), real(lexicon.most), real(lexicon.margin), real(lexicon.grain)
    blank, kept, calm, size = lexicon.blank, lexicon.kept, most - margin, len(best) - 1
    for text in range(len(counts)):
        at, stop, suffix = U(offsets[text]), U(offsets[text + 1]), lexicon.suffix
        total, tokens, flag, ready, count = real(0), np.int64(0), np.int64(0), 0, 0
        before, open_ = U(0), at < stop
        if lexicon.prefix and open_:
            signs[0], count, before = blank, 1, U(blank)
        while open_:
            found = U(0)  # cuts, so far
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
                    sign, suffix = U(blank), False
                else:
                    break
                place = place_of(before, sign)
                cuts[found] = count
                found += (U(1) ^ (bits[place >> U(6)] >> (place & U(63)))) & U(1)
                signs[U(count)] = sign
                count += 1
                before = sign
            open_ = at < stop or suffix
            skip = U(1) if found and cuts[0] == 0 else U(0)  # the first character always begins a stretch
            if not open_:
                cuts[found] = count
                found += U(1)
            if found == skip:  # the window is full, and there is no cut in it
                if ready == 0:
                    best[0], tally[0] = total, flag
                count = ready = slide(lexicon, window, count, ready)
                continue
            begin = 0
            if kept:
                for number in range(skip, found):
                    length, start, place = np.int64(cuts[number]) - begin, U(begin), U(5) * number
                    w0, w1, w2, w3 = some(signs, start, length), some(signs, start + U(4), length - 4), U(0), U(0)
                    if length > 8:
                        w2, w3 = some(signs, start + U(8), length - 8), some(signs, start + U(12), length - 12)
                    mixed = (w0 ^ (w0 >> U(31)) ^ (w2 << U(7))) * MIX
                    mixed = (mixed ^ (mixed >> U(32)) ^ w1 ^ (w3 << U(9))) * MIX
                    keys[place], keys[place + U(1)], keys[place + U(2)], keys[place + U(3)] = w0, w1, w2, w3
                    keys[place + U(4)] = (mixed >> SET_SHIFT) << U(4)
                    prefetch(words, (mixed >> SET_SHIFT) << U(4))
                    begin = np.int64(cuts[number])
            begin = 0
            for number in range(skip, found):
                stretch = np.int64(cuts[number])
                length = stretch - begin
                if kept and length <= LONGEST and ready == 0 and abs(total) < calm:
                    place = U(5) * number
                    w0, w1, w2, w3 = keys[place], keys[place + U(1)], keys[place + U(2)], keys[place + U(3)]
                    cell = keys[place + U(4)]
                    enough = (abs(total) + margin) * grain
                    if (
                        words[cell] != w0
                        or words[cell + U(1)] != w1
                        or words[cell + U(2)] != w2
                        or words[cell + U(3)] != w3
                    ):
                        often, cell = cell, cell + U(CELL)
                        if (
                            words[cell] != w0
                            or words[cell + U(1)] != w1
                            or words[cell + U(2)] != w2
                            or words[cell + U(3)] != w3
                        ):
                            words[cell], words[cell + U(1)], words[cell + U(2)], words[cell + U(3)] = w0, w1, w2, w3
                            tolerances[cell * U(2) + U(TOLERANCE)] = SEEN
                            enough = real(np.inf)
                        else:
                            if tolerances[cell * U(2) + U(TOLERANCE)] == SEEN:
                                learn(
                                    links, scores, widths, lexicon.unknown, signs, U(begin), U(length), numbers,
                                    tolerances, path, sums, back, first + (cell >> U(3)) * width, longest, cell * U(2),
                                )  # fmt: skip
                            for word in range(U(CELL)):
                                words[often + word], words[cell + word] = words[cell + word], words[often + word]
                            cell = often
                    if tolerances[cell * U(2) + U(TOLERANCE)] > enough:
                        many = U(numbers[cell * U(2) + U(TOKENS)])
                        tokens += np.int64(many & U(255))
                        place = (cell >> U(3)) * width + first
                        total = real(real(real(total + path[place]) + path[place + U(1)]) + path[place + U(2)])
                        for more in range(U(3), many >> U(8)):
                            total = real(total + path[place + more])
                        begin = stretch
                        continue
                if ready == 0:
                    best[0], tally[0] = total, flag
                for place_ in range(ready + 1, length + 1):
                    best[place_] = -np.inf
                over = U(length)
                advance(links, scores, widths, fallback, real, unknown, most, signs, best, tally, U(begin), over, over)
                total = best[length]
                tokens += tally[length] >> 1
                flag, ready, begin = tally[length] & 1, 0, stretch
            for left in range(begin, count):
                signs[left - begin] = signs[left]
            count -= begin
        counts[text] = tokens
