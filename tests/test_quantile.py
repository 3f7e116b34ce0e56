"""The reference quantile: a monotone table over stored scores that says which share of the reference scores lower."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import BadModel
from prep.filters.quantile import POINTS, points, points_of, quantile_table, reference_quantile

STORED = st.integers(0, 65535)


@given(st.lists(STORED, min_size=1, max_size=200), st.lists(STORED, max_size=20))
def test_a_quantile_is_the_share_that_scores_lower(reference: list[int], asked: list[int]) -> None:
    table = quantile_table(points(np.array(reference, np.uint16)))
    found = reference_quantile(np.array(asked, np.uint16), table)
    for score, share in zip(asked, found.tolist(), strict=True):
        exact = 65535 * sum(each < score for each in reference) / len(reference)
        assert abs(share - exact) <= 0.5 + 1e-6  # the nearest step; halves may go either way


@given(st.lists(STORED, min_size=1, max_size=50))
def test_the_table_never_falls_and_begins_at_nothing(reference: list[int]) -> None:
    table = quantile_table(reference).astype(int)
    assert table.shape == (65536,)
    assert table[0] == 0
    assert (np.diff(table) >= 0).all()


def test_a_large_reference_is_thinned_and_stays_within_a_step() -> None:
    reference = np.random.default_rng(1).integers(0, 65536, 30_000).astype(np.uint16)
    kept = points(reference)
    assert len(kept) == POINTS
    assert kept == sorted(kept)
    exact = np.searchsorted(np.sort(reference), np.arange(65536), side="left") / len(reference)
    assert np.abs(quantile_table(kept) / 65535 - exact).max() < 1.5 / POINTS


def test_no_reference_is_an_error() -> None:
    with pytest.raises(BadModel, match="needs held-out reference documents"):
        quantile_table([])


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=3 * POINTS))
def test_points_are_of_the_documents_in_order_and_counts_say_the_same(scores: list[int]) -> None:
    ordered, found = sorted(scores), points(np.array(scores, np.uint16))
    if len(scores) <= POINTS:
        assert found == ordered
    assert found == [ordered[int((each + 0.5) * len(ordered) / len(found))] for each in range(len(found))]
    assert found == points_of(np.bincount(scores, minlength=65536))
