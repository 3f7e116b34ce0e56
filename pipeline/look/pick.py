"""Which documents are shown: those that fit what is asked, drawn by a keyed hash of their ids, never the first ones.

Thin columns decide; of every stratum only as many places are held as will be shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.filters.quality import SCALE
from prep.manifests.ledger import CELL, TOKENS
from prep.manifests.shards import side_by_side
from prep.pipeline import draw
from prep.pipeline.look.asked import Wanted
from prep.pipeline.look.fates import THEN, Fates
from prep.pipeline.look.finished import Finished
from prep.pipeline.look.named import EVERY
from prep.pipeline.look.rows import Place
from prep.pipeline.score import QUALITY
from prep.pipeline.sizing.columns import LEFT_OUT
from prep.pipeline.stage import sources_of

LOOK = "look"  # the purpose of the draw
DECILES = 10

Numbers = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]
Keys = npt.NDArray[Any]


@dataclass(frozen=True)
class Fitting:
    """Of one batch, the documents that fit what is asked."""

    shard: int
    row: Numbers
    batch: pa.RecordBatch

    @property
    def places(self) -> Numbers:
        """Shard and row of each."""
        return np.stack([np.full(len(self.row), self.shard), self.row], axis=1)


@dataclass
class Lowest:
    """Of each stratum the places with the lowest keys; ties go to what comes first."""

    most: int
    held: dict[str, tuple[Keys, Numbers]] = field(default_factory=dict)

    def add(self, stratum: str, keys: Keys, places: Numbers) -> None:
        """Look at more documents."""
        if stratum in self.held:
            before = self.held[stratum]
            keys, places = np.concatenate((before[0], keys)), np.concatenate((before[1], places))
        order = np.argsort(keys, kind="stable")[: self.most]
        self.held[stratum] = keys[order], places[order]

    def places(self) -> dict[str, list[Place]]:
        """By stratum, in the order of the keys."""
        return {
            name: [(int(shard), int(row)) for shard, row in places] for name, (_, places) in sorted(self.held.items())
        }


def fitting(finished: Finished, fates: Fates, wanted: Wanted, more: Sequence[str] = ()) -> Iterator[Fitting]:
    """Every document that fits, with its thin columns; `more` are columns beside those that are always there."""
    tokens = tuple(TOKENS + name for name in finished.run.tokenizers)
    names = tuple(dict.fromkeys((*CELL, "id_hash", "draw_key", "n_bytes", *tokens, QUALITY, *more)))
    for shard, source in enumerate(sources_of(finished.results["ingest"])):
        if wanted.source is not None and source != wanted.source:
            continue
        beside, row = fates.of(shard).combine_chunks(), 0
        for batch in side_by_side(finished.unit(shard, names)):
            fate = beside.slice(row, batch.num_rows).columns
            whole = pa.record_batch(
                [*batch.columns, *(column.combine_chunks() for column in fate)],
                names=[*batch.schema.names, *beside.schema.names],
            )
            here = np.flatnonzero(_fits(whole, wanted))
            if len(here):
                yield Fitting(shard, here + row, whole.take(pa.array(here)))
            row += batch.num_rows


def _fits(batch: pa.RecordBatch, wanted: Wanted) -> npt.NDArray[np.bool_]:
    bits = np.asarray(batch[LEFT_OUT])
    fits = np.ones(batch.num_rows, dtype=bool)
    if wanted.masks is not None:
        asked = np.zeros(batch.num_rows, dtype=bool)
        for language, mask in wanted.masks.items():
            here = True if language == EVERY else np.asarray(pc.equal(batch["language"], language))
            asked |= ((bits & np.uint64(mask)) != 0) & here
        fits &= asked
    if wanted.kept:
        fits &= bits == 0
    if THEN in batch.schema.names:
        fits &= bits != np.asarray(batch[THEN])
    for name, value in (("source", wanted.source), ("language", wanted.language)):
        if value is not None:
            fits &= np.asarray(pc.equal(batch[name], value))
    return fits


def drawn(batch: pa.RecordBatch, seed: int) -> npt.NDArray[np.uint64]:
    """The key by which documents are drawn: of the id alone."""
    return draw.draw(draw.halves(batch["id_hash"])[1], seed, LOOK)


def edges(histograms: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """By language, the score at which each decile after the first begins; equal scores are in one decile."""
    tenths = np.arange(1, DECILES) / DECILES
    return {
        language: np.searchsorted(np.cumsum(counts), tenths * counts.sum(), side="right")
        for language, counts in histograms.items()
    }


def histogram(found: Iterator[Fitting]) -> dict[str, Numbers]:
    """By language, how many of the documents have each stored score."""
    counts: dict[str, Numbers] = {}
    for one in found:
        for language, scores in by_language(one.batch):
            into = counts.setdefault(language, np.zeros(SCALE + 1, dtype=np.int64))
            into += np.bincount(scores, minlength=SCALE + 1)
    return counts


def deciles(batch: pa.RecordBatch, edges: Mapping[str, Numbers]) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Each decile of each language by name, and which documents of a batch are in it."""
    languages = np.asarray(batch["language"].to_numpy(zero_copy_only=False))
    scored, scores = np.asarray(batch[QUALITY].is_valid()), np.asarray(batch[QUALITY].fill_null(0))
    for language, marks in edges.items():
        decile = np.searchsorted(marks, scores, side="right")
        for number in range(DECILES):
            here = scored & (languages == language) & (decile == number)
            if here.any():
                yield f"{language}, decile {number + 1:>2} of {DECILES}", here


def by_language(batch: pa.RecordBatch) -> Iterator[tuple[str, npt.NDArray[np.uint16]]]:
    """The scores of a batch's documents that have one, by language."""
    scored = batch.filter(batch[QUALITY].is_valid())
    languages = np.asarray(scored["language"].to_numpy(zero_copy_only=False))
    for language in sorted(set(languages.tolist())):
        yield language, np.asarray(scored[QUALITY])[languages == language]
