"""Whole tokens to claims: the sum, the bounds, the order of tokens, and no claim that falls as the total grows."""

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.pipeline.mixing.divisor import Claim, TooFew, TooMany, divide

unhurried = settings(deadline=None)


@st.composite
def claims(draw: st.DrawFn) -> list[Claim]:
    """Of any shape: no weight, equal weights, floors, caps, floors that are caps."""
    found = []
    for number in range(draw(st.integers(1, 7))):
        weight = Fraction(draw(st.integers(0, 30)), draw(st.integers(1, 9)))
        low = draw(st.integers(0, 20) | st.just(0))
        high = draw(st.none() | st.integers(low, low + 60))
        found.append(Claim(weight, (-weight, number), low, high))
    return found


def slowly(total: int, wanted: list[Claim]) -> list[int]:
    """One token after another, as the method is defined."""
    got = [claim.low for claim in wanted]
    for _ in range(total - sum(got)):
        able = [
            (Fraction(2 * has + 1) / claim.weight, claim.order, place)
            for place, (has, claim) in enumerate(zip(got, wanted, strict=True))
            if claim.weight and has != claim.high
        ]
        got[min(able)[2]] += 1
    return got


def able(wanted: list[Claim]) -> int:
    """The most that they may have; a million where nothing bounds it."""
    room = [claim.high if claim.weight else claim.low for claim in wanted]
    return 10**6 if None in room else sum(most for most in room if most is not None)


@unhurried
@given(claims(), st.data())
def test_the_sum_is_the_total_and_floors_and_caps_are_kept_or_it_is_said_which_cannot_be(
    wanted: list[Claim], data: st.DataObject
) -> None:
    total = data.draw(st.integers(0, 400))
    least = sum(claim.low for claim in wanted)
    if total < least:
        with pytest.raises(TooFew):
            divide(total, wanted)
        return
    if total > able(wanted):
        with pytest.raises(TooMany):
            divide(total, wanted)
        return
    got = divide(total, wanted)
    assert sum(got) == total
    for claim, has in zip(wanted, got, strict=True):
        assert claim.low <= has
        assert claim.high is None or has <= claim.high
        assert claim.weight or has == claim.low


@unhurried
@given(claims(), st.integers(0, 300))
def test_it_is_as_if_tokens_were_given_one_after_another(wanted: list[Claim], more: int) -> None:
    total = min(sum(claim.low for claim in wanted) + more, able(wanted))
    assert divide(total, wanted) == slowly(total, wanted)


@unhurried
@given(claims(), st.integers(0, 10**15), st.integers(0, 10**6))
def test_no_claim_falls_as_the_total_grows(wanted: list[Claim], start: int, more: int) -> None:
    low, most = sum(claim.low for claim in wanted), able(wanted)
    bound = 10**16 if most == 10**6 else most
    one, two = (min(max(each, low), bound) for each in (start, start + more))
    assert all(before <= after for before, after in zip(divide(one, wanted), divide(two, wanted), strict=True))


@unhurried
@given(claims(), st.randoms(use_true_random=False), st.integers(0, 300))
def test_the_order_of_the_claims_changes_nothing(wanted: list[Claim], chance: random.Random, more: int) -> None:
    total = min(sum(claim.low for claim in wanted) + more, able(wanted))
    there = dict(zip((claim.order for claim in wanted), divide(total, wanted), strict=True))
    shuffled = chance.sample(wanted, len(wanted))
    assert dict(zip((claim.order for claim in shuffled), divide(total, shuffled), strict=True)) == there


@unhurried
@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=60), st.integers(0, 10**13))
def test_claims_without_bounds_are_within_half_their_number_of_their_share(weights: list[int], total: int) -> None:
    got = divide(total, [Claim(Fraction(weight), (place,)) for place, weight in enumerate(weights)])
    whole = sum(weights)
    assert all(
        abs(has - Fraction(total * weight, whole)) <= Fraction(len(weights), 2) + 1
        for has, weight in zip(got, weights, strict=True)
    )


CROISSANT = {"fr": 4151, "en": 4151, "aligned": 732, "code": 967}  # parts of CroissantLLM's final mixture


def largest_remainder(total: int, weights: list[int]) -> list[int]:
    """The method of Hamilton: the whole parts, then one more to the largest fractions."""
    whole = [total * weight // sum(weights) for weight in weights]
    fractions = [total * weight % sum(weights) for weight in weights]
    for place in sorted(range(len(weights)), key=lambda place: -fractions[place])[: total - sum(whole)]:
        whole[place] += 1
    return whole


def falls(method: object, totals: range) -> int:
    """At how many totals a claim has less than at the total before."""
    weights, number, before = list(CROISSANT.values()), 0, [0] * len(CROISSANT)
    for total in totals:
        now = method(total, weights)  # type: ignore[operator]
        number += any(one > two for one, two in zip(before, now, strict=True))
        before = now
    return number


def test_largest_remainder_falls_at_3302_of_20000_budgets_and_this_at_none() -> None:
    def ours(total: int, weights: list[int]) -> list[int]:
        order = sorted(CROISSANT)
        named = zip(CROISSANT, weights, strict=True)
        return divide(total, [Claim(Fraction(weight), (order.index(name),)) for name, weight in named])

    assert falls(largest_remainder, range(1, 20_001)) == 3302
    assert falls(ours, range(1, 2_001)) == 0


def test_ties_go_by_the_order_that_is_given() -> None:
    wanted = [Claim(Fraction(1), (name,)) for name in "cab"]
    assert divide(1, wanted) == [0, 1, 0]
    assert divide(2, wanted) == [0, 1, 1]
