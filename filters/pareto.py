"""Keeping text by its score with a little of everything: GPT-3's Pareto rule (Brown et al. 2020, appendix A).

GPT-3 keeps a document iff `np.random.pareto(9) > 1 - score`. numpy's Pareto is Lomax's, which starts at 0 (a Pareto
that starts at 1 would keep everything), so P(keep) = (1 + (1 - score))**-alpha. Text of score 0 is kept with 2**-alpha.

What is said of a score here holds for whatever lies in [0, 1] and is stored in steps of 1/65535: the share of reference
text that scores lower too.
"""

from decimal import Decimal, localcontext
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from prep.errors import BadSettings

LARGEST_ALPHA = 100  # a score of 0.9 is then kept once in 14,000; beyond it the table's rounding is not proved
STEPS = 2**32  # P is rounded to this grid: an error below 1e-7 of P at alpha 9, score 0
LEVEL = 100  # levels of strictness to 1 of alpha: the grid on which an alpha is solved for
_SCORES = np.arange(65536, dtype=np.float64) / 65535
_LOGS = np.log1p((65535 - np.arange(65536, dtype=np.float64)) / 65535)  # of 2 - score, exact where that is near 1
_DOUBT = 1e-6  # levels by which a computed one may miss; rounding alone misses by 1e-9


def keep_probability(score: npt.NDArray[np.floating], alpha: float) -> npt.NDArray[np.float64]:
    """The chance in (0, 1] that a document of this score in [0, 1] is kept."""
    return np.power(2.0 - np.asarray(score, dtype=np.float64), -_checked(alpha))


def expected_floor(alpha: float) -> float:
    """The chance of a document of score 0."""
    return float(2.0 ** -_checked(alpha))


def kept(score_uint16: npt.NDArray[np.uint16], draw: npt.NDArray[np.uint64], alpha: float) -> npt.NDArray[np.bool_]:
    """Which documents are kept: those with draw / 2**64 < P(keep), the same ones on every platform."""
    return draw <= largest_kept(_checked(alpha))[score_uint16]


def strictest(
    score_uint16: npt.NDArray[np.uint16], draw: npt.NDArray[np.uint64], most: float = LARGEST_ALPHA
) -> npt.NDArray[np.uint16]:
    """The largest alpha up to `most`, in steps of 1 / `LEVEL`, at which each document is kept.

    It is kept at every smaller one too, and at no larger one: what is kept at an alpha contains what is kept at a
    stricter one.
    """
    high = (draw >> np.uint64(32)).astype(np.float64)
    with np.errstate(divide="ignore"):  # a score of 1 is kept at any alpha
        exact = LEVEL * (np.log(STEPS) - np.log(high + 0.5)) / _LOGS[score_uint16]
    top = round(most * LEVEL)
    exact = np.minimum(exact, top + 0.5)  # not a whole level, which would be in doubt and looked up past the largest
    levels: npt.NDArray[np.uint16] = np.minimum(np.floor(exact), top).astype(np.uint16)
    for row in np.flatnonzero(np.abs(exact - np.rint(exact)) < _DOUBT):
        level = round(float(exact[row]))
        levels[row] = level if kept(score_uint16[row], draw[row], level / LEVEL) else level - 1
    return levels


@lru_cache(maxsize=16)
def largest_kept(alpha: float) -> npt.NDArray[np.uint64]:
    """Per stored score the largest draw that is still kept; 2**64 - 1 at score 1."""
    steps = keep_probability(_SCORES, alpha) * STEPS
    whole = np.rint(steps)
    # `pow` differs by an ulp or a few between C libraries and CPUs. That is below alpha * 1e-6 of a step, so it shows
    # only where P lies next to the middle of two steps: about 130 of the 65,536 scores, computed again in decimals
    # (all of them that way take 3.5 s at alpha 3.7; this takes 10 ms).
    for score in np.flatnonzero(np.abs(np.abs(steps - whole) - 0.5) < 1e-3):
        whole[score] = float(_steps(int(score), alpha))
    table = np.maximum(whole, 1).astype(np.uint64)
    # Unsigned arithmetic wraps: 2**32 steps shift to 0, and 0 - 1 is 2**64 - 1.
    table = (table << np.uint64(32)) - np.uint64(1)
    table.flags.writeable = False
    return table


def _steps(score: int, alpha: float) -> Decimal:
    with localcontext() as context:
        context.prec = 40
        power = (Decimal(2 * 65535 - score) / 65535) ** -Decimal(alpha)
        return (power * STEPS).to_integral_value()


def _checked(alpha: float) -> float:
    if not 0 <= alpha <= LARGEST_ALPHA:
        raise BadSettings(f"pareto: alpha is {alpha}; give a number from 0 to {LARGEST_ALPHA} (GPT-3 took 9)")
    return float(alpha)
