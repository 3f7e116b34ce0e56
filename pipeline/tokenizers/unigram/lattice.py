"""The best path through a stretch by itself, and up to which sum before it no rounding can change how much it counts.

The reference adds the scores of a path to the sum before it, in 32 or in 64 bits, and keeps the largest sum at every
place. Rounded addition keeps order, so that its last sum is at least the rounded sum of every path: with errors of at
most `e` an addition, a path cannot win from another of `p` pieces unless its own sum, with `e` more for each piece,
reaches the sum of that one less `p * e`. An addition is wrong by at most half a unit in the last place, and that is
largest just below a power of two.

A path that passes through sums beyond that power loses: what is left of it scores no more than `rise` a character.
"""

import numpy as np

from prep.compiling import inlined, part
from prep.pipeline.tokenizers.unigram.memo import U

# A finding is one word: the limit of the sum before, how much the sum falls, and the tokens.
COUNT_BITS, FALL_BITS = 13, 29
COUNT = np.uint64((1 << COUNT_BITS) - 1)
LIMIT = np.uint64(COUNT_BITS + FALL_BITS)
BELOW_LIMIT = np.uint64((1 << (COUNT_BITS + FALL_BITS)) - 1)
FINE = 1024  # falls are kept in parts of 1 / 1024, rounded up
COARSE = 64  # and limits in parts of 64, rounded down
SLACK = 1 / 128  # an addition below 125,000 is wrong by less in 32 bits, and no stretch has more than characters
MOST_LIMIT = 2.0**28 - 2 * COARSE  # sums of 64 bits may be larger, and then nothing is certain
MOST_SCORE = 500.0  # with 512 characters in a window, their falls still fit


@inlined
def packed(limit, total, size, tokens, rise):  # type: ignore[no-untyped-def]
    """A finding. No fall is below 0: `rise`, the most that a character of a piece scores, is added for each."""
    whole = U(min(max(limit, 0.0), MOST_LIMIT) / COARSE)
    fall = U(np.ceil(FINE * (rise * size - total)))
    return whole << LIMIT | fall << U(COUNT_BITS) | U(tokens)


@inlined
def power(number):  # type: ignore[no-untyped-def]
    """The least power of two that is not less than a positive number."""
    bits = np.float64(number).view(np.uint64)
    return U((bits + U(0x000FFFFFFFFFFFFF)) & U(0x7FF0000000000000)).view(np.float64)


@inlined
def beyond(total, rise, length):  # type: ignore[no-untyped-def]
    """By less than this do sums inside a stretch differ from the sum before, on paths that may win."""
    return abs(total) + (rise + 4.0 * SLACK) * length + 1.0


@inlined
def meet(state, end, reached, other, count):  # type: ignore[no-untyped-def]
    """Take paths to a place into account, of the best sum and of the second: without a branch, none can be foreseen."""
    place = U(4) * end
    best, second, counted = state[place], state[place + U(1)], state[place + U(2)]
    better = reached > best
    loser = max(other, best if better else reached)
    return reached if better else best, max(second, loser), count if better else counted


@inlined
def settle(links, scores, roots, firsts, rise, grain, signs, state, begin, size):  # type: ignore[no-untyped-def]
    """The finding of a stretch, with a limit that is safe and mostly high enough: no other path at all may come close.

    `state` has for each place the best sum, the second, and the tokens of the best. Both paths may be set back once, an
    addition each; another path has no more pieces than characters.
    """
    for place in range(U(4) * size + U(4)):
        state[place] = -np.inf
    total, rival, tokens = 0.0, -np.inf, 0.0
    for start in range(size):
        node, end = U(signs[begin + start]), start + U(1)
        score, width, base = firsts[U(2) * node + U(1)], roots[U(4) * node + U(1)], roots[U(4) * node]
        while base >= 0 and end < size:
            child = U(base) + U(signs[begin + end])
            if U(links[U(4) * child + U(1)]) != node:
                break
            end += U(1)
            value = scores[U(2) * child + U(1)]
            at = U(4) * end
            best, second, counted = meet(state, end, total + value, rival + value, tokens + 1.0)
            state[at], state[at + U(1)], state[at + U(2)] = best, second, counted
            base, node = links[U(4) * child], child
        total, rival, tokens = meet(
            state, start + U(1), total + score, rival + score, tokens + np.float64(max(width, 1))
        )
    length = np.float64(size)
    own = beyond(total, rise, length)
    gap = total - rival - own * length * 2.0**-51  # these sums here are rounded too
    each = gap / ((tokens + length + 2.0) * grain) * (1.0 - 2.0**-40)
    return packed(power(max(each, 1.0)) - own - 1.0, total, length, tokens, rise)


@inlined
def offer(state, end, reached, count):  # type: ignore[no-untyped-def]
    """Take a path to a place into account."""
    place = U(4) * end
    best, counted = state[place], state[place + U(2)]
    if reached > best:
        if count != counted:
            state[place + U(1)], state[place + U(3)] = best, counted
        state[place], state[place + U(2)] = reached, count
    elif reached > state[place + U(1)] and count != counted:
        state[place + U(1)], state[place + U(3)] = reached, count


@inlined
def extend(state, start, end, score, tokens):  # type: ignore[no-untyped-def]
    """Carry both paths at a place on by a piece."""
    place = U(4) * start
    offer(state, end, state[place] + score, state[place + U(2)] + tokens)
    offer(state, end, state[place + U(1)] + score, state[place + U(3)] + tokens)


@part
def compare(links, scores, roots, firsts, each, signs, state, begin, size):  # type: ignore[no-untyped-def]
    """At every place the best sum, the best of those that count otherwise, and the tokens of both.

    Every piece scores `each` more.
    """
    for place in range(U(4) * size + U(4)):
        state[place] = -np.inf
    state[U(0)] = state[U(2)] = 0.0
    for start in range(size):
        node, end = U(signs[begin + start]), start + U(1)
        tokens = np.float64(max(roots[U(4) * node + U(1)], 1))
        extend(state, start, end, firsts[U(2) * node + U(1)] + each, tokens)
        base = roots[U(4) * node]
        while base >= 0 and end < size:
            child = U(base) + U(signs[begin + end])
            if U(links[U(4) * child + U(1)]) != node:
                break
            end += U(1)
            if scores[U(2) * child + U(1)] > -np.inf:
                extend(state, start, end, scores[U(2) * child + U(1)] + each, 1.0)
            base, node = links[U(4) * child], child


@part
def weigh(links, scores, roots, firsts, rise, grain, most, cap, signs, state, begin, size):  # type: ignore[no-untyped-def]
    """The finding of a stretch with the highest limit: one power of two after the other is tried, from `cap` down.

    Paths of equal tokens may be as close as they like. (llm-jp-v3.1, Japanese: 276 of 857,000 stretches had a path too
    close at the sum where they stood, 13 one with other tokens.)
    """
    compare(links, scores, roots, firsts, 0.0, signs, state, begin, size)  # type: ignore[no-untyped-call]
    total, tokens, length = state[U(4) * size], state[U(4) * size + U(2)], np.float64(size)
    own = beyond(total, rise, length)
    below, limit = power(min(cap, MOST_LIMIT) + own + 1.0), 0.0
    while below > own + 1.0:
        each = grain * below / 2.0
        compare(links, scores, roots, firsts, each, signs, state, begin, size)  # type: ignore[no-untyped-call]
        rival, same = state[U(4) * size + U(1)], state[U(4) * size + U(2)] == tokens
        more = tokens + 2.0 if below > most - own else tokens
        if same and rival + own * length * 2.0**-50 < total - more * each:
            limit = below - own - 1.0
            break
        below /= 2.0
    return packed(limit, total, length, tokens, rise)


@inlined
def finding(links, scores, roots, firsts, rise, grain, most, cap, signs, state, begin, size):  # type: ignore[no-untyped-def]
    """What a stretch by itself counts, and up to which sum before it."""
    found = settle(links, scores, roots, firsts, rise, grain, signs, state, begin, size)
    if found >> LIMIT < U(min(cap + COARSE, MOST_LIMIT) / COARSE):
        found = weigh(links, scores, roots, firsts, rise, grain, most, cap, signs, state, begin, size)  # type: ignore[no-untyped-call]
    return found
