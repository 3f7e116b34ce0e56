"""Rule profiles: those that are shipped (`configs/rules/`), those of a user, and what a run file changes in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from prep.errors import BadSettings
from prep.filters.features import unspaced
from prep.filters.rules.figures import FIGURES
from prep.filters.rules.profile import MOST, Fails, Profile, Rule
from prep.pipeline.findings import KEY, Finding, Keys, nearest
from prep.pipeline.marks import Entry, Node, Unreadable, compose, plain
from prep.pipeline.settings import Rules

SPACED = "spaced"  # in a profile's `languages`: all that put spaces between words
KEYS = ("source", "languages", "rules", "left_out")
OFF = "off"


@dataclass(frozen=True)
class Told:
    """A profile as its file has it."""

    name: str
    languages: tuple[str, ...]
    source: str
    rules: tuple[Rule, ...]

    def suits(self, language: str) -> bool:
        """Whether its rules are meant for a language."""
        return language in self.languages or (SPACED in self.languages and spaced(language))


def spaced(language: str) -> bool:
    """Whether words stand between spaces."""
    return language != "code" and not unspaced(language)


def shipped() -> tuple[str, ...]:
    """The names of the profiles that come with `prep`."""
    here = resources.files("prep.configs") / "rules"
    return tuple(sorted(each.name.removesuffix(".yaml") for each in here.iterdir() if each.name.endswith(".yaml")))


@cache
def told(name: str) -> Told:
    """The profile of a name, or in a file (`my/rules.yaml`); its name is then the file's.

    Errors: BadSettings.
    """
    if name.endswith((".yaml", ".yml")):
        try:
            return _read(Path(name).read_text(encoding="utf-8-sig"), name, Path(name).stem)
        except (OSError, ValueError) as error:
            raise BadSettings(f"{name}: {getattr(error, 'strerror', None) or error}; no profile of rules") from error
    if name not in shipped():
        raise BadSettings(
            f"{name!r} is no profile of rules; {nearest(name, shipped(), 'there are')}; "
            "a file of your own ends in .yaml"
        )
    text = (resources.files("prep.configs") / "rules" / f"{name}.yaml").read_text(encoding="utf-8")
    return _read(text, f"{name}.yaml", name)


def of(rules: Rules | None) -> dict[str, Profile]:
    """All rules of each language, in their order: profiles as listed, their rules as they stand there.

    Errors: BadSettings.
    """
    if rules is None:
        return {}
    for finding in check({"rules": rules.model_dump()}):
        raise BadSettings(f"{'.'.join(map(str, finding.keys))}: {finding.text}")
    return {language: Profile(tuple(_of_language(names, rules.override))) for language, names in rules.profiles.items()}


def _of_language(names: Iterable[str], override: Mapping[str, Any]) -> Iterator[Rule]:
    for profile in map(told, names):
        for rule in profile.rules:
            to = override.get(f"{profile.name}.{rule.name}", rule.threshold)
            if to != OFF:
                yield replace(rule, name=f"{profile.name}.{rule.name}", threshold=float(to))


def check(data: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the rules of a run file, as plain values; what has a wrong shape is passed over."""
    rules = data.get("rules")
    if not isinstance(rules, Mapping) or not isinstance(rules.get("profiles"), Mapping):
        return
    known: set[str] = set()
    override = {name: to for name, to in _part(rules, "override").items() if to == OFF or isinstance(to, int | float)}
    forced = rules.get("force") or ()
    for language, given in rules["profiles"].items():
        names = (given,) if isinstance(given, str) else given if isinstance(given, tuple) else ()
        found = list(_checked(("rules", "profiles", language), names, forced))
        yield from found
        if not found:
            known |= {f"{told(name).name}.{rule.name}" for name in names for rule in told(name).rules}
            yield from _counted(language, list(_of_language(names, override)))
    for name in _part(rules, "override"):
        if known and name not in known:
            text = f"{name!r} is no rule of this run; {nearest(name, tuple(sorted(known)), 'there are')}"
            yield Finding(("rules", "override", name, KEY), text)


def _part(rules: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = rules.get(key)
    return part if isinstance(part, Mapping) else {}


def _checked(path: Keys, names: Iterable[str], forced: Iterable[str]) -> Iterator[Finding]:
    titles: set[str] = set()
    for place, name in enumerate(names):
        try:
            profile = told(str(name))
        except BadSettings as error:
            yield Finding((*path, place), str(error))
            continue
        if profile.name in titles:
            yield Finding((*path, place), f"a second profile that is called {profile.name!r}; rename its file")
        if not profile.suits(str(path[-1])) and profile.name not in forced:
            yield Finding((*path, place), unsuited(profile, str(path[-1])))
        titles.add(profile.name)


def _counted(language: str, rules: list[Rule]) -> Iterator[Finding]:
    if len(rules) > MOST:
        text = f"{len(rules)} rules, and at most {MOST} have a place; drop one, or write `override: {{x.y: off}}`"
        yield Finding(("rules", "profiles", language, KEY), text)


def unsuited(profile: Told, language: str) -> str:
    """Why a profile is refused for a language, and what to take instead."""
    others = [each for each in shipped() if told(each).suits(language)]
    why = (
        f"counts words between spaces, which {language} does not have"
        if SPACED in profile.languages
        else f"is made for {', '.join(profile.languages)}"
    )
    instead = f"take {' or '.join(others)}" if others else "leave it out"
    return f"{profile.name} {why}; {instead}, or write `force: [{profile.name}]`"


def _read(text: str, file: str, name: str) -> Told:
    try:
        root, duplicates = compose(text)
    except Unreadable as error:
        raise BadSettings(f"{file}:{error.mark.line}:{error.mark.column}: {error.text}") from error
    for mark, keys, wrong in duplicates:
        raise BadSettings(f"{file}:{mark.line}:{mark.column}: {'.'.join(keys)}: {wrong}")
    entries = root.value if root is not None and isinstance(root.value, dict) else {}
    for key, entry in entries.items():
        if key not in KEYS:
            raise _wrong(file, entry, f"unknown key {key!r}; {nearest(key, KEYS)}")
    for key in ("languages", "rules"):
        if key not in entries:
            raise BadSettings(f"{file}: `{key}:` is missing; see the profiles under configs/rules/")
    rules = entries["rules"].node.value
    if not isinstance(rules, dict) or not rules:
        raise _wrong(file, entries["rules"], "rules is no mapping of rules by name")
    languages = plain(entries["languages"].node)
    if not isinstance(languages, tuple) or not languages:
        raise _wrong(file, entries["languages"], "languages is a list, such as [ja] or [spaced]")
    source = plain(entries["source"].node) if "source" in entries else ""
    made = tuple(_rule(file, rule, entry) for rule, entry in rules.items())
    return Told(name, tuple(map(str, languages)), str(source), made)


def _rule(file: str, name: str, entry: Entry) -> Rule:
    said: Any = plain(entry.node)
    if not isinstance(said, Mapping) or "figure" not in said:
        raise _wrong(file, entry, f"{name} is no rule; write {{figure: words, below: 50}}")
    figure, held = str(said["figure"]), [key for key in said if key != "figure"]
    if figure not in FIGURES:
        raise _wrong(file, entry, f"{name}: unknown figure {figure!r}; {nearest(figure, tuple(FIGURES))}")
    if len(held) != 1 or held[0] not in get_args(Fails):
        raise _wrong(file, entry, f"{name}: says {held or 'nothing'}; say one of {', '.join(get_args(Fails))}")
    number = said[held[0]]
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise _wrong(file, entry, f"{name}: {number!r} where a number belongs")
    return Rule(name, figure, held[0], float(number))


def _wrong(file: str, entry: Entry | Node, text: str) -> BadSettings:
    return BadSettings(f"{file}:{entry.mark.line}:{entry.mark.column}: {text}")
