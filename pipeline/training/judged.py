"""What a model says of documents it did not learn from, and what its scores therefore mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.errors import BadModel
from prep.filters import features, quality, quantile
from prep.filters.calibration import chance
from prep.pipeline.training import measure
from prep.pipeline.training.card import Spoken

AGREEING = 1e-4  # between our loop and fastText, whose sums are of 32 bits: 1e-5 for 100,000 features
COMPARED = 200  # documents on which the two are compared after each training


def spoken(model: Path, table: pa.Table, language: str) -> Spoken:
    """The calibration of a model, its held-out reference scores, and its figures on held-out documents."""
    rows = table.filter(pa.array(held(table, language)))
    odds = log_odds(model, rows, language)
    is_good = np.asarray(rows["good"].to_numpy(), bool)
    good, rest = odds[is_good], odds[~is_good]
    scale = measure.fitted(good, rest)
    reference = quantile.points(quality.to_uint16(scale(good)))
    figures = {
        "good": len(good), "rest": len(rest), "auc": _rounded(measure.auc(good, rest)),
        "average_precision": _rounded(measure.average_precision(good, rest)),
        "calibrated": min(len(good), len(rest)) >= measure.FEWEST,
        "from_fasttext": compared(model, rows, odds, language),
    }  # fmt: skip
    return Spoken(scale.slope, scale.intercept, tuple(reference), figures)


def log_odds(model: Path, rows: pa.Table, language: str) -> npt.NDArray[np.float64]:
    """Of each document, as learnt."""
    texts = rows["text"].combine_chunks().cast(pa.large_string())
    from prep.filters import linear  # numba takes 0.5 s to load

    return linear.log_odds(linear.load(model, language), texts)[0]


def compared(model: Path, rows: pa.Table, odds: npt.NDArray[np.float64], language: str) -> float:
    """The largest difference between our chances and fastText's own.

    Errors: BadModel, where they are not the same model.
    """
    asked = quality.Model(model)
    lines = [features.line(text, language, asked.words) for text in rows["text"].to_pylist()[:COMPARED]]
    some = [place for place, line in enumerate(lines) if line]
    theirs = asked.score([lines[place] for place in some])
    worst = float(np.abs(theirs - chance(odds[some])).max(initial=0))
    if worst > AGREEING:
        raise BadModel(f"{model.name}: our scores differ from fastText's by {worst:.2g}; report this with the run file")
    return round(worst, 5)


def held(table: pa.Table, language: str) -> npt.NDArray[np.bool_]:
    spoken = np.asarray(table["language"].to_numpy(), object) == language
    found: npt.NDArray[np.bool_] = np.asarray(table["held"].to_numpy(), bool) & spoken
    return found


def _rounded(figure: float | None) -> Any:
    return None if figure is None else round(figure, 6)
