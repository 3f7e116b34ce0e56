"""What the mix asked of a document's cell, what it got, and up to which draw its documents are in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from prep.manifests.ledger import CELL, COPIES
from prep.pipeline import draw
from prep.pipeline.look import pick
from prep.pipeline.look.asked import Wanted
from prep.pipeline.look.fates import Fates
from prep.pipeline.look.finished import Finished
from prep.pipeline.reasons import Place as CellName

WORDS = 2**64  # draws are 64-bit numbers; as shares they lie in [0, 1)


@dataclass(frozen=True)
class Cell:
    """`asked` is the row of the mix, `got` that of `size`; both None before these have come.

    `copies` is the most often that a document of the cell is in, `cut` the highest draw of those that are so often.
    """

    asked: dict[str, Any] | None
    got: dict[str, Any] | None
    copies: int | None
    cut: float | None


def cell(finished: Finished, fates: Fates, name: CellName) -> Cell:
    """Of the mix's page and the page of `size`; the cut is read from the documents of the cell."""
    asked = _row(finished, "mix", "targets", name)
    got = _row(finished, "size", "selection", name)
    copies, cut = _cut(finished, fates, name) if fates.sized else (None, None)
    return Cell(asked, got, copies, cut)


def _row(finished: Finished, stage: str, page: str, name: CellName) -> dict[str, Any] | None:
    if stage not in finished.results:
        return None
    rows = finished.results[stage].manifest.ledger.get(page, [])
    found = next((row for row in rows if tuple(row[part] for part in CELL) == name), None)
    return None if found is None else {key: value for key, value in found.items() if key not in CELL}


def _cut(finished: Finished, fates: Fates, name: CellName) -> tuple[int | None, float | None]:
    source, language, kind = name
    most, highest = 0, 0
    for one in pick.fitting(finished, fates, Wanted(None, kept=True, source=source, language=language)):
        here = np.asarray(one.batch["kind"].to_numpy(zero_copy_only=False)) == kind
        copies = np.asarray(one.batch[COPIES])[here].astype(np.int64)
        drawn = draw.draw(np.asarray(one.batch["draw_key"])[here], finished.run.seed, draw.ORDER)
        if not len(copies):
            continue
        if copies.max() > most:
            most, highest = int(copies.max()), 0
        highest = max(highest, int(drawn[copies == most].max(initial=0)))
    return (most, highest / WORDS) if most else (None, None)
