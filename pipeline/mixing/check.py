"""What is wrong with a `mix:` beside the rest of its run file. Reads plain values, as `crosscheck.py` does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from prep.pipeline.findings import KEY, SLACK, Finding, Keys, Known, absent, each_word, nearest, one_of, share_of, under
from prep.pipeline.mixing.ask import CODE_SHARE, REST, worded

FIXED = ("tokens", "epochs")


def mix(data: dict[str, Any], languages: Known, kinds: Known) -> Iterator[Finding]:
    """Every disagreement of the mix with itself and with the sources."""
    asked = under(data, "mix")
    if not isinstance(data.get("mix"), dict):
        return
    sources = Sources(under(data, "sources"), languages, kinds, under(asked, "groups"))
    yield from one_of(("mix",), asked, ("preset", "shares"))
    yield from _groups(sources)
    shares = under(asked, "shares")
    yield from _amounts(("mix", "shares"), shares)
    for name in shares:
        yield from sources.group(("mix", "shares", name, KEY), name)
    if not absent(asked.get("preset")):
        yield from _preset(asked, languages)
    elif shares or isinstance(asked.get("shares"), str):
        for key in ("pair", "code"):
            if asked.get(key) is not None:
                yield Finding(("mix", key, KEY), "belongs to a preset; `shares` names every language, `code` too")
    for name, level in under(asked, "within").items():
        if not (name == "temperature" and isinstance(level, int | float)):
            yield from _within(("mix", "within", name), level, name, sources)
    for key in ("max_epochs", "floors"):
        for name in under(asked, key):
            if name != REST or key == "floors":
                yield from sources.anything(("mix", key, name, KEY), name)


@dataclass(frozen=True)
class Sources:
    """What names of a mix may mean: groups (languages among them), sources, kinds."""

    plain: dict[str, Any]
    languages: Known
    kinds: Known
    groups: dict[str, Any]

    def group(self, keys: Keys, name: str) -> Iterator[Finding]:
        """A name must be a language of the sources or a group of the mix."""
        if name != REST and name not in self.groups:
            for found in self.languages.check(keys, name):
                known = (*self.languages.names, *self.groups)
                said = f"{name!r} is the language of no source and no group of `mix.groups`"
                yield Finding(keys, f"{said}; {nearest(name, known, 'there are')}") if self.groups else found

    def anything(self, keys: Keys, name: str) -> Iterator[Finding]:
        """A name must be a source, a kind, a language or a group."""
        if name in self.plain or name in self.groups or self._open:
            return
        known = (*self.plain, *self.kinds.names, *self.languages.names, *self.groups)
        if name not in known:
            yield Finding(keys, f"{name!r} is no source, kind or language; {nearest(name, known, 'there are')}")

    @property
    def _open(self) -> bool:
        return any((each.any or each.doubtful) for each in (self.languages, self.kinds))

    def of_group(self, group: str) -> dict[str, Any]:
        """The sources of a language or group, as far as the run file alone can tell."""
        claimed = {word: name for name, words in self.groups.items() for _, word in each_word(words)}
        found = {}
        for name, source in self.plain.items():
            if isinstance(source, dict):
                kind = source.get("kind") if isinstance(source.get("kind"), str) else None
                mine = claimed.get(name) or claimed.get(kind or "") or source.get("language")
                if mine == group:
                    found[name] = source
        return found


def _groups(sources: Sources) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for group, words in sources.groups.items():
        for place, word in each_word(words):
            path: Keys = ("mix", "groups", group, *place)
            if word in seen:
                yield Finding(path, f"{word!r} is in group {seen[word]!r} too; name it once")
            elif word not in sources.plain and not sources.kinds.any:
                known = (*sources.plain, *sources.kinds.names)
                if word not in sources.kinds.names:
                    yield Finding(path, f"{word!r} is no source and no kind; {nearest(word, known, 'there are')}")
            seen[word] = group


def _within(path: tuple[str, ...], level: Any, group: str, sources: Sources) -> Iterator[Finding]:
    yield from sources.group((*path, KEY), group)
    if not isinstance(level, dict):
        return
    own = sources.of_group(group)
    kinds = {source.get("kind") for source in own.values()} - sources.plain.keys()  # a source's name is no kind
    yield from _amounts(path, level)
    for name, value in level.items():
        if name not in own and name not in kinds and name != REST:
            yield from _stranger((*path, name, KEY), name, group, sources)
        inner = value.get("within") if isinstance(value, dict) else None
        if isinstance(inner, dict):
            yield from _amounts((*path, name, "within"), inner)
            yield from _named((*path, name, "within"), inner, sources)
    left = [
        name for name, source in own.items() if name not in level and source.get("kind") not in kinds & level.keys()
    ]
    if left and level and REST not in level:
        said = f"says nothing of {', '.join(left)}; give each source of {group} a share, 0% for none, or add"
        yield Finding((*path, KEY), f"{said} `rest: proportional`")


def _stranger(keys: Keys, name: str, group: str, sources: Sources) -> Iterator[Finding]:
    """A name in a language's level that is none of its sources and kinds, as far as the run file alone can tell."""
    own, source = sources.of_group(group), sources.plain.get(name)
    if isinstance(source, dict):
        other = source.get("language")
        if isinstance(other, str) and other != group:
            yield Finding(keys, f"{name!r} is in language {other!r}; give its share there")
        return
    if name in sources.kinds.names or sources.kinds.any:
        return
    known = (*own, *sorted({kind for each in own.values() if isinstance(kind := each.get("kind"), str)}))
    yield Finding(keys, f"{name!r} is no source and no kind of {group}; {nearest(name, known, 'there are')}")


def _named(path: Keys, level: dict[str, Any], sources: Sources) -> Iterator[Finding]:
    for name in level:
        if name != REST:
            yield from sources.anything((*path, name, KEY), name)


def _amounts(path: Keys, level: dict[str, Any]) -> Iterator[Finding]:
    """What the names of a level get must go together, and share out all of it."""
    parts = {name: _spelt(value) for name, value in level.items()}
    if any(part is None for part in parts.values()):
        return
    kinds = {name: _kind(part or {}) for name, part in parts.items()}
    for name, kind in kinds.items():
        if name == REST and kind is not None:
            yield Finding((*path, name), "takes what is left, so it has no amount; write proportional, unimax, "
                          "temperature 3.33")  # fmt: skip
        elif name != REST and kind is None:
            yield Finding((*path, name), "has a way but no amount; write `{share: 20%, within: unimax}`")
    found = {kind for name, kind in kinds.items() if name != REST and kind is not None} - {"fixed"}
    if len(found) > 1:
        yield Finding(
            path, f"{' and '.join(sorted(SAID[each] for each in found))} do not add up; write all of one kind"
        )
    elif REST in level:
        yield from _with_rest(path, parts, found)
    elif level and found <= {"share"}:
        yield from _without_rest(path, parts, kinds)


SAID = {"share": "shares (5%)", "weight": "parts (7 parts)", "times": "times (3x)"}


def _with_rest(path: Keys, parts: dict[str, Any], found: set[str]) -> Iterator[Finding]:
    if found == {"weight"}:
        yield Finding((*path, REST, KEY), "parts leave no rest; give each name its parts, or write shares")
    over = math.fsum(share_of(part["share"]) or 0 for part in parts.values() if part and "share" in part) - 1
    if over > SLACK:
        yield Finding(path, f"shares sum to {over + 1:.10g}, more than 1, and nothing is left for `rest`")


def _without_rest(path: Keys, parts: dict[str, Any], kinds: dict[str, str | None]) -> Iterator[Finding]:
    fixed = [name for name, kind in kinds.items() if kind == "fixed"]
    if fixed:
        said = f"{fixed[0]} gets a fixed amount; say who gets what that leaves: add `rest: proportional`"
        yield Finding((*path, KEY), said)
        return
    figures = [share_of(part.get("share")) for part in parts.values()]
    known = [figure for figure in figures if figure is not None]
    off = math.fsum(known) - 1
    if len(known) == len(figures) and abs(off) > SLACK:
        much = "too much" if off > 0 else "short"
        yield Finding(path, f"shares sum to {off + 1:.10g}, not 1: {abs(off):.4g} ({abs(off):.4%}) {much}")


def _spelt(value: object) -> dict[str, Any] | None:
    """A part as a mapping, None where it is a slip that the settings report."""
    try:
        spelt = worded(value)
    except ValueError:
        return None
    return {key: each for key, each in spelt.items() if each is not None} if isinstance(spelt, dict) else None


def _kind(part: dict[str, Any]) -> str | None:
    return next((name for name in ("share", "weight", "times") if name in part), None) or (
        "fixed" if any(name in part for name in FIXED) else None
    )


def _preset(asked: dict[str, Any], languages: Known) -> Iterator[Finding]:
    if asked.get("pair") is None:
        yield Finding(("mix", "preset"), "a preset needs a pair; add `pair: [ja, en]`")
    pair = tuple(language for _, language in each_word(asked.get("pair")))
    for place, language in each_word(asked.get("pair")):
        if language == "code":
            yield Finding(("mix", "pair", *place), "'code' has its own share; write `code: 20%` beside the pair")
        else:
            yield from languages.check(("mix", "pair", *place), language)
    presets = ("equal", *(f"{language}plus" for language in pair))
    if len(pair) == 2 and isinstance(asked["preset"], str) and asked["preset"] not in presets:
        yield Finding(
            ("mix", "preset"), f"{asked['preset']!r} is no preset of this pair; {nearest(asked['preset'], presets)}"
        )
    share = share_of(asked.get("code", CODE_SHARE))
    if share and not (languages.any or languages.doubtful) and "code" not in languages.names:
        said = (
            f"code is {CODE_SHARE:.0%} unless you say otherwise, but"
            if asked.get("code") is None
            else "code has a share, but"
        )
        path = ("mix",) if asked.get("code") is None else ("mix", "code")
        yield Finding(path, f"{said} no source has `language: code`; add one or write `code: 0%`")
