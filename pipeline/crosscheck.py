"""What the parts of a run file must say about each other: references, one-of-two, shares that sum to 1.

The checks read the plain values and not the models, so that a slip in one part does not hide those in the others; what
has the wrong shape is passed over here, for the models report it. So a reference to something that may yet be there (a
source whose language is itself a slip) is not called wrong.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from prep.pipeline.numbers import parse_share
from prep.pipeline.settings import CODE_SHARE, LANGUAGE, NAME, Quality

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


def crosscheck(data: dict[str, Any]) -> Iterator[Finding]:
    """Every disagreement between the parts."""
    yield from _budget(data)
    for name, source in _part(data, "sources").items():
        if isinstance(source, dict):
            yield from _source(("sources", name), source)
    languages, kinds = Known.of(data, "language"), Known.of(data, "kind")
    quality = _part(data, "quality")
    if quality:
        yield from _quality(quality, languages, kinds)
    yield from _rules(_part(data, "rules"), languages, kinds)
    if isinstance(data.get("mix"), dict):
        yield from _mix(data["mix"], languages)
        yield from _within(data, languages)


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
        said = [each.get(what) if isinstance(each, dict) else None for each in _part(data, "sources").values()]
        fields = [value for value in said if isinstance(value, dict)]
        words = [value for value in said if isinstance(value, str) and form.fullmatch(value)]
        names = set(words)
        for renamed in (each["values"] for each in fields if isinstance(each.get("values"), dict)):
            names |= {each for each in renamed.values() if isinstance(each, str)} | {"other"}
        return cls(
            what,
            tuple(sorted(names)),
            any(each.get("values") is None for each in fields),
            not said or len(fields) + len(words) < len(said),
        )

    def check(self, keys: Keys, name: object) -> Iterator[Finding]:
        if not isinstance(name, str) or self.any or name in self.names:
            return
        if not self.doubtful or near(name, self.names):
            yield Finding(keys, f"{name!r} is the {self.what} of no source; {nearest(name, self.names, 'theirs')}")


def _budget(data: dict[str, Any]) -> Iterator[Finding]:
    if not isinstance(data.get("budget"), dict):
        return
    budget, names = data["budget"], tuple(_part(data, "tokenizers"))
    yield from _one_of(("budget",), budget, ("params", "tokens"))
    meant = budget.get("in")
    if meant is None and len(names) > 1:
        yield Finding(
            ("budget",), f"`in` is missing: there are several tokenizers, say which one counts: {', '.join(names)}"
        )
    if isinstance(meant, str) and names and meant not in names:
        yield Finding(("budget", "in"), f"{meant!r} is no tokenizer of this run; {nearest(meant, names, 'there are')}")


def _source(path: Keys, source: dict[str, Any]) -> Iterator[Finding]:
    yield from _one_of(path, source, ("path", "hf"))
    for what, form in (("language", LANGUAGE), ("kind", NAME)):
        for value, name in _part(source, what, "values").items():
            if isinstance(name, str) and not form.fullmatch(name):
                yield Finding((*path, what, "values", value), f"{name!r} has not the form of a {what}")
    if _absent(source.get("hf")):
        for key in ("name", "split", "revision"):
            if source.get(key) is not None:
                yield Finding((*path, key, KEY), "means something only beside `hf`; drop it")
    elif isinstance(source["hf"], str) and _absent(source.get("revision")) and not _exists(source["hf"]):
        yield Finding(
            (*path, "hf"),
            f"{source['hf']!r} is no folder here, so a name on the hub, which changes; "
            "add `revision:` with the commit you mean",
        )


def _quality(quality: dict[str, Any], languages: Known, kinds: Known) -> Iterator[Finding]:
    yield from _one_of(("quality",), quality, ("train", "model"))
    train = _part(quality, "train")
    for key in ("reference", "against"):
        for place, kind in _words(train.get(key)):
            yield from kinds.check(("quality", "train", key, *place), kind)
    reference = {kind for _, kind in _words(train.get("reference"))}
    for place, kind in _words(train.get("against")):
        if kind in reference:
            yield Finding(
                ("quality", "train", "against", *place), f"{kind!r} is the reference too; name it in one of them"
            )
    default = Quality.model_fields["filter"].default
    for place, kind in _words(quality.get("filter", default)):
        given = "filter" in quality
        for found in kinds.check(("quality", "filter", *place) if given else ("quality",), kind):
            yield (
                found
                if given
                else Finding(found.keys, f"filter is {kind!r} unless you say otherwise, but {found.text}")
            )
    yield from _keep(quality, languages)


def _keep(quality: dict[str, Any], languages: Known) -> Iterator[Finding]:
    models = _part(quality, "model")
    for key in ("model", "keep"):
        for language in _part(quality, key):
            yield from languages.check(("quality", key, language, KEY), language)
    for language, keep in _part(quality, "keep").items():
        path = ("quality", "keep", language)
        if isinstance(keep, dict):
            yield from _one_of(path, keep, ("pareto", "threshold"))
        if models and language not in models:
            yield Finding((*path, KEY), f"{language!r} has no model; {nearest(language, tuple(models), 'there are')}")


def _rules(rules: dict[str, Any], languages: Known, kinds: Known) -> Iterator[Finding]:
    """Names alone; what the profiles say is checked in `profiles.py`."""
    for key in ("profiles", "words"):
        for language in _part(rules, key):
            yield from languages.check(("rules", key, language, KEY), language)
    for place, kind in _words(rules.get("filter")):
        yield from kinds.check(("rules", "filter", *place), kind)


def _mix(mix: dict[str, Any], languages: Known) -> Iterator[Finding]:
    yield from _one_of(("mix",), mix, ("preset", "shares"))
    shares = _part(mix, "shares")
    yield from _sum(("mix", "shares"), shares)
    for language in shares:
        yield from languages.check(("mix", "shares", language, KEY), language)
    if not _absent(mix.get("preset")):
        yield from _preset(mix, languages)
    elif shares:
        for key in ("pair", "code"):
            if mix.get(key) is not None:
                yield Finding(("mix", key, KEY), "belongs to a preset; `shares` names every language, `code` too")


def _preset(mix: dict[str, Any], languages: Known) -> Iterator[Finding]:
    if mix.get("pair") is None:
        yield Finding(("mix", "preset"), "a preset needs a pair; add `pair: [ja, en]`")
    pair = tuple(language for _, language in _words(mix.get("pair")))
    for place, language in _words(mix.get("pair")):
        if language == "code":
            yield Finding(("mix", "pair", *place), "'code' has its own share; write `code: 20%` beside the pair")
        else:
            yield from languages.check(("mix", "pair", *place), language)
    presets = ("equal", *(f"{language}plus" for language in pair))
    if len(pair) == 2 and isinstance(mix["preset"], str) and mix["preset"] not in presets:
        yield Finding(
            ("mix", "preset"), f"{mix['preset']!r} is no preset of this pair; {nearest(mix['preset'], presets)}"
        )
    share = _share(mix.get("code", CODE_SHARE))
    if share and not (languages.any or languages.doubtful) and "code" not in languages.names:
        said = (
            f"code is {CODE_SHARE:.0%} unless you say otherwise, but"
            if mix.get("code") is None
            else "code has a share, but"
        )
        path = ("mix",) if mix.get("code") is None else ("mix", "code")
        yield Finding(path, f"{said} no source has `language: code`; add one or write `code: 0%`")


def _within(data: dict[str, Any], languages: Known) -> Iterator[Finding]:
    sources = _part(data, "sources")
    for language, shares in _part(data, "mix", "within").items():
        path = ("mix", "within", language)
        yield from languages.check((*path, KEY), language)
        if not isinstance(shares, dict):
            continue
        yield from _sum(path, shares)
        for name in shares:
            other = _part(data, "sources", name).get("language", language)
            if name not in sources:
                yield Finding(
                    (*path, name, KEY), f"{name!r} is no source; {nearest(name, tuple(sources), 'there are')}"
                )
            elif isinstance(other, str) and other != language:
                yield Finding((*path, name, KEY), f"{name!r} is in language {other!r}; give its share there")
        own = [name for name in sources if _part(data, "sources", name).get("language") == language]
        if left := [name for name in own if name not in shares]:
            yield Finding(
                (*path, KEY), f"says nothing of {', '.join(left)}; give each source of {language} a share, 0% for none"
            )


def _one_of(path: Keys, part: dict[str, Any], keys: tuple[str, str]) -> Iterator[Finding]:
    given = [key for key in keys if not _absent(part.get(key))]
    if not given:
        yield Finding(path, f"neither {keys[0]} nor {keys[1]}; give one of them")
    if len(given) == 2:
        yield Finding((*path, keys[1], KEY), f"stands beside `{keys[0]}`; give one of them")


def _sum(path: Keys, shares: dict[str, Any]) -> Iterator[Finding]:
    figures = [_share(each) for each in shares.values()]
    known = [figure for figure in figures if figure is not None]
    off = math.fsum(known) - 1
    if shares and len(known) == len(figures) and abs(off) > SLACK:
        much = "too much" if off > 0 else "short"
        yield Finding(path, f"shares sum to {off + 1:.10g}, not 1: {abs(off):.4g} ({abs(off):.4%}) {much}")


def _share(value: object) -> float | None:
    try:
        return parse_share(value)
    except ValueError:
        return None


def _exists(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110  Path.exists raises where a name is too long for the filesystem


def _absent(value: object) -> bool:
    return value is None or value == () or value == {}


def _part(data: dict[str, Any], *path: str) -> dict[str, Any]:
    """The mapping that the keys lead to, or an empty one."""
    part: Any = data
    for key in path:
        part = part.get(key) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else {}


def _words(value: object) -> Iterator[tuple[tuple[int, ...], str]]:
    """Each word of a word or a list, with its place in the list."""
    if isinstance(value, str):
        yield (), value
    elif isinstance(value, tuple):
        yield from (((place,), each) for place, each in enumerate(value) if isinstance(each, str))
