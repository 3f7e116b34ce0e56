"""Count the pieces of the best path through each text: forward Viterbi, no back pointers, no ids.

Equal to sentencepiece to the last bit, because the order of additions and their width are its own: scores are added in
32 bits from the left, the first of two equal paths wins (starts in increasing order, short pieces first), and as soon
as the sum at a start passes 100,000 it is taken off every sum ahead. tokenizers adds in 64 bits and takes nothing off.
With 64 bits 18 of 3,760 long documents had another count than sentencepiece has (llm-jp-v4.0-alpha).

A text is cut where no piece of the vocabulary holds the two characters side by side: every path passes there, and the
stretch between two cuts (a word; in Japanese two characters on average) is looked up in `memo`.
"""

import numba
import numpy as np

from prep.compiling import lean
from prep.pipeline.tokenizers.unigram.characters import Bytes, Lexicon, Longs, Window, take
from prep.pipeline.tokenizers.unigram.memo import (
    FIRST,
    KEY,
    LONGEST,
    SECOND_TIME,
    TOKENS,
    TOLERANCE,
    Memo,
    U,
    learn,
    prepare,
    recall,
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


@lean
def slide(lexicon: Lexicon, window: Window, count: int, ready: int) -> int:
    """Make room in a window that is full of one stretch; how many characters are left in it."""
    signs, best, tally = window.signs, window.best, window.tally
    real = best.dtype.type
    unknown, most = real(lexicon.unknown), real(lexicon.most)
    done = count - lexicon.keep
    for place in range(ready + 1, count + 1):
        best[place] = -np.inf
    advance(
        lexicon.links, lexicon.scores, lexicon.widths, lexicon.fallback, real, unknown, most, signs, best, tally,
        U(0), U(done), U(count),
    )  # fmt: skip
    for left in range(count - done):
        signs[left] = signs[done + left]
    for left in range(count - done + 1):
        best[left], tally[left] = best[done + left], tally[done + left]
    return count - done


@numba.njit(inline="always")
def follow(path, place, pieces, real, total):  # type: ignore[no-untyped-def]
    """The sum after the scores of a path that is known are added, one by one."""
    total = real(real(real(total + path[place]) + path[place + U(1)]) + path[place + U(2)])
    for more in range(U(3), pieces):
        total = real(total + path[place + more])
    return total


@lean
def every(lexicon: Lexicon, window: Window, memo: Memo, data: Bytes, offsets: Longs, counts: Longs) -> None:
    """Tokens of each of the texts between two offsets, which are UTF-8.

    In three loops, for each hides the waits of the next: characters and cuts; keys, and a first look at their cells;
    then the sums. What is called is compiled into this function, and the arrays that the last loop needs have names of
    their own: a call, and a look into a tuple, count references to arrays, 5 to 13 ns each (35 ns a byte in all).
    """
    signs, cuts, keys, best, tally = window
    address = int(signs.ctypes.data)
    links, scores, widths, fallback = lexicon.links, lexicon.scores, lexicon.widths, lexicon.fallback
    words, numbers, tolerances, path = memo.words, memo.tokens, memo.tolerances, memo.path
    sums, back = memo.sums, memo.back
    first, longest, width = U(memo.first), U(memo.most), U(memo.width)
    real = best.dtype.type
    unknown, most, margin, grain = real(lexicon.unknown), real(lexicon.most), real(lexicon.margin), real(lexicon.grain)
    calm, kept = most - margin, lexicon.kept
    for text in range(len(counts)):
        at, stop, suffix = U(offsets[text]), U(offsets[text + 1]), lexicon.suffix
        total, tokens, flag, ready, count = real(0), np.int64(0), np.int64(0), 0, 0
        before, unread = U(0), at < stop
        if lexicon.prefix and unread:
            signs[0], count, before = lexicon.blank, 1, U(lexicon.blank)
        while unread:
            at, suffix, count, before, found = take(lexicon, window, data, at, stop, suffix, count, before)
            unread = at < stop or suffix
            skip = U(1) if found and cuts[0] == 0 else U(0)  # the first character always begins a stretch
            if not unread:
                cuts[found] = count
                found += U(1)
            if found == skip:  # the window is full, and there is no cut in it
                if ready == 0:
                    best[0], tally[0] = total, flag
                count = ready = slide(lexicon, window, count, ready)
                continue
            if kept:
                prepare(words, signs, cuts, keys, skip, found)
            begin = np.int64(0)
            for number in range(skip, found):
                stretch = np.int64(cuts[number])
                length = stretch - begin
                if kept and length <= LONGEST and ready == 0 and abs(total) < calm:
                    cell, coming = recall(words, tolerances, keys, U(KEY) * number, address, begin, length)
                    place, half = (cell >> U(3)) * width + first, cell * U(2)
                    if coming == SECOND_TIME:
                        learn(
                            links, scores, widths, lexicon.unknown, signs, U(begin), U(length), numbers, tolerances,
                            path, sums, back, place, longest, half,
                        )  # fmt: skip
                    if coming != FIRST and tolerances[half + U(TOLERANCE)] > (abs(total) + margin) * grain:
                        many = U(numbers[half + U(TOKENS)])
                        tokens += np.int64(many & U(255))
                        total = follow(path, place, many >> U(8), real, total)
                        begin = stretch
                        continue
                if ready == 0:
                    best[0], tally[0] = total, flag
                for ahead in range(ready + 1, length + 1):
                    best[ahead] = -np.inf
                over = U(length)
                advance(links, scores, widths, fallback, real, unknown, most, signs, best, tally, U(begin), over, over)
                total = best[length]
                tokens += tally[length] >> 1
                flag, ready, begin = tally[length] & 1, 0, stretch
            for left in range(begin, count):
                signs[left - begin] = signs[left]
            count -= begin
        counts[text] = tokens
