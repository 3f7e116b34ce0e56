"""The planner's data files: accelerators, known models, bytes per token, circulating figures. Read once, on demand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from prep.errors import BadSettings
from prep.pipeline.plan.laws import flops


def rows(name: str, key: str) -> list[dict[str, Any]]:
    """The rows of a data file under one key."""
    text = resources.files("prep.configs").joinpath(name).read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)[key]
    return found


@dataclass(frozen=True)
class Accelerator:
    """A GPU or TPU chip: peak FLOPs a second, dense bf16."""

    name: str
    title: str
    peak_flops_per_s: float
    memory_gb: tuple[int, ...]
    aliases: tuple[str, ...]
    source: str


@cache
def accelerators() -> dict[str, Accelerator]:
    """All accelerators by name."""
    found = rows("hardware.json", "accelerators")
    return {
        row["name"]: Accelerator(**{**row, "memory_gb": tuple(row["memory_gb"]), "aliases": tuple(row["aliases"])})
        for row in found
    }


def accelerator(name: str) -> Accelerator:
    """An accelerator by name or alias, in any case.

    Errors: BadSettings.
    """
    wanted = name.strip().lower().replace(" ", "-").replace("_", "-")
    for each in accelerators().values():
        if wanted in (each.name, *each.aliases):
            return each
    raise BadSettings(f"--gpu {name}: no such accelerator; write {', '.join(accelerators())}")


@dataclass(frozen=True)
class Model:
    """A published training run."""

    name: str
    year: int
    params: float
    active_params: float | None
    tokens: float | None
    tokens_also: tuple[float, ...]
    accelerator: str | None
    hours: float | None
    mfu_reported: float | None
    counts_for_mfu: bool
    source: str
    note: str

    @property
    def computing_params(self) -> float:
        """Parameters that a token passes through: the active ones of a mixture of experts."""
        return self.active_params or self.params

    @property
    def flops(self) -> float | None:
        """6·N·D, N active."""
        return None if self.tokens is None else flops(self.computing_params, self.tokens)

    @property
    def mfu(self) -> float | None:
        """What 6·N·D and the hours of the whole run imply, stops and restarts included."""
        if self.flops is None or self.hours is None or self.accelerator is None:
            return None
        return self.flops / (self.hours * 3600 * accelerator(self.accelerator).peak_flops_per_s)


@cache
def models() -> tuple[Model, ...]:
    """All known models, in order of the year."""
    found = rows("known_models.json", "models")
    return tuple(Model(**{**row, "tokens_also": tuple(row["tokens_also"])}) for row in found)


def like(params: float, number: int = 2) -> list[Model]:
    """Known models of like size, the newest first: within half as much again, or else the nearest."""
    known = [each for each in models() if each.tokens is not None]
    near = [each for each in known if 1 / 1.5 <= each.params / params <= 1.5]
    if len(near) < number:
        return sorted(known, key=lambda each: max(each.params / params, params / each.params))[:number]
    return sorted(near, key=lambda each: (-each.year, max(each.params / params, params / each.params)))[:number]


@dataclass(frozen=True)
class TextSize:
    """How many bytes of UTF-8 text a token stands for, from `low` to `high`, by language and tokenizer."""

    language: str
    tokenizer: str
    family: str
    low: float
    high: float
    source: str


@cache
def text_sizes() -> tuple[TextSize, ...]:
    """All ranges of bytes per token."""
    return tuple(TextSize(**row) for row in rows("bytes_per_token.json", "ranges"))


@dataclass(frozen=True)
class Circulating:
    """A figure that goes around, and what is wrong with it: parameters and tokens, or bytes and tokens."""

    why: str
    source: str
    tokens: float
    params: float | None = None
    bytes: float | None = None


@cache
def circulating() -> tuple[Circulating, ...]:
    """All circulating figures."""
    return tuple(Circulating(**row) for row in rows("claims.json", "claims"))
