"""What is shown of one document: its figures from every stage, why it is left out, and the beginning of its text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from prep.filters.quality import SCALE
from prep.manifests.ledger import CELL, COPIES
from prep.pipeline import chain
from prep.pipeline.look.fates import COPIES_THEN, THEN, Fates, borders_of, terms
from prep.pipeline.look.finished import Finished
from prep.pipeline.look.margin import NOT_ASKED, needed
from prep.pipeline.look.named import Names
from prep.pipeline.look.rows import Place, rows
from prep.pipeline.look.ruled import Held, held
from prep.pipeline.score import QUALITY
from prep.pipeline.sizing.columns import LEFT_OUT, LISTED

WHOLE = ("id", "text", "licence", "url")
UNTOLD = ("id_hash", "text_hash", "draw_key", LISTED)  # numbers that tell a person nothing
JUDGED_BY = pa.schema([*((name, pa.string()) for name in CELL), ("draw_key", pa.uint64()), (QUALITY, pa.uint16())])


@dataclass(frozen=True)
class Document:
    """`text` is the beginning, `left` the characters that follow. `then` and `copies_then` are those of a change.

    `score` and `needed` are in [0, 1]; `needed` above 1 means that no score would do, None that none is asked.
    """

    id: str
    source: str
    language: str
    kind: str
    licence: str | None
    url: str | None
    reasons: tuple[str, ...]
    copies: int | None
    then: tuple[str, ...] | None
    copies_then: int | None
    score: float | None
    needed: float | None
    stratum: str
    figures: dict[str, Any]
    rules: tuple[Held, ...]  # that it is held against
    text: str
    left: int


def documents(
    finished: Finished, fates: Fates, places: Mapping[str, Sequence[Place]], chars: int
) -> Iterator[Document]:
    """The documents at some places, by stratum; of each text `chars` characters, or all where that is 0."""
    order = [(stratum, place) for stratum, several in places.items() for place in several]
    columns = [name for names in finished.figures.values() for name in names]
    values = rows(finished, [place for _, place in order], [*WHOLE, *columns])
    names, judged_by = Names.of(finished), terms(finished)
    tables = {shard: fates.of(shard) for shard in sorted({shard for _, (shard, _) in order})}
    asks = needed_scores(finished, values)
    for (stratum, (shard, row)), each, ask in zip(order, values, asks, strict=True):
        fate = tables[shard].slice(row, 1).to_pylist()[0]
        rules = held(judged_by.ruled_by((each["source"], each["language"], each["kind"])), each)
        yield replace(_document({**each, **fate}, names, (stratum, chars)), needed=ask, rules=rules)


def needed_scores(finished: Finished, values: Sequence[dict[str, Any]]) -> list[float | None]:
    """What score each document's draw asks for; None where it is not judged by its score."""
    if not values or not finished.has(QUALITY):
        return [None] * len(values)
    batch = pa.RecordBatch.from_pylist([{name: each[name] for name in JUDGED_BY.names} for each in values], JUDGED_BY)
    cells = chain.columns(finished.run, finished.results).cells
    found = needed(batch, cells, borders_of(finished), finished.run.seed)
    return [None if ask == NOT_ASKED else ask / SCALE for ask in found.tolist()]


def _document(each: dict[str, Any], names: Names, shown: tuple[str, int]) -> Document:
    stratum, chars = shown
    text, score, then = each.pop("text"), each.pop(QUALITY, None), each.pop(THEN, None)
    cut, language = text[:chars] if chars else text, each["language"]
    return Document(
        **{name: each.pop(name) for name in ("id", *CELL, "licence", "url")},
        reasons=tuple(names.told(each.pop(LEFT_OUT), language)),
        copies=each.pop(COPIES, None),
        then=None if then is None else tuple(names.told(then, language)),
        copies_then=each.pop(COPIES_THEN, None),
        score=None if score is None else score / SCALE,
        needed=None,
        stratum=stratum,
        figures=plain(each),
        rules=(),
        text=cut,
        left=len(text) - len(cut),
    )


def plain(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as a person and JSON can read them; what is empty is left out."""
    kept = {name: value for name, value in figures.items() if name not in UNTOLD and value is not None}
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in kept.items()}


def share(score: float) -> str:
    """A score in four digits, as far as it is stored."""
    return f"{np.floor(score * 10_000) / 10_000:.4f}"
