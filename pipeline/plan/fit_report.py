"""What `prep fit` says: lines for people, JSON for programs."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from prep.pipeline.numbers import format_count
from prep.pipeline.plan.fit import LEVEL, NAMES, Fit, Interval, Result
from prep.pipeline.plan.lawfile import coefficients
from prep.pipeline.plan.laws import Chinchilla

SCHEMA = "prep-fit/1"


def power(number: float) -> str:
    """5.70e21, as the papers write it."""
    return f"{number:.2e}".replace("e+", "e")


def formula(result: Result) -> str:
    """The law as one would write it down."""
    law = result.own.law
    if isinstance(law.surface, Chinchilla):
        found = law.surface
        return f"L = {found.E:.4f} + {found.A:.1f}/N^{found.alpha:.4f} + {found.B:.1f}/D^{found.beta:.4f}"
    return f"N = {law.k:.4g}·C^{law.a:.4f}, D = C/({law.per:.4g}·N)"


def lines(found: Fit) -> list[str]:
    """The answer first, then all approaches side by side, then doubts."""
    best = found.best
    answer = (
        f"At {power(found.flops)} FLOPs these runs ask for {format_count(best.params.value)} parameters on"
        f" {format_count(best.tokens.value)} tokens, {_short(best.ratio)} a parameter."
    )
    head = f"{'approach':<13} {'a (N ~ C^a)':<20} {'b (D ~ C^b)':<20} {'N':>7} {'D':>7}  {'D/N':<20} runs"
    rows = [_row(result) for result in sorted(found.results, key=lambda each: each.own.approach)]
    laws = [f"{_name(result.own.approach):<13} {formula(result)}; {_misfit(result)}" for result in found.results]
    doubts = [f"{_name(each.own.approach)}: warning: {text}" for each in found.results for text in each.warnings]
    missing = [f"{_name(approach)}: not fitted: {why}" for approach, why in found.refused.items()]
    notes = [f"warning: {note}" for note in found.warnings]
    brackets = (
        f"In brackets: {LEVEL:.0%} intervals from {found.ask.resamples} bootstrap resamples, seed {found.ask.seed}."
    )
    tail = ["", *notes, *doubts, *missing] if notes or doubts or missing else []
    return [answer, "", head, *rows, "", *laws, brackets, *tail]


def _row(result: Result) -> str:
    return (
        f"{_name(result.own.approach):<13} {_exponent(result.a):<20} {_exponent(result.b):<20}"
        f" {format_count(result.params.value):>7} {format_count(result.tokens.value):>7}  {_short(result.ratio):<20}"
        f" {len(result.estimate.runs)}"
    ).rstrip()


def _name(approach: int) -> str:
    return f"{approach} {NAMES[approach]}"


def _exponent(found: Interval) -> str:
    return f"{found.value:.3f}" + ("" if math.isnan(found.low) else f" ({found.low:.3f}–{found.high:.3f})")


def _short(found: Interval) -> str:
    return f"{found.value:.3g}" + ("" if math.isnan(found.low) else f" ({found.low:.3g}–{found.high:.3g})")


def _misfit(result: Result) -> str:
    figures = result.estimate.figures
    if "residual_rms_ln_loss" in figures:
        return f"losses off by {100 * figures['residual_rms_ln_loss']:.2f}% (rms)"
    return f"sizes off the line by {100 * figures['residual_rms_ln_params']:.1f}% (rms)"


def as_json(found: Fit) -> dict[str, Any]:
    """Everything, by stable names with units; docs/fitting.md has them one by one."""
    runs = found.runs
    return {
        "schema": SCHEMA,
        "file": runs.path,
        "rows": len(runs),
        "where": runs.where,
        "rows_left_out_by_where": runs.left_out,
        "columns": runs.read_as,
        "at_flops": found.flops,
        "interval_level": LEVEL,
        "resamples": found.ask.resamples,
        "seed": found.ask.seed,
        "preferred_approach": found.best.own.approach,
        "approaches": [_json(result) for result in found.results],
        "not_fitted": [{"approach": approach, "reason": why} for approach, why in found.refused.items()],
        "warnings": list(found.warnings),
    }


def _json(result: Result) -> dict[str, Any]:
    law, estimate = result.own.law, result.estimate
    return {
        "approach": result.own.approach,
        "name": NAMES[result.own.approach],
        "coefficients": coefficients(law),
        "flops_per_parameter_token": law.per,
        "exponent_params": _ends(result.a),
        "exponent_tokens": _ends(result.b),
        "params": _ends(result.params),
        "tokens": _ends(result.tokens),
        "tokens_per_parameter": _ends(result.ratio),
        "loss_nats": law.loss(result.params.value, result.tokens.value),
        "fitted": asdict(law.fitted),
        "runs": len(estimate.runs),
        "figures": {name: at if math.isfinite(at) else None for name, at in estimate.figures.items()},
        "frontier": [{"flops": each.flops, "params": each.params, "loss_nats": each.loss} for each in estimate.points],
        "warnings": list(result.warnings),
    }


def _ends(found: Interval) -> dict[str, float | None]:
    ends = None if math.isnan(found.low) else found
    return {"value": found.value, "low": ends and ends.low, "high": ends and ends.high}
