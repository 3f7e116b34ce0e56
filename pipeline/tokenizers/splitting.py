"""An engine without added tokens and normaliser, for texts that we have cut at the added tokens.

A stretch between two added tokens is a text of its own for the reference, too. Each costs an engine about as much as
100 bytes, and code has one on every indented line; so stretches are joined where that is proved. GPT-2's split is

    's|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+

No match has white space after another character, so one ends where a run of white space begins; and none looks back.
Take a stretch A that ends in no white space, k newlines after it (none for k = 0), and a stretch B that begins with no
white space. A and its newlines alone: the matches of A, then all newlines in one, as the text ends there. A, one
newline and B as one text: the matches of A, the newline by the last alternative, for the one before it would need
another white space character, then the matches of B. So they differ by the tokens of k newlines less those of one.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.pipeline.tokenizers import splitting_kernel as kernel
from prep.pipeline.tokenizers.added import Plan
from prep.pipeline.tokenizers.counter import Engine
from prep.pipeline.tokenizers.slabs import bounds, content, slabs
from prep.pipeline.tokenizers.steady import steady

OURS = "+split3"  # raise it with any change of what the kernel finds
MOST_LINES = 8  # newlines at the end of a stretch that is joined
FEW = 0.05  # of the bytes: counting them twice costs less than a copy of all others
MOST_RAW = 16  # tokens to look for in a text before NFC
NO_TABLE = np.zeros(0, np.uint8)


class Lean(Engine, Protocol):
    """An engine that need not be told what it was told before."""

    def slab(self, slab: pa.LargeStringArray) -> npt.NDArray[np.int64]:
        """Tokens of each text; all are there, and are UTF-8."""


@dataclass(frozen=True)
class Splitting:
    """Counts what is between added tokens by `lean`; texts with rare characters, if NFC is to be, by what `full` opens.

    One text in a hundred has characters that NFC may change; Python normalises it, if it holds none of the tokens that
    cut the text before.
    """

    lean: Lean
    full: Callable[[], Engine]
    rules: kernel.Rules
    raw: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.lean.name

    @property
    def version(self) -> str:
        return self.lean.version + OURS

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        return np.concatenate([np.zeros(0, np.int64), *map(self._slab, slabs(texts))])

    def _slab(self, slab: pa.LargeStringArray) -> npt.NDArray[np.int64]:
        """Most texts have nothing to cut at, and need not be copied."""
        text, ends = content(slab), bounds(slab)
        plain = kernel.plain(text, ends, self.rules)
        if plain.all():
            return self.lean.slab(slab)
        if np.diff(ends)[~plain].sum() < FEW * (ends[-1] - ends[0]):
            tokens = self.lean.slab(slab)  # those of the others count for nothing
        else:
            tokens = np.empty(len(slab), np.int64)
            tokens[plain] = self.lean.slab(slab.filter(pa.array(plain)))
        tokens[~plain] = self._cut(slab.filter(pa.array(~plain)), self.rules)
        return tokens

    def _cut(self, slab: pa.LargeStringArray, rules: kernel.Rules) -> npt.NDArray[np.int64]:
        found = kernel.split(content(slab), bounds(slab), rules)
        parts = (pa.py_buffer(found.ends), pa.py_buffer(found.text))
        stretches = pa.LargeStringArray.from_buffers(len(found.ends) - 1, *parts)
        tokens: npt.NDArray[np.int64] = kernel.summed(found, self.lean.slab(stretches))
        if len(changed := np.flatnonzero(found.tokens == kernel.CHANGED)):
            tokens[changed] = self._normalized(slab.take(pa.array(changed)))
        if len(unsure := np.flatnonzero(found.tokens == kernel.UNSURE)):
            tokens[unsure] = self._full.count(slab.take(pa.array(unsure)))
        return tokens

    def _normalized(self, texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
        """Tokens of texts of known characters."""
        both = [(text, unicodedata.normalize("NFC", text)) for text in texts.to_pylist()]
        cut = np.array([any(token in text or token in new for token in self.raw) for text, new in both])
        cut |= len(self.raw) > MOST_RAW
        tokens = np.empty(len(both), np.int64)
        if cut.any():
            tokens[cut] = self._full.count(texts.filter(pa.array(cut)))
        whole = [new for (_, new), aside in zip(both, cut, strict=True) if not aside]
        tokens[~cut] = self._cut(pa.array(whole, pa.large_string()), self.rules._replace(steady=NO_TABLE))
        return tokens

    @cached_property
    def _full(self) -> Engine:
        return self.full()


def splitting(plan: Plan, opener: Callable[[bytes], Lean], full: bytes) -> Splitting:
    """`opener` opens a tokenizer.json; `full` is the one with added tokens and normaliser, for the texts aside."""
    lean = opener(plan.lean)
    joins = np.zeros(0, np.int64)
    if plan.joined:
        lines = lean.count(pa.array(["\n" * count for count in range(MOST_LINES)], pa.large_string()))
        joins = lines - 1 if lines[1] == 1 else joins
    # Of a type that can be written to, as the empty one has, so that the kernel is compiled once.
    table = steady().copy() if plan.normalized else NO_TABLE
    return Splitting(
        lean, lambda: opener(full), kernel.Rules(plan.trie, table, kernel.first_lead(table), joins), plan.raw
    )
