"""A scaling law as one small object: a frontier N = k·C^a, a definition of compute C = per·N·D, and perhaps a loss.

Every law here, however it was fitted, comes down to these. The frontier is the one relation that is given; all other
directions follow from it and from the law's own compute, so they invert each other. Plain Python: no numpy.

    law = published.law("chinchilla-1")
    law.tokens(10e9)                # optimal D for N
    law.params(200e9)               # optimal N for D
    law.flops(10e9)                 # C for N
    law.optimum(5.76e23)            # optimal (N, D) for C
    law.loss(10e9, 200e9)           # or None where the law has no loss

A law of one's own: `from_loss` (approach 3) or `from_params` (approaches 1 and 2), written by `lawfile.write`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

FLOPS_PER_PARAMETER_TOKEN = 6.0  # forward 2, backward 4 (Kaplan et al. 2020, section 2.1)

Counting = Literal["total", "non-embedding"]  # which parameters a law's N means


class Optimum(NamedTuple):
    """A compute-optimal pair."""

    params: float
    tokens: float


@dataclass(frozen=True)
class Chinchilla:
    """L = E + A/N^alpha + B/D^beta (Hoffmann et al. 2022, equation 2)."""

    E: float
    A: float
    B: float
    alpha: float
    beta: float

    def __call__(self, params: float, tokens: float) -> float:
        """The loss."""
        return float(self.E + self.A / params**self.alpha + self.B / tokens**self.beta)

    @property
    def balance(self) -> float:
        """G of equation 4: N = G·(C/6)^a, D = (C/6)^b / G."""
        return float((self.alpha * self.A / (self.beta * self.B)) ** (1 / (self.alpha + self.beta)))

    @property
    def exponent(self) -> float:
        """The a of N = G·(C/6)^a."""
        return self.beta / (self.alpha + self.beta)

    def tokens_for(self, loss: float, params: float) -> float:
        """Tokens after which a model of so many parameters has this loss; infinite where it never has."""
        left = loss - self.E - self.A / params**self.alpha
        return math.inf if left <= 0 else float((self.B / left) ** (1 / self.beta))

    def smallest_for(self, loss: float) -> float:
        """Parameters below which no number of tokens gives this loss; infinite below the floor E."""
        return math.inf if loss <= self.E else float((self.A / (loss - self.E)) ** (1 / self.alpha))


@dataclass(frozen=True)
class Kaplan:
    """L = [(Nc/N)^(alpha_n/alpha_d) + Dc/D]^alpha_d, of training to convergence (Kaplan et al. 2020, equation 1.5)."""

    nc: float
    dc: float
    alpha_n: float
    alpha_d: float

    def __call__(self, params: float, tokens: float) -> float:
        """The loss."""
        return float(((self.nc / params) ** (self.alpha_n / self.alpha_d) + self.dc / tokens) ** self.alpha_d)


@dataclass(frozen=True)
class Fitted:
    """What a law was fitted on: least and most parameters, tokens and FLOPs of its runs, where they are known."""

    params: tuple[float, float] | None = None
    tokens: tuple[float, float] | None = None
    flops: tuple[float, float] | None = None
    note: str = ""

    def beyond(self, params: float, tokens: float) -> float:
        """How many times a plan lies outside the fitted runs in its worst direction; 1 inside."""
        pairs = ((self.params, params), (self.tokens, tokens), (self.flops, flops(params, tokens)))
        return max([1.0, *(factor for bounds, value in pairs if bounds for factor in _factors(bounds, value))])


def _factors(bounds: tuple[float, float], value: float) -> tuple[float, float]:
    return bounds[0] / value, value / bounds[1]


@dataclass(frozen=True)
class Law:
    """N = k·C^a with C = per·N·D; `loss` where the law has one; `printed` rows (N, D) of the paper's own table."""

    name: str
    title: str
    source: str
    k: float
    a: float
    per: float = FLOPS_PER_PARAMETER_TOKEN
    surface: Chinchilla | Kaplan | None = None
    fitted: Fitted = Fitted()
    counts: Counting = "total"
    warning: str = ""
    printed: tuple[tuple[float, float], ...] = ()

    def optimum(self, flops: float) -> Optimum:
        """The best N and D for so many FLOPs."""
        params = self.k * flops**self.a
        return Optimum(params, flops / (self.per * params))

    def flops(self, params: float) -> float:
        """The compute, as this law counts it, at which a model of N parameters is optimal."""
        return float((params / self.k) ** (1 / self.a))

    def tokens(self, params: float) -> float:
        """The best D for a model of N parameters."""
        return self.flops(params) / (self.per * params)

    def params(self, tokens: float) -> float:
        """The best N for D tokens."""
        return float((self.per * self.k * tokens) ** (1 / (1 - self.a)) / (self.per * tokens))

    def loss(self, params: float, tokens: float) -> float | None:
        """Nats per token, in the law's own tokens; None where the law is a frontier alone."""
        return None if self.surface is None else self.surface(params, tokens)


def flops(params: float, tokens: float) -> float:
    """Training compute, C = 6·N·D (Kaplan et al. 2020)."""
    return FLOPS_PER_PARAMETER_TOKEN * params * tokens


@dataclass(frozen=True)
class About:
    """What is said of a law beside its numbers."""

    name: str
    title: str
    source: str
    fitted: Fitted = Fitted()
    counts: Counting = "total"
    warning: str = ""
    printed: tuple[tuple[float, float], ...] = ()


def from_params(about: About, k: float, a: float, surface: Kaplan | None = None) -> Law:
    """A law given as N = k·C^a, C = 6·N·D."""
    return Law(k=k, a=a, surface=surface, **vars(about))


def from_power(about: About, k: float, p: float) -> Law:
    """A law given as D = k·N^p, C = 6·N·D."""
    a = 1 / (p + 1)
    return Law(k=(FLOPS_PER_PARAMETER_TOKEN * k) ** -a, a=a, **vars(about))


def from_tokens(about: About, k: float, b: float, per: float = FLOPS_PER_PARAMETER_TOKEN) -> Law:
    """A law given as D = k·C^b, C = per·N·D."""
    return Law(k=1 / (per * k), a=1 - b, per=per, **vars(about))


def from_loss(about: About, surface: Chinchilla) -> Law:
    """A law given by its loss, whose minimum on each line C = 6·N·D is the frontier."""
    a = surface.exponent
    return Law(k=surface.balance * FLOPS_PER_PARAMETER_TOKEN**-a, a=a, surface=surface, **vars(about))


def from_ratio(about: About, ratio: float) -> Law:
    """D = ratio·N."""
    return Law(k=(FLOPS_PER_PARAMETER_TOKEN * ratio) ** -0.5, a=0.5, **vars(about))
