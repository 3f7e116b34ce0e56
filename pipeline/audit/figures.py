"""What an audit finds of each source, as plain data: table, JSON, shard and picture are drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval; one that is exact has an interval of one point."""

    value: float
    low: float
    high: float
    exact: bool = False

    @property
    def half_width(self) -> float:
        """Of the interval, relative to the value."""
        return (self.high - self.low) / 2 / self.value if self.value else 0.0


@dataclass(frozen=True)
class Tokens:
    """One source by one tokenizer. `ratio` is bytes of UTF-8 text per token; `chars` is characters per token."""

    tokenizer: str
    family: str  # as the reference calls it: hf-json, sentencepiece-unigram, tiktoken ...
    vocabulary: int
    engine: str  # which counted: `unigram 1`, `gigatoken 0.10.0`, or the reference
    ratio: Estimate
    chars: Estimate
    total: Estimate  # tokens of the whole source
    documents: int  # that were counted
    bytes: int  # of text that were counted


@dataclass(frozen=True)
class Traits:
    """What the sampled text looks like, each a share of its characters or documents; explains a ratio out of range."""

    scripts: Mapping[str, float]  # share of letters by script: Latin, Kana, Han, Hangul, Cyrillic ...
    markup: float  # share of characters inside HTML tags or wiki markup
    mojibake: float  # share of documents that look decoded by the wrong encoding, or hold U+FFFD
    digits: float  # share of characters
    spaces: float  # share of characters that are white space
    symbols: float = 0.0  # share of characters that code is full of: {}()[];=<>_
    runs: float = 0.0  # share of characters in unbroken runs of 100 and more from base64's alphabet
    languages: Mapping[str, float] = field(
        default_factory=dict
    )  # share of bytes found to be in each; the rest is unknown
    documents: int = 0  # that were looked at


@dataclass(frozen=True)
class Source:
    """One audited source. Sizes are bytes: `on_disk` of the files as they lie, `text` of the UTF-8 text in them."""

    name: str
    language: str | None
    kind: str | None
    files: int
    files_read: int
    on_disk: int
    read: int  # bytes on disk that were read
    compressed: bool
    method: str  # exact, documents, blocks, files: what was drawn
    documents: Estimate
    text: Estimate
    chars: Estimate
    traits: Traits
    tokens: tuple[Tokens, ...]
    rejected: int = 0  # records that were no documents, of those read
    notes: tuple[str, ...] = field(default=())  # limits of this estimate: fewer than ten files, ...
