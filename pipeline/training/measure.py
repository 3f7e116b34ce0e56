"""Figures of a classifier from its scores: areas under curves, calibration, and what a keep would keep."""

from __future__ import annotations

import numpy as np

from prep.filters.calibration import Numbers, Scale, chance

STEPS = 60  # of Newton's method, of at most 1 each; it is done after about 20
FEWEST = 20  # held-out documents of a side, below which nothing is calibrated


def fitted(good: Numbers, rest: Numbers) -> Scale:
    """The scale under which scores of held-out documents are chances, both sides weighing the same (Platt 1999).

    Targets are Platt's, short of 0 and 1, so that sides that are told apart entirely have a scale too. No scale where
    a side has fewer than `FEWEST` documents or the reference does not score higher.
    """
    if min(len(good), len(rest)) < FEWEST:
        return Scale()
    x = np.concatenate([good, rest])
    target = np.repeat([(len(good) + 1) / (len(good) + 2), 1 / (len(rest) + 2)], [len(good), len(rest)])
    weight = np.repeat([0.5 / len(good), 0.5 / len(rest)], [len(good), len(rest)])
    middle, spread = float(x.mean()), float(x.std()) or 1.0
    design = np.stack([(x - middle) / spread, np.ones_like(x)])
    found = np.zeros(2)
    for _ in range(STEPS):
        p = chance(found @ design)
        curve = (design * (weight * np.maximum(p * (1 - p), 1e-9))) @ design.T + 1e-9 * np.eye(2)
        found = found - np.clip(np.linalg.solve(curve, design @ (weight * (p - target))), -1, 1)
    slope = float(found[0]) / spread
    # Six digits: libms do not agree on more, and the card is the same bytes with each.
    return Scale(round(slope, 6), round(float(found[1]) - slope * middle, 6)) if slope > 0 else Scale()


def auc(good: Numbers, rest: Numbers) -> float | None:
    """The chance that reference text scores above the rest, ties half (Mann-Whitney by mean ranks)."""
    if not len(good) or not len(rest):
        return None
    _, place, counts = np.unique(np.concatenate([good, rest]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[: len(good)].sum() - len(good) * (len(good) + 1) / 2) / (len(good) * len(rest)))


def average_precision(good: Numbers, rest: Numbers) -> float | None:
    """The mean precision at each reference document's score, both sides weighing the same."""
    if not len(good) or not len(rest):
        return None
    cuts = np.sort(good)[::-1]
    recalled = (len(good) - np.searchsorted(np.sort(good), cuts, side="left")) / len(good)
    passed = (len(rest) - np.searchsorted(np.sort(rest), cuts, side="left")) / len(rest)
    return float((recalled / (recalled + passed)).mean())


def reliability(good: Numbers, rest: Numbers, bins: int = 10) -> list[tuple[float, float, int]]:
    """By bins of score: mean score, share of reference text at even odds, documents. Empty bins are left out."""
    scores = np.concatenate([good, rest])
    weight = np.repeat([1 / max(1, len(good)), 1 / max(1, len(rest))], [len(good), len(rest)])
    place = np.minimum((scores * bins).astype(np.int64), bins - 1)
    is_good = np.arange(len(scores)) < len(good)
    found = []
    for each in np.unique(place):
        here = place == each
        total = weight[here].sum()
        share = float(weight[here & is_good].sum() / total)
        found.append((float((scores * weight)[here].sum() / total), share, int(here.sum())))
    return found
