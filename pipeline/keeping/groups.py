"""Which cells a keep holds for: a source's own keep before its language's, and `auto` where the run file says none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prep.filters import quantile
from prep.filters.quantile import Stored
from prep.manifests import store
from prep.pipeline import score
from prep.pipeline.keeping.ask import KEEP_AUTO, Keep
from prep.pipeline.keeping.kept import Border, Kept
from prep.pipeline.reasons import Place, Terms
from prep.pipeline.stage import Result

Scores = Mapping[str, Result]  # by name: score.quality and its like


@dataclass(frozen=True)
class Group:
    """Cells that are kept by score together, by number."""

    key: str
    of: Literal["source", "language"]
    keep: Keep
    said: bool  # by the run file
    cells: tuple[int, ...]


def groups(cells: Sequence[Place], terms: Terms, scored: Collection[str]) -> list[Group]:
    """Every group, sources first. What no keep names is kept by `auto`, where its language is scored."""
    found: dict[tuple[bool, str], list[int]] = {}
    for number, cell in enumerate(cells):
        key = terms.kept_by(cell)
        if key is not None and (key in terms.keep or cell[1] in scored):
            found.setdefault((key != cell[0] or key not in terms.keep, key), []).append(number)
    return [
        Group(
            key,
            "language" if of_language else "source",
            Keep(**terms.keep[key]) if key in terms.keep else KEEP_AUTO,
            key in terms.keep,
            tuple(numbers),
        )
        for (of_language, key), numbers in sorted(found.items())
    ]


def scored(scores: Scores) -> Collection[str]:
    """The languages that have a model."""
    result = scores.get(score.NAME)
    return () if result is None else tuple(store.recipe(result.folder).settings["models"])


def values(keep: Keep | Kept, points: Sequence[int], scores: Scores, language: str) -> Stored | None:
    """The value that a keep looks at for each stored score of a language; None where that is the score.

    `points` are those of the keep's group. Errors: BadModel.
    """
    measure = keep.on if isinstance(keep, Kept) else keep.measure
    if measure == "rank":
        return quantile.quantile_table(points)
    return quantiles(scores, language) if measure == "quantile" else None


def quantiles(scores: Scores, language: str) -> Stored:
    """The reference quantile of each stored score of a language.

    Errors: BadModel, where its model came without held-out reference text.
    """
    return score.quantile_table(scores[score.NAME], language)


def kept_of(cells: Sequence[Place], terms: Terms, scores: Scores) -> dict[int, Kept]:
    """The keep with numbers that holds for each cell, by number of the cell."""
    keeps = {(keep.of, keep.key): keep for keep in terms.kept}
    found = groups(cells, terms, scored(scores))
    pairs = ((keeps.get((group.of, group.key)), group) for group in found)
    return {number: keep for keep, group in pairs if keep is not None for number in group.cells}


def borders(cells: Sequence[Place], terms: Terms, scores: Scores) -> dict[int, Border]:
    """What is kept of each cell that a keep with numbers holds for, by number of the cell and stored score."""
    there = scored(scores)
    return {
        number: keep.by_score(
            values(keep, keep.points, scores, cells[number][1]) if cells[number][1] in there else None
        )
        for number, keep in kept_of(cells, terms, scores).items()
    }
