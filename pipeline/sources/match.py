"""Glob patterns over '/'-separated paths, with `**`, the same for local and remote files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

MAGIC = re.compile(r"[*?\[]")


def has_magic(text: str) -> bool:
    """Whether the text holds a glob character."""
    return MAGIC.search(text) is not None


def split(pattern: str) -> tuple[str, str]:
    """The folders before the first glob character, and the rest: `a/b*/c` is `a` and `b*/c`."""
    parts = pattern.split("/")
    first = next((at for at, part in enumerate(parts) if has_magic(part)), len(parts))
    return "/".join(parts[:first]) or ("/" if pattern.startswith("/") else ""), "/".join(parts[first:])


def matches(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """`**` stands for any number of folders, `*`, `?` and `[...]` stay inside a name."""
    if not pattern:
        return not path
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        return any(matches(path[at:], rest) for at in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], first) and matches(path[1:], rest)


@dataclass(frozen=True)
class Glob:
    """A pattern below a root."""

    pattern: str

    @property
    def parts(self) -> tuple[str, ...]:
        """Its names; doubled slashes say nothing."""
        return tuple(part for part in self.pattern.split("/") if part)

    @property
    def depth(self) -> int | None:
        """Levels below the root that can match; None: any."""
        return None if "**" in self.parts else len(self.parts)

    @property
    def hidden(self) -> bool:
        """Whether it asks for names that begin with a dot."""
        return any(part.startswith(".") for part in self.parts)

    def __call__(self, path: str) -> bool:
        """Whether the path, relative to the root, matches."""
        return matches(tuple(part for part in path.split("/") if part), self.parts)


def excluded(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    """Whether a pattern matches a file under one of its names; one without '/' is about the last part alone."""
    for pattern in patterns:
        tried = names if "/" in pattern else (*names, names[0].rpartition("/")[2])
        if any(Glob(pattern)(name) for name in tried):
            return True
    return False
