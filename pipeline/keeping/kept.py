"""A keep with its numbers: which scores are kept at which draws. Plain data: `mix` books it and `size` obeys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from prep.filters import pareto
from prep.filters.quantile import SCALE, Stored
from prep.pipeline.keeping.ask import Measure

VALUES = SCALE + 1  # stored scores, or stored quantiles
EVERY = np.uint64(2**64 - 1)  # the largest draw

Draws = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Kept:
    """What is kept of a group of cells.

    By `alpha`, with P = (2 - value)^-alpha; or every value from `least` up, and of those one step below it what is
    drawn up to `edge`. A value is the stored score; or where `on` says so, the stored reference quantile, or rank: the
    share of the group's own scored documents that score lower.
    """

    key: str  # the source or language that the run file names
    of: Literal["source", "language"]
    way: str  # pareto, threshold, share or tokens
    on: Measure
    alpha: float | None = None
    least: int = 0
    edge: int | None = None
    points: tuple[int, ...] = ()  # scores of the group in order, thinned: `quantile.points`; of use for ranks

    @classmethod
    def read(cls, page: Mapping[str, Any]) -> Kept:
        """From a row of the page of `mix`."""
        found = {name: page[name] for name in cls.__dataclass_fields__}
        return cls(**found | {"points": tuple(found["points"])})

    @property
    def name(self) -> str:
        """As the run file names it."""
        return f"quality.keep.{self.key}"

    @property
    def lowest(self) -> float:
        """The lowest value from which all is kept; of use where there is no alpha."""
        return self.least / SCALE

    @property
    def floor(self) -> float:
        """The share that is kept at any score."""
        return 0.0 if self.alpha is None else pareto.expected_floor(self.alpha)

    def by_value(self) -> Border:
        """Per value what is kept."""
        if self.alpha is not None:
            return Border(pareto.largest_kept(self.alpha), np.ones(VALUES, np.bool_))
        largest, some = np.full(VALUES, EVERY), np.arange(VALUES) >= self.least
        if self.edge is not None:
            largest[self.least - 1], some[self.least - 1] = self.edge, True
        return Border(largest, some)

    def by_score(self, table: Stored | None) -> Border:
        """Per stored score what is kept; `table` has the values of scores, where these are not the values."""
        border = self.by_value()
        return border if table is None else Border(border.largest[table], border.some[table])


@dataclass(frozen=True)
class Border:
    """Per value the largest draw that is kept, and whether any is."""

    largest: Draws
    some: npt.NDArray[np.bool_]

    def keeps(self, values: npt.NDArray[Any], draws: Draws) -> npt.NDArray[np.bool_]:
        """Which documents of these values and draws are kept."""
        return np.asarray(self.some[values] & (draws <= self.largest[values]))

    def chances(self) -> npt.NDArray[np.float64]:
        """P(keep) of each value."""
        whole = (self.largest >> np.uint64(32)).astype(np.float64) + 1
        return np.where(self.some, whole / pareto.STEPS, 0.0)
