"""The figures of a calibration report, as plain data: one mapping for each language of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.filters import pareto, quality, quantile
from prep.pipeline.training import judged, measure, sample, unseen
from prep.pipeline.training.card import Card

ALPHAS = (1.0, 3.0, 9.0)
BINS = 20
SHOWN, CUT = 10, 400  # documents at each end, and characters of their text

Stored = npt.NDArray[np.uint16]


def figures(model: Path, card: Card, table: pa.Table, asked: sample.Asked, scratch: str | None) -> dict[str, Any]:
    """Of each language of a model, from documents that it did not learn from."""
    return {language: _of(model, card, table, asked, language, scratch) for language in sorted(card.languages)}


def _of(
    model: Path, card: Card, table: pa.Table, asked: sample.Asked, language: str, scratch: str | None
) -> dict[str, Any]:
    spoken = card.languages[language]
    rows = table.filter(pa.array(judged.held(table, language)))
    chances = spoken.scale(judged.log_odds(model, rows, language))
    is_good = np.asarray(rows["good"].to_numpy(), bool)
    stored = quality.to_uint16(chances)
    shares = _shares(stored, spoken.reference)
    return {
        "held_out": spoken.figures,
        "unseen": list(unseen.figures(table, asked, language, scratch)),
        "reliability": measure.reliability(chances[is_good], chances[~is_good]),
        "histograms": _histograms(rows, chances, is_good),
        "kept": _kept(rows.filter(pa.array(~is_good)), stored[~is_good], shares[~is_good]),
        **_ends(rows.filter(pa.array(~is_good)), chances[~is_good], shares[~is_good]),
    }


def _shares(stored: Stored, reference: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """The reference quantile of stored scores."""
    if not reference:
        return np.zeros(len(stored))
    return quality.from_uint16(quantile.reference_quantile(stored, quantile.quantile_table(reference)))


def _histograms(
    rows: pa.Table, chances: npt.NDArray[np.float64], is_good: npt.NDArray[np.bool_]
) -> list[dict[str, Any]]:
    sources = np.asarray(rows["source"].to_numpy(), object).astype(str)
    found = []
    for good, source in sorted(set(zip(is_good.tolist(), sources.tolist(), strict=True)), reverse=True):
        own = chances[(sources == source) & (is_good == good)]
        counts, _ = np.histogram(own, BINS, (0, 1))
        found.append({"source": source, "good": good, "documents": len(own), "counts": counts.tolist()})
    return found


def _kept(rows: pa.Table, stored: Stored, shares: npt.NDArray[np.float64]) -> list[dict[str, Any]]:
    """The expected share of the rest that Pareto keeps, by its score and by its reference quantile.

    `floor` is the part of what is kept by score that would be kept at any score.
    """
    if not len(stored):
        return []
    size = np.asarray([len(text) for text in rows["text"].to_pylist()], np.float64)
    found = []
    for alpha in ALPHAS:
        by_score = pareto.keep_probability(quality.from_uint16(stored), alpha)
        by_share = pareto.keep_probability(shares, alpha)
        documents, text = by_score.mean(), (by_score * size).sum() / size.sum()
        found.append({
            "alpha": alpha, "by_score": float(documents), "by_score_text": float(text),
            "floor": float(pareto.expected_floor(alpha) / documents), "by_quantile": float(by_share.mean()),
            "by_quantile_text": float((by_share * size).sum() / size.sum()),
        })  # fmt: skip
    return found


def _ends(rows: pa.Table, chances: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]) -> dict[str, Any]:
    """The documents of the rest that score highest and lowest."""
    order = np.lexsort((np.asarray(rows["draw"].to_numpy()), chances))
    shown = {"highest": order[::-1][:SHOWN], "lowest": order[:SHOWN]}
    return {
        name: [
            {
                "id": row["id"], "source": row["source"], "score": float(chances[place]),
                "quantile": float(shares[place]), "text": row["text"][:CUT],
            }
            for place in places.tolist()
            for row in rows.slice(place, 1).select(["id", "source", "text"]).to_pylist()
        ]
        for name, places in shown.items()
    }  # fmt: skip
