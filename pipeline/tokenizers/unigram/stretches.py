"""Count texts stretch by stretch, without their sums.

A text is cut where no piece of the vocabulary holds the two characters side by side: every path passes there. A
character by itself has one path, and the stretch between two cuts (a word; in Japanese two characters on average) is
looked up in `memo`, or its path is found (`lattice`).

Which path the reference takes through a stretch hangs on the rounded sum before it, but for nearly all stretches at no
sum that a text may have. So no sum is carried on, only between which bounds it lies. In a window where they do not
suffice, one stretch after the other is looked at, for the sum before a stretch is known far better than any sum in a
window. A stretch where rounding decides is counted from two sums as the reference counts it (`agreed`). Where the sum
may lie on either side of a power of two, or be set back on the way, the text is left to `viterbi`. Of Japanese those
are 5 of 19,783 texts (llm-jp-v3.1), 1% of the bytes; 63 and 12% when whole windows were counted from two sums.
"""

from typing import Any

import numpy as np

from prep.compiling import inlined, lean, part
from prep.machine import prefetch
from prep.pipeline.tokenizers.unigram import viterbi
from prep.pipeline.tokenizers.unigram.characters import SIZE, Bytes, Lexicon, Longs, Window, read, split
from prep.pipeline.tokenizers.unigram.lattice import (
    BELOW_LIMIT,
    COARSE,
    COUNT,
    COUNT_BITS,
    FINE,
    LIMIT,
    SLACK,
    finding,
    power,
)
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
    swapped,
)

DOUBT = -1  # in place of a count


@inlined
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


@inlined
def turn(short, keys, misses, first, missed, sums, low):  # type: ignore[no-untyped-def]
    """Add up those that are second in their lines, which become first, and list the others.

    Only what must be searched is fetched for then, and the search begins without a branch between the two.
    """
    left = U(0)
    for miss in range(missed):
        number = misses[miss]
        place = U(KEY) * (U(number) - first)
        line = keys[place + U(3)]
        if other(short, line + U(CELL), keys, place) == U(0):
            found = short[swapped(short, line)]
            sums += found & BELOW_LIMIT
            low = min(low, found >> LIMIT)
        else:
            misses[left] = number
            left += U(1)
    return left, sums, low


@inlined
def fetch(links, roots, signs, edges, misses, missed):  # type: ignore[no-untyped-def]
    """Begin to fetch the second nodes of all walks through the stretches that were missed.

    The third ones too, from the second, gained nothing.
    """
    for miss in range(missed):
        number = U(misses[miss])
        for start in range(U(edges[U(2) * number]), U(edges[U(2) * number + U(1)]) - U(1)):
            base = roots[U(4) * U(signs[start])]
            prefetch(links, U(4) * (U(max(base, 0)) + U(signs[start + U(1)])))


@part
def agreed(lexicon: Lexicon, window: Window, begin: Any, size: Any, low: float, high: float, end: float) -> Any:
    """Tokens of a stretch before which the sum has fallen by `low` to `high`, to `end` at most behind it, or DOUBT.

    Rounding is the same for every sum between two powers of two that ends in the same bit, for adding a multiple of
    twice the last place changes none: if the sum stays between the two, one sum for each bit tells.
    """
    rises, real = (lexicon.rise + SLACK) * np.float64(size), window.sums.dtype.type
    least = low - rises
    upper = power(max(least, 1.0))
    # A path that passes through sums beyond `upper` loses: what is left of it scores no more than `rise` a character.
    if least < 1.0 or end + rises + 1.0 >= upper or max(high, end) + lexicon.worst * np.float64(size) >= lexicon.most:
        return DOUBT
    step = upper * lexicon.grain  # sums between upper / 2 and upper are multiples of it
    first = np.ceil(low / (2.0 * step)) * (2.0 * step)
    even = viterbi.alone(lexicon, window, begin, size, real(-first))
    odd = viterbi.alone(lexicon, window, begin, size, real(-first - step))
    return even if even == odd else DOUBT


@part
def certain(
    lexicon: Lexicon, window: Window, found: Any, last: Any, fallen: Any, seen: Any, wrong: Any, each: Any, deepest: Any
) -> Any:
    """Tokens of a window, or DOUBT where they hang on the sum: a stretch at a time, for then most is known of the sum.

    Where the window begins, the falls of `seen` characters add up to `fallen`, and no sum is farther from theirs than
    `wrong`, nor than by `each` more for every character from there on: no path has more additions. Each fall was
    rounded up, and there are no more of them than characters. Nowhere so far, inside a stretch neither, has the sum
    fallen by more than `deepest`; that is without what was taken off it each time that it passed `most`: between `most`
    and a piece more. (Where it cannot be told how often, it is DOUBT.)
    """
    signs, edges, rise, most, worst = window.signs, window.edges, lexicon.rise, lexicon.most, lexicon.worst
    tokens, begin, after = U(0), U(0), U(0)
    for number in range(U(0), U(found >> 1) + U(1)):
        begin = U(edges[U(2) * number]) if number < U(found >> 1) else U(last)
        for place in range(after, begin):
            tokens += lexicon.alone[signs[place]] & COUNT
            fallen += np.int64(lexicon.alone[signs[place]] >> U(COUNT_BITS))
            seen, wrong = seen + 1.0, wrong + each
            deepest = max(deepest, np.float64(fallen) / FINE - rise * seen + wrong)
        if number == U(found >> 1):
            break
        after = U(edges[U(2) * number + U(1)])
        size = after - begin
        value = finding(
            lexicon.links, lexicon.scores, lexicon.roots, lexicon.firsts, rise, lexicon.grain, most, lexicon.cap,
            signs, window.state, begin, size,
        )  # fmt: skip
        counted, fall = np.int64(value & COUNT), np.int64((value & BELOW_LIMIT) >> U(COUNT_BITS))
        limit = np.float64(value >> LIMIT) * COARSE if size <= U(lexicon.reach) else 0.0
        high = np.float64(fallen) / FINE - rise * seen + wrong
        low = high - 2.0 * wrong - seen / FINE
        end = high + np.float64(fall) / FINE + (each - rise) * np.float64(size)
        if limit <= lexicon.cap:
            times = np.floor(max(low, 0.0) / (most + worst + 1.0)) if most < np.inf else 0.0
            taken = times * most if most < np.inf else 0.0
            if deepest - taken >= most:  # once more may have been taken off
                return DOUBT
            low -= times * (worst + 1.0) + taken
            if limit <= max(high - taken, -low) + 1.0:
                counted = agreed(lexicon, window, np.int64(begin), np.int64(size), low, high - taken, end - taken)
                if counted < 0:
                    return DOUBT
        deepest = max(deepest, max(high, end) + worst * np.float64(size))
        tokens, fallen = tokens + U(counted), fallen + fall
        seen, wrong = seen + np.float64(size), wrong + each * np.float64(size)
    return np.int64(tokens)


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
    symbols, pages, plane, pairs, cuts = lexicon.symbols, lexicon.pages, lexicon.plane, lexicon.pairs, window.cuts
    blank, near = lexicon.blank, U(max(len(data) - 7, 0))
    address = int(signs.ctypes.data)
    for text in range(len(counts)):
        at, stop, suffix = U(offsets[text]), U(offsets[text + 1]), lexicon.suffix
        tokens, fallen, seen, highest, sure = U(0), U(0), 0.0, 0.0, True
        long, longest, wrong, deepest = U(SHORT), U(SHORT), 0.0, 0.0
        count, unread = U(0), at < stop
        if lexicon.prefix and unread:
            signs[U(0)], count = lexicon.blank, U(1)
        while unread:
            at, suffix, count = read(symbols, pages, plane, blank, signs, U(SIZE), data, near, at, stop, suffix, count)
            unread = at < stop or suffix
            last, found, sums = split(pairs, alone, signs, cuts, edges, count, unread)
            if last == U(0):  # the window is full of one stretch
                sure = False
                break
            low = ALL
            for first in range(U(0), found >> U(1), U(BLOCK)):
                after = min(first + U(BLOCK), found >> U(1))
                prepare(short, keys, signs, edges, first, after)
                missed, sums, low = look(short, keys, misses, first, after, sums, low)
                missed, sums, low = turn(short, keys, misses, first, missed, sums, low)
                fetch(links, roots, signs, edges, misses, missed)
                for miss in range(missed):
                    number = U(misses[miss])
                    begin = U(edges[U(2) * number])
                    size = U(edges[U(2) * number + U(1)]) - begin
                    long, held, value = max(long, size), U(0), U(0)
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
            now, fell = seen + np.float64(last), fallen + (sums >> U(COUNT_BITS))
            risen, deep = (rise + SLACK) * now, worst * np.float64(long)
            each = min(grain * (np.float64(fell) / FINE + risen + deep), SLACK)
            # No sum yet was farther from 0 than `highest`; where one may have been set back, than `cap`.
            highest = max(highest, np.float64(fell) / FINE - rise * seen + wrong + each * np.float64(last), risen)
            if np.float64(low) * COARSE > (highest + 1.0 if max(deepest, highest + deep) < most else cap):
                tokens += sums & COUNT
            else:
                counted = DOUBT
                longest = max(longest, long)
                if risen + worst * np.float64(longest) < most:  # else a sum may have been set back from above 0
                    counted = certain(
                        lexicon, window, np.int64(found), np.int64(last), np.int64(fallen), seen, wrong, each, deepest
                    )
                if counted < 0:
                    sure = False
                    break
                tokens += U(counted)
            longest, deepest, long = max(longest, long), max(deepest, highest + deep), U(SHORT)
            wrong += each * np.float64(last)
            fallen, seen = fell, now
            for left in range(last, count):
                signs[left - last] = signs[left]
            count -= last
        counts[text] = np.int64(tokens) if sure else DOUBT
