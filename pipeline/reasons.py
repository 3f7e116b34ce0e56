"""Why a document is left out of the corpus, and the terms on which documents are judged.

A reason is a bit; a document may have several. The ledger books the first in the order of `Reason`, then of the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from prep.pipeline.mixing.tree import group_of, grouped
from prep.pipeline.settings import Keep, Run

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
Place = tuple[str, str, str]  # source, language, kind: a cell


@dataclass(frozen=True)
class Terms:
    """What documents are judged by, as plain data: this much of the run file is in the recipes of `mix` and `size`."""

    languages: tuple[str, ...]  # that have a share, and groups of the mix that have one
    grouped: dict[str, str]  # the group of the mix that takes a source or kind out of its language
    filtered: tuple[str, ...]  # kinds that are judged by score
    keep: dict[str, dict[str, float | None]]  # by language
    exempt: tuple[str, ...]  # sources that are kept whole
    first: tuple[str, ...]  # kinds whose copy of a duplicate survives
    priority: dict[str, int]  # of a source, among duplicates
    seed: int
    validation: dict[str, Any]  # what is held out; empty for nothing
    choose: str  # the documents of a cell by `draw`, or the best first by `quality`

    @classmethod
    def of(cls, run: Run, languages: Sequence[str]) -> Terms:
        """The terms of a run file."""
        quality = run.quality
        return cls(
            languages=tuple(languages),
            grouped=grouped(run.mix),
            filtered=tuple(quality.filter) if quality else (),
            keep={name: keep.model_dump() for name, keep in sorted(quality.keep.items())} if quality else {},
            exempt=tuple(sorted(name for name, source in run.sources.items() if source.exempt)),
            first=tuple(quality.train.reference) if quality and quality.train else (),
            priority={name: source.priority for name, source in sorted(run.sources.items()) if source.priority},
            seed=run.seed,
            validation=run.validation.model_dump() if run.validation else {},
            choose=run.budget.choose,
        )

    def asks(self, cell: Place) -> bool:
        """Whether the mix takes text of a cell."""
        return group_of(self.grouped, cell) in self.languages

    def judged_by(self, cell: Place) -> Keep | None:
        """How the documents of a cell are kept by score; None: all are."""
        source, language, kind = cell
        if source in self.exempt or kind not in self.filtered or language not in self.keep:
            return None
        return Keep(**self.keep[language])

    def rank(self, cell: Place) -> tuple[int, int]:
        """Which cell's copy of a duplicate survives: the lowest."""
        source, _, kind = cell
        return (0 if source in self.exempt or kind in self.first else 1, -self.priority.get(source, 0))
