"""What is wrong with a mix and its phases beside the rest of a run file. Reads plain values, like `crosscheck.py`."""

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
    yield from _groups(sources)
    yield from _parting(("mix",), asked, sources)
    for name in under(asked, "max_epochs"):
        if name != REST:
            yield from sources.anything(("mix", "max_epochs", name, KEY), name)
    asked_phases = data.get("phases")
    if isinstance(asked_phases, tuple | list) and asked_phases:
        yield from _phases(data, [each for each in asked_phases if isinstance(each, dict)])
        for place, each in enumerate(asked_phases):
            if isinstance(each, dict) and isinstance(each.get("mix"), dict):
                yield from _parting(("phases", place, "mix"), each["mix"], sources)


def _parting(path: Keys, asked: dict[str, Any], sources: Sources) -> Iterator[Finding]:
    """Who gets what, of the corpus or of a phase."""
    yield from one_of(path, asked, ("preset", "shares"))
    shares = under(asked, "shares")
    yield from _amounts((*path, "shares"), shares)
    for name in shares:
        yield from sources.group((*path, "shares", name, KEY), name)
    if not absent(asked.get("preset")):
        yield from _preset(path, asked, sources.languages)
    elif shares or isinstance(asked.get("shares"), str):
        for key in ("pair", "code"):
            if asked.get(key) is not None:
                yield Finding((*path, key, KEY), "belongs to a preset; `shares` names every language, `code` too")
    for name, level in under(asked, "within").items():
        if not (name == "temperature" and isinstance(level, int | float)):
            yield from _within((*path, "within", name), level, name, sources)
    for name in under(asked, "floors"):
        yield from sources.anything((*path, "floors", name, KEY), name)


def _phases(data: dict[str, Any], phases: list[dict[str, Any]]) -> Iterator[Finding]:
    """Names that stand once, amounts that go together; whether they sum to the budget is told with its number."""
    names = [each.get("name") for each in phases]
    resting = [place for place, each in enumerate(phases) if absent(each.get("share")) and absent(each.get("tokens"))]
    for place, each in enumerate(phases):
        if names[place] is not None and names[place] in names[:place]:
            yield Finding(
                ("phases", place, "name"), f"{names[place]!r} stands twice; give each phase a name of its own"
            )
        if share_of(each.get("share")) == 0:
            yield Finding(("phases", place, "share"), "is nothing; give the phase a share, or take it out")
        if place in resting[1:]:
            first = names[resting[0]]
            said = f"has neither share nor tokens, as {first!r} has none; one phase takes what the others leave"
            yield Finding(("phases", place), said)
    shares = [share_of(each["share"]) for each in phases if not absent(each.get("share"))]
    whole = math.fsum(share for share in shares if share is not None)
    part = resting or any(not absent(each.get("tokens")) for each in phases)
    if None not in shares and (whole > 1 + SLACK if part else abs(whole - 1) > SLACK):
        over = "too much" if whole > 1 else "short"
        yield Finding(("phases",), f"shares sum to {whole:.10g}, not 1: {abs(whole - 1):.4%} {over}")
    elif resting and whole > 1 - SLACK:
        yield Finding(("phases", resting[0]), "takes what the others leave, and these share out all of the budget")
    elif phases and all(isinstance(each.get("mix"), dict) for each in phases):
        said = (
            "every phase has a mix of its own, so that nothing goes by the shares of `mix`; leave one of them out there"
        )
        yield Finding(("phases",), said)
    if under(data, "export").get("repeats") == "weights":
        said = "weights are of one mix, and phases have several; drop `repeats: weights`"
        yield Finding(("export", "repeats"), said)


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


def _within(path: Keys, level: Any, group: str, sources: Sources) -> Iterator[Finding]:
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


def _preset(path: Keys, asked: dict[str, Any], languages: Known) -> Iterator[Finding]:
    if asked.get("pair") is None:
        yield Finding((*path, "preset"), "a preset needs a pair; add `pair: [ja, en]`")
    pair = tuple(language for _, language in each_word(asked.get("pair")))
    for place, language in each_word(asked.get("pair")):
        if language == "code":
            yield Finding((*path, "pair", *place), "'code' has its own share; write `code: 20%` beside the pair")
        else:
            yield from languages.check((*path, "pair", *place), language)
    presets = ("equal", *(f"{language}plus" for language in pair))
    if len(pair) == 2 and isinstance(asked["preset"], str) and asked["preset"] not in presets:
        yield Finding(
            (*path, "preset"), f"{asked['preset']!r} is no preset of this pair; {nearest(asked['preset'], presets)}"
        )
    share = share_of(asked.get("code", CODE_SHARE))
    if share and not (languages.any or languages.doubtful) and "code" not in languages.names:
        said = (
            f"code is {CODE_SHARE:.0%} unless you say otherwise, but"
            if asked.get("code") is None
            else "code has a share, but"
        )
        yield Finding(
            path if asked.get("code") is None else (*path, "code"),
            f"{said} no source has `language: code`; add one or write `code: 0%`",
        )
