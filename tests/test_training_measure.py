"""Areas under curves and calibration: by definition on small samples, by law on large ones."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.filters.calibration import Scale, chance
from prep.pipeline.training.measure import FEWEST, auc, average_precision, fitted, reliability
from prep.pipeline.training.svg import curve

SCORES = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=12).map(np.array)


@given(SCORES, SCORES)
def test_an_area_is_the_chance_that_reference_scores_above(good: np.ndarray, rest: np.ndarray) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in good for b in rest]
    assert auc(good, rest) == pytest.approx(np.mean(pairs))


@given(SCORES, SCORES)
def test_average_precision_is_the_mean_precision_at_each_reference_score(good: np.ndarray, rest: np.ndarray) -> None:
    def precision(cut: float) -> float:
        recalled, passed = np.mean(good >= cut), np.mean(rest >= cut)
        return float(recalled / (recalled + passed))

    assert average_precision(good, rest) == pytest.approx(np.mean([precision(cut) for cut in good]))


def test_no_documents_have_no_area() -> None:
    assert auc(np.empty(0), np.ones(3)) is None
    assert average_precision(np.ones(3), np.empty(0)) is None


@pytest.mark.parametrize("times", [1, 10])
def test_fitted_scores_are_chances_at_even_odds_whatever_the_sizes_of_the_sides(times: int) -> None:
    """Log odds twice too steep and shifted: the scale undoes both, though one side has ten times the documents."""
    chooser = np.random.default_rng(1)
    good, rest = chooser.normal(1, 1, 4000), chooser.normal(-1, 1, 4000 * times)  # whose true log odds are 2 x
    scale = fitted(4 * good + 3, 4 * rest + 3)
    assert scale.slope == pytest.approx(0.5, rel=0.1)
    assert scale.intercept == pytest.approx(-1.5, abs=0.2)
    for score, share, _ in reliability(scale(4 * good + 3), scale(4 * rest + 3)):
        assert score == pytest.approx(share, abs=0.06)


@given(st.floats(-50, 50), st.floats(0.1, 100))
def test_sides_that_are_told_apart_entirely_have_a_scale(shift: float, stretch: float) -> None:
    good, rest = np.linspace(1, 2, 50) * stretch + shift, np.linspace(-2, -1, 50) * stretch + shift
    scale = fitted(good, rest)
    assert scale.slope > 0
    assert scale(good).min() > 0.5 > scale(rest).max()


def test_too_few_documents_or_a_model_of_chance_are_not_calibrated() -> None:
    few, many = np.ones(FEWEST - 1), np.zeros(100)
    assert fitted(few, many) == fitted(many, few) == Scale()
    assert fitted(np.linspace(-1, 0, 50), np.linspace(0, 1, 50)) == Scale()


@given(st.floats(-1e6, 1e6))
def test_a_chance_lies_between_0_and_1_and_turns_round(odds: float) -> None:
    found = chance(np.array([odds, -odds]))
    assert ((found >= 0) & (found <= 1)).all()
    assert found.sum() == pytest.approx(1)


def test_a_point_of_few_documents_is_drawn_smaller_than_one_of_many() -> None:
    drawn = curve([(0.1, 0.1, 900), (0.5, 0.4, 1), (0.9, 0.9, 225)], "ja", "score", "reference")
    many, one, some = (float(radius) for radius in re.findall(r'<circle [^>]* r="([0-9.]+)"', drawn))
    assert one < some < many
    assert (many / some) ** 2 == pytest.approx(4, rel=0.1), "by area"
