"""What `prep plan` answers: tokens and compute for a model of N parameters, by each law."""

from __future__ import annotations

from dataclasses import dataclass

from prep.pipeline.numbers import format_count
from prep.pipeline.plan.laws import LAWS, flops


@dataclass(frozen=True)
class Answer:
    """One law's advice for one model: parameters, training tokens, their ratio, training FLOPs."""

    law: str
    title: str
    source: str
    parameters: int
    tokens: float
    tokens_per_parameter: float
    flops: float


def answers(parameters: int) -> list[Answer]:
    """The advice of every law for a model of so many parameters."""
    found = []
    for name, law in LAWS.items():
        tokens = law.tokens(parameters)
        compute = flops(parameters, tokens)
        found.append(Answer(name, law.title, law.source, parameters, tokens, tokens / parameters, compute))
    return found


def _power(number: float) -> str:
    """1.23e22, as the papers write it."""
    return f"{number:.2e}".replace("e+", "e")


def lines(found: list[Answer]) -> list[str]:
    """The same for people: one aligned line a law."""
    width = max(len(answer.title) for answer in found)
    head = f"{'law':<{width}}  {'tokens':>9}  {'per param':>9}  {'FLOPs':>8}  source"
    body = [
        f"{answer.title:<{width}}  {format_count(answer.tokens):>9}  {answer.tokens_per_parameter:>9.2f}  "
        f"{_power(answer.flops):>8}  {answer.source}"
        for answer in found
    ]
    return [f"A model of {format_count(found[0].parameters)} parameters is compute-optimal at:", "", head, *body]
