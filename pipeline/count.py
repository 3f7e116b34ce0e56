"""Count the tokens of every document, no special tokens added; several tokenizers in one reading of the text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pyarrow as pa

from prep.errors import BadTokenizer
from prep.manifests.ledger import TOKENS
from prep.manifests.record import Receipt, Recipe
from prep.pipeline import counting, meter, sampled
from prep.pipeline.counting import REFERENCE, Decision
from prep.pipeline.settings import Tokenizer
from prep.pipeline.spread import Spread
from prep.pipeline.stage import (
    MACHINE,
    Job,
    Result,
    Task,
    balanced,
    cell_books,
    described,
    over_documents,
    sources_of,
)
from prep.pipeline.tokenizers.guarded import promise

COLUMNS = ("text", "text_hash")
TALLIED = ("documents", "by_reference", "rechecked")


@dataclass(frozen=True)
class Count:
    """Writes `n_tokens.<tokenizer>`; `digest` says which tokenizer it is, the other fields how it is counted here."""

    name: ClassVar[str] = "count"
    version: ClassVar[int] = 2

    tokenizer: str
    digest: str
    given: Tokenizer = field(metadata=MACHINE)  # the file; what of it changes a count is in the digest
    engine: str = field(default=REFERENCE, metadata=MACHINE)
    source: str = field(default="", metadata=MACHINE)
    doubt: Mapping[str, Any] = field(default_factory=dict, metadata=MACHINE)  # the wrong count that made it count again

    def schema(self) -> pa.Schema:
        """One column."""
        return pa.schema([(TOKENS + self.tokenizer, pa.int64())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The tokens of each text."""
        if counting.digest(self.given) != self.digest:
            raise BadTokenizer(
                f"{self.given.path}: changed while the run went on; run again to count by what it is now"
            )
        counter = self._counter()
        for batch in batches:
            tokens = counter.count(batch.column("text"), batch.column("text_hash"))
            meter.add(tokens=int(tokens.sum()))
            yield pa.record_batch([pa.array(tokens)], schema=self.schema())

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Documents, bytes and tokens by cell."""
        return cell_books(written, beside)

    def evidence(self) -> dict[str, Any]:
        """Which engine counted, how many documents the reference counted again, and where the two differed."""
        done = self._counter().tally()
        return {"source": self.source, "engine": self.engine, "recounted": dict(self.doubt), **done}

    def _counter(self) -> counting.Counting:
        return counting.opened(self.given, self.engine, self.digest, self.tokenizer)


def jobs(tokenizers: Mapping[str, Tokenizer], ingested: Result) -> dict[str, Job]:
    """A job for each tokenizer, by name. Made together they read the text once; one sample decides their engines."""
    sources = sources_of(ingested)

    known: dict[str, Decision] = {}

    def decided(spread: Spread) -> dict[str, Decision]:
        if not known:
            known.update(counting.decide(tokenizers, sampled.sample(ingested, sources), spread))
        return known

    def made(name: str, tokenizer: Tokenizer) -> Job:
        return _job(name, tokenizer, ingested, sources, lambda spread: decided(spread)[name])

    return {f"count.{name}": made(name, tokenizer) for name, tokenizer in tokenizers.items()}


def _job(
    name: str, tokenizer: Tokenizer, ingested: Result, sources: Sequence[str], decided: Callable[[Spread], Decision]
) -> Job:
    stage = Count(name, counting.digest(tokenizer), tokenizer)
    plain = over_documents(stage, ingested, COLUMNS)
    checks: list[Decision] = []

    def tasks(_: ExitStack, spread: Spread) -> list[Task]:
        checks.append(decided(spread))
        return [
            Task(replace(stage, engine=checks[0].engine(source), source=source), task.unit)
            for task, source in zip(plain, sources, strict=True)
        ]

    def again(units: Sequence[Sequence[Receipt]]) -> dict[int, Task]:
        told = [step.evidence for steps in units for step in steps if step.evidence]
        # What was counted again before a kill says so itself: the engine that is to blame counted what is left.
        wrong = {said["source"]: doubt for said in told if (doubt := next(iter(said["mismatches"]), said["recounted"]))}
        return {
            number: Task(replace(stage, source=source, doubt=wrong[source]), plain[number].unit)
            for number, (steps, source) in enumerate(zip(units, sources, strict=True))
            if source in wrong and any(step.evidence.get("engine") != REFERENCE for step in steps)
        }

    return Job(
        Recipe(Count.name, Count.version, described(stage), {"ingest": ingested.manifest.digest}),
        tasks,
        balanced(Count.name, ingested.manifest.ledger["cells"]),
        {"ingest": ingested},
        again=again,
        evidence=lambda receipts: {"check": checks[0].plain(), "counted": _counted(receipts)},
    )


def _counted(receipts: Iterable[Receipt]) -> dict[str, dict[str, Any]]:
    """By source: documents by what counted them, how many the reference counted again, and what that is worth."""
    found: dict[str, dict[str, Any]] = {}
    for said in (receipt.evidence for receipt in receipts if receipt.evidence):
        into = found.setdefault(
            said["source"], {"engine": said["engine"], **dict.fromkeys(TALLIED, 0), "recounted": {}}
        )
        for name in TALLIED:
            into[name] += said[name]
        into["longest"] = max(into.get("longest", 0), said["longest"])
        into["recounted"] |= said["recounted"]
    for into in found.values():
        into["recheck"] = promise(into["documents"]) if into["documents"] else ""
    return dict(sorted(found.items()))
