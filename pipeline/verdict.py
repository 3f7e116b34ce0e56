"""What speaks against each document of a batch, from its columns alone: never from its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.filters import pareto
from prep.pipeline import draw
from prep.pipeline.reasons import ELIGIBLE, Place, Reason, Terms
from prep.pipeline.score import QUALITY
from prep.pipeline.settings import Keep

Bits = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Verdict:
    """Tells the reasons against the documents of a batch; `cells` are all there are, in order."""

    cells: Sequence[Place]
    terms: Terms

    def __call__(self, batch: pa.RecordBatch, cell: npt.NDArray[Any]) -> Bits:
        """The bits of each row; `cell` is the number of its cell."""
        return self._mix(cell) | self._quality(batch, cell)

    def _mix(self, cell: npt.NDArray[Any]) -> Bits:
        asked = np.array([self.terms.asks(cell) for cell in self.cells], dtype=bool)
        return np.where(asked[cell], ELIGIBLE, Reason.NOT_IN_MIX).astype(np.uint64)

    def _quality(self, batch: pa.RecordBatch, cell: npt.NDArray[Any]) -> Bits:
        reasons = np.zeros(batch.num_rows, np.uint64)
        if QUALITY not in batch.schema.names:
            return reasons
        scores = np.asarray(pc.fill_null(batch[QUALITY], 0))
        scored = np.asarray(batch[QUALITY].is_valid())
        drawn = draw.draw(np.asarray(batch["draw_key"]), self.terms.seed, draw.QUALITY)
        for number, place in enumerate(self.cells):
            keep = self.terms.judged_by(place)
            if keep is not None:
                here = scored & (cell == number)
                reasons[here] = np.where(kept(scores[here], drawn[here], keep), 0, Reason.QUALITY)
        return reasons


def kept(scores: npt.NDArray[Any], drawn: npt.NDArray[Any], keep: Keep) -> npt.NDArray[np.bool_]:
    """Which scores stay: by chance that grows with the score (Pareto), or by a threshold."""
    if keep.pareto is not None:
        return pareto.kept(scores, drawn, keep.pareto)
    return np.asarray(scores >= np.ceil((keep.threshold or 0.0) * 65535), dtype=np.bool_)
