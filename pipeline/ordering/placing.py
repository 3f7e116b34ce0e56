"""Where every copy goes: into which file of the corpus, and at which place in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.manifests.ledger import CELL, COPIES, TOKENS
from prep.manifests.shards import Columns, side_by_side
from prep.pipeline import draw, score
from prep.pipeline.judge import Columned, numbered
from prep.pipeline.ordering import order
from prep.pipeline.ordering.buckets import Buckets, Rows, buckets
from prep.pipeline.ordering.order import DOCUMENT, PLACE, Part
from prep.pipeline.reasons import Place, Reason
from prep.pipeline.settings import Export as Asked
from prep.pipeline.size import KEPT_BYTES, KEPT_TOKENS, LEFT_OUT
from prep.pipeline.stage import Result, document_shards

TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True)
class Out:
    """A file of the corpus: the part that it is of, and its number among so many of that part."""

    part: str  # `train`, `validation`, or `train` in a folder of its cell
    number: int
    count: int


@dataclass(frozen=True)
class Placed:
    """The files of the corpus, and by input shard the place of each copy."""

    outs: tuple[Out, ...]
    places: Buckets


@dataclass(frozen=True)
class Ordering:
    """What is put in order, and how."""

    columned: Columned
    sized: Result
    asked: Asked
    seed: int

    @property
    def cells(self) -> list[Place]:
        """By number; those of what is held out follow in the same order."""
        return self.columned.cells

    def parts(self) -> dict[str, Part]:
        """The cells of each part of the corpus, by its name."""
        count = len(self.cells)
        targets = {tuple(row[name] for name in CELL): row for row in self.sized.manifest.ledger["targets"]}
        names = [targets.get(cell, {}).get("group") or cell[1] for cell in self.cells]
        group = {number: sorted(set(names)).index(name) for number, name in enumerate(names)}
        held = {VALIDATION: Part(range(count, 2 * count), {number + count: of for number, of in group.items()})}
        if self.asked.layout == "by_cell":
            return {f"{folder(cell)}/{TRAIN}": Part([n], {n: 0}) for n, cell in enumerate(self.cells)} | held
        return {TRAIN: Part(range(count), group)} | held

    def sizes(self) -> list[int]:
        """Documents of each cell, and of each as far as it is held out."""
        rows = {tuple(row[name] for name in CELL): row for row in self.sized.manifest.ledger["selection"]}
        here = [rows[cell] for cell in self.cells]
        chosen = [row["documents"] for row in here]
        if self.asked.order == "shuffle" and self.asked.layout == "one":
            chosen = [sum(row["copies"] for row in here), *([0] * (len(here) - 1))]
        return chosen + [row["left_out"].get(Reason.VALIDATION.name, {}).get("documents", 0) for row in here]

    def documents(self) -> Iterator[Rows]:
        """Those that are in the corpus or held out, as they lie."""
        for shard, unit in enumerate(self._units()):
            row = 0
            for batch in side_by_side(unit):
                rows = self._documents(batch, shard, row)
                row += batch.num_rows
                if self.asked.order == "shuffle":
                    held = rows["cell"] >= len(self.cells)
                    alone = None if self.asked.layout == "by_cell" else 0
                    yield order.shuffled(rows[~held], self.seed, alone)
                    rows = rows[held]
                yield rows

    def _units(self) -> list[list[Columns]]:
        columned = self.columned
        wanted = [
            (columned.ingested, (*CELL, "n_bytes", "draw_key", "id_hash")),
            (columned.counted, (TOKENS + columned.tokenizer,)),
            (self.sized, (LEFT_OUT, COPIES, KEPT_BYTES)),
        ]
        if self.asked.order == "curriculum" and score.NAME in columned.scores:
            wanted.append((columned.scores[score.NAME], (score.QUALITY,)))
        paths = [[Columns(path, names) for _, path in document_shards(result)] for result, names in wanted]
        return [list(unit) for unit in zip(*paths, strict=True)]

    def _documents(self, batch: pa.RecordBatch, shard: int, row: int) -> Rows:
        copies = np.asarray(batch[COPIES]).astype(np.int32)
        held = np.asarray(batch[LEFT_OUT]) == np.uint64(Reason.VALIDATION)
        if self.asked.repeats == "weights":
            copies = np.minimum(copies, 1)
        here = np.flatnonzero((copies > 0) | held)
        rows = np.zeros(len(here), dtype=DOCUMENT)
        drawn = draw.draw(np.asarray(batch["draw_key"]), self.seed, draw.ORDER)
        columns = {
            "key": _better_later(batch, drawn) if self.asked.order == "curriculum" else drawn,
            "tie": draw.halves(batch["id_hash"])[0],
            "tokens": np.asarray(batch[TOKENS + self.columned.tokenizer]),
            "bytes": np.asarray(batch["n_bytes"]),
            "cell": numbered(batch, self.cells) + len(self.cells) * held,
            "row": np.arange(row, row + batch.num_rows),
            "copies": np.where(held, 1, copies),
            "cut": np.asarray(batch[KEPT_BYTES].is_valid()),
        }
        for name, column in columns.items():
            rows[name] = column[here]
        rows["shard"] = shard
        return rows


def place(ordering: Ordering, shard_bytes: int, scratch: str, stack: ExitStack) -> Placed:
    """Find the place of every copy; what is put on disk for it is gone when the stack ends, but for the places."""
    shards = len(document_shards(ordering.columned.ingested))
    places = stack.enter_context(buckets(scratch, PLACE, shards))
    outs: list[Out] = []
    with order.sorted_cells(ordering.documents(), ordering.sizes(), cut(ordering.sized), scratch) as cells:
        for name, part in ordering.parts().items():
            count = 0
            for found, shard in order.seated(order.in_corpus(cells, part), shard_bytes, len(outs)):
                places.add(shard, found)
                count = int(found["out"][-1]) + 1 - len(outs)
            outs += [Out(name, number, count) for number in range(count)]
    return Placed(tuple(outs), places)


def cut(sized: Result) -> dict[tuple[int, int], tuple[int, int]]:
    """By shard and row, the tokens and bytes that are kept of the last copy of each document that is cut."""
    found = {}
    for shard, (_, path) in enumerate(document_shards(sized)):
        row = 0
        for batch in side_by_side([Columns(path, (KEPT_TOKENS, KEPT_BYTES))]):
            for place in np.flatnonzero(np.asarray(batch[KEPT_BYTES].is_valid())).tolist():
                found[shard, row + place] = (batch[KEPT_TOKENS][place].as_py(), batch[KEPT_BYTES][place].as_py())
            row += batch.num_rows
    return found


def folder(cell: Place) -> str:
    """What the files of a cell stand in, where each has a folder of its own."""
    return "+".join(cell)  # which no name holds: with dots `a.en` of kind `x` and `a` of kind `en.x` were one folder


def weights(selection: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For a trainer that blends by itself: of each cell its folder, weight, and the epochs that the weight means."""
    rows = [row for row in selection if row["copies"]]
    total = sum(row["copied_tokens"] for row in rows)
    return [
        {
            "prefix": folder((row["source"], row["language"], row["kind"])),
            "weight": row["copied_tokens"] / total if total else 0.0,
            "tokens": row["copied_tokens"],
            "there": row["tokens"],
            "epochs": row["copied_tokens"] / row["tokens"] if row["tokens"] else 0.0,
        }
        for row in rows
    ]


def _better_later(batch: pa.RecordBatch, drawn: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Keys by rising quality, by draw where it is the same or where there is none."""
    if score.QUALITY not in batch.schema.names:
        return drawn
    quality = np.asarray(pc.fill_null(batch[score.QUALITY], 0)).astype(np.uint64)
    return np.where(
        np.asarray(batch[score.QUALITY].is_valid()), quality << np.uint64(48) | drawn >> np.uint64(16), drawn
    )
