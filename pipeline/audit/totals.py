"""Sources added up: by language and over all. Sources are drawn apart, so their errors add as squares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prep.pipeline.audit.explain import language
from prep.pipeline.audit.figures import Estimate, Source


@dataclass(frozen=True)
class Ratio:
    """Text over tokens of several sources together, by one tokenizer."""

    tokenizer: str
    bytes_per_token: float
    chars_per_token: float
    tokens: Estimate


@dataclass(frozen=True)
class Total:
    """Some sources together. `language` is None where it is not known, and for all together."""

    language: str | None
    sources: int
    files: int
    on_disk: int
    read: int
    documents: Estimate
    text: Estimate
    ratios: tuple[Ratio, ...]


def add(figures: Iterable[Estimate]) -> Estimate:
    """A sum of figures that are independent of each other."""
    listed = list(figures)
    value = sum(each.value for each in listed)
    below = math.sqrt(sum((each.value - each.low) ** 2 for each in listed))
    above = math.sqrt(sum((each.high - each.value) ** 2 for each in listed))
    return Estimate(value, value - below, value + above, all(each.exact for each in listed))


def total(sources: Sequence[Source], spoken: str | None = None) -> Total:
    """All of the sources together."""
    return Total(
        spoken, len(sources), sum(each.files for each in sources), sum(each.on_disk for each in sources),
        sum(each.read for each in sources), add(each.documents for each in sources), add(each.text for each in sources),
        tuple(_ratios(sources)),
    )  # fmt: skip


def _ratios(sources: Sequence[Source]) -> Iterable[Ratio]:
    """By the tokenizers that counted every one of the sources that hold any document."""
    sources = [each for each in sources if each.tokens]
    names = [each.tokenizer for each in sources[0].tokens] if sources else []
    text, chars = _sum(sources, lambda each: each.text), _sum(sources, lambda each: each.chars)
    for name in names:
        counted = [each for source in sources for each in source.tokens if each.tokenizer == name]
        if len(counted) == len(sources):
            tokens = add(each.total for each in counted)
            share = 1 / tokens.value if tokens.value else 0.0
            yield Ratio(name, text * share, chars * share, tokens)


def _sum(sources: Sequence[Source], figure: Callable[[Source], Estimate]) -> float:
    return sum(figure(each).value for each in sources)


def by_language(sources: Sequence[Source]) -> list[Total]:
    """The sources of each language together, in order of first standing."""
    found: dict[str | None, list[Source]] = {}
    for each in sources:
        found.setdefault(language(each)[0], []).append(each)
    return [total(listed, spoken) for spoken, listed in found.items()]
