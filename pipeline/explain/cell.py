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
    """`asked` is the row of the mix, `got` that of `size`; both are None before these have come.

    `copies` is the most often that a document of the cell is in; `cut` is the highest draw of those that are so often,
    None where all are.
    """

    asked: dict[str, Any] | None
    got: dict[str, Any] | None
    copies: int | None
    cut: float | None


def cell(finished: Finished, fates: Fates, name: CellName) -> Cell:
    """Of the mix's page and the page of `size`; the cut is read from the documents of the cell."""
    asked = _row(finished, "mix", "targets", name)
    got = _row(finished, "size", "selection", name)
    there = asked["documents"] if asked else 0
    copies, cut = _cut(finished, fates, name, there) if fates.sized else (None, None)
    return Cell(asked, got, copies, cut)


def _row(finished: Finished, stage: str, page: str, name: CellName) -> dict[str, Any] | None:
    if stage not in finished.results:
        return None
    rows = finished.results[stage].manifest.ledger.get(page, [])
    found = next((row for row in rows if tuple(row[part] for part in CELL) == name), None)
    return None if found is None else {key: value for key, value in found.items() if key not in CELL}


def _cut(finished: Finished, fates: Fates, name: CellName, there: int) -> tuple[int | None, float | None]:
    """`there` documents may be in."""
    source, language, kind = name
    most, least, highest, documents = 0, 0, 0, 0
    for one in pick.fitting(finished, fates, Wanted(None, kept=True, source=source, language=language)):
        here = np.asarray(one.batch["kind"].to_numpy(zero_copy_only=False)) == kind
        copies = np.asarray(one.batch[COPIES])[here].astype(np.int64)
        drawn = draw.draw(np.asarray(one.batch["draw_key"])[here], finished.run.seed, draw.ORDER)
        if len(copies):
            highest = 0 if copies.max() > most else highest
            most, least = max(most, int(copies.max())), min(least or int(copies.min()), int(copies.min()))
            highest = max(highest, int(drawn[copies == most].max(initial=0)))
            documents += len(copies)
    if not most:
        return None, None
    return most, None if least == most and documents == there else highest / WORDS
