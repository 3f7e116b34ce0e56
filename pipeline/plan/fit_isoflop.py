"""Approach 2: at every budget a parabola of loss over ln N, whose foot is the best size (Hoffmann et al. 2022, 3.2)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from prep.pipeline.numbers import format_share
from prep.pipeline.plan.fit_frontier import Estimate, Point, TooFew, line, off_line, per_token
from prep.pipeline.plan.fit_runs import Array, Runs

FEWEST = 3  # sizes a budget: a parabola has three unknowns
FEW = 4  # budgets under which one is warned
LOPSIDED = 3.0  # one arm so many times the other in ln N
WIDE = 50.0  # largest over smallest size of a budget
# Parabolas on wide or lopsided grids put the foot at the wrong size (arXiv:2603.22339).


class Budget(NamedTuple):
    """The runs of about one compute."""

    flops: float
    runs: Runs


class Bowl(NamedTuple):
    """A parabola through one budget: loss = a·(ln N)² + b·ln N + c, with N over the budget's mean size."""

    budget: Budget
    terms: Array
    centre: float

    @property
    def foot(self) -> float:
        """Parameters at the lowest point."""
        return math.exp(self.centre - self.terms[1] / (2 * self.terms[0]))

    @property
    def refusal(self) -> str | None:
        """Why the foot is no optimum, or None."""
        if self.terms[0] <= 0:
            return "bends down"
        sizes = self.budget.runs.params
        if not sizes.min() < self.foot < sizes.max():
            side = "largest" if self.foot >= sizes.max() else "smallest"
            return f"falls all the way to its {side} model, {sizes.max() if side == 'largest' else sizes.min():.3g}"
        return None

    def loss(self, params: Array) -> Array:
        """Loss on the parabola."""
        return np.asarray(np.polyval(self.terms, np.log(params) - self.centre))

    @property
    def point(self) -> Point:
        """The foot as a point of the frontier."""
        return Point(self.budget.flops, self.foot, float(self.loss(np.array([self.foot]))[0]))


def budgets(runs: Runs, tolerance: float) -> list[Budget]:
    """Runs grouped by compute: a group ends where a run lies more than `tolerance` above the group's first."""
    order = np.argsort(runs.flops, kind="stable")
    groups: list[list[int]] = []
    for row in order:
        if not groups or runs.flops[row] > runs.flops[groups[-1][0]] * (1 + tolerance):
            groups.append([])
        groups[-1].append(int(row))
    # by size: 6·N·D in floats differs in the last bit, and the draws of the bootstrap must not hang on that
    parts = [runs.take(np.array(sorted(group, key=lambda row: runs.params[row]))) for group in groups]
    return [Budget(float(np.exp(np.log(part.flops).mean())), part) for part in parts]


def bowl(budget: Budget, weight: Array | None = None) -> Bowl | None:
    """The parabola of a budget, or None where fewer than three sizes stand."""
    logs = np.log(budget.runs.params)
    counted = np.ones(len(logs)) if weight is None else weight
    if len(np.unique(budget.runs.params[counted > 0])) < FEWEST:
        return None
    centre = float(logs.mean())
    return Bowl(budget, np.polyfit(logs - centre, budget.runs.loss, 2, w=np.sqrt(counted)), centre)


def fit(runs: Runs, tolerance: float, resamples: int, seed: int) -> Estimate:
    """N = k·C^a through the feet of all parabolas that have one; the bootstrap draws runs within each budget."""
    finals = runs.finals()
    per, warnings = per_token(finals)
    found = budgets(finals, tolerance)
    bowls = [each for budget in found if (each := bowl(budget)) is not None]
    good = [each for each in bowls if each.refusal is None]
    warnings += tuple(
        f"left out: the parabola at {each.budget.flops:.3g} FLOPs {each.refusal}" for each in bowls if each.refusal
    )
    if len(good) < 2:
        raise TooFew(_why(found, bowls, warnings))
    used = sum(len(each.budget.runs) for each in good)
    points = [each.point for each in good]
    k, a = line(points)
    residuals = np.concatenate([np.log(each.loss(each.budget.runs.params) / each.budget.runs.loss) for each in good])
    samples = _bootstrap(good, resamples, seed)
    figures = {
        "budgets": len(good),
        "runs_left_out_share": 1 - used / len(finals),
        "residual_rms_ln_loss": float(np.sqrt(np.mean(residuals**2))),
        "residual_rms_ln_params": float(np.sqrt(np.mean(off_line(points, k, a) ** 2))),
    }
    warnings += _doubts(good, 1 - used / len(finals))
    rows = np.concatenate([each.budget.runs.line for each in good])
    kept = finals.take(np.array([int(np.flatnonzero(finals.line == row)[0]) for row in rows]))
    return Estimate(2, (k, a), per, samples, tuple(points), kept, residuals, figures, warnings)


def _why(found: list[Budget], bowls: list[Bowl], warnings: tuple[str, ...]) -> str:
    told = "".join(f"; {warning}" for warning in warnings)
    return (
        f"{len(found)} compute budgets, {len(bowls)} of them with {FEWEST} sizes or more; at least two must have a"
        f" parabola with its foot between its smallest and largest model (4 or more are better){told}"
    )


def _doubts(good: list[Bowl], left_out: float) -> tuple[str, ...]:
    told = []
    if len(good) < FEW:
        told.append(f"only {len(good)} budgets: an exponent from so few is a guess; {FEW} or more are better")
    if left_out > 0.2:
        told.append(f"{format_share(left_out)} of the runs lie in no usable budget")
    for each in good:
        sizes, at = each.budget.runs.params, f"the parabola at {each.budget.flops:.3g} FLOPs"
        arms = math.log(sizes.max() / each.foot), math.log(each.foot / sizes.min())
        if max(arms) > LOPSIDED * min(arms):
            told.append(f"{at} is one-sided: sizes reach {_times(arms[0])} above and {_times(arms[1])} below its foot")
        elif sizes.max() > WIDE * sizes.min():
            told.append(f"{at} is wide ({sizes.max() / sizes.min():.0f}x in size); a parabola fits only near its foot")
    return tuple(told)


def _times(logs: float) -> str:
    return f"{math.exp(logs):.2g}x"


def _bootstrap(good: list[Bowl], resamples: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    samples = []
    for _ in range(resamples):
        points = []
        for each in good:
            count = len(each.budget.runs)
            again = bowl(each.budget, rng.multinomial(count, np.full(count, 1 / count)).astype(float))
            if again is not None and again.refusal is None:
                points.append(again.point)
        if len(points) > 1:
            samples.append(line(points))
    return np.array(samples).reshape(-1, 2)
