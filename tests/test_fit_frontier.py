"""Approaches 1 and 2: the laws they return from clean runs, and what they refuse or doubt."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from prep.pipeline.plan import fit_envelope, fit_isoflop
from prep.pipeline.plan.fit_frontier import TooFew
from prep.pipeline.plan.fit_runs import Array, Runs, of_arrays
from prep.pipeline.plan.laws import About, Chinchilla, Law, from_loss

BUDGETS = np.geomspace(1e18, 1e21, 6)


def law(alpha: float, beta: float) -> Law:
    return from_loss(About("true", "true", "true"), Chinchilla(1.8, 400 * 1e9 ** (alpha - 0.34), 900, alpha, beta))


def of(surface: Law, params: Array, tokens: Array) -> Runs:
    pairs = zip(params, tokens, strict=True)
    return of_arrays(params, tokens, np.array([surface.loss(float(n), float(d)) or 0 for n, d in pairs]))


def curves(surface: Law, sizes: Array, tokens: Array) -> Runs:
    params, each = np.array(list(itertools.product(sizes, tokens))).T
    return of(surface, params, each)


def budgets(surface: Law, around: Array, flops: Array = BUDGETS) -> Runs:
    """At every budget, sizes at these multiples of its best one."""
    pairs = [(n, each / 6 / n) for each in flops for n in surface.optimum(float(each)).params * around]
    params, tokens = np.array(pairs).T
    return of(surface, params, tokens)


@pytest.mark.parametrize(("alpha", "beta"), [(0.34, 0.34), (0.34, 0.28), (0.25, 0.35)])
def test_an_envelope_of_clean_curves_returns_the_law(alpha: float, beta: float) -> None:
    true = law(alpha, beta)
    found = fit_envelope.fit(curves(true, np.geomspace(2e7, 1e10, 14), np.geomspace(2e8, 4e11, 40)), 0, 0)
    k, a = found.coefficients
    assert a == pytest.approx(true.a, abs=0.003)
    assert k * 1e20**a == pytest.approx(true.optimum(1e20).params, rel=0.02)


def test_the_envelope_does_not_lean_to_where_curves_end() -> None:
    """Sizes that are best only because no larger one was trained as far are left out, not averaged in."""
    true = law(0.34, 0.28)
    few = curves(true, np.geomspace(1e8, 1.6e9, 6), np.geomspace(1e8, 1e12, 60))
    found = fit_envelope.fit(few, 0, 0)
    assert {point.params for point in found.points} < set(few.params) - {few.params.min(), few.params.max()}
    assert found.coefficients[1] == pytest.approx(true.a, abs=0.003)


@pytest.mark.parametrize(("alpha", "beta", "off"), [(0.34, 0.34, 1e-6), (0.34, 0.28, 0.03), (0.25, 0.35, 0.05)])
def test_parabolas_of_clean_budgets_return_the_exponent_and_with_a_bias_the_size(
    alpha: float, beta: float, off: float
) -> None:
    true = law(alpha, beta)
    found = fit_isoflop.fit(budgets(true, np.geomspace(1 / 4, 4, 7)), 0.1, 0, 0)
    k, a = found.coefficients
    assert a == pytest.approx(true.a, abs=1e-9)
    assert k * 1e20**a == pytest.approx(true.optimum(1e20).params, rel=off)
    assert found.figures["runs_left_out_share"] == 0


def test_runs_within_the_tolerance_are_one_budget() -> None:
    runs = budgets(law(0.34, 0.34), np.geomspace(1 / 4, 4, 7))
    runs.flops[:] *= np.tile(np.linspace(0.97, 1.03, 7), len(BUDGETS))
    assert len(fit_isoflop.budgets(runs, 0.1)) == len(BUDGETS)
    assert len(fit_isoflop.budgets(runs, 0.001)) == len(runs)


def test_a_parabola_without_its_foot_among_the_runs_is_left_out_and_told() -> None:
    true = law(0.34, 0.34)
    whole = budgets(true, np.geomspace(1 / 4, 4, 7), BUDGETS[:4])
    beyond = budgets(true, np.geomspace(2, 20, 5), BUDGETS[4:5])
    params, tokens = (np.append(getattr(whole, name), getattr(beyond, name)) for name in ("params", "tokens"))
    found = fit_isoflop.fit(of(true, params, tokens), 0.1, 0, 0)
    assert any("falls all the way to its smallest model" in warning for warning in found.warnings)
    assert found.figures["runs_left_out_share"] == pytest.approx(5 / 33)
    assert found.coefficients[1] == pytest.approx(true.a, abs=1e-9)


@pytest.mark.parametrize(
    ("around", "flops", "said"),
    [
        (np.geomspace(1 / 4, 4, 7), BUDGETS[:1], "1 compute budgets, 1 of them with 3 sizes"),
        (np.array([0.5, 2.0]), BUDGETS, "6 compute budgets, 0 of them"),
        (np.geomspace(3, 20, 5), BUDGETS, "falls all the way to its smallest"),
    ],
    ids=["one-budget", "two-sizes", "all-one-sided"],
)
def test_budgets_that_show_no_optimum_are_refused(around: Array, flops: Array, said: str) -> None:
    with pytest.raises(TooFew, match=said):
        fit_isoflop.fit(budgets(law(0.34, 0.34), around, flops), 0.1, 0, 0)


@pytest.mark.parametrize(
    ("around", "flops", "said"),
    [
        (np.geomspace(1 / 1.5, 8, 8), BUDGETS, "is one-sided"),
        (np.geomspace(1 / 10, 10, 9), BUDGETS, "is wide"),
        (np.geomspace(1 / 4, 4, 7), BUDGETS[:2], "only 2 budgets"),
    ],
)
def test_grids_that_bias_the_optimum_are_doubted(around: Array, flops: Array, said: str) -> None:
    found = fit_isoflop.fit(budgets(law(0.34, 0.34), around, flops), 0.1, 0, 0)
    assert any(said in warning for warning in found.warnings)


def test_curves_that_never_cross_are_refused() -> None:
    with pytest.raises(TooFew, match="a line takes 3"):
        fit_envelope.fit(curves(law(0.34, 0.34), np.geomspace(1e8, 1e10, 5), np.geomspace(1e8, 2e8, 5)), 0, 0)
    with pytest.raises(TooFew, match="0 model sizes with a curve of two rows"):
        fit_envelope.fit(curves(law(0.34, 0.34), np.geomspace(1e8, 1e10, 5), np.array([1e10])), 0, 0)


def test_compute_counted_in_another_way_is_kept_and_uneven_counting_is_told() -> None:
    runs = budgets(law(0.34, 0.34), np.geomspace(1 / 4, 4, 7))
    runs.flops[:] *= 7 / 6
    assert fit_isoflop.fit(runs, 0.1, 0, 0).per == pytest.approx(7)
    runs.flops[: len(runs) // 2] *= 1.5
    assert any("FLOPs per parameter and token" in told for told in fit_isoflop.fit(runs, 0.1, 0, 0).warnings)


def test_intervals_of_noisy_budgets_hold_the_truth() -> None:
    true = law(0.34, 0.28)
    runs = budgets(true, np.geomspace(1 / 4, 4, 9))
    runs.loss[:] *= np.exp(0.002 * np.random.default_rng(1).standard_normal(len(runs)))
    low, high = np.percentile(fit_isoflop.fit(runs, 0.1, 60, 0).samples[:, 1], [1, 99])
    assert low < true.a < high
