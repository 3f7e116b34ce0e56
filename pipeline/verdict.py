"""What speaks against each document of a batch, from its columns alone: never from its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.filters.rules.figures import PREFIX, needed
from prep.filters.rules.profile import Profile, Rule, failed
from prep.filters.tongues import CODE
from prep.pipeline import draw, language
from prep.pipeline.keeping.kept import Border
from prep.pipeline.reasons import ELIGIBLE, FIRST_RULE, Place, Reason, Terms
from prep.pipeline.score import QUALITY

Bits = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Verdict:
    """Tells the reasons against the documents of a batch; `cells` are all there are, in order.

    `borders` say by number of a cell which scores are kept at which draws.
    """

    cells: Sequence[Place]
    terms: Terms
    borders: Mapping[int, Border]

    def __call__(self, batch: pa.RecordBatch, cell: npt.NDArray[Any]) -> Bits:
        """The bits of each row; `cell` is the number of its cell."""
        return self._mix(cell) | self._language(batch, cell) | self._rules(batch, cell) | self._quality(batch, cell)

    def _mix(self, cell: npt.NDArray[Any]) -> Bits:
        asked = np.array([self.terms.asks(cell) for cell in self.cells], dtype=bool)
        return np.where(asked[cell], ELIGIBLE, Reason.NOT_IN_MIX).astype(np.uint64)

    def _language(self, batch: pa.RecordBatch, cell: npt.NDArray[Any]) -> Bits:
        """Against documents that are plainly in another language, or in too little of the declared one."""
        reasons = np.zeros(batch.num_rows, np.uint64)
        if language.LANGUAGE not in batch.schema.names:
            return reasons
        shares = {name: _in(batch, name) for name in {place[1] for place in self.cells}}
        told = np.asarray(batch[language.RELIABLE]) & np.asarray(batch[language.LANGUAGE].is_valid())
        for number, place in enumerate(self.cells):
            least = self.terms.spoken_in(place)
            if least is not None:
                here = told & (cell == number) & (shares[place[1]] < np.ceil(least * language.SCALE))
                reasons[here] = Reason.LANGUAGE
        return reasons

    def _rules(self, batch: pa.RecordBatch, cell: npt.NDArray[Any]) -> Bits:
        """By each rule that a document fails its own bit, and that of all rules."""
        reasons = np.zeros(batch.num_rows, np.uint64)
        for spoken, rules in self.terms.rules.items():
            numbers = [n for n, place in enumerate(self.cells) if place[1] == spoken and self.terms.ruled_by(place)]
            here = np.isin(cell, numbers)
            if not here.any():
                continue
            part = batch.filter(pa.array(here))
            counts = {name: part[PREFIX + name].to_numpy(zero_copy_only=False) for name in counted(rules)}
            bits = failed(counts, Profile(rules)) << np.uint64(FIRST_RULE)
            reasons[here] = np.where(bits, bits | np.uint64(Reason.RULES), bits)
        return reasons

    def _quality(self, batch: pa.RecordBatch, cell: npt.NDArray[Any]) -> Bits:
        reasons = np.zeros(batch.num_rows, np.uint64)
        if QUALITY not in batch.schema.names:
            return reasons
        scores = np.asarray(pc.fill_null(batch[QUALITY], 0))
        scored = np.asarray(batch[QUALITY].is_valid())
        drawn = draw.draw(np.asarray(batch["draw_key"]), self.terms.seed, draw.QUALITY)
        for number, border in self.borders.items():
            here = scored & (cell == number)
            reasons[here] = np.where(border.keeps(scores[here], drawn[here]), ELIGIBLE, Reason.QUALITY)
        return reasons


def counted(rules: Sequence[Rule]) -> list[str]:
    """The counts that rules look at."""
    return sorted({name for rule in rules for name in needed(rule.figure)})


def _in(batch: pa.RecordBatch, declared: str) -> npt.NDArray[np.uint16]:
    """How much of each document is found in a language. What reads as code is in none, whatever its comments are in."""
    first, second = batch[language.LANGUAGE], batch[language.SECOND]
    beside = pc.if_else(pc.equal(first, CODE), 0, batch[language.SECOND_SHARE])
    other = pc.if_else(pc.fill_null(pc.equal(second, declared), False), beside, 0)
    found = pc.if_else(pc.fill_null(pc.equal(first, declared), False), batch[language.SHARE], other)
    return np.asarray(pc.fill_null(found, 0)).astype(np.uint16)
