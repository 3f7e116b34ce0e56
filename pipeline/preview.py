"""What a run would reuse, what it would make, and why: said before anything is made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from prep.errors import BrokenShard
from prep.manifests import files, store
from prep.manifests.record import Recipe, canonical
from prep.pipeline.chain import Machine, walk
from prep.pipeline.run import finished
from prep.pipeline.settings import Run
from prep.pipeline.sources.listing import Listing
from prep.pipeline.stage import Job, Result

SHOWN = 3  # settings that a line names
LONGEST = 40  # characters of a setting that a line shows


class Missing(Exception):
    """A result is not there yet, so what follows cannot be named."""


@dataclass
class Preview:
    """Looks ahead without making anything: what is there, what is not, and why."""

    out: str
    lines: list[tuple[str, str, str]] = field(default_factory=list)  # name, reuse or new, why
    found: dict[str, Result] = field(default_factory=dict)  # what is there, by name

    @property
    def reused(self) -> set[str]:
        """Names of the stages that are there."""
        return {name for name, state, _ in self.lines if state == "reuse"}

    def __call__(self, jobs: Mapping[str, Job]) -> dict[str, Result]:
        """The finished results of jobs; Missing where there is none of one."""
        there = {name: finished(self.out, job) for name, job in jobs.items()}
        for name, job in jobs.items():
            new = there[name] is None
            said = ("new", why(self.out, name, job.recipe)) if new else ("reuse", job.recipe.folder)
            self.lines.append((name, *said))
        found = {name: result for name, result in there.items() if result is not None}
        self.found.update(found)
        if len(found) < len(jobs):
            raise Missing(", ".join(jobs.keys() - found.keys()))
        return found


def preview(run: Run, listings: Mapping[str, Listing], machine: Machine, until: str) -> Preview:
    """What a run would reuse, and the first thing that it would make."""
    look = Preview(run.out)
    with suppress(Missing):
        walk(run, listings, machine, until, look)
    return look


def why(out: str, name: str, recipe: Recipe) -> str:
    """What differs between a recipe and that of the last run."""
    folder = store.current(out).get(name)
    if folder is None or not files.exists(files.join(out, folder)):
        return "first time"
    try:
        earlier = store.recipe(files.join(out, folder))
    except BrokenShard:  # it is asked for nothing but these words
        return f"the {store.RECIPE} of the last run's cannot be read"
    before, after = (json.loads(canonical(asdict(each))) for each in (earlier, recipe))
    settings = list(_changes(before["settings"], after["settings"], ""))
    if before["version"] != after["version"]:
        settings.insert(0, f"version {before['version']} → {after['version']}")
    one, two = before["inputs"], after["inputs"]
    inputs = [key for key in sorted(one | two) if one.get(key) != two.get(key)]
    if settings:
        return "; ".join(settings[:SHOWN]) + (f"; and {len(settings) - SHOWN} more" if len(settings) > SHOWN else "")
    return f"{' and '.join(inputs)} changed" if inputs else "was not finished"


def _changes(before: Any, after: Any, path: str) -> Iterator[str]:
    """What a person would say of two settings."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before | after):
            yield from _changes(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif path.endswith(".listing") and before and after:
        yield f"{path.removesuffix('.listing')}: {_files_changed(before, after)}"
    else:
        yield f"{path}: {_short(before)} → {_short(after)}"


def _files_changed(before: list[Any], after: list[Any]) -> str:
    old, new = ({tuple(file) for piece in pieces for file in piece["files"]} for pieces in (before, after))
    there = {file[0] for file in old}
    names = {
        "new": [file[0] for file in new - old if file[0] not in there],
        "changed": [file[0] for file in new - old if file[0] in there],
        "gone": sorted(there - {file[0] for file in new}),
    }
    said = [f"{len(found)} {word} ({min(found)}{_more(found)})" for word, found in names.items() if found]
    return "files " + ", ".join(said)


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _more(found: list[str]) -> str:
    return ", …" if len(found) > 1 else ""
