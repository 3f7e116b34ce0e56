"""`prep fit`: its flags into one fit, one text, and the files that are asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass

from prep.errors import BadSettings
from prep.pipeline.numbers import parse_count, parse_share

# Before numpy is there. Matrices of five rows gain nothing from a second thread, which spins while it waits: on a busy
# machine of two cores the same fit took 12.5 s of CPU with threads and 2.4 s without.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from prep.pipeline.plan import fit, fit_plot, fit_report, fit_runs, lawfile


@dataclass(frozen=True)
class Flags:
    """The flags as they were typed."""

    params: str | None = None
    tokens: str | None = None
    loss: str | None = None
    flops: str | None = None
    curve: str | None = None
    where: tuple[str, ...] = ()
    approach: str = "all"
    at: str | None = None
    tolerance: str = "10%"
    resamples: int = 200
    seed: int = 0
    all_points: bool = False
    plot: str | None = None
    write: str | None = None
    as_json: bool = False


def run(path: str, flags: Flags) -> str:
    """Fit, write the picture and the law where they are asked for, and say what was found."""
    ask = _ask(flags)
    columns = fit_runs.Columns(flags.params, flags.tokens, flags.loss, flags.flops, flags.curve, flags.where)
    if flags.plot:
        fit_plot.kind(flags.plot)  # before the work, not after
    found = fit.fit(fit_runs.read(path, columns), ask)
    if flags.plot:
        fit_plot.save(found, flags.plot)
    if flags.write:
        lawfile.write(found.best.own, flags.write)
    if flags.as_json:
        return json.dumps(fit_report.as_json(found), indent=1, allow_nan=False)
    left = [f"law of approach {found.best.own.approach} in {flags.write}"] if flags.write else []
    left += [f"picture in {flags.plot}"] if flags.plot else []
    return "\n".join([*fit_report.lines(found), *([""] if left else []), *left])


def _ask(flags: Flags) -> fit.Ask:
    at = None if flags.at is None else float(_parsed("--at", flags.at, parse_count))
    tolerance = _parsed("--tolerance", flags.tolerance, parse_share)
    approach = None if flags.approach == "all" else int(flags.approach)
    return fit.Ask(approach, at, flags.resamples, flags.seed, tolerance, flags.all_points)


def _parsed(flag: str, text: str, parse: Callable[[object], float]) -> float:
    try:
        return parse(text)
    except ValueError as error:
        raise BadSettings(f"{flag}: {error}") from error
