"""What an opened tokenizer does, and how texts reach its library: in batches bounded by bytes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.errors import BrokenShard
from prep.pipeline.tokenizers.files import Files
from prep.pipeline.tokenizers.patterns import Pattern

BATCH_BYTES = 1_000_000  # of UTF-8 per call of a library; a longer text goes alone. Larger ones only cost memory.
TEXT_BYTES = 500  # what a text costs beside its characters, so that a million empty texts are not one batch


class Counter(Protocol):
    """An opened tokenizer. No special tokens are added; no text is cut or padded."""

    @property
    def family(self) -> str:
        """Which library and algorithm counts: `hf-json`, `sentencepiece-unigram`, `tiktoken` and so on."""

    @property
    def digest(self) -> str:
        """Sha256 of the tokenizer's files, the same as `digest_of` gives."""

    @property
    def vocabulary(self) -> int:
        """One more than the largest id."""

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        """Tokens of each text."""

    def encode(self, texts: Sequence[str]) -> list[npt.NDArray[np.uint32]]:
        """Ids of each text."""

    def spelled(self) -> dict[int, str]:
        """By id, what a token reads like by itself; none of parts of characters, nor of what is no text."""


class Specials(StrEnum):
    """What a special token is that is written inside a text, such as `<|endoftext|>`."""

    LIBRARY = "library"  # as the reference library does: one token for a tokenizer.json, text for ranks and .model
    TEXT = "text"
    TOKEN = "token"  # noqa: S105 - no password


class Engine(Protocol):
    """Counts as the reference does, faster; believed only after the self-check."""

    @property
    def name(self) -> str:
        """`unigram`, `gigatoken`, `fastokens`."""

    @property
    def version(self) -> str:
        """Of the library, or of our kernel: a passed check holds for this version only."""

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        """Tokens of each text."""


@dataclass(frozen=True)
class Ask:
    """What an engine is asked to stand for: a tokenizer's files, and the reference that reads them.

    The reference is opened when it is first needed: that takes 0.1 to 0.4 s, and a believed engine seldom asks it.
    """

    files: Files
    digest: str
    split: Pattern | None
    specials: Specials
    opener: Callable[[], Counter]

    @property
    def beside(self) -> bytes:
        """What stands beside the files and decides, with them, what is counted."""
        return (self.split.canonical() if self.split else b"") + b"\0" + self.specials.encode()

    @cached_property
    def reference(self) -> Counter:
        """The tokenizer in its own library."""
        return self.opener()


class Unsuited(Exception):
    """Raised by an engine's opener: it cannot stand for this tokenizer; the text says why."""


def counts(
    texts: pa.StringArray | pa.LargeStringArray, lengths: Callable[[list[str]], Iterable[int]]
) -> npt.NDArray[np.int64]:
    """Tokens of each text by a library's `lengths` of a batch."""
    found = (length for batch in batches(texts) for length in lengths(batch))
    return np.fromiter(found, np.int64, count=len(texts))


def batches(texts: pa.StringArray | pa.LargeStringArray, most: int = BATCH_BYTES) -> Iterator[list[str]]:
    """The texts in order, as lists of at most `most` bytes, or one text."""
    if texts.null_count:
        row = pc.index(texts.is_null(), True).as_py()
        raise BrokenShard(f"row {row} of {len(texts)} has no text to tokenize; ingest writes none such: run it again")
    ends = np.cumsum(pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64) + TEXT_BYTES)
    start = 0
    while start < len(texts):
        room = (ends[start - 1] if start else 0) + most
        stop = max(start + 1, int(np.searchsorted(ends, room, side="right")))
        yield texts[start:stop].to_pylist()
        start = stop
