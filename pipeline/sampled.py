"""About 2 MB of a run's own documents, drawn over every source: what engines are checked on before they count.

The draw is by record batches, and by documents within them: to read all of a terabyte for a check would cost more than
the counting. Every source gives its part; the longest document of the batches drawn is always among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import xxhash

from prep.manifests.shards import Columns, lengths, read
from prep.pipeline import draw
from prep.pipeline.stage import Result, document_shards
from prep.pipeline.tokenizers.selfcheck import Sample

TOTAL = 2_000_000  # bytes of text; the slowest reference counts 2 MB a second
LEAST = 50_000  # bytes a source, however many there are
LONGEST = 1_000_000  # bytes of a document; the reference takes 60 to 130 times its size in memory
BATCHES = 6  # of a source that are read, of up to 4 MB each
SCHEMA = pa.schema([("text", pa.large_string()), ("id", pa.string()), ("source", pa.string())])

Shard = tuple[str, str]  # key and path


def sample(ingested: Result, sources: Sequence[str]) -> Sample:
    """Documents of every source, the same ones for the same shards; `sources` are those of the shards, in order."""
    shards: dict[str, list[Shard]] = {}
    for shard, source in zip(document_shards(ingested), sources, strict=True):
        shards.setdefault(source, []).append(shard)
    room = max(TOTAL // max(len(shards), 1), LEAST)
    drawn = [_of_source(found, room) for _, found in sorted(shards.items())]
    whole = pa.concat_tables([SCHEMA.empty_table(), *drawn]).combine_chunks()
    texts = whole["text"].chunk(0) if whole.num_rows else pa.array([], pa.large_string())
    return Sample(texts, tuple(whole["id"].to_pylist()), tuple(whole["source"].to_pylist()))


def _of_source(shards: Sequence[Shard], room: int) -> pa.Table:
    """The longest document of the batches drawn, and others by draw, up to `room` bytes or one document."""
    batches = list(_drawn(shards))
    if not batches:
        return SCHEMA.empty_table()
    table = pa.Table.from_batches(batches)
    sizes = np.concatenate([lengths(batch["text"]) for batch in batches])
    keys = np.concatenate([draw.halves(batch["text_hash"])[1] for batch in batches])
    order = np.argsort(draw.draw(keys, 0, draw.CHECK), kind="stable")
    order = order[sizes[order] <= LONGEST]
    if not len(order):
        return SCHEMA.empty_table()
    longest = order[np.argmax(sizes[order])]
    order = np.concatenate(([longest], order[order != longest]))
    count = max(1, int(np.searchsorted(np.cumsum(sizes[order]), max(room, sizes[longest] + room // 2), side="right")))
    return table.take(pa.array(np.sort(order[:count]))).select(SCHEMA.names)


def _drawn(shards: Sequence[Shard]) -> Iterator[pa.RecordBatch]:
    """A few record batches of a few shards, by hashes of the shards' keys."""
    chosen = sorted(shards, key=lambda shard: _hash(shard[0]))[:BATCHES]
    each = -(-BATCHES // len(chosen))
    for key, path in chosen:
        wanted = Columns(path, (*SCHEMA.names, "text_hash"))
        yield from read(wanted, partial(_some, key, each))


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())


def _some(key: str, wanted: int, number: int) -> list[int]:
    """Of a number of batches, those wanted, by draw."""
    by_draw = sorted(range(number), key=lambda index: _hash(f"{key}/{index}"))
    return sorted(by_draw[:wanted])
