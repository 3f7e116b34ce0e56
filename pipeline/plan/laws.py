"""Laws that give the training tokens at which a model of N parameters is compute-optimal."""

from __future__ import annotations

from dataclasses import dataclass

FLOPS_PER_PARAMETER_TOKEN = 6  # forward 2, backward 4 (Kaplan et al. 2020, section 2.1)


@dataclass(frozen=True)
class PowerLaw:
    """D = k · N^p, tokens for parameters."""

    title: str
    source: str
    k: float
    p: float

    def tokens(self, parameters: float) -> float:
        """Training tokens for a model of so many parameters (embeddings included)."""
        return float(self.k * parameters**self.p)


LAWS = {
    # The paper prints no coefficients for approach 1. These are a log-log fit to the rows of its table 3, within 6% of
    # every printed row but the one of 67B, whose printed D is itself off.
    "chinchilla-1": PowerLaw(
        "Chinchilla, approach 1", "Hoffmann et al. 2022, arXiv:2203.15556, table 3", k=17.254, p=1.00763
    ),
    "ratio-20": PowerLaw("20 tokens a parameter", "rule of thumb from Hoffmann et al. 2022, table 3", k=20.0, p=1.0),
}


def flops(parameters: float, tokens: float) -> float:
    """Training compute, C = 6·N·D (Kaplan et al. 2020)."""
    return FLOPS_PER_PARAMETER_TOKEN * parameters * tokens
