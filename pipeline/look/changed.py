"""`--if`: the run file with some settings changed, and what would become of each document.

What the change touches is made by the chain's own stages in a scratch folder, and only what reads no text: so the
answer is that of a run with the changed file, whatever a setting means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prep.errors import BadSettings
from prep.pipeline import chain, runfile
from prep.pipeline.chain import Machine
from prep.pipeline.findings import nearest
from prep.pipeline.look.fates import Sized
from prep.pipeline.look.finished import Finished
from prep.pipeline.marks import Unreadable, compose, plain
from prep.pipeline.mistakes import names_at
from prep.pipeline.run import finished as finished_result
from prep.pipeline.run import perform
from prep.pipeline.settings import Run, Source
from prep.pipeline.spread import serial
from prep.pipeline.stage import Job, Result

TABLES = ("mix", "size")  # the stages that decide, over thin columns alone
OF_DECISIONS = ("exempt", "priority")  # keys of a source that ingest does not read

INSTEAD_RUN = "write it into the run file and run it; nothing that is finished is overwritten"

# Settings of which one takes the other's place; of a keep every key does.
INSTEAD = {
    "budget.tokens": ("params", "law"),
    "budget.params": ("tokens",),
    "mix.shares": ("preset", "pair", "code"),
    "mix.preset": ("shares",),
}


def overridden(finished: Finished, changes: Sequence[str]) -> Run:
    """The run with `key.of.the.file=value` laid over it; a key may leave out what stands above it (`keep.ja.share`).

    Errors: BadSettings, which names the change.
    """
    root = compose(finished.text)[0]
    whole = plain(root) if root is not None else {}
    for change in changes:
        keys, value = _parsed(change)
        _lay(whole, _joined(_full(keys, change)), value)
    name = f"--if {' '.join(changes)}"
    try:
        run = runfile.loads(json.dumps(whole, ensure_ascii=False), name)
    except BadSettings as error:  # line and column are of no file that there is
        raise BadSettings(re.sub(r"^(.*?):\d+:\d+: ", r"\1: ", str(error), flags=re.MULTILINE)) from error
    return run.model_copy(update={"out": finished.run.out})


def _parsed(change: str) -> tuple[list[str], Any]:
    keys, equals, text = change.partition("=")
    if not equals or not keys.strip():
        raise BadSettings(f"--if {change}: write a key and a value, such as --if 'keep.ja.share=40%'")
    try:
        node = compose(text)[0]
    except Unreadable as error:
        raise BadSettings(f"--if {change}: the value is no YAML: {error.text}") from error
    return keys.strip().split("."), None if node is None else plain(node)


def _full(keys: list[str], change: str) -> list[str]:
    """The keys from the top of the run file."""
    top = names_at(Run, ())
    if keys[0] in top:
        return keys
    above = [name for name in top if keys[0] in names_at(Run, (name,))]
    if len(above) > 1:  # where only one of them knows the key's end, that one is meant
        above = [name for name in above if keys[-1] in names_at(Run, (name, *keys[:-1]))] or above
    if len(above) == 1:
        return [above[0], *keys]
    known = tuple(dict.fromkeys([*top, *(f"{name}.{key}" for name in top for key in names_at(Run, (name,)))]))
    if above:
        raise BadSettings(f"--if {change}: {' and '.join(above)} have a key {keys[0]}; write {above[0]}.{keys[0]}...")
    raise BadSettings(f"--if {change}: {keys[0]}: unknown key; {nearest(keys[0], known)}")


def _joined(keys: list[str]) -> list[str]:
    """Names of rules hold a dot: `rules.override.fineweb.short_line_ratio` is three keys."""
    return [*keys[:2], ".".join(keys[2:])] if keys[:2] == ["rules", "override"] else keys


def _lay(whole: dict[str, Any], keys: Sequence[str], value: object) -> None:
    around = whole
    for key in keys[:-1]:
        inner = around.get(key)
        around[key] = dict(inner) if isinstance(inner, dict) else {}
        around = around[key]
    if keys[:2] == ["quality", "keep"] and len(keys) > 3:
        around.clear()
    for other in INSTEAD.get(".".join(keys), ()):
        around.pop(other, None)
    around[keys[-1]] = value


@dataclass(frozen=True)
class Deciding:
    """Finds each result of the chain made, or makes in the scratch folder what needs no text."""

    out: str
    scratch: str
    said: str

    def __call__(self, jobs: Mapping[str, Job]) -> dict[str, Result]:
        """The results of jobs.

        Errors: BadSettings, where one must be made that reads text.
        """
        found: dict[str, Result] = {}
        for name, job in jobs.items():
            there = finished_result(self.out, job)
            if there is None and job.recipe.stage not in TABLES:
                raise BadSettings(f"{self.said}: that makes {name} anew, which reads the text; {INSTEAD_RUN}")
            found[name] = there or perform([job], self.scratch, serial, lambda _: None)[0]
        return found


def fates_then(finished: Finished, run: Run, machine: Machine, changes: Sequence[str]) -> Sized:
    """What would become of each document under a changed run; what it shares with finished results is these.

    Errors: BadSettings, where the change reads text; Short, where the sources cannot feed it.
    """
    said = f"--if {' '.join(changes)}"
    for name, source in run.sources.items():
        before = finished.run.sources.get(name)
        if before is None or _read(before) != _read(source):
            raise BadSettings(f"{said}: that reads source {name} anew; {INSTEAD_RUN}")
    if gone := finished.run.sources.keys() - run.sources.keys():
        raise BadSettings(f"{said}: that takes away {', '.join(sorted(gone))}; give it no share in `mix` instead")
    deciding = Deciding(finished.run.out, str(machine.scratch), said)
    begun = {"ingest": finished.results["ingest"]}
    return Sized(chain.onward(run, begun, machine, "size", deciding)["size"])


def _read(source: Source) -> dict[str, Any]:
    return {key: value for key, value in source.model_dump().items() if key not in OF_DECISIONS}
