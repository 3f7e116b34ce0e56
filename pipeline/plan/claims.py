"""What a figure that somebody wrote says: two quantities, and what they are of. `check` judges it.

"70B 1.4T" is parameters and tokens, "750GB = 500B tokens" text and tokens, "10B 1000 A100-days" parameters and what
they are said to cost. A known model's name may stand for its parameters: "LLaMA 7B 1T tokens".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from prep.errors import BadSettings
from prep.pipeline.numbers import FULL_WIDTH, parse_count, parse_size
from prep.pipeline.plan.tables import Model, accelerators, models

Kind = Literal["params", "tokens", "bytes", "accelerator_days"]
PAIRS = ({"params", "tokens"}, {"bytes", "tokens"}, {"params", "accelerator_days"})
FORMS = (
    'write two quantities: "70B 1.4T" (parameters, then tokens), "750GB = 500B tokens" or "10B 1000 A100-days"; '
    "units K, M, B or G, T, 億, 兆, and KB to PB for text"
)
NUMBER = r"(?<![a-z0-9.])(?P<number>-?(?:[0-9]+(?:[,_][0-9]+)*\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)"
COST = re.compile(NUMBER + r" *(?P<name>[a-z][a-z0-9-]*?)[- ](?P<unit>days?|hours?)(?![a-z])")
SIZE = re.compile(NUMBER + r" ?(?P<unit>[kmgtp]i?b)(?![a-z])")
COUNT = re.compile(
    NUMBER + r" ?(?P<unit>[kmbgt]|億|兆)?(?![a-z0-9._])"
    r"(?: *(?:(?P<tokens>tokens?|トークン)|(?P<params>param(?:eter)?s?|パラメータ)))?"
)
JAPANESE = {"億": "e8", "兆": "e12"}


@dataclass(frozen=True)
class Quantity:
    """A number and what it counts; `accelerator` where it is accelerator-days."""

    kind: Kind
    value: float
    accelerator: str = ""


@dataclass(frozen=True)
class Claim:
    """What was claimed, and of which known model, where one is named."""

    text: str
    quantities: tuple[Quantity, Quantity]
    model: Model | None = None

    def value(self, kind: Kind) -> float | None:
        """The quantity of a kind, where the claim has it."""
        return next((each.value for each in self.quantities if each.kind == kind), None)


def read(text: str, where: str | None = None) -> Claim:
    """Read a claim; `where` it was written begins what is said against it.

    Errors: BadSettings, with what is not understood and what is accepted.
    """
    where = where or f"--check {text!r}"
    left = text.translate(FULL_WIDTH).lower()
    model = _named(left)
    left = left if model is None else left.replace(model.name.lower(), " ")
    costs = [_cost(where, found) for found in COST.finditer(left)]
    left = COST.sub(" ", left)
    sizes = [
        Quantity("bytes", _value(where, parse_size, found["number"], found["unit"])) for found in SIZE.finditer(left)
    ]
    left = SIZE.sub(" ", left)
    counts = _counts(where, list(COUNT.finditer(left)), "tokens" if sizes or (model and not costs) else "params")
    odd = re.search(r"\S*[0-9]\S*", COUNT.sub(" ", left))
    if odd:
        raise BadSettings(f"{where}: {odd[0]!r} is not understood; {FORMS}")
    named = [Quantity("params", model.params)] if model is not None and len(counts) == 1 and not sizes else []
    found = (*sizes, *named, *counts, *costs)
    if len(found) != 2 or {each.kind for each in found} not in PAIRS:
        said = " and ".join(each.kind for each in found) or "no quantity"
        raise BadSettings(f"{where} says {said}; {FORMS}")
    return Claim(text, (found[0], found[1]), model)


def _named(text: str) -> Model | None:
    found = [each for each in models() if re.search(rf"(?<!\w){re.escape(each.name.lower())}(?!\w)", text)]
    return max(found, key=lambda each: len(each.name), default=None)


def _cost(where: str, found: re.Match[str]) -> Quantity:
    name = found["name"].removesuffix("-gpu")
    known = next((each for each in accelerators().values() if name in (each.name, *each.aliases)), None)
    if known is None:
        raise BadSettings(f"{where}: no accelerator {name!r}; write {', '.join(accelerators())}")
    days = _value(where, parse_count, found["number"], "") / (24 if found["unit"].startswith("hour") else 1)
    return Quantity("accelerator_days", days, known.name)


def _counts(where: str, found: list[re.Match[str]], alone: Kind) -> list[Quantity]:
    """Of two numbers that do not say what they count, the first is parameters; a single one is as told."""
    free: list[Kind] = ["params", "tokens"] if len(found) > 1 else [alone]
    free = [kind for kind in free if not any(each[kind] for each in found)]
    counts = []
    for each in found:
        kind: Kind = "tokens" if each["tokens"] else "params" if each["params"] else free.pop(0) if free else "params"
        unit = JAPANESE.get(each["unit"] or "", each["unit"] or "")
        counts.append(Quantity(kind, _value(where, parse_count, each["number"], unit)))
    return counts


def _value(where: str, parse: Callable[[object], int], number: str, unit: str) -> float:
    try:
        value = parse(number + unit)
    except ValueError as error:
        raise BadSettings(f"{where}: {error}") from error
    if value == 0:
        raise BadSettings(f"{where}: {number}{unit} is zero; {FORMS}")
    return float(value)
