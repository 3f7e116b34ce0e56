"""From paths and flags to what is asked: which sources there are, what they are called, which tokenizers count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from prep.errors import BadSettings
from prep.pipeline.audit.request import PRECISION, Request
from prep.pipeline.settings import Source, Tokenizer
from prep.pipeline.sources.match import has_magic
from prep.pipeline.sources.remote import is_remote
from prep.pipeline.sources.units import SUFFIXES, format_of
from prep.pipeline.tokenizers.patterns import PATTERNS
from prep.pipeline.values import LONGEST_NAME, NAME

EXAMPLE = "prep audit data/ --tokenizer my=path/to/tokenizer.json (a folder, .model, vocab.json or .tiktoken too)"
RUN_FILES = (".yaml", ".yml")
UNDECLARED_LANGUAGE, UNDECLARED_KIND = "other", "text"
GENERIC = {"tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "merges.txt"}  # the folder has the name


Built = TypeVar("Built", bound=BaseModel)


@dataclass(frozen=True)
class Flags:
    """The flags that say what is audited."""

    tokenizers: Sequence[str] = ()
    language: Sequence[str] = ()
    kind: Sequence[str] = ()
    format: str | None = None
    encoding: str | None = None
    fields: Sequence[str] = ()
    exclude: Sequence[str] = ()
    exact: bool = False
    precision: float = PRECISION
    max_read: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Asked:
    """A request, and what was found beside it and is not read."""

    request: Request
    notes: tuple[str, ...] = ()


@dataclass
class _Found:
    sources: dict[str, Source] = field(default_factory=dict)
    tokenizers: dict[str, Tokenizer] = field(default_factory=dict)
    undeclared: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def asked(paths: Sequence[str], flags: Flags) -> Asked:
    """What the words on the command line ask.

    Errors: BadSettings.
    """
    found = _Found()
    for path in paths:
        if not is_remote(path) and path.lower().endswith(RUN_FILES):
            _run_file(path, found)
        else:
            for name, patterns in _named(path, found):
                _add(name, patterns, flags, found)
    for word in flags.tokenizers:
        name, tokenizer = read_tokenizer(word)
        if found.tokenizers.setdefault(name, tokenizer) != tokenizer:
            raise BadSettings(
                f"--tokenizer: two are called {name}; name them, as in --tokenizer other={tokenizer.path}"
            )
    if not found.tokenizers:
        raise BadSettings(f"audit counts with a tokenizer, and none is given; write\n  {EXAMPLE}")
    request = Request(
        found.sources, found.tokenizers, exact=flags.exact, precision=flags.precision, max_read=flags.max_read,
        seed=flags.seed, undeclared=frozenset(found.undeclared),
    )  # fmt: skip
    return Asked(request, tuple(found.notes))


def _run_file(path: str, found: _Found) -> None:
    from prep.pipeline import runfile

    run = runfile.load(path)
    for name, source in run.sources.items():
        _must_be_new(name, found, path)
        found.sources[name] = source
    found.tokenizers.update(run.tokenizers)


def _add(name: str, paths: tuple[str, ...], flags: Flags, found: _Found) -> None:
    _must_be_new(name, found, paths[0])
    language, kind = (
        _meant(each, name, flag) for each, flag in ((flags.language, "--language"), (flags.kind, "--kind"))
    )
    if language is None:
        found.undeclared.add(name)
    values: dict[str, Any] = {
        "path": paths,
        "language": language or UNDECLARED_LANGUAGE,
        "kind": kind or UNDECLARED_KIND,
    }
    more = {
        "format": flags.format, "encoding": flags.encoding, "fields": dict(_fields(flags.fields)),
        "exclude": tuple(flags.exclude),
    }  # fmt: skip
    values |= {key: value for key, value in more.items() if value}
    found.sources[name] = _built(Source, f"source {name}", values)


def _must_be_new(name: str, found: _Found, path: str) -> None:
    if name in found.sources:
        raise BadSettings(f"two sources are called {name}; name one of them, as in other={path}")


def _built(settings: type[Built], where: str, values: dict[str, Any]) -> Built:
    try:
        return settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"][:1])) or "value"
        message = first["msg"].removeprefix("Value error, ")
        raise BadSettings(f"{where}, {key}: {message}") from error


def _meant(words: Sequence[str], name: str, flag: str) -> str | None:
    """`ja` for all sources, or `wiki=ja` for one; the one goes before."""
    own: str | None = None
    for word in words:
        before, equals, after = word.rpartition("=")
        if not after:
            raise BadSettings(f"{flag} {word!r}: write {flag} ja for all sources, or {flag} NAME=ja for one")
        if before == name or (not equals and own is None):
            own = after
    return own


def _fields(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        key, equals, value = word.partition("=")
        if key not in ("text", "id") or not equals or not value:
            raise BadSettings(
                f"--field {word!r}: write --field text=content, where content is the field of your records"
            )
        yield key, value


def read_tokenizer(word: str) -> tuple[str, Tokenizer]:
    """`PATH`, `NAME=PATH`, either with `:PATTERN` for .tiktoken ranks."""
    name, equals, path = word.partition("=")
    if not equals or not NAME.fullmatch(name):
        name, path = "", word
    before, colon, pattern = path.rpartition(":")
    if not (colon and pattern in PATTERNS):
        before, pattern = path, ""
    if not before:
        raise BadSettings(f"--tokenizer {word!r} names no file; write {EXAMPLE}")
    tokenizer = _built(Tokenizer, f"--tokenizer {word!r}", {"path": before, "pattern": pattern or None})
    return name or _called(before), tokenizer


def _called(path: str) -> str:
    """A name for what lies at a path: its own, or its folder's where its own says nothing."""
    parts = [part for part in re.split(r"[/\\]+", path) if part not in ("", ".", "..")] or ["source"]
    name = parts[-1]
    if name in GENERIC and len(parts) > 1:
        name = parts[-2]
    for ending in (".gz", ".zst", ".zstd", ".model", ".tiktoken", ".json", *SUFFIXES, ".txt"):
        name = name.removesuffix(ending)
    clean = re.sub(r"\.{2,}", ".", re.sub(r"[^\w.-]+", "-", name)).strip("-.")
    return clean.encode()[:LONGEST_NAME].decode(errors="ignore") or "source"


def _named(path: str, found: _Found) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The sources of one word: itself, or each folder in it."""
    name, equals, pattern = path.partition("=")
    if equals and NAME.fullmatch(name) and not Path(path).exists():
        yield name, (pattern,)
        return
    folder = Path(path)
    if is_remote(path) or has_magic(path) or not folder.is_dir():
        yield _called(path.partition("*")[0] or path), (path,)
        return
    inner = [each for each in sorted(folder.iterdir()) if each.is_dir() and _holds_files(each)]
    beside = [each for each in sorted(folder.iterdir()) if each.is_file() and not each.name.startswith(".")]
    if not inner:
        yield _called(str(folder.resolve())), (path,)
        return
    data = [each for each in beside if format_of(each.name) != "text" and not each.name.endswith(".json")]
    if data:
        yield _called(str(folder.resolve())), tuple(map(str, data))
    left = [each.name for each in beside if each not in data]
    if left:
        found.notes.append(f"not read, beside the folders of {path}: {', '.join(left[:5])}{' ...' * (len(left) > 5)}")
    for each in inner:
        yield _called(each.name), (str(each),)


def _holds_files(folder: Path) -> bool:
    return not folder.name.startswith(".") and any(each.is_file() for each in folder.rglob("*"))
