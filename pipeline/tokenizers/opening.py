"""Open what a path names; a process opens each tokenizer once."""

from collections.abc import Callable

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers import hf, pieces, ranks
from prep.pipeline.tokenizers.counter import Counter
from prep.pipeline.tokenizers.files import Files, Kind, find
from prep.pipeline.tokenizers.patterns import PATTERNS, Pattern

OPENERS: dict[Kind, Callable[[Files, str], Counter]] = {
    Kind.JSON: hf.open_json,
    Kind.PAIR: hf.open_pair,
    Kind.MODEL: pieces.open_model,
}

_opened: dict[tuple[str, str | None, str], Counter] = {}  # the digest in the key notices a changed file


def open_tokenizer(path: str, pattern: str | None = None) -> Counter:
    """The tokenizer of a file or folder; `.tiktoken` ranks need the name of the `pattern` that splits text."""
    files = find(path)
    split = _split(files, pattern)
    digest = _digest(files, split)
    key = (path, pattern, digest)
    if key not in _opened:
        _opened[key] = ranks.open_ranks(files, split, digest) if split else OPENERS[files.kind](files, digest)
    return _opened[key]


def digest_of(path: str, pattern: str | None = None) -> str:
    """The digest that the opened tokenizer would have, by reading its files only."""
    files = find(path)
    return _digest(files, _split(files, pattern))


def _digest(files: Files, split: Pattern | None) -> str:
    return files.digest(split.canonical() if split else b"")


def _split(files: Files, name: str | None) -> Pattern | None:
    """The pattern that goes with ranks, and with nothing else."""
    names = ", ".join(PATTERNS)
    if files.kind is not Kind.RANKS:
        if name is None:
            return None
        raise BadTokenizer(f"{files.path}: a {files.kind} file splits text its own way; remove `pattern: {name}`")
    if name is None:
        raise BadTokenizer(f"{files.path}: ranks do not say how text is split; set `pattern` to one of {names}")
    if name not in PATTERNS:
        raise BadTokenizer(f"{files.path}: no pattern is called {name!r}; the names are {names}")
    return PATTERNS[name]
