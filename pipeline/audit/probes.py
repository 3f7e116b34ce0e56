"""Short texts of our own, and what a tokenizer makes of them: how it is classed without its name being known.

A tokenizer that was trained on Japanese spends fewer tokens on Japanese than one that was not, whatever its file is
called. So each is given the same few sentences of plain prose, and its bytes per token on them are its measure. On the
ten tokenizers at hand (November 2026) the Japanese ones come to 4.2 to 6.9 on the Japanese sentences, o200k to 3.7, and
GPT-2, GPT-NeoX, Llama, Mistral and cl100k, which spell much of it out in bytes or single characters, to 2.1 to 2.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.pipeline.plan.tables import rows


@cache
def texts() -> Mapping[str, str]:
    """The sentences by language, and some lines of Python under `code`."""
    return {row["language"]: row["text"] for row in rows("probes.json", "probes")}


class Counts(Protocol):
    """All that is asked of a tokenizer here."""

    def count(self, texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
        """Tokens of each text."""


@dataclass(frozen=True)
class Measure:
    """Bytes per token of one tokenizer on each probe."""

    tokenizer: str
    ratios: Mapping[str, float]


def measure(name: str, counter: Counts) -> Measure:
    """Give a tokenizer the probes."""
    tokens = counter.count(pa.array(texts().values(), pa.large_string()))
    ratios = {
        language: len(text.encode()) / max(int(count), 1)
        for (language, text), count in zip(texts().items(), tokens, strict=True)
    }
    return Measure(name, ratios)
