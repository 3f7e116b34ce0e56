"""Ratios and totals from a sample, each with a 95% interval. Formulas: Cochran, Sampling Techniques, 3rd ed., 1977.

**Documents** (`Sample`): n documents by simple random sampling without replacement from the N of a source, of which
bytes b are known for all and tokens t for the drawn. Tokens per byte q = sum(t) / sum(b) (ratio estimator, ch. 6), with

    v(q) = (1 - n/N) * n/(n-1) * sum(d^2) / sum(b)^2,    d = (t - q b) / (1 - b / sum(b)).

The first factor is the finite-population correction: a source that is counted whole has no error. The divisor in d is
that of the jackknife (6.17): q bends towards each long document, and plain residuals are too small. Documents longer
than a 400th of the source are all counted beforehand (a stratum taken whole, ch. 5A), and q is that of the rest: where
a few long documents decide, samples that happen to miss them would believe that they know, and stop.

**Clusters** (`Clusters`): blocks, row groups or whole files, N in all, are dealt at random to n groups, and of each
group one is drawn with probability proportional to its size on disk x (Rao, Hartley and Cochran 1962; section 9A.11).
A total is estimated by Y = sum(y_g X_g / x_g), where X_g is the size of group g; without bias, and with

    v(Y) = (sum(N_g^2) - N) / (N^2 - sum(N_g^2)) * sum(X_g/X * (y_g X / x_g - Y)^2),

a ratio by that of residuals. It is taken between clusters, so it holds the error of drawing documents inside them too.
Drawing with replacement by size (Hansen and Hurwitz, 9A.3) may draw one file twice, and then the interval has no width;
drawing files evenly (ratio estimator, ch. 6) misses the large ones. How often, of 1,500 draws, each interval held the
ratio: 2 of 5 files with log-normal sizes 98% here, 33% by size with replacement, 90% evenly; 4 of 12: 96, 90, 87%;
40 of 300 of which one has a third of all bytes: 96, 95, 0%. Of files of one size, 40 of 300, the three are alike.

Intervals are symmetric in the logarithm, so that they never reach zero: value * exp(+-k sqrt(v) / value), with
Student's t as k. Limits: q is biased by O(1/n), below a tenth of its error from 400 documents on; with few clusters
the interval is wide, and its coverage is that of normal residuals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from prep.pipeline.audit.figures import Estimate

LEAST = 400  # documents below which no ratio is believed, unless there are no more
FEW = 1_000  # documents below which `WIDER` is used
# In place of 1.96, for sources are skewed: with it 11 real sources, by three tokenizers, sampled until 0.5, 1 and 2%,
# held the ratio in 89% of the open cases at worst; with these in 93% at worst and 96% in all (250 draws each).
WIDE, WIDER = 2.05, 2.1
LEVEL = 0.95
GROWTH = 1.5  # each step of a sample over the one before: few looks at the interval, and at most half too much counted
ALMOST = 0.7  # of a source: who has to count so much of it counts the rest too, and knows

Floats = npt.NDArray[np.float64]


def student(freedom: float) -> float:
    """The two-sided quantile of Student's t at `LEVEL`."""
    from scipy import special  # takes 0.3 s to load, and most audits ask for none

    return float(special.stdtrit(freedom, (1 + LEVEL) / 2)) if freedom > 0 else math.inf


def exactly(value: float) -> Estimate:
    """A figure that is known."""
    return Estimate(value, value, value, exact=True)


def around(value: float, relative: float) -> Estimate:
    """An estimate with the half-width `relative` of its logarithm."""
    spread = math.exp(min(relative, 300.0))  # beyond any figure, and still a number
    return Estimate(value, value / spread, value * spread)


def larger(counted: int, population: int) -> int:
    """How many documents the next step of a sample has."""
    wanted = max(LEAST, math.ceil(GROWTH * counted))
    return population if wanted >= ALMOST * population else wanted


def certain(n_bytes: npt.NDArray[np.int64] | Floats) -> npt.NDArray[np.bool_]:
    """Which documents of a source are so long that none may be left to chance: fewer than `LEAST` of them."""
    sure: npt.NDArray[np.bool_] = n_bytes * LEAST > n_bytes.sum()
    return sure


@dataclass(frozen=True)
class Sample:
    """Bytes and tokens of the documents drawn, of `population` documents with `whole` bytes.

    `certain` holds bytes and tokens of documents beside these that were all counted.
    """

    bytes: Floats
    tokens: Floats
    population: int
    whole: float
    certain: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def tokens_per_byte(self) -> float:
        """Of the documents drawn."""
        return float(self.tokens.sum() / self.bytes.sum()) if len(self.bytes) else 0.0

    @property
    def total(self) -> float:
        """Tokens of the source."""
        return self.certain[1] + self.tokens_per_byte * self.whole

    @property
    def exhausted(self) -> bool:
        return len(self.bytes) >= self.population

    @cached_property
    def relative(self) -> float:
        """Half-width of the interval over the ratio; 0 where every document was counted."""
        n = len(self.bytes)
        if self.exhausted or not self.total:
            return 0.0
        if n < 2:
            return math.inf
        drawn = self.bytes.sum()
        residuals = (self.tokens - self.tokens_per_byte * self.bytes) / (1 - self.bytes / drawn)
        variance = (1 - n / self.population) * n / (n - 1) * float(residuals @ residuals) / drawn**2
        return self.quantile * math.sqrt(variance) * self.whole / self.total

    @property
    def quantile(self) -> float:
        n = len(self.bytes)
        return max(student(n - 1), WIDER if n < FEW else WIDE)

    def bytes_per_token(self) -> Estimate:
        """The ratio as it is shown; 0 where no document has a token."""
        value = (self.certain[0] + self.whole) / self.total if self.total else 0.0
        return exactly(value) if self.exhausted else around(value, self.relative)


@dataclass(frozen=True)
class Clusters:
    """One cluster drawn of each group: its size on disk, its group's size, how many clusters its group has."""

    size: Floats
    group: Floats
    members: Floats

    @property
    def freedom(self) -> int:
        return len(self.size) - 1

    def total(self, found: Floats) -> Estimate:
        """The total over all clusters of what was found in those drawn."""
        value = self._sum(found)
        return around(value, self._relative(found, value, value)) if value else Estimate(0.0, 0.0, 0.0)

    def ratio(self, over: Floats, under: Floats) -> Estimate:
        """The ratio of two totals."""
        above, below = self._sum(over), self._sum(under)
        if not above or not below:
            return Estimate(0.0, 0.0, 0.0)
        return around(above / below, self._relative(over - above / below * under, 0.0, above))

    def _sum(self, found: Floats) -> float:
        return float((found * self.group / self.size).sum())

    def _relative(self, found: Floats, mean: float, value: float) -> float:
        if self.freedom < 1:
            return math.inf
        whole, clusters, squares = self.group.sum(), self.members.sum(), (self.members**2).sum()
        factor = (squares - clusters) / (clusters**2 - squares)
        spread = (self.group / whole * (found * whole / self.size - mean) ** 2).sum()
        return student(self.freedom) * math.sqrt(factor * float(spread)) / value
