"""Approach 1: which size holds the lowest loss at every compute, over training curves (Hoffmann et al. 2022, 3.1)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from prep.pipeline.plan.fit_frontier import Estimate, Point, TooFew, line, off_line, per_token
from prep.pipeline.plan.fit_runs import Array, Runs

VALUES = 1500  # of compute at which curves are compared, evenly in the log (Hoffmann et al. 2022, section 3.1)
FEWEST = 3  # points of the frontier under which there is no line to speak of
FEW = 5  # points under which one is warned


class Curves(NamedTuple):
    """ln loss of every curve (rows) at every compute (columns), infinite where a curve does not reach."""

    flops: Array
    sizes: Array
    loss: Array


def curves(runs: Runs) -> Curves:
    """All curves of two rows or more, laid over one another."""
    grid = np.linspace(np.log(runs.flops.min()), np.log(runs.flops.max()), VALUES)
    sizes, losses = [], []
    for curve in np.unique(runs.curve):
        each = runs.take(runs.curve == curve)
        if len(np.unique(each.params)) > 1:
            first, last = each.line.min(), each.line.max()
            raise TooFew(
                f"a curve must be of one size: that of lines {first} to {last} has {len(np.unique(each.params))}"
            )
        at, rows = np.unique(each.flops, return_index=True)
        if len(at) > 1:
            # monotone pieces: a straight line between sparse checkpoints lies above the curve
            within = PchipInterpolator(np.log(at), np.log(each.loss[rows]), extrapolate=False)(grid)
            sizes.append(float(each.params[0]))
            losses.append(np.where(np.isnan(within), np.inf, within))
    if len(set(sizes)) < FEWEST:
        raise TooFew(f"{len(set(sizes))} model sizes with a curve of two rows or more; an envelope takes {FEWEST + 2}")
    return Curves(np.exp(grid), np.array(sizes), np.array(losses))


def frontier(found: Curves) -> list[Point]:
    """A point for every size that takes over from a smaller and gives way to a larger one, at the middle of its reign.

    One point a size, not one a compute: steps of a stair, each with its full width, have another slope than the stair.
    A size whose reign is cut short by the end of a curve, its own or its rival's, is left out: nobody knows its middle.
    """
    sizes, which = np.unique(found.sizes, return_inverse=True)
    losses = np.full((len(sizes), len(found.flops)), np.inf)
    np.minimum.at(losses, which, found.loss)
    reigns = losses.argmin(axis=0)
    points = []
    for size in range(1, len(sizes) - 1):
        held = np.flatnonzero((reigns == size) & np.isfinite(losses[size]))
        if len(held) and _whole(losses, reigns, size, held):
            at = float(np.exp(np.log(found.flops[held]).mean()))
            loss = float(np.exp(np.interp(np.log(at), np.log(found.flops[held]), losses[size, held])))
            points.append(Point(at, float(sizes[size]), loss, float(len(held))))
    return points


def _whole(losses: Array, reigns: NDArray[np.int64], size: int, held: NDArray[np.int64]) -> bool:
    first, last = int(held[0]), int(held[-1])
    if first == 0 or last == len(reigns) - 1:
        return False
    before, after = int(reigns[first - 1]), int(reigns[last + 1])
    meet = losses[[size, before, size, after], [first - 1, first, last + 1, last]]
    return reigns[:first].min() < size < reigns[last + 1 :].max() and bool(np.isfinite(meet).all())


def fit(runs: Runs, resamples: int, seed: int) -> Estimate:
    """N = k·C^a by the envelope; the bootstrap draws whole curves."""
    per, warnings = per_token(runs)
    found = curves(runs)
    points = frontier(found)
    if len(points) < FEWEST:
        held = f"{len(points)} of {len(np.unique(found.sizes))} sizes"
        why = f"{held} are best at some compute that smaller and larger ones reach too; a line takes {FEWEST}"
        raise TooFew(f"{why}: train more sizes, each over a wider span of tokens")
    k, a = line(points)
    if len(points) < FEW:
        warnings += (f"only {len(points)} sizes hold the frontier; an exponent from so few is a guess",)
    samples = _bootstrap(found, resamples, seed)
    if len(samples) < resamples // 2:
        warnings += (f"{resamples - len(samples)} of {resamples} resamples left no line; the interval is too narrow",)
    figures = {
        "curves": len(found.sizes),
        "sizes": len(np.unique(found.sizes)),
        "frontier_points": len(points),
        "residual_rms_ln_params": float(np.sqrt(np.mean(off_line(points, k, a) ** 2))),
    }
    return Estimate(1, (k, a), per, samples, tuple(points), runs, off_line(points, k, a), figures, warnings)


def _bootstrap(found: Curves, resamples: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    samples = []
    for _ in range(resamples):
        drawn = np.unique(rng.integers(len(found.sizes), size=len(found.sizes)))
        points = frontier(Curves(found.flops, found.sizes[drawn], found.loss[drawn]))
        if len(points) >= FEWEST:
            samples.append(line(points))
    return np.array(samples).reshape(-1, 2)
