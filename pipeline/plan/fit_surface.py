"""Approach 3 as an estimate: the fit, its bootstrap, and whether the runs can carry five unknowns at all."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from prep.pipeline.numbers import format_count
from prep.pipeline.plan import fit_parametric as surface
from prep.pipeline.plan.fit_frontier import Estimate, TooFew
from prep.pipeline.plan.fit_runs import Array, Runs
from prep.pipeline.plan.laws import FLOPS_PER_PARAMETER_TOKEN

LEAST = 6  # runs: one more than there are unknowns
FEW = 15  # runs under which one is warned: three for each unknown
SIZES = 3  # different params, and different tokens, under which an exponent and a floor cannot be told apart
SPAN = 1.5  # largest over smallest compute under which it is one budget
ILL = 100.0  # condition number; the Gadre sets have 29 to 37, two budgets a factor of two apart 108
WIDE = 3.0  # largest over smallest A or B at an objective within 0.5%; the Gadre sets have up to 1.6
VARY = "vary params at fixed tokens and tokens at fixed params"
FAR = 6.0  # robust standard deviations at which a run is named as an outlier


def fit(runs: Runs, resamples: int, seed: int) -> Estimate:
    """E, A, B, alpha, beta from the last row of every curve."""
    finals = runs.finals()
    _enough(finals)
    data = surface.centred(finals)
    theta, value = surface.fit(data)
    best = surface.coefficients(theta, data)
    if not (best[3] > 0 and best[4] > 0):
        worse = "params" if best[3] <= 0 else "tokens"
        raise TooFew(f"alpha {best[3]:.3g}, beta {best[4]:.3g}: loss does not fall with {worse} here; {VARY}")
    drawn = [surface.coefficients(each, data) for each in surface.bootstrap(theta, data, resamples, seed)]
    samples = np.array([each for each in drawn if min(each[3:]) > 0 and max(each) < math.inf]).reshape(-1, 5)
    residuals, _ = surface.shares(theta, data)
    figures = {
        "objective": value * surface.DELTA**2,
        "residual_rms_ln_loss": float(np.sqrt(np.mean(residuals**2))),
        "condition_number": surface.condition(theta, data),
    }
    noisy = value > 1e-3 * len(finals)
    ranges = surface.valley(theta, data) if noisy else {"A": (best[1], best[1]), "B": (best[2], best[2])}
    for name, (least, most) in ranges.items():
        figures |= {f"{name}_least_within_half_percent": least, f"{name}_most_within_half_percent": most}
    warnings = (
        *_doubts(finals, best, figures["condition_number"], ranges),
        *_odd(finals, residuals),
        *([f"{resamples - len(samples)} of {resamples} resamples gave no law"] if len(samples) < resamples else []),
    )
    return Estimate(3, best, FLOPS_PER_PARAMETER_TOKEN, samples, (), finals, residuals, figures, warnings)


def _enough(runs: Runs) -> None:
    if len(runs) < LEAST:
        raise TooFew(f"{len(runs)} finished runs; five unknowns take at least {LEAST}, and {FEW} or more to be of use")
    for name, values in (("params", runs.params), ("tokens", runs.tokens)):
        if len(np.unique(values)) < SIZES:
            found = ", ".join(map(format_count, np.unique(values)))
            raise TooFew(f"{name} has only the values {found}; its exponent takes at least {SIZES}, widely apart")
    flops = runs.params * runs.tokens * FLOPS_PER_PARAMETER_TOKEN
    if flops.max() < SPAN * flops.min():
        raise TooFew(f"one compute budget, {np.median(flops):.3g} FLOPs; a law takes several, widely apart")


def _doubts(
    runs: Runs, best: tuple[float, ...], condition: float, ranges: dict[str, tuple[float, float]]
) -> tuple[str, ...]:
    told = []
    if len(runs) < FEW:
        told.append(f"only {len(runs)} runs for five unknowns; {FEW} or more are better")
    if condition > ILL:
        told.append(f"the runs hardly tell the terms apart (condition number {condition:.0f}, above {ILL:.0f}); {VARY}")
    for name, (least, most) in ranges.items():
        if most > WIDE * least:
            told.append(f"flat valley: {name} from {least:.3g} to {most:.3g} fits within 0.5%; do not trust it alone")
    if best[0] < 0.01 * runs.loss.min():
        told.append(f"no floor: E is {best[0]:.3g}; the runs end too early to show one")
    below = runs.line[runs.loss < best[0]]
    if len(below):
        told.append(f"losses below the fitted floor E = {best[0]:.4g} in lines {_lines(below)}; look at these runs")
    return tuple(told)


def _odd(runs: Runs, residuals: Array) -> tuple[str, ...]:
    scale = 1.4826 * float(np.median(np.abs(residuals - np.median(residuals))))
    far = np.abs(residuals) > max(FAR * scale, 0.01)
    if not far.any():
        return ()
    worst = float(np.abs(residuals[far]).max())
    return (
        f"off the law by up to {100 * worst:.1f}%: lines {_lines(runs.line[far])}; look whether these runs went well",
    )


def _lines(lines: NDArray[np.int64]) -> str:
    return ", ".join(str(int(line)) for line in lines[:5]) + (f" and {len(lines) - 5} more" if len(lines) > 5 else "")
