"""Rules: figures of a document held against thresholds. What a document fails by is a bit of its own for every rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from prep.filters.rules.figures import value

MOST = 54  # rules of one language: their bits stand above those of the other reasons in 64
Fails = Literal["below", "above", "at_least", "at_most"]

HELD = {"below": np.less, "above": np.greater, "at_least": np.greater_equal, "at_most": np.less_equal}


@dataclass(frozen=True)
class Rule:
    """A document fails where its figure is below (above, at least, at most) the threshold."""

    name: str  # profile and rule: `fineweb.short_line_ratio`
    figure: str
    fails: Fails
    threshold: float


@dataclass(frozen=True)
class Profile:
    """Rules in their order, which is the order of their bits."""

    rules: tuple[Rule, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the rules, by bit."""
        return tuple(rule.name for rule in self.rules)


def failed(counts: Mapping[str, npt.NDArray[np.generic]], profile: Profile) -> npt.NDArray[np.uint64]:
    """The rules that each document fails, rule number n as bit n; `counts` are columns of one language's documents.

    Decided in 64 bits from whole numbers, as the published rules are. A figure that is not there, or is a share of
    nothing (0 of 0), fails nothing.
    """
    rows = len(next(iter(counts.values()))) if counts else 0
    bits = np.zeros(rows, np.uint64)
    for number, rule in enumerate(profile.rules):
        against = HELD[rule.fails](value(counts, rule.figure), rule.threshold)
        bits |= against.astype(np.uint64) << np.uint64(number)
    return bits
