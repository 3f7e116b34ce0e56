"""What is read: a file as the listing saw it, and a unit of reading, the same for any number of workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_DOCUMENT = 8_000_000  # bytes of UTF-8 text; the reference tokenizers take 60 to 130 times a document's size
RAW_BOUND = 64 * 1024  # bytes kept of a rejected record


@dataclass(frozen=True)
class Where:
    """What listing needs of a source's settings."""

    name: str
    path: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    format: str | None = None
    encoding: str = "utf-8"
    hf: str | None = None
    config: str | None = None
    split: str = "train"
    revision: str | None = None


@dataclass(frozen=True)
class File:
    """`url` is what is opened; `name`, relative to the source's root, is what ids and recipes hold."""

    url: str
    name: str
    size: int
    etag: str | None = None


@dataclass(frozen=True)
class Piece:
    """Files read one after another, or the records that start inside bytes `start` to `stop` of one file."""

    source: str
    format: str
    encoding: str
    files: tuple[File, ...]
    start: int = 0
    stop: int | None = None

    @property
    def size(self) -> int:
        """Bytes on disk."""
        whole = sum(file.size for file in self.files)
        return (whole if self.stop is None else self.stop) - self.start

    @property
    def is_range(self) -> bool:
        """Whether the piece is less than a whole file, so that its reader cannot know record numbers."""
        return self.start > 0 or self.stop is not None

    def identity(self) -> dict[str, Any]:
        """What decides which records come out, without a path of this machine: for recipes and shard keys."""
        files = [[file.name, file.size, file.etag] for file in self.files]
        return {
            "format": self.format,
            "encoding": self.encoding,
            "files": files,
            "start": self.start,
            "stop": self.stop,
        }

    def label(self, file: File) -> str:
        """The name a file's digest goes by."""
        return f"{file.name}[{self.start}:{self.stop}]" if self.is_range else file.name


@dataclass(frozen=True)
class Fields:
    """Canonical name to field of the record; None is not named (`text`: the field `text`)."""

    text: str | None = None
    id: str | None = None
    language: str | None = None
    kind: str | None = None
    licence: str | None = None
    url: str | None = None
    max_document: int = MAX_DOCUMENT

    @property
    def line_bound(self) -> int:
        """Bytes of a line above which it is discarded as it streams: JSON escapes take up to 4 times the text."""
        return 4 * self.max_document
