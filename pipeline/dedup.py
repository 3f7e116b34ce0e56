"""Which documents say the same: exact duplicates, by the hash of their text. Groups are found here; `size` decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.manifests.record import Recipe
from prep.manifests.shards import Columns
from prep.pipeline import draw, query
from prep.pipeline.ingest import HASH
from prep.pipeline.query import Connection, Limits
from prep.pipeline.spread import Spread
from prep.pipeline.stage import Asked, Job, Result, Task, balanced, cell_books, described, document_shards

GROUP = "duplicate_group"  # the text's hash where another document has the same, else null


@dataclass(frozen=True)
class Dedup:
    """Writes the group of each document that is not alone."""

    name: ClassVar[str] = "dedup"
    version: ClassVar[int] = 1

    exact: bool = True

    def schema(self) -> pa.Schema:
        """One column."""
        return pa.schema([(GROUP, HASH)])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The answers are the rows."""
        return batches

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Documents and bytes by cell."""
        return cell_books(written, beside)


def job(stage: Dedup, ingested: Result, limits: Limits) -> Job:
    """Find the groups of the whole run."""
    recipe = Recipe(Dedup.name, Dedup.version, described(stage), {"ingest": ingested.manifest.digest})
    shards = document_shards(ingested)

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        connection = stack.enter_context(query.database(limits, ingested.folder))
        find(connection, [path for _, path in shards])
        rows = {shard.name: shard.rows for shard in ingested.manifest.shards}
        return [
            Task(
                stage,
                Asked(f"{recipe.digest}/{key}", groups(connection, place, rows[path.rsplit("/", 1)[-1]]), (path,)),
            )
            for place, (key, path) in enumerate(shards)
        ]

    balance = balanced(Dedup.name, ingested.manifest.ledger["cells"])
    return Job(recipe, tasks, balance, {"ingest": ingested}, here=True)


def find(connection: Connection, paths: list[str]) -> None:
    """Make the table `repeated`: shard, row and hash of every document whose text another document has too."""

    def convert(batch: pa.RecordBatch) -> dict[str, npt.NDArray[Any]]:
        high, low = draw.halves(batch["text_hash"])
        return {"high": high, "low": low}

    query.load(connection, "hashed", [[Columns(path, ("text_hash",))] for path in paths], convert)
    connection.execute("""
        create table repeated as select * from hashed semi join
        (select high, low from hashed group by high, low having count(*) > 1) using (high, low) order by shard, row
    """)
    connection.execute("drop table hashed")


def groups(connection: Connection, shard: int, rows: int) -> Callable[[], Iterator[pa.RecordBatch]]:
    """The group of each row of one shard."""

    def answer() -> Iterator[pa.RecordBatch]:
        found = query.ask(connection, "select row, high, low from repeated where shard = ? order by row", [shard])
        words = np.zeros((rows, 2), dtype=">u8")
        alone = np.ones(rows, dtype=bool)
        place = found["row"].to_numpy()
        words[place, 0], words[place, 1] = found["high"].to_numpy(), found["low"].to_numpy()
        alone[place] = False
        values = pa.FixedSizeBinaryArray.from_buffers(HASH, rows, [None, pa.py_buffer(words.tobytes())])
        yield pa.record_batch([values.take(pa.array(np.arange(rows), mask=alone))], names=[GROUP])

    return answer
