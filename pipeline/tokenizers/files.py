"""Which files make the tokenizer that a path names, of which kind they are, and their digest."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from prep.errors import BadTokenizer

LARGEST = 500_000_000  # bytes; the largest published tokenizer.json has about 35 MB, so more is another file by mistake
PAIR = ("vocab.json", "merges.txt")
ACCEPTED = "tokenizer.json, a SentencePiece .model, .tiktoken ranks, or vocab.json with merges.txt"


class Kind(StrEnum):
    """What the bytes are; part of the digest."""

    JSON = "tokenizer.json"
    PAIR = "vocab.json+merges.txt"
    MODEL = "sentencepiece"
    RANKS = "tiktoken"


@dataclass(frozen=True)
class Files:
    """A tokenizer's files, read once: what was digested is what is loaded."""

    path: str
    kind: Kind
    contents: tuple[bytes, ...]

    def digest(self, extra: bytes = b"") -> str:
        """Sha256 over kind, contents and `extra`, each led by its length; file names do not count."""
        whole = hashlib.sha256()
        for part in (self.kind.encode(), *self.contents, extra):
            whole.update(len(part).to_bytes(8, "big"))
            whole.update(part)
        return whole.hexdigest()


def find(path: str) -> Files:
    """The files behind a path: a file, or a folder as `save_pretrained` leaves it."""
    file = _preferred(Path(path)) if Path(path).is_dir() else Path(path)
    if file.name in PAIR:
        return Files(path, Kind.PAIR, tuple(_read(file.with_name(name)) for name in PAIR))
    content = _read(file)
    return Files(str(file), _kind(file, content), (content,))


def _preferred(folder: Path) -> Path:
    """The tokenizer.json of a folder, for it alone holds everything; else the next best."""
    for name in ("tokenizer.json", "tokenizer.model", "vocab.json"):
        if (folder / name).is_file():
            return folder / name
    raise BadTokenizer(f"{folder}: no tokenizer in this folder; it needs {ACCEPTED}")


def _read(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if not file.is_file() or size > LARGEST:
            raise BadTokenizer(f"{file}: not a tokenizer file ({size:,} bytes); give {ACCEPTED}")
        content = file.read_bytes()
    except OSError as error:
        raise BadTokenizer(f"{file}: {error.strerror}; a tokenizer is {ACCEPTED}") from error
    if not content:
        raise BadTokenizer(f"{file}: the file is empty; copy or download it again")
    return content


def _kind(file: Path, content: bytes) -> Kind:
    """By suffix, and where that says nothing or lies (Llama 3 calls its ranks tokenizer.model), by content."""
    if file.suffix == ".json":
        return Kind.JSON
    if file.suffix == ".tiktoken" or _first_line_is_a_rank(content):
        return Kind.RANKS
    if file.suffix == ".model" or content.startswith(b"\n"):  # field 1 of the message, a piece
        return Kind.MODEL
    if content.lstrip().startswith(b"{"):
        return Kind.JSON
    raise BadTokenizer(
        f"{file}: neither its name nor its first bytes {content[:16]!r} are a tokenizer's; give {ACCEPTED}"
    )


def _first_line_is_a_rank(content: bytes) -> bool:
    words = content[:200].split(b"\n", 1)[0].split()
    return len(words) == 2 and words[1].isdigit()
