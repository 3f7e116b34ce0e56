"""Where a document stands in the finished corpus: its output files and rows, a row for each pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prep.manifests import files
from prep.manifests.shards import Columns, read, schema_of
from prep.pipeline.formats import ROW_GROUP, json_rows
from prep.pipeline.look.finished import Finished

WANTED = ("id", "pass")
READABLE = (".parquet", ".arrow", ".jsonl.zst")  # in this order: the first that there is answers, the cheapest first


@dataclass(frozen=True)
class Standing:
    """A copy: the file below the corpus's folder, the row in it from 0, and which pass over its source it is of."""

    file: str
    row: int
    pass_: int | None


def standings(finished: Finished, id_: str) -> list[Standing]:
    """Every copy of a document, in one of the formats that the corpus is written as."""
    result = finished.results["export"]
    names = [shard.name for shard in result.manifest.shards]
    suffix = next((suffix for suffix in READABLE if any(name.endswith(suffix) for name in names)), None)
    found: list[Standing] = []
    for name in names:
        if suffix is not None and name.endswith(suffix):
            row = 0
            for batch in _ids(files.join(result.folder, name)):
                here = np.flatnonzero(np.asarray(pc.equal(batch["id"], id_)))
                passes = batch["pass"].to_pylist() if "pass" in batch.schema.names else None
                found += [Standing(name, row + int(at), passes[at] if passes else None) for at in here]
                row += batch.num_rows
    return found


def _ids(path: str) -> Iterator[pa.RecordBatch]:
    if path.endswith(".parquet"):
        file = pq.ParquetFile(files.open_random(path))
        yield from file.iter_batches(columns=[name for name in WANTED if name in file.schema_arrow.names])
    elif path.endswith(".arrow"):
        yield from read(Columns(path, tuple(name for name in WANTED if name in schema_of(path).names)))
    else:
        rows = ({name: row[name] for name in WANTED if name in row} for row in json_rows(path))
        while batch := list(islice(rows, ROW_GROUP)):
            yield pa.RecordBatch.from_pylist(batch)
