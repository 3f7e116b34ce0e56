"""The model of the same quality that is cheapest to train and to serve (Sardana et al. 2024, arXiv:2401.00448v3).

A smaller model trained longer has the same loss; training costs 6·N·D and serving 2·N for every token. With prices and
utilisation of training, prefill and decode the sum has the same form, so one search answers both: see `weight`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from prep.errors import BadSettings
from prep.pipeline.plan.laws import Chinchilla

FORWARD = 2.0  # FLOPs per parameter and token served
TRAIN = 6.0
# Sardana et al., table 1: refits on runs of up to 100, 250, 500 and 10,000 tokens a parameter disagree; laws fitted on
# ordinary ratios promise more of extra tokens than they bring.
EXTREME_RATIO = 500.0
STEPS = 200  # of the bisection; a double has no more to give after about 60


@dataclass(frozen=True)
class Serving:
    """A model and what it takes to train and to serve: FLOPs, or money in any unit, by the weight of served tokens."""

    params: float
    tokens: float
    training: float
    serving: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.training + self.serving


@dataclass(frozen=True)
class Trade:
    """The model asked about, and the cheapest one of the same loss."""

    loss: float
    before: Serving
    after: Serving

    @property
    def saving(self) -> float:
        """Share of the whole that the cheaper model saves."""
        return 1 - self.after.total / self.before.total

    @property
    def more_tokens(self) -> float:
        """Training tokens of the cheaper model over those of the other."""
        return self.after.tokens / self.before.tokens

    @property
    def extreme(self) -> bool:
        """Whether it goes beyond the ratios that laws are fitted on."""
        return self.after.tokens / self.after.params > EXTREME_RATIO


@dataclass(frozen=True)
class Prices:
    """What a FLOP costs in training, prefill and decode, relative to one another: price an hour, peak, utilisation."""

    train_per_hour: float = 1.0
    serve_per_hour: float = 1.0
    train_peak: float = 312e12
    serve_peak: float = 312e12
    train_mfu: float = 0.5
    prefill_mfu: float = 0.5
    decode_mfu: float = 0.01  # Sardana et al., section 3.1

    def weight(self, prompt_tokens: float, answer_tokens: float) -> float:
        """The tokens served, each weighed by what its FLOP costs relative to one of training."""
        dearer = (self.serve_per_hour / self.serve_peak) / (self.train_per_hour / (self.train_peak * self.train_mfu))
        return dearer * (prompt_tokens / self.prefill_mfu + answer_tokens / self.decode_mfu)

    def money(self, training_flops: float) -> float:
        """What training costs, in the unit of the prices."""
        return training_flops / (self.train_peak * self.train_mfu * 3600) * self.train_per_hour


def trade(loss: Chinchilla, params: float, tokens: float, served: float) -> Trade:
    """The cheapest model of the loss that N and D have, for so many served tokens (or their `weight`)."""
    level = loss(params, tokens)
    best = cheapest(loss, level, params, served)
    return Trade(level, _serving(params, tokens, served), _serving(best, loss.tokens_for(level, best), served))


def _serving(params: float, tokens: float, served: float) -> Serving:
    return Serving(params, tokens, TRAIN * params * tokens, FORWARD * params * served)


def cheapest(loss: Chinchilla, level: float, start: float, served: float) -> float:
    """Parameters of the cheapest model of this loss: the root of a falling function, by bisection in log N."""
    if not level > loss.E:
        raise BadSettings(f"a loss of {level:.4g} is below the floor of the law, {loss.E:.4g}; no model has it")

    def excess(log_params: float) -> float:
        """What the first-order condition eps_N/eps_D = 1 + served/(3·D) is off by; falls as N grows."""
        params = math.exp(log_params)
        tokens = loss.tokens_for(level, params)
        if math.isinf(tokens):
            return math.inf
        size = loss.alpha * loss.A * math.exp(-loss.alpha * log_params)
        data = loss.beta * loss.B * math.exp(-loss.beta * math.log(tokens))
        return size / data - 1 - served / (3 * tokens)

    low, high = math.log(loss.smallest_for(level)), math.log(start)
    while excess(high) > 0:
        high += math.log(2)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return math.exp(high)
