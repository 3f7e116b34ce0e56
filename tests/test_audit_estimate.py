"""The interval holds the truth as often as it says: over generated sources, over real ones, and by enumeration."""

import math
from itertools import permutations, product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.pipeline.audit.estimate import ALMOST, FEW, LEAST, Clusters, Sample, around, certain, larger, student

Floats = npt.NDArray[np.float64]
RESAMPLES = 2_000


def source(kind: str, size: int, seed: int = 1) -> tuple[Floats, Floats]:
    """Bytes and tokens of a source's documents."""
    chance = np.random.default_rng(seed)
    n_bytes = {
        "even": chance.uniform(500, 1500, size),
        "log-normal": chance.lognormal(7, 1, size),
        "heavy": 200 * (1 + chance.pareto(2.2, size)),
    }[kind].round()
    each = 4 * np.exp(chance.normal(0, 0.15, size)) * (n_bytes / 1000) ** 0.02  # longer ones are a little denser
    return n_bytes, np.maximum((n_bytes / each).round(), 1.0)


def sampled(n_bytes: Floats, tokens: Floats, order: npt.NDArray[np.int64], drawn: int) -> Sample:
    """The first documents of an order, beside those that are counted in any case."""
    sure = certain(n_bytes)
    rest = order[~sure[order]]
    first = rest[: larger(drawn, len(rest))]
    beside = (float(n_bytes[sure].sum()), float(tokens[sure].sum()))
    return Sample(n_bytes[first], tokens[first], len(rest), float(n_bytes[rest].sum()), beside)


def held(n_bytes: Floats, tokens: Floats, precision: float, resamples: int) -> tuple[int, int, int]:
    """Of samples drawn until the ratio is known: how many stayed open, held the ratio, missed by three half-widths."""
    chance = np.random.default_rng(0)
    truth = n_bytes.sum() / tokens.sum()
    opened = right = lost = 0
    for _ in range(resamples):
        order = chance.permutation(len(n_bytes))
        sample = sampled(n_bytes, tokens, order, 0)
        while sample.relative > precision:
            sample = sampled(n_bytes, tokens, order, len(sample.bytes))
        found = sample.bytes_per_token()
        if found.exact:
            assert math.isclose(found.value, truth, rel_tol=1e-12)
            continue
        opened += 1
        right += found.low <= truth <= found.high
        lost += abs(math.log(found.value / truth)) > 3 * sample.relative
    return opened, right, lost


@pytest.mark.parametrize("kind", ["even", "log-normal", "heavy"])
@pytest.mark.parametrize("precision", [0.01, 0.005])
def test_the_interval_holds_the_ratio_of_generated_sources(kind: str, precision: float) -> None:
    opened, right, lost = held(*source(kind, 20_000), precision, 400)
    assert opened == 400
    assert right / opened >= 0.92
    assert lost == 0


def part(n_bytes: Floats, tokens: Floats, more: int) -> Sample:
    """A sample of a source that has so many more documents of the same kind."""
    return Sample(n_bytes, tokens, len(n_bytes) + more, float(n_bytes.mean()) * (len(n_bytes) + more))


sample_lists = st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), min_size=2, max_size=30)


@given(sample_lists, st.integers(0, 50), st.integers(1, 1000))
def test_order_and_unit_of_tokens_do_not_matter(rows: list[tuple[int, int]], more: int, unit: int) -> None:
    n_bytes, tokens = np.array(rows, np.float64).T
    one = part(n_bytes, tokens, more)
    other = part(n_bytes[::-1], tokens[::-1] * unit, more)
    assert other.bytes_per_token().value * unit == pytest.approx(one.bytes_per_token().value)
    assert other.relative == pytest.approx(one.relative, abs=1e-9)


@given(sample_lists, st.integers(1, 50))
def test_an_interval_holds_its_value_and_only_a_whole_source_is_exact(rows: list[tuple[int, int]], more: int) -> None:
    n_bytes, tokens = np.array(rows, np.float64).T
    some, whole = part(n_bytes, tokens, more).bytes_per_token(), part(n_bytes, tokens, 0).bytes_per_token()
    assert 0 < some.low <= some.value <= some.high
    assert (some.exact, whole.exact, whole.half_width) == (False, True, 0)


def test_a_small_sample_is_as_worked_out_by_hand() -> None:
    # q = 6/30; d = (1-2)/(2/3), (2-2)/(2/3), (3-2)/(2/3); v = (1-3/6) 3/2 (2*2.25)/900 = 0.00375
    sample = Sample(np.array([10.0, 10.0, 10.0]), np.array([1.0, 2.0, 3.0]), 6, 60.0)
    assert sample.tokens_per_byte == pytest.approx(0.2)
    relative = 4.302653 * math.sqrt(0.00375) / 0.2  # t, two degrees of freedom
    assert sample.relative == pytest.approx(relative)
    beside = Sample(sample.bytes, sample.tokens, 6, 60.0, (40.0, 8.0))  # 8 of the 20 tokens are known
    assert beside.total == pytest.approx(20.0)
    assert beside.relative == pytest.approx(relative * 12 / 20)
    assert beside.bytes_per_token().value == pytest.approx(5.0)


def test_a_document_is_certain_above_a_400th_of_the_source() -> None:
    assert certain(np.array([1] * 399 + [1])).sum() == 0
    assert list(np.flatnonzero(certain(np.array([1] * 1000 + [4, 2])))) == [1000]
    assert certain(np.array([5, 1, 3])).all()


def test_steps_begin_at_the_least_grow_by_half_and_end_with_all() -> None:
    steps = [0]
    while steps[-1] < 2_000:
        steps.append(larger(steps[-1], 2_000))
    assert steps == [0, 400, 600, 900, 1350, 2000]
    assert larger(0, LEAST) == LEAST
    assert larger(0, 3) == 3
    assert larger(int(ALMOST * 1000), 1000) == 1000


def test_below_a_thousand_documents_the_quantile_is_wider() -> None:
    n_bytes, tokens = source("even", FEW)
    assert part(n_bytes[: FEW - 1], tokens[: FEW - 1], 10**6).quantile == 2.1
    assert part(n_bytes, tokens, 10**6).quantile == 2.05
    assert part(n_bytes[:3], tokens[:3], 10**6).quantile == pytest.approx(4.3027, abs=1e-4)


def test_texts_without_tokens_have_no_ratio() -> None:
    assert part(np.ones(5), np.zeros(5), 4).bytes_per_token().value == 0


@pytest.mark.parametrize("relative", [0.0, 0.01, 3.0, math.inf])
def test_no_interval_reaches_zero_or_infinity(relative: float) -> None:
    found = around(4.0, relative)
    assert 0 < found.low <= 4.0 <= found.high < math.inf


def every_draw(size: Floats, groups: int) -> list[tuple[float, list[int], Clusters]]:
    """All ways in which one cluster of each group may come out, with their probabilities."""
    made = []
    orders = list(permutations(range(len(size))))
    for order in orders:
        dealt = [list(order[at::groups]) for at in range(groups)]
        whole = np.array([size[own].sum() for own in dealt])
        members = np.array([len(own) for own in dealt], np.float64)
        for picked in product(*dealt):
            odds = float(np.prod(size[list(picked)] / whole)) / len(orders)
            made.append((odds, list(picked), Clusters(size[list(picked)], whole, members)))
    return made


@pytest.mark.parametrize("groups", [2, 3])
def test_a_total_and_its_variance_are_unbiased_over_every_possible_draw(groups: int) -> None:
    size, found = np.array([1.0, 2.0, 3.0, 5.0, 9.0]), np.array([4.0, 7.0, 11.0, 24.0, 30.0])
    draws = every_draw(size, groups)
    totals = [(odds, drawn.total(found[picked])) for odds, picked, drawn in draws]
    mean = sum(odds * total.value for odds, total in totals)
    spread = sum(odds * (total.value - mean) ** 2 for odds, total in totals)
    widths = [math.log(total.high / total.value) * total.value / student(groups - 1) for _, total in totals]
    assert mean == pytest.approx(found.sum())
    assert sum(odds * width**2 for (odds, _), width in zip(totals, widths, strict=True)) == pytest.approx(spread)


def test_clusters_of_one_ratio_have_no_error_in_it() -> None:
    drawn = Clusters(np.array([1.0, 4.0]), np.array([3.0, 9.0]), np.array([2.0, 3.0]))
    found = drawn.ratio(np.array([8.0, 20.0]), np.array([2.0, 5.0]))
    assert (found.value, found.low, found.high, found.exact) == (4.0, 4.0, 4.0, False)


def test_one_cluster_tells_nothing_of_its_error() -> None:
    one = Clusters(np.array([1.0]), np.array([3.0]), np.array([2.0]))
    assert one.ratio(np.array([8.0]), np.array([2.0])).half_width > 1e6


@pytest.mark.parametrize(("clusters", "groups"), [(12, 4), (48, 12), (300, 40)])
def test_the_interval_between_clusters_holds_the_ratio(clusters: int, groups: int) -> None:
    chance = np.random.default_rng(5)
    size = chance.lognormal(0, 1, clusters)
    n_bytes = size * chance.normal(3, 0.3, clusters)
    tokens = n_bytes / 4 * np.exp(chance.normal(0, 0.05, clusters))
    truth, right = n_bytes.sum() / tokens.sum(), 0
    for _ in range(RESAMPLES):
        order = chance.permutation(clusters)
        dealt = [order[at::groups] for at in range(groups)]
        picked = [int(chance.choice(own, p=size[own] / size[own].sum())) for own in dealt]
        drawn = Clusters(
            size[picked],
            np.array([size[own].sum() for own in dealt]),
            np.array([len(own) for own in dealt], np.float64),
        )
        found = drawn.ratio(n_bytes[picked], tokens[picked])
        right += found.low <= truth <= found.high
    assert right / RESAMPLES >= 0.92
