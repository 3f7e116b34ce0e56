"""Which documents a tokenizer learns from, and which it is measured on: by draw, each text once.

A document's draw decides, so any number of workers and any order of shards finds the same ones. Two readings of thin
columns, as in `size`: a histogram of bytes over the draw's first 12 bits tells how far to go, then only the documents
up to there are gathered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.manifests.ledger import CELL
from prep.manifests.shards import Columns, side_by_side
from prep.pipeline import draw
from prep.pipeline.spread import Spread
from prep.pipeline.vocabulary.sentences import whole
from prep.pipeline.vocabulary.shares import Quota

SAMPLE, HELD_OUT = "tokenizer/sample", "tokenizer/held-out"  # purposes of draws
BINS, SHIFT = 1 << 12, np.uint64(52)
THIN = (*CELL, "n_bytes", "draw_key", "text_hash")
# `taken` is what of the document is used, in bytes: the last one of a quota is cut.
ROW = np.dtype(
    [("cell", "i4"), ("draw", "u8"), ("high", "u8"), ("low", "u8"), ("bytes", "i8"), ("part", "i4"), ("row", "i8"),
     ("taken", "i8"), ("held_out", "?")]
)  # fmt: skip
GROUP = 128_000_000  # bytes of sampled text that are held at once

Rows = npt.NDArray[Any]
Sums = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Look:
    """What a worker is told: a shard and its number, what is wanted and for what, up to which bin of each cell."""

    path: str
    part: int
    seed: int
    quotas: tuple[Quota, ...]
    purpose: str = SAMPLE
    cuts: tuple[int, ...] = ()


def selected(spread: Spread, paths: Sequence[str], seed: int, quotas: tuple[Quota, ...]) -> Rows:
    """The documents held out, and those of the sample, in the order in which they lie in the shards."""
    looks = [Look(path, part, seed, quotas) for part, path in enumerate(paths)]
    apart = lowest(spread, [replace(look, purpose=HELD_OUT) for look in looks], np.empty(0, ROW))
    apart["held_out"] = True
    found = np.concatenate([apart, lowest(spread, looks, apart)])
    return found[np.lexsort((found["row"], found["part"]))]


def lowest(spread: Spread, looks: Sequence[Look], without: Rows) -> Rows:
    """Of each cell, the texts of lowest draw that fill its quota, and none that `without` holds."""
    quotas, purpose = looks[0].quotas, looks[0].purpose
    quota = np.array([one.held_out if purpose == HELD_OUT else one.sample for one in quotas], np.int64)
    there = sum(spread(histogram, looks), np.zeros((len(quotas), BINS), np.int64))
    aim = quota.copy()
    while True:
        cuts = np.array([_cut(sums, wanted) for sums, wanted in zip(there, aim, strict=True)])
        told = [replace(look, cuts=tuple(cuts.tolist())) for look in looks]
        gathered = np.concatenate([np.empty(0, ROW), *spread(gather, told)])
        rows = each_once(gathered[~np.isin(gathered["high"], without["high"])])
        short = (_bytes(rows, len(quotas)) < quota) & (_bytes(gathered, len(quotas)) < there.sum(axis=1))
        if not short.any():
            break
        aim = np.where(short, 2 * aim, aim)  # copies of a text, or held-out text, took the room
    chosen = up_to(rows, quota)
    return (
        _leaving_some(chosen, rows, _bytes(gathered, len(quotas)) == there.sum(axis=1))
        if purpose == HELD_OUT
        else chosen
    )


def histogram(look: Look) -> Sums:
    """Bytes of each cell of a shard by the first bits of the draw."""
    sums = np.zeros(len(look.quotas) * BINS, np.int64)
    for cell, drawn, batch in _drawn(look):
        here = cell >= 0
        place = cell[here] * BINS + (drawn[here] >> SHIFT).astype(np.int64)
        # Floats hold whole numbers up to 2^53, which is more bytes than a shard has.
        sums += np.bincount(place, np.asarray(batch["n_bytes"])[here], minlength=len(sums)).astype(np.int64)
    return sums.reshape(len(look.quotas), BINS)


def gather(look: Look) -> Rows:
    """The documents of a shard up to the cut of their cell."""
    found: list[Rows] = [np.empty(0, ROW)]
    row, cuts = 0, np.array([*look.cuts, -1], np.int64)
    for cell, drawn, batch in _drawn(look):
        chosen = np.flatnonzero((drawn >> SHIFT).astype(np.int64) <= cuts[cell])
        rows = np.zeros(len(chosen), ROW)
        high, low = draw.halves(batch["text_hash"])
        columns = {"cell": cell, "draw": drawn, "high": high, "low": low, "bytes": np.asarray(batch["n_bytes"])}
        for name, column in columns.items():
            rows[name] = column[chosen]
        rows["part"], rows["row"] = look.part, row + chosen
        found.append(rows)
        row += batch.num_rows
    return np.concatenate(found)


def _drawn(look: Look) -> Iterator[tuple[npt.NDArray[np.int64], draw.Words, pa.RecordBatch]]:
    """Cell and draw of each row: the held-out draw hangs on the text alone, so that its copies are on one side."""
    numbers = {"\n".join(quota.cell): place for place, quota in enumerate(look.quotas)}
    for batch in side_by_side([Columns(look.path, THIN)]):
        coded = pc.binary_join_element_wise(*(batch[name] for name in CELL), "\n").dictionary_encode()
        cells = np.array([numbers.get(name, -1) for name in coded.dictionary.to_pylist()], np.int64)
        key = draw.halves(batch["text_hash"])[0] if look.purpose == HELD_OUT else np.asarray(batch["draw_key"])
        yield cells[np.asarray(coded.indices)], draw.draw(key, look.seed, look.purpose), batch


def each_once(rows: Rows) -> Rows:
    """Each text of a cell once, that of the lowest draw; sorted by cell and draw."""
    rows = rows[np.lexsort((rows["row"], rows["part"], rows["draw"], rows["cell"]))]
    _, first = np.unique(rows[["cell", "high", "low"]], return_index=True)
    return rows[np.sort(first)]


def up_to(rows: Rows, quota: Sums) -> Rows:
    """Rows in their order until the quota of their cell is full; the last one is cut to it."""
    ends = np.cumsum(rows["bytes"])
    begins = np.searchsorted(rows["cell"], np.arange(len(quota)))
    before_cell = np.concatenate(([0], ends))[begins]
    before = ends - rows["bytes"] - before_cell[rows["cell"]]
    left = quota[rows["cell"]] - before
    chosen: Rows = rows[left > 0]
    chosen["taken"] = np.minimum(rows["bytes"], left)[left > 0]
    return chosen


def _leaving_some(chosen: Rows, rows: Rows, seen: npt.NDArray[np.bool_]) -> Rows:
    """Not the last text of a cell: one that is all held out would not be learnt from."""
    keep = np.ones(len(chosen), np.bool_)
    for cell in np.flatnonzero(seen):
        own = np.flatnonzero(chosen["cell"] == cell)
        if len(own) and len(own) == np.count_nonzero(rows["cell"] == cell):
            keep[own[-1]] = False
    return chosen[keep]


def _cut(sums: Sums, wanted: np.int64) -> int:
    """The bin in which the quota is full; -1 where nothing is wanted."""
    return min(int(np.searchsorted(np.cumsum(sums), wanted)), BINS - 1) if wanted > 0 else -1


def _bytes(rows: Rows, cells: int) -> Sums:
    return np.bincount(rows["cell"], rows["bytes"], minlength=cells).astype(np.int64)


@dataclass(frozen=True)
class Wanted:
    """What a worker is told: a shard, the rows whose text is wanted, and how many bytes of each."""

    path: str
    rows: npt.NDArray[np.int64]
    taken: npt.NDArray[np.int64]


def texts(spread: Spread, paths: Sequence[str], rows: Rows) -> Iterator[pa.Table]:
    """Id hash and text of chosen rows, sorted by part and row, a table for each shard that has some."""
    group: list[Wanted] = []
    held = 0
    for part in np.unique(rows["part"]).tolist():
        own = rows[rows["part"] == part]
        group.append(Wanted(paths[part], own["row"].copy(), own["taken"].copy()))
        held += int(own["taken"].sum())
        if held >= GROUP:
            yield from spread(read, group)
            group, held = [], 0
    yield from spread(read, group)


def read(wanted: Wanted) -> pa.Table:
    """The texts of some rows of a shard, cut to what is taken of them."""
    schema = pa.schema([("id_hash", pa.binary(16)), ("text", pa.large_string())])
    found, row = [], 0
    for batch in side_by_side([Columns(wanted.path, ("id_hash", "text"))]):
        first, last = np.searchsorted(wanted.rows, [row, row + batch.num_rows])
        if first < last:
            here = batch.take(pa.array(wanted.rows[first:last] - row))
            cut = [
                _taken(text, most) for text, most in zip(here["text"], wanted.taken[first:last].tolist(), strict=True)
            ]
            found.append(pa.record_batch([here["id_hash"], pa.array(cut, pa.large_string())], schema=schema))
        row += batch.num_rows
    return pa.Table.from_batches(found, schema)


def _taken(text: pa.LargeStringScalar, most: int) -> str:
    content = bytes(text.as_buffer())
    return content[: whole(content, most)].decode()
