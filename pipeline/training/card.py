"""The card beside a model: what it is, what it learnt from, and what its scores mean. A model without one has no
calibration and no reference quantiles; its scores are taken as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prep.errors import BadModel
from prep.filters import features
from prep.filters.calibration import Scale
from prep.manifests import record, store
from prep.pipeline.stage import Result, sources_of

FORMAT = "prep-model/1"
SUFFIX = ".json"
CHANGED, NEW = "changed", "new"


@dataclass(frozen=True)
class Spoken:
    """What the scores of one language mean, from its held-out documents."""

    slope: float
    intercept: float
    reference: tuple[int, ...]  # stored scores of the reference, see `quantile.points`
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def scale(self) -> Scale:
        """Log odds to chances."""
        return Scale(self.slope, self.intercept)


@dataclass(frozen=True)
class Card:
    """What stands in the file."""

    model: str  # SHA-256 of the model file
    training_list: str  # digest of what was learnt from, document by document
    languages: dict[str, Spoken]
    sources: dict[str, str]  # learnt from, with a digest of their content
    kinds: tuple[str, ...]  # learnt from
    features: int = features.VERSION
    format: str = FORMAT

    def written(self) -> bytes:
        """As a file."""
        plain = {name: value for name, value in vars(self).items() if name != "languages"}
        return record.readable(plain | {"languages": {name: vars(each) for name, each in self.languages.items()}})

    def newer(self, now: Mapping[str, str]) -> dict[str, str]:
        """Sources of a run (see `contents`) that hold other text than the model learnt from, or that it never saw."""
        return {
            name: CHANGED if name in self.sources else NEW
            for name, digest in sorted(now.items())
            if self.sources.get(name) != digest
        }


def beside(model: str) -> str:
    """Where a model's card lies."""
    return str(Path(model).with_suffix(SUFFIX))


def found(model: str, digest: str, language: str) -> Card | None:
    """The card beside a model file, where there is one; it must be that model's, and speak the language.

    Errors: BadModel.
    """
    path = Path(beside(model))
    if not path.exists():
        return None
    card = read(path)
    if card.model != digest:
        raise BadModel(
            f"{path}: is the card of another model (sha256 {card.model[:12]}…); put back {model}, or its card"
        )
    if card.features != features.VERSION:
        raise BadModel(
            f"{path}: the model was trained on features of version {card.features}, this is {features.VERSION}; "
            "train it again"
        )
    if language not in card.languages:
        raise BadModel(
            f"{model}: is a model of {', '.join(sorted(card.languages))}, as its card says, and not of {language}; "
            f"name another file under `quality.model.{language}`"
        )
    return card


def read(path: Path) -> Card:
    """A card's file.

    Errors: BadModel.
    """
    try:
        plain = json.loads(path.read_bytes())
        if plain["format"] != FORMAT:
            raise ValueError(f"its format is {plain['format']!r}")
        spoken = {
            name: Spoken(
                float(one["slope"]), float(one["intercept"]), tuple(map(int, one["reference"])), one["figures"]
            )
            for name, one in plain["languages"].items()
        }
        return Card(**{**plain, "languages": spoken, "kinds": tuple(plain["kinds"])})
    except OSError as error:
        raise BadModel(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadModel(f"{path}: is no card of a model ({error!r}); delete it, or train again") from error


def contents(ingested: Result, languages: tuple[str, ...], kinds: tuple[str, ...]) -> dict[str, str]:
    """By source that holds text of the languages and kinds, a digest of its shards."""
    content = {shard.name: shard.sha256 for shard in ingested.manifest.shards}
    found: dict[str, list[str]] = {}
    for (key, name), source in zip(store.parts(ingested.manifest), sources_of(ingested), strict=True):
        cells = store.receipt(ingested.folder, key).ledger["cells"]
        if any(row["language"] in languages and row["kind"] in kinds for row in cells):
            found.setdefault(source, []).append(content[name])
    return {source: record.digest(sorted(shards)) for source, shards in found.items()}
