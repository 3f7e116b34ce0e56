"""Keeping by score: GPT-3's rule, exact at the ends and the same everywhere."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.errors import BadSettings
from prep.filters.pareto import (
    LARGEST_ALPHA,
    LEVEL,
    STEPS,
    expected_floor,
    keep_probability,
    kept,
    largest_kept,
    strictest,
)

ALL = np.arange(65536, dtype=np.uint16)
LAST = np.uint64(2**64 - 1)


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (9, [0.00195, 0.0065, 0.0260, 0.134, 0.424, 0.645, 1]),
        (3, [0.125, 0.187, 0.296, 0.512, 0.751, 0.864, 1]),
    ],
)
def test_published_probabilities(alpha: float, expected: list[float]) -> None:
    scores = np.array([0, 0.25, 0.5, 0.75, 0.9, 0.95, 1])
    np.testing.assert_allclose(keep_probability(scores, alpha), expected, atol=5e-4)


def test_it_is_the_rule_of_gpt3_with_lomax_draws() -> None:
    """`pareto(9) > 1 - score` by numpy's own sampler, which starts at 0."""
    draws = np.random.default_rng(1).pareto(9, 400_000)
    for score in (0.0, 0.3, 0.7, 0.95):
        chance = keep_probability(np.array([score]), 9)[0]
        assert np.mean(draws > 1 - score) == pytest.approx(chance, abs=0.003)


@settings(deadline=None, max_examples=30)  # a table each
@given(st.floats(0, 100))
def test_score_one_is_always_kept_and_more_score_never_hurts(alpha: float) -> None:
    draws = np.random.default_rng(0).integers(0, 2**64, 65536, dtype=np.uint64)
    assert kept(ALL[-1:], np.array([LAST]), alpha).all()
    one = np.full(65536, draws[0])
    assert (np.diff(kept(ALL, one, alpha).astype(np.int8)) >= 0).all()
    assert kept(ALL, np.zeros(65536, np.uint64), alpha).all()


@pytest.mark.parametrize("alpha", [1, 3, 9, 25])
def test_the_border_lies_where_whole_numbers_say(alpha: int) -> None:
    """The last draw that is kept and the first that is not, against exact fractions."""
    scores = ALL[::37]
    for score in scores:
        exact = Fraction(65535, 2 * 65535 - int(score)) ** alpha
        border = round(exact * STEPS) * 2**32
        assert kept(np.array([score]), np.array([border - 1], np.uint64), alpha)[0]
        assert not kept(np.array([score]), np.array([border], np.uint64), alpha)[0]


def test_an_alpha_that_is_no_whole_number_meets_its_probability() -> None:
    draws = np.random.default_rng(3).integers(0, 2**64, 500_000, dtype=np.uint64)
    for score in (0, 20_000, 60_000):
        share = kept(np.full(len(draws), score, np.uint16), draws, 3.7).mean()
        assert share == pytest.approx(keep_probability(np.array([score / 65535]), 3.7)[0], abs=0.003)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(0, 900))
def test_the_strictest_alpha_says_at_which_alphas_a_document_is_kept(seed: int, level: int) -> None:
    chance = np.random.default_rng(seed)
    scores = chance.integers(0, 65536, 5000).astype(np.uint16)
    draws = chance.integers(0, 2**64, 5000, dtype=np.uint64)
    np.testing.assert_array_equal(strictest(scores, draws, 9) >= level, kept(scores, draws, level / LEVEL))


@pytest.mark.parametrize("level", [0, 1, 37, 300, 899, 900])
def test_the_strictest_alpha_is_exact_at_the_border_of_every_score(level: int) -> None:
    """At the last draw that is kept and at the next, where floating point alone cannot tell."""
    scores = ALL[::97]
    last = largest_kept(level / LEVEL)[scores]
    assert (strictest(scores, last, 9) >= level).all()
    beyond = last < LAST
    assert (strictest(scores[beyond], last[beyond] + np.uint64(1), 9) < level).all()


def test_alpha_nought_keeps_everything() -> None:
    assert kept(ALL, np.full(65536, LAST), 0).all()


def test_the_floor_is_the_chance_of_score_nought() -> None:
    assert expected_floor(9) == 2**-9 == keep_probability(np.zeros(1), 9)[0]


@pytest.mark.parametrize("alpha", [-1, 101, float("nan"), float("inf")])
def test_an_impossible_alpha_is_refused(alpha: float) -> None:
    with pytest.raises(BadSettings, match="alpha"):
        kept(ALL, np.zeros(65536, np.uint64), alpha)


def test_a_document_that_any_alpha_keeps_has_the_largest_level() -> None:
    scores = np.array([65535, 65535, 65534], np.uint16)
    assert strictest(scores, np.array([0, 2**64 - 1, 0], np.uint64)).tolist() == [LARGEST_ALPHA * LEVEL] * 3
