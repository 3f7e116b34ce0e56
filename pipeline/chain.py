"""The whole chain, in the order in which a document travels."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from prep.errors import BadSettings
from prep.filters import quality
from prep.manifests import files, store
from prep.manifests.record import Recipe, canonical
from prep.manifests.shards import ROWS
from prep.pipeline import count, dedup, export, intake, mix, score, size, train
from prep.pipeline.judge import Columned
from prep.pipeline.query import Limits
from prep.pipeline.run import finished
from prep.pipeline.settings import Run
from prep.pipeline.stage import Job, Result

STAGES = ("ingest", "count", "train", "score", "dedup", "mix", "size", "export")


@dataclass(frozen=True)
class Machine:
    """What concerns the machine, and changes no byte: a flag each, never in the run file."""

    workers: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    memory: int = 1_000_000_000  # bytes, for questions over thin columns
    scratch: str | None = None
    space_check: bool = True
    batch_rows: int = ROWS

    @property
    def limits(self) -> Limits:
        """What questions may take."""
        return Limits(self.memory, self.workers, self.scratch)


class Loop(Protocol):
    """What the chain does with each job: make its result, or only look whether it is there."""

    def __call__(self, name: str, job: Job) -> Result:
        """The result of a job; `name` is the stage's, with a dot and what it is for where there are several."""


def walk(run: Run, machine: Machine, until: str, loop: Loop) -> dict[str, Result]:
    """Go through the chain up to a stage; the results by name."""
    results: dict[str, Result] = {}

    def step(name: str, job: Job) -> Result:
        results[name] = loop(name, job)
        return results[name]

    wanted = STAGES[: STAGES.index(until) + 1]
    limits = machine.limits
    ingested = step("ingest", intake.job(run, Path.cwd(), limits))
    if "count" in wanted:
        for name, tokenizer in run.tokenizers.items():
            step(f"count.{name}", count.job(name, tokenizer, ingested))
    models = {}
    if "train" in wanted:
        models = _models(run, ingested, step)
    if "score" in wanted and models:
        step("score", score.job(models, ingested))
    if "dedup" in wanted and run.dedup.exact:
        step("dedup", dedup.job(dedup.Dedup(), ingested, limits))
    if "mix" in wanted:
        columned = columns(run, results)
        mixed = step("mix", mix.job(run, columned, limits))
        if "size" in wanted:
            step("size", size.job(run, columned, mixed, limits))
        if "export" in wanted:
            step("export", export.job(run, columned, results, limits))
    return results


def _models(run: Run, ingested: Result, step: Loop) -> dict[str, score.Model]:
    """The quality model of each language: named in the run file, or trained."""
    if run.quality is None:
        return {}
    if run.quality.model:
        return {name: score.Model(quality.digest_of(path), path) for name, path in run.quality.model.items()}
    return {
        language: train.trained(step(f"train.{language}", train.job(run, language, ingested)), language)
        for language in train.languages(run, ingested)
    }


def columns(run: Run, results: Mapping[str, Result]) -> Columned:
    """What documents are judged by."""
    tokenizer = budgeted(run)
    return Columned(
        results["ingest"], results[f"count.{tokenizer}"], results.get("score"), results.get("dedup"), tokenizer
    )


def budgeted(run: Run) -> str:
    """The name of the tokenizer whose tokens are the budget's."""
    name = run.budget.in_ or next(iter(run.tokenizers), None)
    if name not in run.tokenizers:
        raise BadSettings(f"budget.in: {name!r} is no tokenizer of the run file")
    return str(name)


class Missing(Exception):
    """A result is not there yet, so what follows cannot be named."""


@dataclass
class Preview:
    """Looks ahead without making anything: what is there, what is not, and why."""

    out: str
    lines: list[tuple[str, str, str]] = field(default_factory=list)  # name, reuse or new, why

    @property
    def reused(self) -> set[str]:
        """Names of the stages that are there."""
        return {name for name, state, _ in self.lines if state == "reuse"}

    def __call__(self, name: str, job: Job) -> Result:
        """The finished result of a job; Missing where there is none."""
        done = finished(self.out, job)
        if done is not None:
            self.lines.append((name, "reuse", job.recipe.folder))
            return done
        self.lines.append((name, "new", why(self.out, name, job.recipe)))
        raise Missing(name)


def preview(run: Run, machine: Machine, until: str) -> Preview:
    """What a run would reuse, and the first thing that it would make."""
    look = Preview(run.out)
    with suppress(Missing):
        walk(run, machine, until, look)
    return look


def why(out: str, name: str, recipe: Recipe) -> str:
    """What differs between a recipe and that of the last run."""
    folder = store.current(out).get(name)
    if folder is None or not files.exists(files.join(out, folder)):
        return "first time"
    each = (store.recipe(files.join(out, folder)), recipe)
    before, after = (dict(_leaves(json.loads(canonical(asdict(one))))) for one in each)
    changes = [
        f"{key}: {before.get(key, 'none')} → {after.get(key, 'none')}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    inputs = sorted(
        {change.split(":")[0].removeprefix("inputs.") for change in changes if change.startswith("inputs.")}
    )
    settings = [change.removeprefix("settings.") for change in changes if not change.startswith("inputs.")]
    shown = settings[:3] + ([f"and {len(settings) - 3} more"] if len(settings) > 3 else [])
    return "; ".join(shown) or f"{' and '.join(inputs)} changed" if changes else "was not finished"


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{path}.{key}" if path else str(key))]
    return [(path, value)]
