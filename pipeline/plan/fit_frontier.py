"""Approaches 1 and 2 alike end in points of the frontier, best N for a C, and a straight line through their logs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from prep.errors import BadSource
from prep.pipeline.plan.fit_runs import Array, Runs


class TooFew(BadSource):
    """The runs cannot carry a fit by this approach."""


class Point(NamedTuple):
    """The best model size found for a compute; `weight` in the line through all."""

    flops: float
    params: float
    loss: float
    weight: float = 1.0


@dataclass(frozen=True)
class Estimate:
    """What one approach found: the coefficients of its form, of every bootstrap sample, and how far to trust them."""

    approach: int
    coefficients: tuple[float, ...]
    per: float
    samples: Array
    points: tuple[Point, ...]
    runs: Runs  # those that the fit used
    residuals: Array  # ln(predicted) - ln(measured) of the losses of those runs (approach 1: of N at the points)
    figures: dict[str, float]
    warnings: tuple[str, ...]


def per_token(runs: Runs) -> tuple[float, tuple[str, ...]]:
    """FLOPs per parameter and token as the table counts them, and a warning where rows count differently."""
    ratios = runs.flops / (runs.params * runs.tokens)
    low, middle, high = map(float, np.percentile(ratios, [10, 50, 90]))
    if high < low * (1 + 1e-6):
        return float(f"{middle:.9g}"), ()
    if high < 1.2 * low:
        return middle, ()
    note = f"FLOPs per parameter and token run from {low:.3g} to {high:.3g} (6 is usual); D is given by their median"
    return middle, (note,)


def line(points: list[Point]) -> tuple[float, float]:
    """(k, a) of N = k·C^a through the points, by least squares in logs."""
    flops, params, _, weights = (np.array(column) for column in zip(*points, strict=True))
    slope, level = np.polyfit(np.log(flops), np.log(params), 1, w=np.sqrt(weights))
    return math.exp(level), float(slope)


def off_line(points: list[Point], k: float, a: float) -> Array:
    """How far each point's ln N lies from the line."""
    return np.array([math.log(k) + a * math.log(point.flops) - math.log(point.params) for point in points])
