"""Why a document is left out of the corpus, and the terms on which documents are judged.

A reason is a bit; a document may have several. The ledger books the first in the order of `Reason`, then of the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from prep.filters.rules.profile import Rule
from prep.filters.tongues import CODE, OTHER
from prep.pipeline import profiles
from prep.pipeline.keeping.kept import Kept
from prep.pipeline.mixing.tree import group_of, grouped
from prep.pipeline.settings import Run

FIRST_RULE = 8  # the bit of the first single rule; those below are `Reason`


class Reason(IntFlag):
    """Why a document is left out, in the order in which the books take them."""

    NOT_IN_MIX = 1  # its language, or group of the mix, has no share
    EXCLUDED = 2  # a list of the run file names it
    LANGUAGE = 4  # it is found to be in another language than its source says
    RULES = 8  # it fails a rule; the bits from `FIRST_RULE` up say which
    QUALITY = 16  # its score fell to the keep of its language
    DUPLICATE = 32  # another document of its group stands for it
    VALIDATION = 64  # it is held out for validation
    BUDGET = 128  # it may be in, but its cell is full


ELIGIBLE = 0
REST = "rest"  # of what is given by name: all that no name is of
Place = tuple[str, str, str]  # source, language, kind: a cell


@dataclass(frozen=True)
class Terms:
    """What documents are judged by, as plain data: this much of the run file is in the recipes of `mix` and `size`."""

    languages: tuple[str, ...]  # that have a share, and groups of the mix that have one
    grouped: dict[str, str]  # the group of the mix that takes a source or kind out of its language
    filtered: tuple[str, ...]  # kinds that are judged by score
    keep: dict[str, dict[str, Any]]  # by language or source, as asked
    exempt: tuple[str, ...]  # sources that are kept whole
    first: tuple[str, ...]  # kinds whose copy of a duplicate survives
    priority: dict[str, int]  # of a source, among duplicates
    seed: int
    validation: dict[str, Any]  # what is held out; empty for nothing
    choose: str  # the documents of a cell by `draw`, or the best first by `quality`
    rules: dict[str, tuple[Rule, ...]]  # by language, in the order of their bits
    ruled: tuple[str, ...]  # kinds that are held against them
    spoken: dict[str, float]  # by source, language or `rest`: how much of a document must be in the declared language
    kept: tuple[Kept, ...] = ()  # keeps with their numbers, which `mix` finds and `size` obeys

    @classmethod
    def of(cls, run: Run, languages: Sequence[str]) -> Terms:
        """The terms of a run file."""
        quality, rules = run.quality, run.rules
        return cls(
            languages=tuple(languages),
            grouped=grouped(run.mix),
            filtered=tuple(quality.filter) if quality else (),
            keep={name: keep.model_dump(mode="json") for name, keep in sorted(quality.keep.items())} if quality else {},
            exempt=tuple(sorted(name for name, source in run.sources.items() if source.exempt)),
            first=tuple(quality.train.reference) if quality and quality.train else (),
            priority={name: source.priority for name, source in sorted(run.sources.items()) if source.priority},
            seed=run.seed,
            validation=_held_out(run),
            choose=run.budget.choose,
            rules={name: profile.rules for name, profile in sorted(profiles.of(rules).items())},
            ruled=tuple(rules.filter) if rules else (),
            spoken=run.identify.least if run.identify else {},
        )

    def asks(self, cell: Place) -> bool:
        """Whether the mix takes text of a cell."""
        return group_of(self.grouped, cell) in self.languages

    def kept_by(self, cell: Place) -> str | None:
        """The source or language whose keep by score holds for a cell; None: it is kept whole."""
        source, language, kind = cell
        if source in self.exempt:
            return None
        return source if source in self.keep else language if kind in self.filtered else None

    def ruled_by(self, cell: Place) -> tuple[Rule, ...]:
        """The rules that documents of a cell are held against."""
        source, language, kind = cell
        return () if source in self.exempt or kind not in self.ruled else self.rules.get(language, ())

    def spoken_in(self, cell: Place) -> float | None:
        """How much of a document must be found in the language that it is declared to be in; None: any is well."""
        source, language, _ = cell
        if source in self.exempt or language in (CODE, OTHER):
            return None
        return next((self.spoken[name] for name in (source, language, REST) if name in self.spoken), None)

    def rank(self, cell: Place) -> tuple[int, int]:
        """Which cell's copy of a duplicate survives: the lowest."""
        source, _, kind = cell
        return (0 if source in self.exempt or kind in self.first else 1, -self.priority.get(source, 0))


def _held_out(run: Run) -> dict[str, Any]:
    """What is held out; a number of tokens is of what the trainer sees, with what it adds to each document."""
    if run.validation is None:
        return {}
    ends = {"eod": run.budget.eod} if run.budget.eod and run.validation.tokens else {}
    return {**run.validation.model_dump(), **ends}
