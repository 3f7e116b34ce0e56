"""Whole tokens to claims of given weights: the divisor method of Sainte-Laguë (Webster), inside floors and caps.

Tokens are given one after another in a fixed order, each to the claim with the least (2s + 1) / weight of those below
their cap, s being what it has; what is below its floor comes first. So no claim ever falls as the total grows, which
largest remainder cannot promise. What follows finds the end of that order without walking through it: the divisor at
which the weights, taken as real numbers, come to the total, then at most a step for each two claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heappop, heapreplace
from math import lcm
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Claim:
    """Who wants tokens. `order` breaks ties, the least first; a claim without weight stays at its floor."""

    weight: Fraction
    order: tuple[Any, ...] = ()
    low: int = 0
    high: int | None = None


class TooFew(Exception):
    """The floors are more than the total."""


class TooMany(Exception):
    """The total is more than the caps, or nobody has a weight."""


def divide(total: int, claims: Sequence[Claim]) -> list[int]:
    """What each claim gets, in the order of the claims; the sum is the total.

    Errors: TooFew, TooMany.
    """
    if sum(claim.low for claim in claims) > total:
        raise TooFew
    room = [claim.high if claim.weight else claim.low for claim in claims]
    if None not in room and sum(most for most in room if most is not None) < total:
        raise TooMany
    unit = lcm(*(claim.weight.denominator for claim in claims))
    ranks = {place: rank for rank, place in enumerate(sorted(range(len(claims)), key=lambda at: claims[at].order))}
    seats = [
        _Seat(int(claim.weight * unit), claim.low, most, ranks[place])
        for place, (claim, most) in enumerate(zip(claims, room, strict=True))
    ]
    divisor = _divisor(total, seats)
    return _stepped(total, seats, [seat.at(divisor) for seat in seats])


class _Seat(NamedTuple):
    """A claim in whole numbers, and its place among ties."""

    weight: int
    low: int
    high: int | None
    rank: int

    def at(self, divisor: Fraction) -> int:
        """Its tokens whose order comes before the divisor's: weight · divisor, a half rounded down."""
        p, q = divisor.numerator, divisor.denominator
        rounded = -((q - 2 * self.weight * p) // (2 * q))
        return max(self.low, rounded if self.high is None else min(self.high, rounded))


def _divisor(total: int, seats: Sequence[_Seat]) -> Fraction:
    """Where Σ of weight · divisor, each kept between floor and cap, is the total."""
    turns: list[tuple[Fraction, int, int]] = []  # where a claim leaves its floor or reaches its cap; slope, constant
    for seat in seats:
        if seat.weight and seat.low != seat.high:
            turns.append((Fraction(seat.low, seat.weight), seat.weight, -seat.low))
            if seat.high is not None:
                turns.append((Fraction(seat.high, seat.weight), -seat.weight, seat.high))
    slope, constant, last = 0, sum(seat.low for seat in seats), Fraction(0)
    for last, more, offset in sorted(turns):
        if slope and constant + slope * last >= total:
            break
        slope, constant = slope + more, constant + offset
    return Fraction(total - constant, slope) if slope else last


def _stepped(total: int, seats: Sequence[_Seat], got: list[int]) -> list[int]:
    """Forward or back in the order of tokens, until they are the total."""
    off = total - sum(got)
    sign = 1 if off > 0 else -1

    def following(place: int) -> tuple[Fraction, int, int] | None:
        seat, has = seats[place], got[place]
        if not seat.weight or (has == seat.high if sign > 0 else has == seat.low):
            return None
        return Fraction(sign * (2 * has + sign), seat.weight), sign * seat.rank, place

    heap = [found for place in range(len(seats)) if (found := following(place)) is not None] if off else []
    heapify(heap)
    for _ in range(abs(off)):
        place = heap[0][2]
        got[place] += sign
        found = following(place)
        if found is None:
            heappop(heap)
        else:
            heapreplace(heap, found)
    return got
