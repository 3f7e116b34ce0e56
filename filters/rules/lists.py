"""Word lists of a language: our own short ones, or files of a user. A word a line; `#` begins a line of comment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from prep.errors import BadSettings

NAMES = ("advertising", "adult", "bbs", "banned", "stop_words")
LONGEST = 64  # characters of a word
MOST = 100_000  # words of a list


@dataclass(frozen=True)
class Lists:
    """Words by the name of their list; a list that a language does not have is not there."""

    words: Mapping[str, tuple[str, ...]]

    @property
    def digests(self) -> dict[str, str]:
        """What the counts hang on: each list's content, whatever its file is called."""
        return {name: _digest(words) for name, words in sorted(self.words.items())}

    def __getitem__(self, name: str) -> tuple[str, ...]:
        return self.words.get(name, ())


def load(language: str, files: Mapping[str, str]) -> Lists:
    """The lists of a language: a user's file where there is one, else ours, if we have it.

    Errors: BadSettings.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name in NAMES:
        if name in files:
            found[name] = _words(_text(files[name]), files[name])
        else:
            ours = resources.files("prep.configs") / "rules" / "words" / f"{name}.{language}.txt"
            if ours.is_file():
                found[name] = _words(ours.read_text(encoding="utf-8"), ours.name)
    return Lists(found)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None) or error
        raise BadSettings(f"rules.words: {path}: {why}; name a file of words, one a line") from error


def _words(text: str, path: str) -> tuple[str, ...]:
    lines = [line.strip() for line in text.splitlines()]
    words = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not words:
        raise BadSettings(f"rules.words: {path}: holds no word; write one a line, or take the list out")
    if len(words) > MOST or ((long := max(words, key=len)) and len(long) > LONGEST):
        raise BadSettings(
            f"rules.words: {path}: {len(words):,} words, the longest of {max(map(len, words))} characters; "
            f"at most {MOST:,} of {LONGEST}"
        )
    return words


def _digest(words: tuple[str, ...]) -> str:
    return hashlib.sha256("\n".join(sorted(words)).encode()).hexdigest()
