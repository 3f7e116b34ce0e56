"""Laws of serving and of repetition: what they become at their ends, and that they find the least there is."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from prep.errors import BadSettings
from prep.pipeline.plan import inference, published, repetition
from prep.pipeline.plan.laws import Chinchilla, Law
from tests.planner import law_with_loss, surface

sizes = st.floats(8, 12).map(lambda power: 10.0**power)
served = st.floats(8, 15).map(lambda power: 10.0**power)
each_loss = pytest.mark.parametrize("law", law_with_loss(), ids=lambda law: law.name)


def loss_of(law: Law) -> Chinchilla:
    assert isinstance(law.surface, Chinchilla)
    return law.surface


@each_loss
@given(params=sizes)
def test_without_serving_the_optimum_stays(law: Law, params: float) -> None:
    found = inference.trade(loss_of(law), params, law.tokens(params), 0.0)
    assert math.isclose(found.after.params, params, rel_tol=1e-9)
    assert math.isclose(found.after.tokens, law.tokens(params), rel_tol=1e-6)
    assert abs(found.saving) < 1e-9


@each_loss
@given(params=sizes, tokens=served, more=st.floats(1.01, 1e4))
def test_more_serving_never_asks_for_a_larger_model(law: Law, params: float, tokens: float, more: float) -> None:
    one, other = (
        inference.trade(loss_of(law), params, law.tokens(params), each).after for each in (tokens, tokens * more)
    )
    assert other.params <= one.params * (1 + 1e-9)
    assert other.tokens >= one.tokens * (1 - 1e-6)


@each_loss
@given(params=sizes, tokens=served, ratio=st.floats(2, 500), factor=st.floats(0.5, 2))
def test_no_other_model_of_the_same_loss_is_cheaper(
    law: Law, params: float, tokens: float, ratio: float, factor: float
) -> None:
    found = inference.trade(loss_of(law), params, params * ratio, tokens)
    other = found.after.params * factor
    other_tokens = loss_of(law).tokens_for(found.loss, other)
    assert math.isclose(loss_of(law)(found.after.params, found.after.tokens), found.loss, rel_tol=1e-9)
    assert found.after.total <= (6 * other * other_tokens + 2 * other * tokens) * (1 + 1e-9)


@given(scale=st.floats(0.01, 100))
def test_the_unit_of_money_changes_no_model(scale: float) -> None:
    one, other = (inference.Prices(1.5 * each, 1.1 * each).weight(1e11, 3e11) for each in (1.0, scale))
    assert math.isclose(one, other, rel_tol=1e-12)


def test_equal_prices_and_utilisation_weigh_a_token_as_one() -> None:
    assert math.isclose(inference.Prices(1, 1, 3e14, 3e14, 0.4, 0.4, 0.4).weight(2.0, 3.0), 5.0)


def test_a_loss_below_the_floor_is_refused() -> None:
    with pytest.raises(BadSettings, match=r"1\.5.*floor"):
        inference.cheapest(surface("sardana"), 1.5, 1e9, 0.0)


@given(tokens=served, unique=served)
def test_repeated_tokens_are_worth_at_most_what_they_are(tokens: float, unique: float) -> None:
    worth = repetition.worth(tokens, unique)
    assert worth <= tokens * (1 + 1e-12)
    assert worth <= unique * (1 + repetition.R_TOKENS) or tokens <= unique
    assert tokens > unique or worth == tokens


@given(unique=served, epochs=st.floats(1, 100), more=st.floats(1.01, 10))
def test_more_epochs_are_worth_more_in_all_and_less_each(unique: float, epochs: float, more: float) -> None:
    one, other = (repetition.worth(unique * each, unique) for each in (epochs, epochs * more))
    assert other >= one
    assert other / (epochs * more) <= one / epochs * (1 + 1e-9)


@given(compute=st.floats(18, 27).map(lambda power: 10.0**power))
def test_unlimited_text_gives_the_optimum_back(compute: float) -> None:
    best, free = repetition.best(compute, 1e30), published.law("muennighoff").optimum(compute)
    assert math.isclose(best.params, free.params, rel_tol=1e-9)
    assert math.isclose(repetition.loss(*free, 1e30), published.C4(*free), rel_tol=1e-12)


@settings(max_examples=40)
@given(compute=st.floats(18, 26).map(lambda power: 10.0**power), unique=st.floats(8, 13).map(lambda power: 10.0**power))
def test_no_split_on_a_grid_beats_the_best_under_repetition(compute: float, unique: float) -> None:
    best = repetition.best(compute, unique)
    assume(best.tokens / unique < 1000)  # beyond that the loss is flat to the last bit
    least = min(
        repetition.loss(params, compute / (6 * params), unique)
        for params in (10 ** (power / 20) for power in range(6 * 20, 14 * 20))
    )
    assert repetition.loss(*best, unique) <= least * (1 + 1e-6)


@given(params=sizes, tokens=served, unique=served)
def test_a_plan_with_repetition_never_beats_the_same_with_new_text(params: float, tokens: float, unique: float) -> None:
    found = repetition.repetition(params, [repetition.Part(tokens, unique)])
    assert found.loss >= found.loss_if_all_unique * (1 - 1e-12)
    assert found.best_loss <= found.loss * (1 + 1e-9)
    assert math.isclose(found.average_worth, found.effective_tokens / tokens)
