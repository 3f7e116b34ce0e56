"""What the mix asked of a document's cell, what it got, and up to which draw its documents are in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from prep.filters.quality import SCALE
from prep.manifests.ledger import CELL, COPIES
from prep.pipeline import draw, mix
from prep.pipeline.look import pick
from prep.pipeline.look.asked import Wanted
from prep.pipeline.look.fates import Fates, terms
from prep.pipeline.look.finished import Finished
from prep.pipeline.reasons import Place as CellName
from prep.pipeline.score import QUALITY

Numbers = npt.NDArray[Any]
WORDS = 2**64  # draws are 64-bit numbers; as shares they lie in [0, 1)


@dataclass(frozen=True)
class Cell:
    """`asked` is the row of the mix, `got` that of `size`; both are None before these have come.

    `copies` is the most often that a document of the cell is in. Of those that are so often, `cut` is the highest draw,
    or where the best are chosen first (`by` quality) the lowest score; None where all are in so often.
    """

    asked: dict[str, Any] | None
    got: dict[str, Any] | None
    by: str
    copies: int | None = None
    cut: float | None = None


def cell(finished: Finished, fates: Fates, name: CellName) -> Cell:
    """Of the mix's page and the page of `size`; the cut is read from the documents of the cell."""
    asked, got = _row(finished, "mix", "targets", name), _row(finished, "size", "selection", name)
    found = Cell(asked, got, terms(finished).choose)
    if not fates.sized or asked is None:
        return found
    copies, worst = _in_order(finished, fates, name, found.by)
    if not len(copies):
        return found
    most = int(copies.max())
    if int(copies.min()) == most and len(copies) == asked["documents"]:
        return replace(found, copies=most)
    return replace(found, copies=most, cut=_shown(worst[copies == most].max(), found.by))


def _row(finished: Finished, stage: str, page: str, name: CellName) -> dict[str, Any] | None:
    if stage not in finished.results:
        return None
    ledger = finished.results[stage].manifest.ledger
    rows = mix.whole(ledger) if page == "targets" else ledger[page]
    found = next((row for row in rows if tuple(row[part] for part in CELL) == name), None)
    return None if found is None else {key: value for key, value in found.items() if key not in CELL}


def _in_order(finished: Finished, fates: Fates, name: CellName, by: str) -> tuple[Numbers, Numbers]:
    """Of each document of the cell that is in, how often, and what it is chosen by: the lowest first."""
    source, language, kind = name
    copies, keys = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    for one in pick.fitting(finished, fates, Wanted(None, kept=True, source=source, language=language)):
        here = one.batch.filter(pc.equal(one.batch["kind"], kind))
        copies.append(np.asarray(here[COPIES]).astype(np.int64))
        if by == "quality":
            keys.append(np.uint64(SCALE) - np.asarray(pc.fill_null(here[QUALITY], SCALE)).astype(np.uint64))
        else:
            keys.append(draw.draw(np.asarray(here["draw_key"]), finished.run.seed, draw.ORDER))
    return np.concatenate(copies), np.concatenate(keys)


def _shown(key: int, by: str) -> float:
    return 1 - int(key) / SCALE if by == "quality" else int(key) / WORDS
