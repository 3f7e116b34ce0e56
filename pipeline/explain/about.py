"""Everything that is known of one document, from every result that there is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from prep.errors import BadModel
from prep.filters import features, quality, telling
from prep.filters.telling import Feature
from prep.manifests import files, store
from prep.pipeline import draw, score
from prep.pipeline.explain.cell import WORDS, Cell, cell
from prep.pipeline.explain.corpus import Standing, standings
from prep.pipeline.explain.group import Group, group
from prep.pipeline.explain.why import Known, Why, whys
from prep.pipeline.keeping.groups import kept_of
from prep.pipeline.look.document import Document, documents
from prep.pipeline.look.fates import Fates, judging, terms
from prep.pipeline.look.finished import Finished
from prep.pipeline.look.rows import Place, rows
from prep.pipeline.reasons import Place as CellName
from prep.pipeline.sizing.columns import LISTED

FEATURES = 12  # of each side, that are shown


@dataclass(frozen=True)
class Explained:
    """`document` is what `prep look` shows of it; `draws` are shares of 1, by purpose.

    `quantile` is the share of held-out reference text that scores lower, `keep` what its cell is kept by.
    """

    document: Document
    why: tuple[Why, ...]
    removed: dict[str, int]  # bytes, by edit
    draws: dict[str, float]
    keep: dict[str, Any] | None
    quantile: float | None
    features: tuple[Feature, ...]
    group: Group | None
    cell: Cell
    corpus: list[Standing] | None  # None: there is none yet


def explained(finished: Finished, fates: Fates, place: Place, chars: int) -> Explained:
    """Of the document at a place."""
    [document] = documents(finished, fates, {"": [place]}, chars)
    [known] = rows(finished, [place], ["text", "draw_key", "removed"])
    name = (document.source, document.language, document.kind)
    draws, keep = _draws(finished, known["draw_key"]), _keep(finished, name)
    there = Known(
        document, draws, keep, group(finished, fates, place), cell(finished, fates, name), _listed(finished, place)
    )
    return Explained(
        document=document,
        why=whys(there),
        removed=dict(known["removed"] or ()),
        draws=draws,
        keep=keep,
        quantile=_quantile(finished, document),
        features=_features(finished, document, known["text"]),
        group=there.group,
        cell=there.cell,
        corpus=standings(finished, document.id) if "export" in finished.results else None,
    )


def _draws(finished: Finished, key: int) -> dict[str, float]:
    keys = np.array([key], dtype=np.uint64)
    return {
        purpose: int(draw.draw(keys, finished.run.seed, purpose)[0]) / WORDS for purpose in (draw.QUALITY, draw.ORDER)
    }


def _listed(finished: Finished, place: Place) -> str | None:
    """The list of the run file that names a document, by its reason and what it lists."""
    number = rows(finished, [place], [LISTED])[0].get(LISTED)
    if not number:
        return None
    by, reason, *_ = store.recipe(finished.results["size"].folder).settings["exclude"]["lists"][number - 1]
    return f"{reason!r} (by {by})"


def _keep(finished: Finished, name: CellName) -> dict[str, Any] | None:
    """What the documents of a cell are kept by; None where their score is not asked."""
    columned, judged_by = judging(finished), terms(finished)
    keep = kept_of(columned.cells, judged_by, columned.scores).get(columned.cells.index(name))
    if keep is None:
        return None
    said: dict[str, Any] = {keep.way: keep.alpha} if keep.alpha is not None else {keep.way: keep.lowest}
    return said | ({} if keep.on == "score" else {"on": keep.on})


def _quantile(finished: Finished, document: Document) -> float | None:
    if document.score is None:
        return None
    try:
        table = score.quantile_table(finished.results[score.NAME], document.language)
    except BadModel:  # it came without held-out reference text
        return None
    return float(table[round(document.score * quality.SCALE)]) / quality.SCALE


def _features(finished: Finished, document: Document, text: str) -> tuple[Feature, ...]:
    """Those that move the score most, of both sides; none where it has no score, or its model's file is gone."""
    language = document.language
    path = None if document.score is None else _model(finished, language)
    if path is None:
        return ()
    model = telling.Model(path)
    every = model.features(features.line(text, language, model.words))
    if features.unspaced(language):
        every = [replace(each, name=each.name.replace(" ", "")) for each in every]
    sides = ([each for each in every if (each.adds > 0) is good] for good in (True, False))
    return tuple(each for side in sides for each in side[:FEATURES])


def _model(finished: Finished, language: str) -> str | None:
    """The file of a language's model: a training of the run left it, or the run file names it."""
    digest = store.recipe(finished.results[score.NAME].folder).settings["models"].get(language)
    for result in finished.results.values():
        for shard in result.manifest.shards:
            if shard.sha256 == digest:
                return files.join(result.folder, shard.name)
    named = finished.run.quality.model.get(language) if finished.run.quality else None
    return named if named and files.exists(named) and quality.digest_of(named) == digest else None
