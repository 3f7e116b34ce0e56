"""Rows of finished shards by their place: only the record batches that hold them are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from prep.manifests.shards import Columns, read, schema_of
from prep.pipeline.look.finished import Finished

Place = tuple[int, int]  # shard and row


def rows(finished: Finished, places: Sequence[Place], names: Sequence[str]) -> list[dict[str, Any]]:
    """The wanted columns of the rows at some places, in the order of the places."""
    by_shard: dict[int, list[int]] = defaultdict(list)
    for shard, row in places:
        by_shard[shard].append(row)
    found: dict[Place, dict[str, Any]] = {place: {} for place in places}
    for shard, wanted in by_shard.items():
        ordered = sorted(set(wanted))
        for columns in finished.unit(shard, names):
            for row, values in zip(ordered, at(columns, ordered), strict=True):
                found[shard, row] |= values
    return [found[place] for place in places]


def at(columns: Columns, wanted: Sequence[int]) -> Iterable[dict[str, Any]]:
    """Rows of one file by number, which rise."""
    edges = np.concatenate(([0], np.cumsum(_batch_rows(columns))))
    batch_of = np.searchsorted(edges, wanted, side="right") - 1
    picked = sorted(set(batch_of.tolist()))
    for number, batch in zip(picked, read(columns, lambda _: picked), strict=True):
        inside = [row - int(edges[number]) for row, other in zip(wanted, batch_of, strict=True) if other == number]
        yield from batch.take(pa.array(inside, pa.int64())).to_pylist()


def _batch_rows(columns: Columns) -> list[int]:
    """Rows of each record batch: the file's footer does not tell, so one thin column is read."""
    fields = list(schema_of(columns.path))
    thin = min(fields, key=lambda field: (not pa.types.is_primitive(field.type), field.name))
    return [batch.num_rows for batch in read(Columns(columns.path, (thin.name,)))]
