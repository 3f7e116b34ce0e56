"""What the commands do. `cli.py` reads arguments and calls one of these; heavy imports begin here."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from prep.errors import BadSettings
from prep.manifests import files, store
from prep.manifests.record import readable
from prep.manifests.store import LOG
from prep.pipeline import card, chain, intake, lastrun, report, selected, space
from prep.pipeline.chain import Machine
from prep.pipeline.light import needs_pandas, spare_pandas
from prep.pipeline.numbers import format_bytes
from prep.pipeline.preview import Preview, preview
from prep.pipeline.progress import Screen, console
from prep.pipeline.run import finished, perform
from prep.pipeline.safe import safe
from prep.pipeline.settings import Run
from prep.pipeline.spread import Spread, workers
from prep.pipeline.stage import Job, Result
from prep.pipeline.training import report as training


@dataclass
class Making:
    """Makes each result of the chain, or finds it made, and keeps note of what it took."""

    run: Run
    machine: Machine
    spread: Spread
    screen: Screen

    def __call__(self, jobs: Mapping[str, Job]) -> dict[str, Result]:
        """The results of jobs, made in one pass."""
        there = {name: finished(self.run.out, job) for name, job in jobs.items()}
        missing = {name: job for name, job in jobs.items() if there[name] is None}
        made: dict[str, Result] = {}
        if missing:
            began = time.monotonic()
            with self.screen.stage(_called(missing)) as stage:
                new = perform(list(missing.values()), self.run.out, self.spread, stage.begin, self.machine.batch_rows)
            made = dict(zip(missing, new, strict=True))
            for result in new:
                self._log(result, time.monotonic() - began)
        return {name: made.get(name) or done for name, done in there.items()}  # type: ignore[misc]

    def _log(self, result: Result, seconds: float) -> None:
        log = {
            "seconds": round(seconds, 3),
            "workers": self.machine.workers,
            "bytes_written": sum(shard.bytes for shard in result.manifest.shards),
            "versions": {name: version(name) for name in ("prep-corpus", "pyarrow", "numpy", "duckdb")}
            | {"python": platform.python_version()},
        }
        files.write(files.join(result.folder, LOG), readable(log))


def _called(jobs: Mapping[str, Job]) -> str:
    """What the screen calls jobs that are made together."""
    return next(iter(jobs)) if len(jobs) == 1 else next(iter(jobs.values())).recipe.stage


def run(settings: Run, machine: Machine, until: str) -> dict[str, Result]:
    """Run the chain up to a stage, and keep note of what the last run made."""
    screen, given, settings = console(), settings, chain.pinned(settings)
    if not files.is_local(settings.out):
        raise BadSettings(f"out: {settings.out}: results are written to local folders only, so far")
    if machine.scratch is not None:
        with files.told(machine.scratch):
            Path(machine.scratch).mkdir(parents=True, exist_ok=True)
    with files.lock(settings.out):
        files.sweep(settings.out)
        listings = intake.listed(settings, Path.cwd())
        look = preview(settings, listings, machine, until)
        announce(screen, look)
        if machine.space_check and "export" not in look.reused:
            space.must_fit(settings, {} if "ingest" in look.reused else listings)
        with ExitStack() as stack:
            spread = stack.enter_context(workers(machine.workers, None if needs_pandas(settings) else spare_pandas))
            if "ingest" not in look.reused:
                chain.opened(settings, until, spread)
            making = Making(settings, machine, spread, stack.enter_context(Screen(screen)))
            results = chain.walk(settings, listings, machine, until, making)
            if until == "train":
                training.leave(settings, results, spread)
        if "export" in results:
            card.write(settings, results)
        prefix = settings.out.rstrip("/") + "/"
        current = {name: result.folder.removeprefix(prefix) for name, result in results.items()}
        lastrun.remember(given)
        # A run up to an earlier stage leaves the last corpus named, so that `clean` keeps it.
        before = store.current(settings.out)
        if "export" in results:  # tokenizers stand beside the chain: those that were trained here are named on
            beside = {name for name in before if name.partition(".")[0] not in chain.STAGES}
            before = {name: before[name] for name in beside if files.exists(files.join(settings.out, before[name]))}
        store.write_current(settings.out, before | current)
    return results


def dry_run(settings: Run, machine: Machine, until: str) -> None:
    """Say what a run would do, and what it needs of the disk; make nothing."""
    screen, settings = console(error=False), chain.pinned(settings)
    listings = intake.listed(settings, Path.cwd())
    look = preview(settings, listings, machine, until)
    announce(screen, look)
    if "export" not in look.reused:
        most = space.needed(settings, {} if "ingest" in look.reused else listings)
        free = files.free_bytes(settings.out)
        screen.print(f"disk: about {format_bytes(most)} needed{f', {format_bytes(free)} free' if free else ''}")
        where = machine.scratch or "the folder of the export"
        screen.print(
            f"of that about {format_bytes(space.scratch(settings))} for a while, in {where}, to put it in order"
        )


def forecast(settings: Run, machine: Machine, plain: bool) -> None:
    """Show what the mix would come to; make nothing.

    Errors: BadInput, where nothing is counted yet; Short, after the table, where the mix cannot be made.
    """
    from prep.pipeline import forecast as forecasting
    from prep.pipeline.mixing import answer, screen

    found = forecasting.forecast(settings, machine)
    if plain:
        console(error=False).print_json(dump(answer.as_json(found)))
    else:
        screen.show(found, console(error=False))
    forecasting.missing(found)


def announce(screen: Console, look: Preview) -> None:
    """Say what is reused, what is new, and why, before anything is made."""
    for name, state, reason in look.lines:
        screen.print(f"{name:<16} {state:<6} {reason}", highlight=False, soft_wrap=True, markup=False)
    if look.lines and look.lines[-1][1] == "new":
        screen.print(
            "what comes after follows from that; it adopts the shards it shares with earlier results", style="dim"
        )


def tables(results: dict[str, Result]) -> None:
    """What a run ends with."""
    screen = console(error=False)
    screen.print(report.intake(results))
    if any(name.startswith("count.") for name in results):
        screen.print(report.tokens(results))
        for line in report.engines(results):
            screen.print(line, highlight=False, markup=False, soft_wrap=True, style="dim")
    for told in training.tables(results):
        screen.print(told, highlight=False, markup=False, soft_wrap=isinstance(told, str))
    _print(screen, selected.languages(results))
    if "size" in results:
        _print(screen, selected.keeps(results))
        _print(screen, selected.rules(results))
        screen.print(report.left_out(results))
        screen.print(report.corpus(results, screen.width))
        _print(screen, report.phases(results))
        for remark in (*report.remarks(results), *selected.remarks(results)):
            screen.print(f"! {safe(remark)}", highlight=False, markup=False, soft_wrap=True)
    if "export" in results:
        screen.print(f"corpus: {results['export'].folder}", highlight=False, soft_wrap=True)


def _print(screen: Console, table: Table | None) -> None:
    if table is not None:
        screen.print(table)


def as_json(results: dict[str, Result]) -> dict[str, Any]:
    """The same figures for programs."""
    return {name: {"folder": result.folder, **result.manifest.ledger} for name, result in results.items()}


def dump(value: object) -> str:
    """JSON for a terminal or a pipe."""
    return json.dumps(value, indent=1, ensure_ascii=False)
