"""Approach 3: the objective, its gradient, the law it returns, and the slip it must not repeat."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize

from prep.pipeline.plan import fit_parametric as surface
from prep.pipeline.plan import fit_surface
from prep.pipeline.plan.fit_frontier import TooFew
from prep.pipeline.plan.fit_runs import Array, Runs, of_arrays

CHINCHILLA = (1.693374, 406.4010, 410.7228, 0.33917084, 0.2849083)


def runs_of(law: tuple[float, ...], params: Array, tokens: Array, noise: float = 0.0) -> Runs:
    floor, a, b, alpha, beta = law
    wobble = np.exp(noise * np.random.default_rng(5).standard_normal(len(params)))
    return of_arrays(params, tokens, (floor + a / params**alpha + b / tokens**beta) * wobble)


def grid(law: tuple[float, ...] = CHINCHILLA, noise: float = 0.0, size: int = 6) -> Runs:
    pairs = itertools.product(np.geomspace(5e7, 1e10, size), np.geomspace(1e9, 4e11, size))
    params, tokens = np.array(list(pairs)).T
    return runs_of(law, params, tokens, noise)


def found(runs: Runs) -> tuple[float, ...]:
    data = surface.centred(runs)
    return surface.coefficients(surface.fit(data)[0], data)


@given(
    floor=st.floats(0.3, 3),
    shares=st.tuples(st.floats(0.1, 2), st.floats(0.1, 2)),
    alpha=st.floats(0.15, 0.7),
    beta=st.floats(0.15, 0.7),
)
@example(floor=1.8172, shares=(482.01 / 7e8**0.3478, 2085.43 / 2e10**0.3658), alpha=0.3478, beta=0.3658)
@settings(max_examples=6, deadline=None)
def test_noise_free_runs_return_their_law(floor: float, shares: tuple[float, float], alpha: float, beta: float) -> None:
    law = (floor, shares[0] * 7e8**alpha, shares[1] * 2e10**beta, alpha, beta)
    assert found(grid(law)) == pytest.approx(law, rel=1e-7)


def test_units_of_the_table_change_nothing_but_units() -> None:
    runs = grid(noise=0.01)
    floor, a, b, alpha, beta = found(runs)
    small = found(of_arrays(runs.params / 1e6, runs.tokens / 1e9, runs.loss / math.log(2)))
    scaled = (floor / math.log(2), a / math.log(2) / 1e6**alpha, b / math.log(2) / 1e9**beta, alpha, beta)
    assert small == pytest.approx(scaled, rel=1e-5)


def test_the_gradient_is_that_of_the_objective() -> None:
    data = surface.centred(grid(noise=0.02))
    theta = np.array([-1.0, -0.7, -0.5, 0.3, 0.4])
    numeric = approx_fprime(theta, lambda at: surface.objective(at, data)[0], 1e-7)
    assert surface.objective(theta, data)[1] == pytest.approx(numeric, rel=1e-4)


def test_the_whole_published_grid_is_ranked_as_the_objective_says() -> None:
    data, starts = surface.centred(grid(noise=0.02)), surface.starts()
    assert starts.shape == (4500, 5)
    order = surface.rank(starts, data)
    values = [surface.objective(starts[index], data)[0] for index in order[::50]]
    assert values == sorted(values)


def test_a_mean_in_place_of_the_sum_stops_early_and_ours_does_not() -> None:
    """Besiroglu et al. 2024: the mean of Huber losses under default tolerances ends far above the least objective."""
    data = surface.centred(grid(noise=0.02))
    start = surface.starts()[surface.rank(surface.starts(), data)[0]]
    factor = surface.DELTA**2 / len(data.n)  # from our sum in units of delta² to the mean of the raw losses

    def mean(theta: Array) -> tuple[float, Array]:
        value, slope = surface.objective(theta, data)
        return factor * value, factor * slope

    slip = minimize(mean, start, jac=True, method="L-BFGS-B")
    least = surface.fit(data)[1]
    assert slip.success
    assert slip.fun / factor > 1.2 * least
    assert surface.polish(start, data)[1] < 1.001 * least


def test_a_wild_run_hardly_moves_the_law_and_is_named() -> None:
    runs = grid(noise=0.005)
    runs.loss[7] *= 1.5
    estimate = fit_surface.fit(runs, 0, 0)
    assert estimate.coefficients[3:] == pytest.approx(CHINCHILLA[3:], rel=0.1)
    assert any("lines 9" in warning for warning in estimate.warnings)


def test_a_loss_under_the_floor_is_named() -> None:
    runs = grid(noise=0.005)
    runs.loss[35] = 1.2
    assert any(
        "below the fitted floor" in warning and "37" in warning for warning in fit_surface.fit(runs, 0, 0).warnings
    )


@pytest.mark.parametrize(
    ("params", "tokens", "said"),
    [
        (np.geomspace(1e8, 1e9, 4), np.geomspace(1e9, 1e10, 4), "4 finished runs"),
        (np.repeat([1e8, 1e9], 5), np.geomspace(1e9, 1e11, 10), "params has only the values 100M, 1B"),
        (np.geomspace(1e8, 1e10, 10), 1e20 / 6 / np.geomspace(1e8, 1e10, 10), "one compute budget"),
    ],
    ids=["few", "two-sizes", "one-budget"],
)
def test_runs_that_cannot_carry_five_unknowns_are_refused(params: Array, tokens: Array, said: str) -> None:
    with pytest.raises(TooFew, match=said):
        fit_surface.fit(runs_of(CHINCHILLA, params, tokens), 0, 0)


def test_tokens_always_twenty_times_params_cannot_tell_the_terms_apart() -> None:
    params = np.geomspace(5e7, 5e9, 20)
    warnings = fit_surface.fit(runs_of(CHINCHILLA, params, 20 * params), 0, 0).warnings
    assert any("hardly tell the terms apart" in warning for warning in warnings)
    assert not any("apart" in warning for warning in fit_surface.fit(grid(), 0, 0).warnings)


def test_a_flat_valley_is_seen_and_a_sharp_one_is_not_called_flat() -> None:
    narrow = itertools.product(np.geomspace(1e9, 2e9, 4), np.geomspace(1e10, 2e10, 4))
    params, tokens = np.array(list(narrow)).T
    assert any(
        "flat valley" in told for told in fit_surface.fit(runs_of(CHINCHILLA, params, tokens, 0.003), 0, 0).warnings
    )
    figures = fit_surface.fit(grid(noise=0.003), 0, 0).figures
    assert figures["A_most_within_half_percent"] < 1.5 * figures["A_least_within_half_percent"]


def test_the_bootstrap_is_the_same_for_the_same_seed_and_lies_around_the_truth() -> None:
    runs = grid(noise=0.01)
    first, again, other = (fit_surface.fit(runs, 40, seed).samples for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    low, high = np.percentile(first[:, 3], [1, 99])
    assert low < CHINCHILLA[3] < high
