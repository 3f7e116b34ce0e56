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
from itertools import compress
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tokenizers.normalizers import NFC

from prep.pipeline.tokenizers import splitting_kernel as kernel
from prep.pipeline.tokenizers.added import Plan
from prep.pipeline.tokenizers.counter import Engine
from prep.pipeline.tokenizers.slabs import bounds, chosen, content, joined, slabs
from prep.pipeline.tokenizers.steady import steady

OURS = "+split4"  # raise it with any change of what the kernel finds
MOST_LINES = 8  # newlines at the end of a stretch that is joined
MOST_RAW = 16  # tokens to look for in a text before NFC
NO_TABLE = np.zeros(0, np.uint8)

Text = TypeVar("Text")  # of a library: bytes, or a string


class Lean(Engine, Protocol[Text]):
    """An engine that need not be told what it was told before."""

    @property
    def most(self) -> int:
        """Bytes of a slab that suits it."""

    def given(self, texts: pa.LargeStringArray) -> list[Text]:
        """The texts as it takes them; all are there, and are UTF-8."""

    def counted(self, texts: list[Text]) -> npt.NDArray[np.int64]:
        """Tokens of each text of a slab, in one call."""


@dataclass(frozen=True)
class Splitting:
    """Counts what is between added tokens by `lean`, in one call for a slab: each takes 0.4 ms before the first text.

    One text in a hundred has characters that NFC may change. It is normalised here, if it holds none of the tokens that
    cut the text before; a text that does is left to what `full` opens.
    """

    lean: Lean[Any]
    full: Callable[[], Engine]
    rules: kernel.Rules
    raw: tuple[bytes, ...]

    @property
    def name(self) -> str:
        return self.lean.name

    @property
    def version(self) -> str:
        return self.lean.version + OURS

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        return np.concatenate([np.zeros(0, np.int64), *map(self._slab, slabs(texts, self.lean.most))])

    def _slab(self, slab: pa.LargeStringArray) -> npt.NDArray[np.int64]:
        """Texts with nothing to cut at, stretches of the others, and stretches of what NFC made, in one call."""
        plain = kernel.plain(content(slab), bounds(slab), self.rules)
        given = self.lean.given
        if plain.all():
            return self.lean.counted(given(slab))
        rows = np.flatnonzero(~plain)
        found = kernel.split(content(slab), bounds(slab), rows, self.rules)
        changed = np.flatnonzero(found.tokens < 0)
        texts, left = self._normalized(chosen(slab, rows[changed]), found.tokens[changed])
        again = kernel.split(*joined(texts), np.arange(len(texts)), self.rules._replace(steady=NO_TABLE))
        whole = list(compress(given(slab), plain))  # half the time of a filter, which writes where no memory is yet
        counts = self.lean.counted([*whole, *given(found.stretches), *given(again.stretches)])
        simple, first, second = np.split(counts, np.cumsum([len(whole), len(found.stretches)]))
        tokens = np.empty(len(slab), np.int64)
        tokens[plain], tokens[rows] = simple, kernel.summed(found, first)
        tokens[rows[changed[~left]]] = kernel.summed(again, second)
        if left.any():
            tokens[rows[changed[left]]] = self._full.count(slab.take(pa.array(rows[changed[left]])))
        return tokens

    def _normalized(
        self, texts: list[bytes], kinds: npt.NDArray[np.int64]
    ) -> tuple[list[bytes], npt.NDArray[np.bool_]]:
        """The texts as NFC makes them, but for those that must be left to the library; and which these are."""
        made = [_nfc(text, kind, self.rules) for text, kind in zip(texts, kinds.tolist(), strict=True)]
        held = [self._holds_raw(old) or self._holds_raw(new) for old, new in zip(texts, made, strict=True)]
        left = np.array(held, np.bool_)
        return list(compress(made, ~left)), left

    def _holds_raw(self, text: bytes) -> bool:
        return len(self.raw) > MOST_RAW or any(token in text for token in self.raw)

    @cached_property
    def _full(self) -> Engine:
        return self.full()


def _nfc(text: bytes, kind: int, rules: kernel.Rules) -> bytes:
    """By Python where all versions of Unicode agree (70 to 95 MB/s), else by the reference's own library (34 to 49)."""
    parts, done = [], 0
    for begin, end in kernel.windows(np.frombuffer(text, np.uint8), rules):
        part = text[begin:end].decode()
        new = unicodedata.normalize("NFC", part) if kind == kernel.CHANGED else NFC().normalize_str(part)
        parts += [text[done:begin], new.encode()]
        done = end
    return b"".join([*parts, text[done:]])


def splitting(plan: Plan, opener: Callable[[bytes], Lean[Any]], full: bytes) -> Splitting:
    """`opener` opens a tokenizer.json; `full` is the one with added tokens and normaliser, for the texts aside."""
    lean = opener(plan.lean)
    joins = np.zeros(0, np.int64)
    if plan.joined:
        lines = lean.count(pa.array(["\n" * count for count in range(MOST_LINES)], pa.large_string()))
        joins = lines - 1 if lines[1] == 1 else joins
    # Of a type that can be written to, as the empty one has, so that the kernel is compiled once.
    table = steady().copy() if plan.normalized else NO_TABLE
    return Splitting(
        lean,
        lambda: opener(full),
        kernel.Rules(plan.trie, table, kernel.first_lead(table), joins),
        tuple(map(str.encode, plan.raw)),
    )
