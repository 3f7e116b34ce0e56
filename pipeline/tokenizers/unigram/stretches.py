"""Count texts stretch by stretch, without their sums.

A text is cut where no piece of the vocabulary holds the two characters side by side: every path passes there. A
character by itself has one path, and the stretch between two cuts (a word; in Japanese two characters on average) is
looked up in `memo`, or its path is found (`lattice`).

Which path the reference takes through a stretch hangs on the rounded sum before it, but for nearly all stretches at no
sum that a text may have. So no sum is carried on, only how large it may be. In a window where that does not suffice,
rounding decides, and rounding is the same for every sum between two powers of two that ends in the same bit: the window
is counted from two such sums as the reference counts it. Where the sum may lie on either side of a power of two, or be
set back on the way, the text is left to `viterbi`. Of Japanese those are 63 of 19,783 texts
(llm-jp-v3.1): long ones, an eighth of the bytes.
"""

import numba
import numpy as np

from prep.compiling import lean
from prep.machine import prefetch
from prep.pipeline.tokenizers.unigram.characters import SIZE, Bytes, Lexicon, Longs, Window, take
from prep.pipeline.tokenizers.unigram.lattice import BELOW_LIMIT, COUNT, COUNT_BITS, FINE, LIMIT, SLACK, finding, power
from prep.pipeline.tokenizers.unigram.memo import (
    ALL,
    BLOCK,
    CELL,
    KEY,
    LONGER,
    SHORT,
    Memo,
    U,
    other,
    prepare,
    recall,
    recall_longer,
)
from prep.pipeline.tokenizers.unigram.viterbi import through

DOUBT = -1  # in place of a count


@numba.njit(inline="always")
def look(short, keys, misses, first, after, sums, low):  # type: ignore[no-untyped-def]
    """Add up the findings of those stretches of a block that are first in their lines, and list the others."""
    missed = U(0)
    for number in range(first, after):
        place = U(KEY) * (number - first)
        line = keys[place + U(3)]
        differs = other(short, line, keys, place)
        found = short[line + U(CELL - 1)] if differs == U(0) else ALL ^ BELOW_LIMIT
        misses[missed] = number
        missed += U(differs != U(0))
        sums += found & BELOW_LIMIT
        low = min(low, found >> LIMIT)
    return missed, sums, low


@numba.njit(inline="always")
def fetch(links, roots, signs, edges, misses, missed):  # type: ignore[no-untyped-def]
    """Begin to fetch the second nodes of all walks through the stretches that were missed."""
    for miss in range(missed):
        number = U(misses[miss])
        for start in range(U(edges[U(2) * number]), U(edges[U(2) * number + U(1)]) - U(1)):
            base = roots[U(4) * U(signs[start])]
            prefetch(links, U(4) * (U(max(base, 0)) + U(signs[start + U(1)])))


@lean
def certain(
    lexicon: Lexicon, window: Window, found: int, last: int, longest: np.uint64, lowest: float, highest: float
) -> int:
    """Tokens of a window, or DOUBT where they hang on the sum.

    It has fallen by `lowest` at least where the window begins, and before the window ends never was farther than
    `highest` from 0, but for what was taken off it each time that it passed `most`: between `most` and a piece more.
    """
    most, worst, grain, real = lexicon.most, lexicon.worst, lexicon.grain, window.sums.dtype.type
    if most < np.inf and lowest > 0.0:
        times = np.floor(lowest / (most + worst + 1.0))
        lowest, highest = lowest - times * (most + worst + 1.0), highest - times * most
    # Once more may have been taken off where a sum inside a stretch had fallen deeper.
    if highest + worst * np.float64(longest) >= most:
        return DOUBT
    least = lowest - (lexicon.rise + SLACK) * np.float64(last)
    upper = power(max(least, 1.0))
    # A path that passes through sums beyond `upper` loses: what is left of it scores no more than `rise` a character.
    if least < 1.0 or highest + (lexicon.rise + SLACK) * np.float64(longest) >= upper:
        return DOUBT
    step = upper * grain  # sums between upper / 2 and upper are multiples of it
    first = np.ceil(lowest / (2.0 * step)) * (2.0 * step)
    _, even = through(lexicon, window, found, last, real(-first), np.int64(0), 0)
    _, odd = through(lexicon, window, found, last, real(-first - step), np.int64(0), 0)
    return even >> 1 if even >> 1 == odd >> 1 else DOUBT


@lean
def every(lexicon: Lexicon, window: Window, memo: Memo, data: Bytes, offsets: Longs, counts: Longs) -> None:
    """Tokens of each of the texts between two offsets, which are UTF-8, or DOUBT.

    In loops over a block of stretches, for each hides the waits of the next: keys, a first look at their lines, then
    what was missed. What is called often is compiled into this function, and the arrays have names of their own: a look
    into a tuple counts references to arrays, 5 to 13 ns each.
    """
    signs, edges, state = window.signs, window.edges, window.state
    links, scores, roots, firsts = lexicon.links, lexicon.scores, lexicon.roots, lexicon.firsts
    short, longer, keys, misses = memo.short, memo.longer, memo.keys, memo.misses
    rise, grain, most, cap, alone = lexicon.rise, lexicon.grain, lexicon.most, lexicon.cap, lexicon.alone
    worst, reach = lexicon.worst, U(lexicon.reach)
    address = int(signs.ctypes.data)
    for text in range(len(counts)):
        at, stop, suffix = U(offsets[text]), U(offsets[text + 1]), lexicon.suffix
        tokens, fallen, read, highest, longest, sure = U(0), U(0), 0.0, 0.0, U(SHORT), True
        before, cut, found, count, unread, sums = U(0), U(1), U(0), U(0), at < stop, U(0)
        if lexicon.prefix and unread:
            signs[U(0)], count, before = lexicon.blank, U(1), U(lexicon.blank)
        while unread:
            at, suffix, count, before, cut, found, sums = take(
                lexicon, signs, edges, U(SIZE), data, at, stop, suffix, count, before, cut, found, sums
            )
            unread = at < stop or suffix
            last = count
            if unread:
                last = count - U(1) if cut else U(edges[found - U(1)])
            else:
                edges[found] = count - cut
                found += cut ^ U(1)
                sums += alone[before] & (U(0) - cut)
            if last == U(0):  # the window is full of one stretch
                sure = False
                break
            low = ALL
            for first in range(U(0), found >> U(1), U(BLOCK)):
                after = min(first + U(BLOCK), found >> U(1))
                prepare(short, keys, signs, edges, first, after)
                missed, sums, low = look(short, keys, misses, first, after, sums, low)
                fetch(links, roots, signs, edges, misses, missed)
                for miss in range(missed):
                    number = U(misses[miss])
                    begin = U(edges[U(2) * number])
                    size = U(edges[U(2) * number + U(1)]) - begin
                    longest, held, value = max(longest, size), U(0), U(0)
                    if size <= U(SHORT):
                        held = recall(short, keys, U(KEY) * (number - first))
                        value = short[held]
                    elif size <= U(LONGER):
                        held = recall_longer(longer, address, begin, size)
                        value = longer[held]
                    if value == U(0):
                        value = finding(
                            links, scores, roots, firsts, rise, grain, most, cap, signs, state, begin, size
                        )  # fmt: skip
                        if size <= U(SHORT):
                            short[held] = value
                        elif size <= U(LONGER):
                            longer[held] = value
                        elif size > reach:
                            value &= BELOW_LIMIT  # it might be set back twice
                    sums += value & BELOW_LIMIT
                    low = min(low, value >> LIMIT)
            now, fell = read + np.float64(last), fallen + (sums >> U(COUNT_BITS))
            # No sum yet was farther from 0 than `highest`; where one may have been set back, than `cap`.
            risen, deep = (rise + SLACK) * now, worst * np.float64(longest)
            highest = max(highest, np.float64(fell) / FINE - rise * read + SLACK * now, risen)
            if np.float64(low) * FINE > (highest + 1.0 if highest + deep < most else cap):
                tokens += sums & COUNT
            else:  # falls are rounded up, by less than two of SLACK each
                lowest = np.float64(fallen) / FINE - rise * read - 3.0 * SLACK * now
                counted = DOUBT
                if risen + deep < most:  # else a sum may have been set back from above 0
                    counted = certain(lexicon, window, found, last, longest, lowest, highest)
                if counted < 0:
                    sure = False
                    break
                tokens += U(counted)
            fallen, read, sums = fell, now, U(0)
            for left in range(last, count):
                signs[left - last] = signs[left]
            count -= last
            edges[U(0)] = 0
            found &= U(1)
        counts[text] = np.int64(tokens) if sure else DOUBT
