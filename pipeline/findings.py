"""What the checks of a run file's parts are written with: findings, names that are near, looks into plain values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from prep.pipeline.numbers import parse_share
from prep.pipeline.values import DETECT, LANGUAGE, NAME

KEY = "[key]"  # at the end of a path: the key itself and not what stands under it; pydantic's word too
SLACK = 1e-9  # by which shares may miss 1: three times 33.3333333333%

Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Finding:
    """Something wrong, and the keys that lead to it."""

    keys: Keys
    text: str


def nearest(word: str, names: tuple[str, ...], what: str = "accepted") -> str:
    """`nearest: x`, else all that is accepted."""
    close = near(word, names)
    return f"nearest: {close}" if close else f"{what}: {', '.join(names)}" if names else f"nothing is {what} here"


def near(word: str, names: tuple[str, ...]) -> str | None:
    """The name that `word` probably means."""
    small = {name.lower(): name for name in reversed(names)}
    return next((small[each] for each in get_close_matches(word.lower(), list(small), n=1)), None)


@dataclass(frozen=True)
class Known:
    """The languages (or kinds) of the sources, and whether there may be others, so that nothing can be called wrong.

    There may be any where a field decides; where a source's own language is a slip, what is near to a known one is
    still called wrong.
    """

    what: str
    names: tuple[str, ...]
    any: bool
    doubtful: bool

    @classmethod
    def of(cls, data: dict[str, Any], what: str) -> Known:
        """`what` is `language` or `kind`."""
        form = LANGUAGE if what == "language" else NAME
        said = [each.get(what) if isinstance(each, dict) else None for each in under(data, "sources").values()]
        fields = [value for value in said if isinstance(value, dict)]
        words = [value for value in said if isinstance(value, str) and form.fullmatch(value)]
        detected = what == "language" and DETECT in words
        names = set(words) - {DETECT}
        for renamed in (each["values"] for each in fields if isinstance(each.get("values"), dict)):
            names |= {each for each in renamed.values() if isinstance(each, str)} | {"other"}
        return cls(
            what,
            tuple(sorted(names)),
            detected or any(each.get("values") is None for each in fields),
            not said or len(fields) + len(words) < len(said),
        )

    def check(self, keys: Keys, name: object) -> Iterator[Finding]:
        """A name must be one of these."""
        if not isinstance(name, str) or self.any or name in self.names:
            return
        if not self.doubtful or near(name, self.names):
            yield Finding(keys, f"{name!r} is the {self.what} of no source; {nearest(name, self.names, 'theirs')}")


def named(keys: Keys, name: object, sources: tuple[str, ...], languages: Known) -> Iterator[Finding]:
    """A name must be a language of the sources, or a source."""
    if not isinstance(name, str) or languages.any or name in sources or name in languages.names:
        return
    if not languages.doubtful or near(name, (*languages.names, *sources)):
        there = nearest(name, (*languages.names, *sources), "there are")
        yield Finding(keys, f"{name!r} is neither a language of the sources nor a source; {there}")


def one_of(path: Keys, part: dict[str, Any], keys: tuple[str, str]) -> Iterator[Finding]:
    """Exactly one of two keys must be there."""
    given = [key for key in keys if not absent(part.get(key))]
    if not given:
        yield Finding(path, f"neither {keys[0]} nor {keys[1]}; give one of them")
    if len(given) == 2:
        yield Finding((*path, keys[1], KEY), f"stands beside `{keys[0]}`; give one of them")


def summing(path: Keys, shares: dict[str, Any]) -> Iterator[Finding]:
    """Shares must sum to 1; nothing is said where one of them is a slip itself."""
    figures = [share_of(each) for each in shares.values()]
    known = [figure for figure in figures if figure is not None]
    off = math.fsum(known) - 1
    if shares and len(known) == len(figures) and abs(off) > SLACK:
        much = "too much" if off > 0 else "short"
        yield Finding(path, f"shares sum to {off + 1:.10g}, not 1: {abs(off):.4g} ({abs(off):.4%}) {much}")


def share_of(value: object) -> float | None:
    """A share as it is written, None where it is none."""
    try:
        return parse_share(value)
    except ValueError:
        return None


def absent(value: object) -> bool:
    """Whether a key says nothing."""
    return value is None or value == () or value == {}


def under(data: Any, *path: str) -> dict[str, Any]:
    """The mapping that the keys lead to, or an empty one."""
    part: Any = data
    for key in path:
        part = part.get(key) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else {}


def each_word(value: object) -> Iterator[tuple[tuple[int, ...], str]]:
    """Each word of a word or a list, with its place in the list."""
    if isinstance(value, str):
        yield (), value
    elif isinstance(value, tuple):
        yield from (((place,), each) for place, each in enumerate(value) if isinstance(each, str))
