"""Count the pieces of the best path through each text: forward Viterbi, no back pointers, no ids.

Equal to sentencepiece to the last bit, because the order of additions and their width are its own: scores are added in
32 bits from the left, the first of two equal paths wins (starts in increasing order, short pieces first), and as soon
as the sum at a start passes 100,000 it is taken off every sum ahead. tokenizers adds in 64 bits and takes nothing off.
With 64 bits 18 of 3,760 long documents had another count than sentencepiece has (llm-jp-v4.0-alpha).
"""

from typing import Any

import numpy as np

from prep.compiling import inlined, lean, part
from prep.pipeline.tokenizers.unigram.characters import Bytes, Lexicon, Longs, Window, read, split
from prep.pipeline.tokenizers.unigram.memo import U


@inlined
def advance(links, scores, roots, firsts, fallback, real, most, signs, best, tally, begin, stop, count):  # type: ignore[no-untyped-def]
    """Carry the best sums on from the first `stop` of the `count` characters from `begin` on."""
    for start in range(stop):
        here = best[start]
        if abs(here) > most:
            for ahead in range(start, count + U(1)):
                best[ahead] = best[ahead] - here
            here = here - here
        node, end = U(signs[begin + start]), start + U(1)
        before, width = tally[start], roots[U(4) * node + U(1)]
        reached = real(here + real(firsts[U(2) * node + U(1)]))
        better = reached > best[end]
        best[end] = reached if better else best[end]
        tally[end] = single(before, width, fallback) if better else tally[end]
        known = (before | 1) + 1
        base = roots[U(4) * node]
        while base >= 0 and end < count:
            child = U(base) + U(signs[begin + end])
            if U(links[U(4) * child + U(1)]) != node:
                break
            end += U(1)
            reached = real(here + real(scores[U(2) * child + U(1)]))
            better = reached > best[end]
            best[end] = reached if better else best[end]
            tally[end] = known if better else tally[end]
            base, node = links[U(4) * child], child


@inlined
def single(before, width, fallback):  # type: ignore[no-untyped-def]
    """The tally after one character by itself, that is a piece (of no `width`) or unknown."""
    if width == 0:
        return (before | 1) + 1
    if fallback:
        return (before | 1) - 1 + 2 * width
    return before if before & 1 else before + 3


@part
def slide(lexicon: Lexicon, window: Window, count: int, ready: int) -> int:
    """Make room in a window that is full of one stretch; how many characters are left in it."""
    signs, best, tally = window.signs, window.sums, window.tally
    real = best.dtype.type
    done = count - max(lexicon.keep, 2)  # a stretch of two is seen to go on from what is left
    for place in range(ready + 1, count + 1):
        best[place] = -np.inf
    advance(
        lexicon.links, lexicon.scores, lexicon.roots, lexicon.firsts, lexicon.fallback, real, real(lexicon.most),
        signs, best, tally, U(0), U(done), U(count),
    )  # fmt: skip
    for left in range(count - done):
        signs[left] = signs[done + left]
    for left in range(count - done + 1):
        best[left], tally[left] = best[done + left], tally[done + left]
    return count - done


@part
def alone(lexicon: Lexicon, window: Window, begin: Any, size: Any, total: Any) -> Any:
    """Tokens of a stretch of a window after so large a sum."""
    best, tally = window.sums, window.tally
    real = best.dtype.type
    best[U(0)], tally[U(0)] = total, 0
    for ahead in range(U(1), U(size + 1)):
        best[ahead] = -np.inf
    advance(
        lexicon.links, lexicon.scores, lexicon.roots, lexicon.firsts, lexicon.fallback, real, real(lexicon.most),
        window.signs, best, tally, U(begin), U(size), U(size),
    )  # fmt: skip
    return tally[U(size)] >> 1


@part
def through(
    lexicon: Lexicon, window: Window, found: int, last: int, total: Any, tokens: Any, ready: int
) -> tuple[Any, Any]:
    """The sum and the tally after the stretches of a window up to `last`, whose edges are `found`.

    Of the first one, `ready` sums are there already.
    """
    signs, edges, best, tally = window.signs, window.edges, window.sums, window.tally
    links, scores, roots, firsts = lexicon.links, lexicon.scores, lexicon.roots, lexicon.firsts
    fallback, real = lexicon.fallback, best.dtype.type
    most, begin, number = real(lexicon.most), U(0), U(0)
    while True:
        stretch = min(U(edges[number]), last) if number < found else last
        for place in range(begin, stretch):
            if abs(total) > most:
                total = real(0)
            node = U(signs[place])
            total = real(total + real(firsts[U(2) * node + U(1)]))
            tokens = single(tokens, roots[U(4) * node + U(1)], fallback)
        if number + U(1) >= found:
            return total, tokens
        begin, end = stretch, U(edges[number + U(1)])
        over = end - begin
        if ready == 0:
            best[U(0)], tally[U(0)] = total, tokens
        for ahead in range(U(ready + 1), over + U(1)):
            best[ahead] = -np.inf
        advance(links, scores, roots, firsts, fallback, real, most, signs, best, tally, begin, over, over)
        total, tokens = best[over], tally[over]
        ready, begin, number = 0, end, number + U(2)


@lean
def every(lexicon: Lexicon, window: Window, data: Bytes, offsets: Longs, counts: Longs) -> None:
    """Tokens of those texts whose count is below 0."""
    signs, best, tally = window.signs, window.sums, window.tally
    near = U(max(len(data) - 7, 0))
    room, real = U(len(best) - 1), best.dtype.type
    for text in range(len(counts)):
        if counts[text] >= 0:
            continue
        at, stop, suffix = U(offsets[text]), U(offsets[text + 1]), lexicon.suffix
        total, tokens, ready = real(0), np.int64(0), 0
        count, unread = U(0), at < stop
        if lexicon.prefix and unread:
            signs[U(0)], count = lexicon.blank, U(1)
        while unread:
            at, suffix, count = read(
                lexicon.symbols, lexicon.pages, lexicon.plane, lexicon.blank,
                signs, room, data, near, at, stop, suffix, count,
            )  # fmt: skip
            unread = at < stop or suffix
            last, found, _ = split(lexicon.pairs, lexicon.alone, signs, window.cuts, window.edges, count, unread)
            if last == U(0):
                if ready == 0:
                    best[U(0)], tally[U(0)] = total, tokens
                ready = slide(lexicon, window, np.int64(count), ready)
                count = U(ready)
                continue
            total, tokens = through(lexicon, window, found, last, total, tokens, ready)
            ready = 0
            for left in range(last, count):
                signs[left - last] = signs[left]
            count -= last
        counts[text] = tokens >> 1
