"""What is asked of an audit: sources as a run file names them, tokenizers, and how much may be read for how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prep.pipeline.settings import Source, Tokenizer

PRECISION = 0.005  # half-width of the interval over the ratio: 4.00 bytes per token are 3.98 to 4.02

Say = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """Sources by name, as a run file holds them: the same record is a document for `audit` and for `ingest`.

    `undeclared` names the sources whose language is a placeholder, because nobody declared it.
    """

    sources: Mapping[str, Source]
    tokenizers: Mapping[str, Tokenizer]
    base: Path = field(default_factory=Path)  # where relative paths begin
    exact: bool = False
    precision: float = PRECISION
    max_read: int | None = None  # bytes on disk, of all sources together
    seed: int = 0
    undeclared: frozenset[str] = frozenset()
