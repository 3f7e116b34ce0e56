"""Which files make the tokenizer that a path names, of which kind they are, and their digest."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers import hub

LARGEST = 500_000_000  # bytes; the largest published tokenizer.json has about 35 MB, so more is another file by mistake
PAIR = ("vocab.json", "merges.txt")
CHOICES = (("tokenizer.json",), ("tokenizer.model",), PAIR)  # of a folder or repository, best first
ACCEPTED = "tokenizer.json, a SentencePiece .model, .tiktoken ranks, or vocab.json with merges.txt"

AGAIN = "not a tokenizer; download the file itself"
PACKED = "an archive; unpack it and give the file in it"
RECODE = "UTF-8 without a byte order mark is needed; save it so, or download it again"
WRAPPINGS = {  # first bytes of a file, and what it is
    b"version https://git-lfs": "a pointer of git LFS, not the file itself; run `git lfs pull` in its repository",
    b"<!doctype": f"a web page, {AGAIN}",
    b"<html": f"a web page, {AGAIN}",
    b"<?xml": f"an XML answer, {AGAIN}",
    b"pk\x03\x04": PACKED,
    b"\x1f\x8b": PACKED,
    b"\x28\xb5\x2f\xfd": PACKED,
    b"bzh": PACKED,
    b"\xfd7zxz": PACKED,
    b"\xef\xbb\xbf": RECODE,
    b"\xff\xfe": f"UTF-16; {RECODE}",
    b"\xfe\xff": f"UTF-16; {RECODE}",
}


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
    """The files behind a path: a file, a folder as `save_pretrained` leaves it, or a name on the hub.

    What is here comes first: a name is asked of the hub only where no such path exists. Of several tokenizers in a
    folder the tokenizer.json is taken, for it alone holds everything; then tokenizer.model, then vocab.json with
    merges.txt; then the only .model or .tiktoken file, whatever it is called. `Files.path` says which it was.
    """
    name = None if _seen(path, Path.exists) else hub.named(path)
    if name:
        pinned, file = hub.fetch(name, CHOICES, LARGEST)
        shown = str(pinned)
    else:
        file = _preferred(Path(path)) if _seen(path, Path.is_dir) else Path(path)
        shown = path if file.name in PAIR else str(file)
    if file.name in PAIR:
        return Files(shown, Kind.PAIR, tuple(_read(file.with_name(part)) for part in PAIR))
    content = _read(file)
    return Files(shown, _kind(file, content), (content,))


def _seen(path: str, how: Callable[[Path], bool]) -> bool:
    try:
        return how(Path(path))
    except (OSError, ValueError):  # no path can be so: too long, or a NUL in it
        return False


def _preferred(folder: Path) -> Path:
    for names in CHOICES:
        if (folder / names[0]).is_file():
            return folder / names[0]
    others = sorted(file.name for file in folder.iterdir() if file.suffix in (".model", ".tiktoken"))
    if len(others) > 1:
        raise BadTokenizer(f"{folder}: several tokenizers in this folder: {', '.join(others[:9])}; name one of them")
    if others:
        return folder / others[0]
    raise BadTokenizer(f"{folder}: no tokenizer in this folder; it needs {ACCEPTED}")


def _read(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if not file.is_file() or size > LARGEST:
            raise BadTokenizer(f"{file}: not a tokenizer file ({size:,} bytes); give {ACCEPTED}")
        content = file.read_bytes()
    except OSError as error:
        raise BadTokenizer(f"{file}: {error.strerror}; a tokenizer is {ACCEPTED}") from error
    except ValueError as error:  # a NUL in the name
        raise BadTokenizer(f"{str(file)!r}: no name of a file ({error}); a tokenizer is {ACCEPTED}") from error
    if not content:
        raise BadTokenizer(f"{file}: the file is empty; copy or download it again")
    _check_no_wrapping(file, content)
    return content


def _check_no_wrapping(file: Path, content: bytes) -> None:
    """What stands where a download, an editor or a packer should have left a tokenizer."""
    start = content[:200].lstrip().lower()
    for first, what in WRAPPINGS.items():
        if start.startswith(first):
            raise BadTokenizer(f"{file}: {what}")


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
