"""Open what a path names; a process opens each tokenizer once."""

from collections.abc import Callable
from functools import partial

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers import hf, pieces, ranks
from prep.pipeline.tokenizers.counter import Ask, Counter, Specials
from prep.pipeline.tokenizers.files import Files, Kind, find
from prep.pipeline.tokenizers.patterns import PATTERNS, Pattern

OPENERS: dict[Kind, Callable[[Files, str, Specials], Counter]] = {
    Kind.JSON: hf.open_json,
    Kind.PAIR: hf.open_pair,
    Kind.MODEL: pieces.open_model,
}

_opened: dict[tuple[str, str | None, str], Ask] = {}  # the digest in the key notices a changed file


def open_tokenizer(path: str, pattern: str | None = None, specials: Specials = Specials.LIBRARY) -> Counter:
    """The tokenizer of a file, folder or hub name; `.tiktoken` ranks need the `pattern` that splits text, by name."""
    return ask_of(path, pattern, specials).reference


def digest_of(path: str, pattern: str | None = None, specials: Specials = Specials.LIBRARY) -> str:
    """The digest that the opened tokenizer would have, by reading its files only."""
    files = find(path)
    return _digest(files, _split(files, pattern), specials)


def ask_of(path: str, pattern: str | None = None, specials: Specials = Specials.LIBRARY) -> Ask:
    """The tokenizer with all that an engine needs to stand for it; the files are read once."""
    files = find(path)
    split = _split(files, pattern)
    digest = _digest(files, split, specials)
    key = (path, pattern, digest)
    if key not in _opened:
        _opened[key] = Ask(files, digest, split, specials, partial(_open, files, split, digest, specials))
    return _opened[key]


def _open(files: Files, split: Pattern | None, digest: str, specials: Specials) -> Counter:
    if split:
        return ranks.open_ranks(files, split, digest, specials)
    return OPENERS[files.kind](files, digest, specials)


def _digest(files: Files, split: Pattern | None, specials: Specials) -> str:
    """The default of `specials` adds nothing, so that digests from before there was a choice still hold."""
    chosen = b"" if specials is Specials.LIBRARY else b"\0specials " + specials.encode()
    return files.digest((split.canonical() if split else b"") + chosen)


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
