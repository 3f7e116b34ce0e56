"""How a model does on a source that none of its training came from, which is what a new crawl is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from prep.errors import BadModel
from prep.pipeline.training import judged, learning, measure, sample

MOST_SOURCES = 30  # trained without, one after the other; those with the most documents


def figures(table: pa.Table, asked: sample.Asked, language: str, scratch: str | None) -> Iterator[dict[str, Any]]:
    """By source, of a model trained without it: how its documents stand against held-out ones of the other side."""
    spoken, sources, good, held = _columns(table, language)
    names, counts = np.unique(sources[spoken].astype(str), return_counts=True)
    for name in sorted(names[np.argsort(-counts, kind="stable")][:MOST_SOURCES].tolist()):
        own = sources == name
        side = bool(good[own & spoken][0])
        place = table.column_names.index("held")
        without = table.set_column(place, "held", pa.array(held | own))
        tested = table.filter(pa.array(spoken & (own | (held & (good != side)))))
        with TemporaryDirectory(prefix=".unseen-", dir=scratch) as folder:
            model = Path(folder, "model.bin")
            try:
                learning.learn(without, asked, model)
            except BadModel:  # nothing of its side is left, or too little
                continue
            odds = judged.log_odds(model, tested, language)
        mine = np.asarray(tested["source"].to_numpy(), object) == name
        pair = (odds[mine], odds[~mine]) if side else (odds[~mine], odds[mine])
        yield {
            "source": name, "good": side, "documents": int(mine.sum()),
            "auc": measure.auc(*pair), "average_precision": measure.average_precision(*pair),
        }  # fmt: skip


def _columns(table: pa.Table, language: str) -> tuple[Any, Any, Any, Any]:
    languages, sources = (np.asarray(table[name].to_numpy(), object) for name in ("language", "source"))
    good, held = (np.asarray(table[name].to_numpy(), bool) for name in ("good", "held"))
    return languages == language, sources, good, held
