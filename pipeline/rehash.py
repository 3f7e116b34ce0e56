"""The source files hashed again, against the digests that were taken when they were read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prep.errors import BadSource
from prep.manifests.lineage import Finding
from prep.pipeline import intake
from prep.pipeline.progress import Screen
from prep.pipeline.reread import Check
from prep.pipeline.run import Standing
from prep.pipeline.settings import Run
from prep.pipeline.sources.piece import File
from prep.pipeline.sources.stream import Raw
from prep.pipeline.spread import Spread

RANGE = re.compile(r"(.*)\[(\d+):(\d+|None)\]", re.DOTALL)  # the label of a part of a file


@dataclass(frozen=True)
class Labelled:
    """A source file, or a part of one, and the xxh3-128 that its bytes had."""

    file: File
    start: int
    stop: int | None
    digest: str


def sources(state: Check, run: Run, spread: Spread, screen: Screen) -> int:
    """Hash every file that was read, and find those that changed or are gone; the number of files looked at.

    What was streamed from a hub has no digests: its revision is its digest.
    """
    digests: dict[str, str] = {}
    for result in state.here:
        if result.name == "ingest" and result.manifest is not None:
            known = result.manifest.facts.get("digests", {})
            digests |= known if isinstance(known, dict) else {}
    wanted = list(labelled(state, listed(state, run), digests))
    with screen.stage("sources") as stage:
        stage.begin(Standing(to_make=len(wanted), weight=len(wanted)))
        for found in spread(rehashed, wanted):
            state.found += found
            stage.advance()
    return len({one.file.url for one in wanted})


def listed(state: Check, run: Run) -> dict[str, File]:
    """The files that the run file's paths name now, by source and name."""
    found: dict[str, File] = {}
    for name, source in run.sources.items():
        if source.hf is not None:
            continue
        try:
            listing = intake.listed(run.model_copy(update={"sources": {name: source}}), Path.cwd())[name]
        except BadSource as error:
            state.found.append(Finding(", ".join(source.path), "source", str(error)))
            continue
        found |= {f"{name}/{file.name}": file for piece in listing.pieces for file in piece.files}
    return found


def labelled(state: Check, there: dict[str, File], digests: dict[str, str]) -> Iterator[Labelled]:
    """The files that the digests are of; those that are not there are found."""
    for label, digest in digests.items():
        part = RANGE.fullmatch(label)
        if label in there:
            yield Labelled(there[label], 0, None, digest)
        elif part and part[1] in there:
            yield Labelled(there[part[1]], int(part[2]), int(part[3]) if part[3].isdigit() else None, digest)
        else:
            state.found.append(Finding(label, "source", "was read, and is gone from where the run file looks"))


def rehashed(one: Labelled) -> list[Finding]:
    """Read the bytes of a label again. Runs in a worker."""
    try:
        with Raw(one.file, one.start, one.stop) as raw:
            digest = raw.finish()
    except BadSource as error:
        return [Finding(one.file.url, "source", str(error))]
    if digest == one.digest:
        return []
    part = f" in bytes {one.start:,} to {one.stop or one.file.size:,}" if one.start or one.stop else ""
    return [Finding(one.file.url, "source", f"changed since it was read{part}: xxh3 is {digest}, it was {one.digest}")]
