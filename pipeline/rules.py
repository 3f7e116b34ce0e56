"""Count in every document what rules are about: words, lines, n-grams, sentences. No threshold is known here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prep.filters.rules import lists
from prep.filters.rules.figures import COUNTS, PREFIX, VERSION, needed
from prep.filters.rules.profile import Profile
from prep.manifests.record import Recipe
from prep.pipeline import profiles
from prep.pipeline.settings import Rules as Settings
from prep.pipeline.stage import (
    MACHINE,
    Job,
    Result,
    Task,
    balanced,
    cell_books,
    described,
    languages_of,
    over_documents,
)

NAME = "score.rules"  # of the result, beside others that are made in the same reading
COLUMNS = tuple(PREFIX + name for name in COUNTS)


@dataclass(frozen=True)
class Rules:
    """Writes a column for each count; null in languages that are not named, and where a language has no such thing."""

    name: ClassVar[str] = "score"
    version: ClassVar[int] = 1

    languages: Mapping[str, Mapping[str, str]]  # digests of their word lists, by name
    compressed: tuple[str, ...] = ()  # languages in which a rule asks how well text compresses: it takes its time
    counting: str = VERSION
    lists: Mapping[str, lists.Lists] = field(default_factory=dict, metadata=MACHINE)

    def schema(self) -> pa.Schema:
        """A column for each count."""
        return pa.schema([(name, pa.uint32()) for name in COLUMNS])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The counts of each text."""
        for batch in batches:
            yield self._counted(batch)

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Documents and bytes by cell."""
        return cell_books(written, beside)

    def _counted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        from prep.filters.rules import counting  # numba, a second of imports: where it is used

        into = {name: np.zeros(batch.num_rows, np.uint32) for name in COUNTS}
        known = {name: np.zeros(batch.num_rows, bool) for name in COUNTS}
        for language in self.languages:
            here = pc.equal(batch["language"], language)
            rows = np.flatnonzero(here.to_numpy(zero_copy_only=False))
            if len(rows):
                how = counting.How(language, self.lists[language], language in self.compressed)
                for name, counts in counting.figures(batch["text"].filter(here), how).items():
                    into[name][rows], known[name][rows] = counts, True
        return pa.record_batch([pa.array(into[name], mask=~known[name]) for name in COUNTS], schema=self.schema())


def job(settings: Settings, ingested: Result) -> Job:
    """Count in the documents of every language that has rules; a shard hangs on its own languages only."""
    whole = stage(settings)

    def tasks() -> list[Task]:
        plain = over_documents(whole, ingested, ("text", "language"))
        return [
            Task(narrowed(whole, spoken), task.unit) for task, spoken in zip(plain, languages_of(ingested), strict=True)
        ]

    recipe = Recipe(Rules.name, Rules.version, described(whole), {"ingest": ingested.manifest.digest})
    return Job(
        recipe, lambda *_: tasks(), balanced(Rules.name, ingested.manifest.ledger["cells"]), {"ingest": ingested}
    )


def stage(settings: Settings) -> Rules:
    """The stage for some rules; thresholds do not matter to it.

    Errors: BadSettings.
    """
    told = profiles.of(settings)
    found = {
        name: lists.load(name, {str(key): path for key, path in settings.words.get(name, {}).items()})
        for name in sorted(told)
    }
    return Rules(
        {name: each.digests for name, each in found.items()},
        tuple(name for name, profile in sorted(told.items()) if _asks(profile, "compressed_bytes")),
        lists=found,
    )


def narrowed(whole: Rules, spoken: set[str]) -> Rules:
    """The stage for a shard in which only some languages stand."""
    names = [name for name in whole.languages if name in spoken]
    return Rules(
        {name: whole.languages[name] for name in names},
        tuple(name for name in whole.compressed if name in spoken),
        lists={name: whole.lists[name] for name in names},
    )


def _asks(profile: Profile, count: str) -> bool:
    return any(count in needed(rule.figure) for rule in profile.rules)
