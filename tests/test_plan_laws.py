"""What must hold of every scaling law, whatever its numbers."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import BadSettings
from prep.pipeline.plan import budget, published
from prep.pipeline.plan.laws import About, Chinchilla, Fitted, Law, from_loss, from_params, from_ratio, from_tokens
from prep.pipeline.settings import Budget
from tests.planner import law_with_loss

ALL = [*published.LAWS.values(), published.PRINTED, published.law("ratio:37.5")]
sizes = st.floats(6, 14).map(lambda power: 10.0**power)
budgets = st.floats(16, 30).map(lambda power: 10.0**power)
each_law = pytest.mark.parametrize("law", ALL, ids=lambda law: law.name)
each_loss = pytest.mark.parametrize("law", law_with_loss(), ids=lambda law: law.name)
ABOUT = About("mine", "mine", "here")
surfaces = st.builds(
    Chinchilla, st.floats(0.5, 3), st.floats(10, 5000), st.floats(10, 5000), st.floats(0.1, 0.9), st.floats(0.1, 0.9)
)


def close(one: float, other: float, share: float = 1e-9) -> bool:
    return math.isclose(one, other, rel_tol=share)


@each_law
@given(params=sizes)
def test_directions_invert_each_other(law: Law, params: float) -> None:
    compute, tokens = law.flops(params), law.tokens(params)
    assert close(law.optimum(compute).params, params)
    assert close(law.optimum(compute).tokens, tokens)
    assert close(law.params(tokens), params)
    assert close(law.per * params * tokens, compute)


@each_law
@given(compute=budgets, more=st.floats(1.001, 1e6))
def test_more_compute_means_more_parameters_and_more_tokens(law: Law, compute: float, more: float) -> None:
    less, most = law.optimum(compute), law.optimum(compute * more)
    assert most.params > less.params
    assert most.tokens > less.tokens


@each_loss
@given(compute=budgets, factor=st.floats(0.02, 50).filter(lambda factor: abs(factor - 1) > 0.01))
def test_no_other_split_of_the_compute_has_a_lower_loss(law: Law, compute: float, factor: float) -> None:
    params, tokens = law.optimum(compute)
    best, other = law.loss(params, tokens), law.loss(params * factor, tokens / factor)
    assert best is not None
    assert other is not None
    assert best < other


@given(surface=surfaces, compute=budgets)
def test_a_law_of_ones_own_has_its_optimum_at_the_minimum_of_its_loss(surface: Chinchilla, compute: float) -> None:
    params, tokens = from_loss(ABOUT, surface).optimum(compute)
    slope_params = surface.alpha * surface.A / params**surface.alpha
    slope_tokens = surface.beta * surface.B / tokens**surface.beta
    assert close(slope_params, slope_tokens, 1e-6)


@given(surface=surfaces, params=sizes, unit=st.sampled_from([1e-3, 1e-6, 1e-9]))
def test_the_unit_of_parameters_and_tokens_changes_no_answer(surface: Chinchilla, params: float, unit: float) -> None:
    scaled = replace(surface, A=surface.A * unit**surface.alpha, B=surface.B * unit**surface.beta)
    assert close(from_loss(ABOUT, scaled).tokens(params * unit), from_loss(ABOUT, surface).tokens(params) * unit, 1e-7)


@given(k=st.floats(1e-3, 10), a=st.floats(0.2, 0.8), compute=budgets)
def test_a_law_is_the_same_by_its_parameters_and_by_its_tokens(k: float, a: float, compute: float) -> None:
    one = from_params(ABOUT, k, a)
    other = from_tokens(ABOUT, 1 / (6 * k), 1 - a)
    assert close(one.optimum(compute).params, other.optimum(compute).params, 1e-8)
    assert close(one.flops(1e9), other.flops(1e9), 1e-6)


@given(ratio=st.floats(0.1, 1e4), params=sizes)
def test_a_ratio_is_kept(ratio: float, params: float) -> None:
    assert close(from_ratio(ABOUT, ratio).tokens(params) / params, ratio)


def test_the_fitted_coefficients_of_the_tables_hold() -> None:
    """Both fits of each table, N over C and D over N, of which one is the law and the other follows."""
    written = {
        "chinchilla-1": (0.099159, 0.49810, 17.254, 1.00763),
        "chinchilla-2": (0.14488, 0.48994, 8.60195, 1.04103),
        "chinchilla-3-table": (0.53512, 0.45863, 0.652209, 1.18038),
    }
    for name, (k, a, k_tokens, p) in written.items():
        law = published.law(name)
        for params in published.SIZES:
            assert close(law.tokens(params), k_tokens * params**p, 2e-4)
            assert close(law.optimum(law.flops(params)).params, k * law.flops(params) ** a, 3e-4)


def test_exponents_are_those_of_the_paper() -> None:
    """Table 2 of Hoffmann et al.: N grows with C^a."""
    for name, a in {"chinchilla-1": 0.50, "chinchilla-2": 0.49, "chinchilla-3": 0.46, "kaplan": 0.73}.items():
        assert abs(published.law(name).a - a) < 0.005


def test_every_law_names_its_source_and_where_it_holds() -> None:
    for law in published.LAWS.values():
        assert law.title
        assert "20" in law.source
        assert law.fitted != Fitted()


def test_inside_what_a_law_was_fitted_on_nothing_is_extrapolated() -> None:
    law = published.law("chinchilla-1")
    assert law.fitted.beyond(1e9, 20e9) == 1
    assert law.fitted.beyond(160e9, 20e9) == 10
    assert law.fitted.beyond(1e9, 1e12) == 2
    assert Fitted().beyond(1, 1) == 1


def test_rounded_constants_are_offered_under_their_own_name_only() -> None:
    assert published.PRINTED.name not in published.LAWS
    assert published.law("chinchilla-3-printed").warning
    assert published.law("chinchilla-3-printed").tokens(10e9) / published.law("chinchilla-3").tokens(10e9) > 1.59


@pytest.mark.parametrize(
    "name", ["", "chinchilla", "ratio:", "ratio:0", "ratio:-3", "ratio:1e9", "ratio:nan", "no.json"]
)
def test_a_name_that_is_no_law_is_refused_and_the_laws_are_named(name: str) -> None:
    with pytest.raises(BadSettings, match=r"chinchilla-1|ratio:20|no\.json"):
        published.law(name)


@pytest.mark.parametrize("law", [*published.names(), "ratio:20", "ratio-30"])
def test_the_run_file_takes_every_law(law: str) -> None:
    found = Budget.model_validate({"params": "10B", "law": law})
    assert budget.tokens(found) == round(published.law(law).tokens(10e9))


def test_a_budget_by_a_ratio_is_exact() -> None:
    assert budget.tokens(Budget.model_validate({"params": "10B", "law": "ratio-20"})) == 200_000_000_000
    assert budget.tokens(Budget.model_validate({"params": "7_000_000_001", "law": "ratio:20"})) == 140_000_000_020
