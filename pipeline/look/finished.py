"""What a run file's last run left, as far as it came: results that are of one chain, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prep.errors import BadInput
from prep.manifests import files, store
from prep.manifests.shards import Columns
from prep.manifests.store import CURRENT
from prep.pipeline import lastrun, runfile, score
from prep.pipeline.chain import STAGES
from prep.pipeline.settings import Run
from prep.pipeline.stage import Result, document_shards

NOT_BY_ROW = ("train", "mix", "export")  # stages whose shards do not stand beside those of the documents
BULKY = ("text", "metadata", "removed", "licence", "url", "id")  # columns that are read for the rows shown alone


@dataclass(frozen=True)
class Finished:
    """The results of the last run by name, in the order of the chain, each made from those before it.

    `text` is the run file as it stands, to lay changes over.
    """

    target: str
    text: str
    run: Run
    results: dict[str, Result]

    @property
    def by_row(self) -> dict[str, Result]:
        """Results that have a row for each document."""
        return {name: result for name, result in self.results.items() if _stage(name) not in NOT_BY_ROW}

    @property
    def figures(self) -> dict[str, tuple[str, ...]]:
        """By result, the columns that are thin."""
        return {
            name: tuple(column for column in result.manifest.schema if column not in BULKY)
            for name, result in self.by_row.items()
        }

    @property
    def shards(self) -> int:
        """How many shards of documents there are."""
        return len(document_shards(self.results["ingest"]))

    def unit(self, shard: int, wanted: Sequence[str]) -> list[Columns]:
        """Of one shard of documents, those of the wanted columns that there are, as files that lie side by side."""
        found = []
        for result in self.by_row.values():
            names = tuple(name for name in wanted if name in result.manifest.schema)
            if names:
                found.append(Columns(document_shards(result)[shard][1], names))
        return found

    def has(self, column: str) -> bool:
        """Whether some result has a column."""
        return any(column in result.manifest.schema for result in self.by_row.values())

    @property
    def missing(self) -> dict[str, str]:
        """Stages of this run that are not there, and the command that makes each."""
        run = self.run
        wanted = [*(f"count.{name}" for name in run.tokenizers)]
        wanted += [score.NAME] if run.quality is not None else []
        wanted += ["dedup"] if run.dedup.exact else []
        lacking = [name for name in (*wanted, "mix", "size", "export") if name not in self.results]
        return {name: f"prep {_stage(name)} {self.target}" for name in lacking}

    def need(self, name: str, purpose: str) -> Result:
        """A result by its name.

        Errors: BadInput, which says what makes it.
        """
        if name not in self.results:
            raise BadInput(f"{purpose}, and that is not there yet; first: prep {_stage(name)} {self.target}")
        return self.results[name]


def load(target: str) -> Finished:
    """What the last run of a run file, or of an output folder, left.

    Errors: BadInput, where there was none, or where it was of other settings; BrokenShard.
    """
    if files.exists(files.join(target, CURRENT)):
        run = lastrun.settings(target)
        text = run.model_dump_json(by_alias=True, exclude_defaults=True)  # as a person would have written it
    else:
        run = runfile.load(target)
        text = Path(target).read_text("utf-8-sig")
        if not files.exists(files.join(run.out, CURRENT)):
            raise BadInput(f"{target}: its output folder {run.out} holds no finished run; first: prep run {target}")
        lastrun.must_be(run, target)
    out = target if files.exists(files.join(target, CURRENT)) else run.out
    return Finished(target, text, run.model_copy(update={"out": out}), _chain(out))


def _chain(out: str) -> dict[str, Result]:
    """The named results that were made from each other; what an earlier run left of later stages is not among them."""
    found: dict[str, Result] = {}
    named = store.current(out)
    for name in sorted(named, key=lambda name: (STAGES.index(_stage(name)) if _stage(name) in STAGES else -1, name)):
        folder = files.join(out, named[name])
        if _stage(name) not in STAGES or (manifest := store.manifest(folder)) is None:
            continue
        inputs = manifest.inputs.items()
        if all(name in found and found[name].manifest.digest == digest for name, digest in inputs):
            found[name] = Result(folder, manifest)
    if "ingest" not in found:
        raise BadInput(f"{out}: its last run holds no finished documents; run it again")
    return found


def _stage(name: str) -> str:
    return name.partition(".")[0]
