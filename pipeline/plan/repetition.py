"""What repeated tokens are worth (Muennighoff et al. 2023, arXiv:2305.16264).

L = E + A/N'^alpha + B/D'^beta, where D' are the tokens that D tokens over U unique ones are worth, and N' likewise what
N parameters are worth to so little data. Fitted on C4, with every token repeated as often as every other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from prep.pipeline.plan.laws import Chinchilla, Optimum
from prep.pipeline.plan.published import C4

R_TOKENS = 15.387756  # R*_D: the half-life of repetition, in epochs after the first
R_PARAMS = 5.309743  # R*_N
FREE_EPOCHS = 4  # up to here repeated tokens are nearly as good as new ones
LAST_EPOCHS = 16  # beyond this hardly anything is gained
STEPS = 120


def worth(amount: float, unique: float, half_life: float = R_TOKENS) -> float:
    """What an amount is worth of which only so much is unique: the amount itself as long as nothing is repeated."""
    if amount <= unique:
        return amount
    repeats = amount / unique - 1
    return unique * (1 + half_life * -math.expm1(-repeats / half_life))


def marginal(tokens: float, unique: float) -> float:
    """What one more token is worth after so many."""
    return math.exp(-max(0.0, tokens / unique - 1) / R_TOKENS)


def params_for(unique: float, law: Chinchilla = C4) -> float:
    """The parameters that so many unique tokens can use: those of the compute-optimal model, `U_N`."""
    return float((unique * law.balance) ** (law.beta / law.alpha) * law.balance)


def loss(params: float, tokens: float, unique: float, law: Chinchilla = C4) -> float:
    """Loss of a model of N parameters after D tokens, of which so many are unique."""
    return law(useful(params, unique, law), worth(tokens, unique))


def useful(params: float, unique: float, law: Chinchilla = C4) -> float:
    """What N parameters are worth to so few unique tokens."""
    return worth(params, min(params, params_for(unique, law)), R_PARAMS)


def best(flops: float, unique: float, law: Chinchilla = C4) -> Optimum:
    """The best N and D for so many FLOPs and unique tokens, by golden section in log N.

    The valley is flat: N may be off by a few percent at no cost worth naming.
    """
    free = law.balance * (flops / 6) ** law.exponent

    def at(log_params: float) -> float:
        params = math.exp(log_params)
        return loss(params, flops / (6 * params), unique, law)

    found = _golden(at, math.log(free) - 8, math.log(free) + 8)
    better = at(found) < at(math.log(free)) * (1 - 1e-12)  # not by the rounding of a double alone
    params = math.exp(found) if better else free
    return Optimum(params, flops / (6 * params))


GOLDEN = (math.sqrt(5) - 1) / 2


def _golden(at: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of one valley is least."""
    for _ in range(STEPS):
        a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        low, high = (low, b) if at(a) < at(b) else (a, high)
    return (low + high) / 2


@dataclass(frozen=True)
class Repetition:
    """A plan whose data are fewer than its tokens."""

    unique_tokens: float
    epochs: float
    effective_tokens: float
    worth_of_last_token: float
    loss: float
    loss_if_all_unique: float
    best_params: float
    best_tokens: float
    best_loss: float

    @property
    def average_worth(self) -> float:
        """Of a token, over all epochs."""
        return self.effective_tokens / (self.epochs * self.unique_tokens)


class Part(NamedTuple):
    """Tokens of a language or source in the training, and how many of them are unique."""

    tokens: float
    unique: float


def repetition(params: float, parts: Sequence[Part]) -> Repetition:
    """What a plan gives up by repeating, and what would be best at its compute were all parts repeated alike."""
    tokens, unique = sum(part.tokens for part in parts), sum(part.unique for part in parts)
    effective = sum(worth(part.tokens, part.unique) for part in parts)
    fitting = best(6 * params * tokens, unique)
    return Repetition(
        unique_tokens=unique,
        epochs=tokens / unique,
        effective_tokens=effective,
        worth_of_last_token=sum(part.tokens / tokens * marginal(*part) for part in parts),
        loss=C4(useful(params, unique), effective),
        loss_if_all_unique=C4(params, tokens),
        best_params=fitting.params,
        best_tokens=fitting.tokens,
        best_loss=loss(fitting.params, fitting.tokens, unique),
    )
