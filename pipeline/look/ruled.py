"""The rules that a document is held against, each with its figure and its threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prep.filters.rules.figures import PREFIX, needed, value
from prep.filters.rules.profile import Profile, Rule, failed


@dataclass(frozen=True)
class Held:
    """`value` is None where the text has no such figure: then it fails nothing."""

    name: str
    figure: str
    value: float | None
    fails: str  # where the figure is below, above, at_least, at_most
    threshold: float
    failed: bool

    @property
    def words(self) -> str:
        """The figure beside its threshold."""
        said = "none" if self.value is None else f"{self.value:.4g}"
        return f"{self.figure} {said} (fails {self.fails.replace('_', ' ')} {self.threshold:g})"


def held(rules: Sequence[Rule], columns: Mapping[str, Any]) -> tuple[Held, ...]:
    """The verdict of each rule, on the columns of one document."""
    counts = {name: _one(columns.get(PREFIX + name)) for rule in rules for name in needed(rule.figure)}
    if not counts:
        return ()
    bits = int(failed(counts, Profile(tuple(rules)))[0])
    return tuple(_held(rule, value(counts, rule.figure)[0], bits >> number & 1) for number, rule in enumerate(rules))


def _one(count: int | None) -> np.ndarray[Any, Any]:
    return np.array([np.nan if count is None else count])


def _held(rule: Rule, found: float, bit: int) -> Held:
    shown = None if np.isnan(found) else float(found)
    return Held(rule.name, rule.figure, shown, rule.fails, rule.threshold, bool(bit))
