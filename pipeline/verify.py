"""Read every shard of a chain again and say everything that differs from what its manifests say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prep.errors import BadInput, BadSettings, FailedCheck
from prep.manifests import files, lineage
from prep.manifests import verify as checks
from prep.manifests.ledger import PHASE, totals
from prep.manifests.lineage import PROVENANCE, Finding, Made
from prep.manifests.store import CURRENT, MANIFEST, RECIPE
from prep.pipeline import export, lastrun, mix, recount, rehash, reread, runfile
from prep.pipeline.light import spare_pandas
from prep.pipeline.numbers import format_bytes, format_count
from prep.pipeline.progress import Screen, console
from prep.pipeline.reread import Check
from prep.pipeline.settings import Run
from prep.pipeline.sizing import books
from prep.pipeline.spread import Spread, workers


@dataclass(frozen=True)
class Target:
    """What is verified: an output folder, with its run file where one was named, or an exported corpus alone."""

    folder: str
    alone: bool = False
    run: Run | None = None


@dataclass(frozen=True)
class Report:
    """What was checked, and everything that differs."""

    findings: tuple[Finding, ...]
    results: int
    shards: int
    bytes: int
    documents: int
    tokens: dict[str, int]  # by tokenizer
    sources: int | None = None  # source files hashed again; None where that was not asked for

    def text(self) -> str:
        """Everything that differs, a line each, and what was checked."""
        return "\n".join([*(f"{one.file}: {one.text}" for one in self.findings), f"checked {self._line()}"])

    def _line(self) -> str:
        parts = [f"{self.results} results", f"{self.shards:,} shards", format_bytes(self.bytes)]
        parts += [] if self.sources is None else [f"{self.sources:,} source files"]
        parts += [f"{self.documents:,} documents"]
        return ", ".join(parts + [f"{format_count(number)} tokens ({name})" for name, number in self.tokens.items()])

    def plain(self) -> dict[str, Any]:
        """The same for programs."""
        return {"ok": not self.findings, **asdict(self)}

    def must_be_clean(self) -> None:
        """Errors: FailedCheck, where anything differs."""
        if self.findings:
            number = len({one.file for one in self.findings})
            raise FailedCheck(
                f"{len(self.findings):,} findings in {number:,} files; a result whose folder is removed is made anew "
                "by the next run"
            )


def verify(target: str, processes: int | None = None, *, sources: bool = False) -> Report:
    """Verify what `target` names, and show how far it is."""
    aimed = aim(target)
    with workers(processes or len(os.sched_getaffinity(0)), spare_pandas) as spread, Screen(console()) as screen:
        return check(aimed, spread, screen, sources=sources)


def aim(target: str) -> Target:
    """What a run file, an output folder or an exported corpus stands for.

    Errors: BadInput, where it is none of these.
    """
    if files.is_local(target) and Path(target).is_file():
        run = runfile.load(target)
        if not files.exists(files.join(run.out, CURRENT)):
            raise BadInput(f"{target}: its output folder {run.out} holds no finished run; first: prep run {target}")
        lastrun.must_be(run, target)
        return Target(run.out, run=run)
    if files.exists(files.join(target, CURRENT)):
        return Target(target)
    if files.exists(files.join(target, PROVENANCE)):
        return Target(target, alone=True)
    if files.exists(files.join(target, MANIFEST)) or files.exists(files.join(target, RECIPE)):
        raise BadInput(f"{target} is one result of a run, without {PROVENANCE}/; verify its run file or output folder")
    lacks = f"holds neither {CURRENT} nor {PROVENANCE}/" if files.exists(target) else "does not exist"
    raise BadInput(f"{target} {lacks}; name a run file, the output folder of a finished run, or an exported corpus")


def check(target: Target, spread: Spread, screen: Screen, *, sources: bool = False) -> Report:
    """Verify everything; what differs is in the report."""
    if sources and target.run is None:
        raise BadSettings("--sources needs the run file: no other file says where the sources lie")
    found: list[Finding] = []
    read = lineage.of_corpus if target.alone else lineage.of_output
    state = Check(read(target.folder, found), target.alone, found)
    found += lineage.recipes(state.chain)
    reread.everything(state, spread, screen)
    for result in state.chain.results:
        if result.manifest is not None:
            found += checks.shaped(result.path, balances(state, result))
        if result.stage == "export" and not target.alone:
            found += lineage.recipes(lineage.of_corpus(result.folder, found))
    hashed = rehash.sources(state, target.run, spread, screen) if sources and target.run else None
    return report(state, hashed)


def report(state: Check, hashed: int | None) -> Report:
    """Figures of what was checked."""
    shards = [shard for result in state.here if result.manifest for shard in result.manifest.shards]
    first, counting = ("export", "export") if state.alone else ("ingest", "count")
    documents, tokens = 0, dict[str, int]()
    for result in state.here:
        sums = totals(state.counted.get(result.folder, {}).get("cells", ()))
        documents = documents or (sums["documents"] if result.stage == first else 0)
        tokens |= sums["tokens"] if result.stage == counting else {}
    n_bytes = sum(shard.bytes for shard in shards)
    return Report(tuple(dict.fromkeys(state.found)), len(state.here), len(shards), n_bytes, documents, tokens, hashed)


def balances(state: Check, result: Made) -> Iterator[Finding]:
    """The books of one result against those of what it was made from."""
    law = LAWS.get(result.stage)
    if law is not None and result.recipe is not None and recount.known(result.recipe):
        yield from law(state, result)


def _ingested(state: Check, result: Made) -> Iterator[Finding]:
    page = state.page(result)
    yield from checks.balanced_intake(result.path, page["intake"], page["cells"])
    for name, source in result.recipe.settings.items() if result.recipe else ():
        read, listed = page["files"][name]["read"], {file[0] for piece in source["listing"] for file in piece["files"]}
        if read != len(listed):
            yield Finding(result.path, "balance", f"source {name}: {read:,} files read, {len(listed):,} were listed")


def _annotated(state: Check, result: Made) -> Iterator[Finding]:
    before = state.page(state.input(result, "ingest"))["cells"]
    yield from checks.balanced(result.path, result.stage, before, state.page(result)["cells"])


def _mixed(state: Check, result: Made) -> Iterator[Finding]:
    page = state.page(result)
    before = state.page(state.input(result, "count"))["cells"]
    yield from checks.balanced_selection(result.path, "mix", before, page["available"])
    settings = result.recipe.settings if result.recipe else {}
    for phase in settings.get("phases") or [{"name": "", "tokens": page["asked"]}]:
        tokens = sum(row["tokens"] for row in page["targets"] if row.get(PHASE, "") == phase["name"])
        if tokens > phase["tokens"]:
            of = f"targets of phase {phase['name']}" if phase["name"] else "targets"
            yield Finding(result.path, "balance", f"its {of} sum to {tokens:,} tokens, {phase['tokens']:,} were asked")


def _sized(state: Check, result: Made) -> Iterator[Finding]:
    page, mixed = state.page(result), state.input(result, "mix")
    before = state.page(state.input(result, "count"))["cells"]
    yield from checks.balanced_selection(result.path, "size", before, page["selection"])
    asked = {name: state.page(mixed)[name] for name in ("targets", "asked")}
    yield from checks.page(result.path, page, asked, "mix")
    yield from _within_phases(result, page)
    if not result.recipe or not result.recipe.settings["exclude"]:  # lists change what stands for a duplicate
        free = {"available": recount.free(page["selection"])}
        yield from checks.page(mixed.path if mixed else result.path, state.page(mixed), free, "size")


def _within_phases(result: Made, page: Mapping[str, Any]) -> Iterator[Finding]:
    """No phase holds more than it was asked for, and all together hold what the corpus does."""
    phases, eod = page.get("phases", ()), result.recipe.settings["eod"] if result.recipe else 0
    for each in phases:
        got = sum(row["copied_tokens"] + eod * row["copies"] for row in each["cells"])
        asked = sum(row["tokens"] for row in page["targets"] if row[PHASE] == each[PHASE])
        if got > asked:
            yield Finding(result.path, "balance", f"phase {each[PHASE]} holds {got:,} tokens, {asked:,} were asked")
    if phases:
        rows = books.add(each["cells"] for each in phases)
        whole = {mix.place(row): row["copied_tokens"] for row in page["selection"] if row["copies"]}
        if {mix.place(row): row["copied_tokens"] for row in rows} != whole:
            yield Finding(result.path, "balance", "its phases together do not hold what the corpus does")


def _exported(state: Check, result: Made) -> Iterator[Finding]:
    settings = result.recipe.settings if result.recipe else {}
    chosen, weighed = state.page(state.input(result, "size")), settings["repeats"] == "weights"
    for text in export.differences(state.page(result), chosen, settings["tokenizer"], weighed=weighed):
        yield Finding(result.path, "balance", f"export: {text}")


LAWS: dict[str, Callable[[Check, Made], Iterator[Finding]]] = {
    "ingest": _ingested,
    "count": _annotated,
    "score": _annotated,
    "dedup": _annotated,
    "mix": _mixed,
    "size": _sized,
    "export": _exported,
}
