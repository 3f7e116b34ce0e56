"""Score every document whose language has a quality model: how much it reads like the reference text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from prep.errors import BadModel
from prep.filters import features, quality, quantile
from prep.filters.calibration import UNSCALED, Scale
from prep.manifests.record import Recipe
from prep.pipeline.stage import (
    MACHINE,
    Job,
    Result,
    Task,
    balanced,
    cell_books,
    described,
    languages_of,
    over_documents,
)

if TYPE_CHECKING:
    from prep.filters.linear import Weights

NAME = "score.quality"  # of the result, beside others that are made in the same reading
REFERENCE = "reference"  # in the ledger: by language, stored scores of held-out reference documents, in order
NEWER = "newer"  # in the ledger: by language, sources that hold other text than its model learnt from
QUALITY = "quality"  # P(reference) in steps of 1/65535; null where the language has no model


@dataclass(frozen=True)
class Model:
    """A model file: what it is, where it lies here, and what its card says of one language.

    `reference` are the scores of reference documents held out of it, as `quantile.points` gives them: none for a named
    fastText file without a card beside it. `newer` are sources that hold other text than it learnt from.
    """

    digest: str
    path: str
    scale: Scale = UNSCALED
    reference: tuple[int, ...] = ()
    newer: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """Writes `quality`; by language `models` are digests, `scales` calibrations, `paths` where the files lie here."""

    name: ClassVar[str] = "score"
    version: ClassVar[int] = 2

    models: Mapping[str, str]
    scales: Mapping[str, Scale]
    features: int = features.VERSION
    paths: Mapping[str, str] = field(default_factory=dict, metadata=MACHINE)

    def schema(self) -> pa.Schema:
        """One column."""
        return pa.schema([(QUALITY, pa.uint16())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The score of each text."""
        for batch in batches:
            yield pa.record_batch([self._scores(batch)], schema=self.schema())

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Documents and bytes by cell."""
        return cell_books(written, beside)

    def _scores(self, batch: pa.RecordBatch) -> pa.Array:
        languages = np.asarray(batch["language"].to_numpy(zero_copy_only=False))
        scores, known = np.zeros(batch.num_rows, dtype=np.uint16), np.zeros(batch.num_rows, dtype=bool)
        for language, digest in self.models.items():
            here = languages == language
            if here.any():
                texts = batch["text"].filter(pa.array(here)).cast(pa.large_string())
                scores[here] = self._of(texts, quality.load(self.paths[language], digest, language), language)
                known |= here
        return pa.array(scores, mask=~known)

    def _of(self, texts: pa.LargeStringArray, weights: Weights, language: str) -> quantile.Stored:
        from prep.filters import linear  # numba takes 0.4 s to load

        odds, tokens = linear.log_odds(weights, texts)
        return quality.to_uint16(np.where(tokens > 0, self.scales[language](odds), quality.UNDECIDED))


def job(models: Mapping[str, Model], ingested: Result) -> Job:
    """Score the documents of every language that has a model; a shard hangs on the models of its own languages only."""

    def tasks() -> list[Task]:
        whole = stage(models)
        return [
            Task(stage({name: model for name, model in models.items() if name in spoken}), task.unit)
            for task, spoken in zip(
                over_documents(whole, ingested, ("text", "language")), languages_of(ingested), strict=True
            )
        ]

    cells = balanced(Score.name, ingested.manifest.ledger["cells"])
    told = {
        REFERENCE: {name: list(model.reference) for name, model in sorted(models.items()) if model.reference},
        NEWER: {name: dict(model.newer) for name, model in sorted(models.items()) if model.newer},
    }
    inputs = {"ingest": ingested.manifest.digest}
    recipe = Recipe(Score.name, Score.version, described(stage(models)) | told, inputs)
    return Job(recipe, lambda *_: tasks(), lambda made: {**cells(made), **told}, {"ingest": ingested})


def quantile_table(scored: Result, language: str) -> quantile.Stored:
    """By stored score of a language the share of held-out reference text that scores lower, in steps of 1/65535.

    For `quantile.reference_quantile`. The table hangs on the model and is in the manifest of `scored`.

    Errors: BadModel, where the language's model came without held-out reference text.
    """
    kept = scored.manifest.ledger.get(REFERENCE, {}).get(language)
    if not kept:
        raise BadModel(
            f"quality: the model of {language} has no table of reference quantiles, so nothing can be kept by them; "
            f"train it with `prep train` and name its .bin with the .json beside it, or write "
            f"`keep: {{{language}: {{pareto: 3}}}}` or a threshold, which take the score itself"
        )
    return quantile.quantile_table(kept)


def stage(models: Mapping[str, Model]) -> Score:
    """The stage for some models."""
    names = sorted(models)
    return Score(
        {name: models[name].digest for name in names},
        {name: models[name].scale for name in names},
        paths={name: models[name].path for name in names},
    )
