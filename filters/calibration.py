"""From what a model has learnt to chances: a line through its log odds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """From log odds as learnt to log odds at even odds of both sides."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, log_odds: Numbers) -> Numbers:
        """Chances in [0, 1]."""
        return chance(self.slope * log_odds + self.intercept)


UNSCALED = Scale()


def chance(log_odds: Numbers) -> Numbers:
    """The logistic function, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * log_odds)), np.float64)
