"""Short texts of our own, and what a tokenizer makes of them: how it is classed without its name being known.

A tokenizer that was trained on Japanese spends fewer tokens on Japanese than one that was not, whatever its file is
called. So each is given the same few sentences of plain prose, and its bytes per token on them are its measure. On the
ten tokenizers at hand (November 2026) the Japanese ones come to 4.2 to 6.9 on the Japanese sentences, o200k to 3.7, and
GPT-2, GPT-NeoX, Llama, Mistral and cl100k, which spell much of it out in bytes or single characters, to 2.1 to 2.8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from prep.pipeline.plan.tables import rows


@cache
def texts() -> Mapping[str, str]:
    """The sentences by language, and some lines of Python under `code`."""
    return {row["language"]: row["text"] for row in rows("probes.json", "probes")}


@dataclass(frozen=True)
class Measure:
    """Bytes per token of one tokenizer on each probe."""

    tokenizer: str
    ratios: Mapping[str, float]


def measure(name: str, tokens: Sequence[int]) -> Measure:
    """What a tokenizer made of the probes, in order."""
    sizes = [len(text.encode()) for text in texts().values()]
    ratios = [size / max(count, 1) for size, count in zip(sizes, tokens, strict=True)]
    return Measure(name, dict(zip(texts(), ratios, strict=True)))
