"""A scaling law from one's own runs, by the three approaches of Hoffmann et al. 2022, with bootstrap intervals.

from prep.pipeline.plan import fit, fit_runs, lawfile
runs = fit_runs.read("runs.csv", fit_runs.Columns(where=("dataset=c4",)))
found = fit.fit(runs, fit.Ask(at=1e22))
found.best.ratio                            # tokens per parameter at 10^22 FLOPs, with its 80% interval
lawfile.write(found.best.own, "law.json")   # for `prep plan --law law.json`
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from prep.errors import BadSettings
from prep.pipeline.plan import fit_envelope, fit_isoflop, fit_surface
from prep.pipeline.plan.fit_frontier import Estimate, TooFew
from prep.pipeline.plan.fit_runs import Runs
from prep.pipeline.plan.lawfile import Own, law_of
from prep.pipeline.plan.laws import About, Fitted, Law

LEVEL = 0.8  # of all intervals, as in Hoffmann et al. 2022, table 2
NAMES = {1: "envelope", 2: "isoFLOP", 3: "parametric"}
PREFERRED = (3, 2, 1)  # the parametric form uses every run and has a loss; parabolas are biased (arXiv:2603.22339)
FAR = 100.0  # times the largest run at which an answer is called an extrapolation
LOOSE = 0.2  # width of the interval of `a` above which the data are said not to fix it


class Interval(NamedTuple):
    """A value and its 80% bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Ask:
    """How to fit; `approach` None fits all that the runs carry, `at` None answers for the largest run's compute."""

    approach: int | None = None
    at: float | None = None
    resamples: int = 200
    seed: int = 0
    tolerance: float = 0.1  # runs within so much compute of one another are one budget of approach 2
    all_points: bool = False  # checkpoints are runs too, for training at a constant learning rate


@dataclass(frozen=True)
class Result:
    """One approach's law, its exponents, and its optimum at the asked compute."""

    own: Own
    estimate: Estimate
    a: Interval
    b: Interval
    params: Interval
    tokens: Interval
    ratio: Interval
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Fit:
    """What all approaches found, and why those that are missing found nothing."""

    runs: Runs
    ask: Ask
    flops: float
    results: tuple[Result, ...]
    refused: dict[int, str]

    @property
    def best(self) -> Result:
        """The approach to trust first: 3, then 2, then 1."""
        return min(self.results, key=lambda result: PREFERRED.index(result.own.approach))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the table as a whole, and where the approaches contradict each other."""
        best = self.best
        return self.runs.notes + tuple(
            f"approaches {other.own.approach} and {best.own.approach} disagree beyond their intervals:"
            f" {other.ratio.value:.3g} and {best.ratio.value:.3g} tokens a parameter; trust neither far out"
            for other in self.results
            if other.ratio.high < best.ratio.low or best.ratio.high < other.ratio.low
        )


def fit(runs: Runs, ask: Ask | None = None) -> Fit:
    """Fit by every approach the runs can carry, or by the one that is asked.

    Errors: BadSource where none can be fitted, with the reason of each; BadSettings for a flag.
    """
    ask = ask or Ask()
    _check(ask)
    flops = ask.at or float(runs.flops.max())
    results, refused = [], {}
    for approach, estimate in _approaches(runs, ask).items():
        try:
            results.append(_result(estimate(), runs, ask, flops))
        except TooFew as reason:
            refused[approach] = str(reason)
    if not results:
        reasons = "".join(f"\n  approach {approach} ({NAMES[approach]}): {why}" for approach, why in refused.items())
        raise TooFew(f"{runs.path}: {len(runs)} rows cannot carry a law:{reasons}")
    return Fit(runs, ask, flops, tuple(results), refused)


def _check(ask: Ask) -> None:
    if ask.approach is not None and ask.approach not in NAMES:
        raise BadSettings(f"--approach {ask.approach}: choose 1, 2, 3 or all")
    if ask.at is not None and not 0 < ask.at < math.inf:
        raise BadSettings(f"--at {ask.at}: give FLOPs above zero, such as 1e21")
    if not 0 < ask.tolerance < 1:
        raise BadSettings(f"--tolerance {ask.tolerance}: give a share above 0 and below 1, such as 10%")


def _approaches(runs: Runs, ask: Ask) -> dict[int, Callable[[], Estimate]]:
    ends = runs
    if ask.all_points:
        ends = replace(runs, read_as={what: name for what, name in runs.read_as.items() if what != "curve"})
    ways: dict[int, Callable[[], Estimate]] = {
        1: lambda: fit_envelope.fit(runs, ask.resamples, ask.seed),
        2: lambda: fit_isoflop.fit(ends, ask.tolerance, ask.resamples, ask.seed),
        3: lambda: fit_surface.fit(ends, ask.resamples, ask.seed),
    }
    return ways if ask.approach is None else {ask.approach: ways[ask.approach]}


def _result(found: Estimate, runs: Runs, ask: Ask, flops: float) -> Result:
    about = _about(found, runs)
    law = law_of(about, found.coefficients, found.per)
    if not 0 < law.a < 1:
        raise TooFew(f"the best size grows as C^{law.a:.3g}, which no law does; the runs lie too close together")
    samples = tuple(tuple(map(float, sample)) for sample in found.samples)
    own = Own(law, found.approach, ask.seed, samples)
    drawn = [each for each in own.resampled() if 0 < each.a < 1]
    own = replace(own, samples=tuple(s for s, each in zip(samples, own.resampled(), strict=True) if 0 < each.a < 1))
    best = law.optimum(flops)
    optima = [each.optimum(flops) for each in drawn]
    a = _interval(law.a, [each.a for each in drawn])
    return Result(
        own=own,
        estimate=found,
        a=a,
        b=_interval(1 - law.a, [1 - each.a for each in drawn]),
        params=_interval(best.params, [each.params for each in optima]),
        tokens=_interval(best.tokens, [each.tokens for each in optima]),
        ratio=_interval(best.tokens / best.params, [each.tokens / each.params for each in optima]),
        warnings=found.warnings + _doubts(found, law, a, flops),
    )


def _about(found: Estimate, runs: Runs) -> About:
    used = found.runs
    params, tokens, flops = ((float(each.min()), float(each.max())) for each in (used.params, used.tokens, used.flops))
    file = Path(runs.path)
    chosen = "".join(f", {condition}" for condition in runs.where)
    title = f"{file.name}{chosen}, approach {found.approach}"
    loss = runs.read_as.get("loss", "loss")
    return About(
        file.stem,
        title,
        f"prep fit of {loss} in {file.name}{chosen}",
        Fitted(params, tokens, flops, f"{len(used)} runs"),
    )


def _doubts(found: Estimate, law: Law, a: Interval, flops: float) -> tuple[str, ...]:
    told = []
    if a.high - a.low > LOOSE:
        told.append(f"the exponent a lies anywhere from {a.low:.2f} to {a.high:.2f}; more runs, more widely apart")
    largest = float(found.runs.flops.max())
    if flops > FAR * largest:
        told.append(f"{flops:.3g} FLOPs is {flops / largest:,.0f} times the largest run: an extrapolation")
    params, tokens = law.optimum(flops)
    ratios = found.runs.tokens / found.runs.params
    if not ratios.min() <= tokens / params <= ratios.max():
        reach = f"{ratios.min():.3g} to {ratios.max():.3g}"
        told.append(f"{tokens / params:.3g} tokens a parameter lies outside those of the runs, {reach}")
    return tuple(told)


def _interval(value: float, values: list[float]) -> Interval:
    if not values:
        return Interval(value, math.nan, math.nan)
    low, high = np.percentile(values, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Interval(value, float(low), float(high))
