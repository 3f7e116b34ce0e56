"""The stage: the list of what a tokenizer learns from and of what is held out, and the tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from prep.errors import Short
from prep.manifests import files
from prep.manifests.ledger import CELL, Row
from prep.manifests.record import Receipt, Recipe, part_name
from prep.manifests.shards import Columns, Sink, Writer, lengths, side_by_side
from prep.pipeline.ingest import HASH
from prep.pipeline.run import PART, Output
from prep.pipeline.settings import Run
from prep.pipeline.spread import Spread
from prep.pipeline.stage import MACHINE, Asked, Job, Result, Task, content_key, described, document_shards
from prep.pipeline.vocabulary import draws, trainers
from prep.pipeline.vocabulary.sentences import lost, sentences
from prep.pipeline.vocabulary.shares import Quota
from prep.pipeline.vocabulary.trainers import Wanted

TOKENIZER = "tokenizer"
LIST = pa.schema(
    [
        ("part", pa.int32()),  # place of its shard among the documents
        ("row", pa.int64()),
        ("id_hash", HASH),
        *((name, pa.string()) for name in CELL),
        ("held_out", pa.bool_()),
        ("n_bytes", pa.int64()),  # of the text used: the last document of a quota is cut
        ("sentences", pa.int64()),  # given to the trainer
        ("lost", pa.int64()),  # bytes that no sentence holds, line ends apart
    ]
)
TEXT = pa.field("text", pa.large_string())
LINES = pa.schema([("lines", pa.large_string())])


@dataclass(frozen=True)
class Learn:
    """Writes the list and the tokenizer. The text itself is not kept: the list says where it lies."""

    name: ClassVar[str] = "train-tokenizer"
    version: ClassVar[int] = 1
    shard_bytes: ClassVar[int] = 1 << 62

    wanted: Wanted
    quotas: tuple[Quota, ...]
    seed: int
    scratch: str | None = field(default=None, metadata=MACHINE)

    def schema(self) -> pa.Schema:
        """Of the list."""
        return LIST

    def outputs(self, key: str, index: int) -> dict[str, Output]:
        """The list, and the tokenizer."""
        return {
            PART: Output(part_name(key, index), partial(Writer, schema=LIST)),
            TOKENIZER: Output(self.wanted.file, partial(Trainer, wanted=self.wanted, scratch=self.scratch)),
        }

    def split(self, batch: pa.RecordBatch) -> dict[str, pa.RecordBatch]:
        """The list keeps no text."""
        return {PART: batch.select(LIST.names), TOKENIZER: batch}

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The drawn documents, with the number of sentences that each gives."""
        for batch in batches:
            counts = [0 if apart else self._given(text) for apart, text in _learnt(batch)]
            gone = [lost(text) if self.wanted.pieces and not apart else 0 for apart, text in _learnt(batch)]
            columns = {**{name: batch[name] for name in batch.schema.names}, "sentences": counts, "lost": gone}
            schema = LIST.append(TEXT)
            yield pa.record_batch([columns[each.name] for each in schema], schema=schema)

    def _given(self, text: str) -> int:
        return sum(1 for _ in sentences(text)) if self.wanted.pieces else 1

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Documents and bytes of the sample and of what is held out, by source, language and kind."""
        return booked(written[0])


def _learnt(batch: pa.RecordBatch) -> Iterator[tuple[bool, str]]:
    return zip(batch["held_out"].to_pylist(), batch["text"].to_pylist(), strict=True)


def booked(path: str) -> dict[str, Any]:
    """The books of a list, counted from its file."""
    rows: dict[tuple[str, ...], Row] = {}
    for batch in side_by_side([Columns(path, (*CELL, "held_out", "n_bytes", "sentences", "lost"))]):
        for one in batch.to_pylist():
            place = tuple(one[name] for name in CELL)
            sides: dict[str, Any] = {side: {"documents": 0, "bytes": 0} for side in ("sample", "held_out")}
            into = rows.setdefault(place, {**dict(zip(CELL, place, strict=True)), **sides, "sentences": 0, "lost": 0})
            side = into["held_out" if one["held_out"] else "sample"]
            side["documents"] += 1
            side["bytes"] += one["n_bytes"]
            into["sentences"] += one["sentences"]
            into["lost"] += one["lost"]
    return {"drawn": [rows[place] for place in sorted(rows)]}


class Trainer:
    """Takes the drawn documents, keeps the sentences of those to learn from in a file, and writes the tokenizer."""

    def __init__(self, sink: Sink, wanted: Wanted, scratch: str | None) -> None:
        """`scratch` is swept when a run begins, so a killed training leaves nothing behind."""
        self._sink, self._wanted = sink, wanted
        self._folder = TemporaryDirectory(prefix=files.TEMPORARY, dir=scratch)
        self._path = Path(self._folder.name)
        self._file = (self._path / trainers.SAMPLE).open("wb")
        self._writer = pa.ipc.new_file(self._file, LINES)
        self._rows = self._sentences = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep sentences."""
        self._rows += batch.num_rows
        given = [
            line
            for apart, text in _learnt(batch)
            if not apart
            for line in (sentences(text) if self._wanted.pieces else (text,))
        ]
        if given:
            with files.told(str(self._path)):
                self._writer.write_batch(pa.record_batch([pa.array(given, pa.large_string())], schema=LINES))
            self._sentences += len(given)

    def close(self) -> int:
        """Train, and write what comes out; the number of rows that were given."""
        self._writer.close()
        self._file.close()
        with self._folder:
            self._sink.write(trainers.train(self._wanted, self._path, self._sentences))
        return self._rows


@dataclass(frozen=True)
class Ask:
    """What is to be trained, on what, and in which folder of this machine."""

    wanted: Wanted
    quotas: tuple[Quota, ...]
    scratch: str | None = None


def job(run: Run, ask: Ask, ingested: Result) -> Job:
    """Train one tokenizer. It depends on the shards of documents, and on what is drawn of them."""
    quotas = ask.quotas
    stage = Learn(ask.wanted, quotas, run.seed, ask.scratch or run.out)
    recipe = Recipe(Learn.name, Learn.version, described(stage), {"ingest": contents(ingested)})

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        paths = [path for _, path in document_shards(ingested)]
        rows = draws.selected(spread, paths, run.seed, quotas)
        if not (~rows["held_out"]).any():
            raise Short("train-tokenizer: the sources of the mix have no text to learn from")
        return [Task(stage, Asked(recipe.digest, lambda: listed(spread, paths, rows, quotas), ()))]

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        return receipts[0].ledger

    return Job(recipe, tasks, balance, {}, here=True)


def contents(ingested: Result) -> list[str]:
    """What the shards of documents are, in their order, by content."""
    sums = {shard.name: shard.sha256 for shard in ingested.manifest.shards}
    return [content_key(key, sums[path.rsplit("/", 1)[-1]]) for key, path in document_shards(ingested)]


def listed(
    spread: Spread, paths: Sequence[str], rows: draws.Rows, quotas: tuple[Quota, ...]
) -> Iterator[pa.RecordBatch]:
    """The list with text, as it is before the trainer has said what it makes of it."""
    start = 0
    cells = [quota.cell for quota in quotas]
    for table in draws.texts(spread, paths, rows):
        own = rows[start : start + table.num_rows]
        start += table.num_rows
        columns: dict[str, Any] = {
            **{name: own[name] for name in ("part", "row", "held_out")},
            **{name: [cells[cell][place] for cell in own["cell"].tolist()] for place, name in enumerate(CELL)},
            "id_hash": table["id_hash"].combine_chunks(),
            "text": table["text"].combine_chunks(),
        }
        columns["n_bytes"] = lengths(columns["text"])
        none = np.zeros(len(own), np.int64)
        columns |= {"sentences": none, "lost": none}
        schema = LIST.append(TEXT)
        yield pa.record_batch([pa.array(columns[each.name], each.type) for each in schema], schema=schema)
