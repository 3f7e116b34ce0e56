"""The whole chain, in the order in which a document travels."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from prep.filters import quality
from prep.manifests.shards import ROWS
from prep.pipeline import (
    count,
    dedup,
    export,
    intake,
    language,
    mix,
    profiles,
    rules,
    score,
    size,
    train,
    verdict,
)
from prep.pipeline.judge import Columned, Thin
from prep.pipeline.query import Limits
from prep.pipeline.settings import Run, Tokenizer
from prep.pipeline.sizing.excluding import Excluded
from prep.pipeline.sources.listing import Listing
from prep.pipeline.spread import Spread
from prep.pipeline.stage import Job, Result
from prep.pipeline.tokenizers import hub, open_tokenizer
from prep.pipeline.tokenizers.counter import Specials
from prep.pipeline.tokenizers.files import find
from prep.pipeline.training import card

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
    """What the chain does with jobs: make their results, or only look whether they are there."""

    def __call__(self, jobs: Mapping[str, Job]) -> dict[str, Result]:
        """The results of jobs that can be made in one pass.

        A name is the stage's, with a dot and what it is for where there are several.
        """


def walk(run: Run, listings: Mapping[str, Listing], machine: Machine, until: str, loop: Loop) -> dict[str, Result]:
    """Go through the chain up to a stage; the results by name. `listings` are what the sources' paths hold now."""
    return onward(run, loop({"ingest": intake.job(run, listings, machine.limits)}), machine, until, loop)


def onward(run: Run, begun: Mapping[str, Result], machine: Machine, until: str, loop: Loop) -> dict[str, Result]:
    """The chain from the documents on, which need no look at the sources."""
    results = dict(begun)

    def step(name: str, job: Job) -> Result:
        results.update(loop({name: job}))
        return results[name]

    wanted = STAGES[: STAGES.index(until) + 1]
    limits, ingested = machine.limits, results["ingest"]
    if "count" in wanted:
        results.update(loop(count.jobs(run.tokenizers, ingested)))
    models = {}
    if "train" in wanted:
        models = _models(run, ingested, step)
    if "score" in wanted and (scoring := _scores(run, models, ingested)):
        results.update(loop(scoring))
    if "dedup" in wanted and run.dedup.exact:
        step("dedup", dedup.job(dedup.Dedup(), ingested, limits))
    if "mix" in wanted:
        columned = columns(run, results)
        with Thin(run, limits) as thin:
            mixed = step("mix", mix.job(run, columned, thin))
            if "size" in wanted:
                step("size", size.job(run, columned, mixed, thin))
        if "export" in wanted:
            step("export", export.job(run, columned, results, limits))
    return results


def pinned(run: Run) -> Run:
    """The run with tokenizers of the hub at their commit, so that every worker fetches the one that was looked at.

    Errors: BadTokenizer.
    """
    found = {
        name: given.model_copy(update={"path": find(given.path).path})
        for name, given in run.tokenizers.items()
        if hub.named(given.path) and not Path(given.path).exists()
    }
    return run.model_copy(update={"tokenizers": run.tokenizers | found}) if found else run


def opened(run: Run, until: str, spread: Spread) -> None:
    """Open every tokenizer and named model in a worker, and word lists: a wrong one is told before hours of ingest.

    Errors: BadTokenizer, BadModel, BadSettings.
    """
    wanted = STAGES[: STAGES.index(until) + 1]
    if "count" in wanted:
        list(spread(_open_tokenizer, run.tokenizers.values()))
    if "size" in wanted:
        Excluded.of(run)
    if "score" in wanted and run.quality is not None:
        list(spread(_open_model, run.quality.model.items()))
    if "score" in wanted and run.rules is not None:
        rules.stage(run.rules)
    if run.identify is not None and run.identify.model is not None:
        list(spread(_open_identifier, [run.identify.model]))


def _open_tokenizer(tokenizer: Tokenizer) -> None:
    open_tokenizer(tokenizer.path, tokenizer.pattern, Specials(tokenizer.specials))


def _open_model(named: tuple[str, str]) -> None:
    language, path = named
    digest = quality.digest_of(path)
    card.found(path, digest, language)
    quality.load(path, digest, language)


def _open_identifier(path: str) -> None:
    language.By.model(path).identifier(path)


def _models(run: Run, ingested: Result, step: Callable[[str, Job], Result]) -> dict[str, score.Model]:
    """The quality model of each language: named in the run file, or trained."""
    if run.quality is None:
        return {}
    if run.quality.model:
        return {name: train.named(path, name, ingested) for name, path in run.quality.model.items()}
    return {
        language: train.trained(made, title, language)
        for title, languages in train.models(run, ingested).items()
        for made in [step(f"train.{title}", train.job(run, title, languages, ingested))]
        for language in languages
    }


def _scores(run: Run, models: Mapping[str, score.Model], ingested: Result) -> dict[str, Job]:
    """What is written about each document's text, in one reading."""
    jobs = {score.NAME: score.job(models, ingested)} if models else {}
    if run.rules is not None:
        jobs[rules.NAME] = rules.job(run.rules, ingested)
    if run.identify is not None:
        jobs[language.NAME] = language.job(run.identify.model, ingested)
    return jobs


def columns(run: Run, results: Mapping[str, Result]) -> Columned:
    """What documents are judged by."""
    tokenizer = run.budgeted
    scores = {name: result for name, result in results.items() if name.startswith("score.")}
    every = [rule for profile in profiles.of(run.rules).values() for rule in profile.rules]
    counts = tuple(verdict.counted(every))
    return Columned(results["ingest"], results[f"count.{tokenizer}"], scores, results.get("dedup"), tokenizer, counts)
