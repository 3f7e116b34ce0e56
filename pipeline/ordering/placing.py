"""Where every copy goes: into which file of the corpus, and at which place in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.manifests import store
from prep.manifests.ledger import CELL, COPIES, PHASE, TOKENS
from prep.manifests.shards import Columns, schema_of, side_by_side
from prep.pipeline import draw, score
from prep.pipeline.judge import Columned, numbered
from prep.pipeline.ordering import order
from prep.pipeline.ordering.buckets import Buckets, Rows, buckets
from prep.pipeline.ordering.order import DOCUMENT, PLACE, Part
from prep.pipeline.reasons import Place, Reason
from prep.pipeline.settings import Export as Asked
from prep.pipeline.sizing.columns import LEFT_OUT, per_phase, phases_of
from prep.pipeline.stage import Result, document_shards

TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True)
class Out:
    """A file of the corpus: the part that it is of, and its number among so many of that part."""

    part: str  # `train`, `validation`, or `train` in a folder of its phase, its cell, or both
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
        """By number; those of later phases follow in the same order, and then those of what is held out."""
        return self.columned.cells

    @property
    def phases(self) -> list[str]:
        """Their names; one without a name where the corpus has none."""
        return [each[PHASE] for each in self.sized.manifest.ledger.get("phases", ())] or [""]

    @property
    def held(self) -> int:
        """The number of the first cell of what is held out."""
        return len(self.cells) * len(self.phases)

    def parts(self) -> dict[str, Part]:
        """The cells of each part of the corpus, by its name: phase by phase, then what is held out."""
        count, phases = len(self.cells), self.phases
        page = self.sized.manifest.ledger
        targets = {tuple(row[name] for name in CELL): row for row in page["targets"]}
        names = [targets.get(cell, {}).get("group") or cell[1] for cell in self.cells]
        group = [sorted(set(names)).index(name) for name in names]
        found: dict[str, Part] = {}
        for number, phase in enumerate(phases):
            start, inside = number * count, f"{phase_folder(number, phases)}/" if phase else ""
            if self.asked.layout == "by_cell":
                each = enumerate(self.cells, start)
                found |= {f"{inside}{folder(cell)}/{TRAIN}": Part([place], {place: 0}) for place, cell in each}
            else:
                shares = None if "listed" in page else self._shares(phase, start)  # lists may leave less than asked
                found[inside + TRAIN] = Part(range(start, start + count), dict(enumerate(group, start)), shares)
        return found | {VALIDATION: Part(range(self.held, self.held + count), dict(enumerate(group, self.held)))}

    def _shares(self, phase: str, start: int) -> dict[int, float]:
        """Of each cell of a phase what it was asked for."""
        rows = [row for row in self.sized.manifest.ledger["targets"] if row.get(PHASE, "") == phase]
        asked = {tuple(row[name] for name in CELL): row["weight"] for row in rows}
        return {number: asked.get(cell, 0.0) for number, cell in enumerate(self.cells, start)}

    @cached_property
    def eod(self) -> int:
        """Tokens that the end of a document is charged; they count where it stands."""
        return int(store.recipe(self.sized.folder).settings["eod"])

    def sizes(self) -> list[int]:
        """Documents of each cell of each phase, about, and of each as far as it is held out."""
        page = self.sized.manifest.ledger
        rows = {tuple(row[name] for name in CELL): row for row in page["selection"]}
        chosen: list[int] = []
        for each in page.get("phases") or [{"cells": page["selection"]}]:
            here = {tuple(row[name] for name in CELL): row for row in each["cells"]}
            copies = [here.get(cell, {}).get(COPIES, 0) for cell in self.cells]
            if self.asked.order != "shuffle":
                copies = [min(many, rows[cell]["documents"]) for many, cell in zip(copies, self.cells, strict=True)]
            elif self.asked.layout == "one":
                copies = [sum(copies), *([0] * (len(copies) - 1))]
            chosen += copies
        held = [rows[cell]["left_out"].get(Reason.VALIDATION.name, {}).get("documents", 0) for cell in self.cells]
        return chosen + held

    def documents(self) -> Iterator[Rows]:
        """Those that are in the corpus or held out, as they lie."""
        for shard, unit in enumerate(self._units()):
            row = 0
            for batch in side_by_side(unit):
                rows = self._documents(batch, shard, row)
                row += batch.num_rows
                if self.asked.order == "shuffle":
                    held = rows["cell"] >= self.held
                    chosen, rows = rows[~held], rows[held]
                    if self.asked.layout == "one":
                        chosen["cell"] -= chosen["cell"] % len(self.cells)
                    yield order.shuffled(chosen, self.seed)
                yield rows

    def _units(self) -> list[list[Columns]]:
        columned = self.columned
        wanted = [
            (columned.ingested, (*CELL, "n_bytes", "draw_key", "id_hash")),
            (columned.counted, (TOKENS + columned.tokenizer,)),
            (self.sized, (LEFT_OUT, *(name for copies, _, kept in self._columns for name in (copies, kept)))),
        ]
        if self.asked.order == "curriculum" and score.NAME in columned.scores:
            wanted.append((columned.scores[score.NAME], (score.QUALITY,)))
        paths = [[Columns(path, names) for _, path in document_shards(result)] for result, names in wanted]
        return [list(unit) for unit in zip(*paths, strict=True)]

    @property
    def _columns(self) -> list[tuple[str, str, str]]:
        return per_phase([name for name in self.phases if name])

    def _documents(self, batch: pa.RecordBatch, shard: int, row: int) -> Rows:
        """Of each phase those that are in it, then those that are held out."""
        drawn = draw.draw(np.asarray(batch["draw_key"]), self.seed, draw.ORDER)
        rows = np.zeros(batch.num_rows, dtype=DOCUMENT)
        rows["key"] = _better_later(batch, drawn) if self.asked.order == "curriculum" else drawn
        rows["tie"] = draw.halves(batch["id_hash"])[0]
        rows["tokens"] = np.asarray(batch[TOKENS + self.columned.tokenizer]) + self.eod
        rows["bytes"] = np.asarray(batch["n_bytes"])
        rows["cell"] = numbered(batch, self.cells)
        rows["shard"], rows["row"] = shard, np.arange(row, row + batch.num_rows)
        found = []
        for number, (copied, _, kept) in enumerate(self._columns):
            copies = np.asarray(batch[copied]).astype(np.int32)
            rows["copies"] = np.minimum(copies, 1) if self.asked.repeats == "weights" else copies
            rows["cut"] = np.asarray(batch[kept].is_valid())
            found.append(rows[copies > 0])
            found[-1]["cell"] += number * len(self.cells)
            rows["pass"] += copies
        held = rows[np.asarray(batch[LEFT_OUT]) == np.uint64(Reason.VALIDATION)]
        held["copies"], held["cut"] = 1, False
        held["cell"] += self.held
        return np.concatenate([*found, held])


def place(ordering: Ordering, shard_bytes: int, scratch: str, stack: ExitStack) -> Placed:
    """Find the place of every copy; what is put on disk for it is gone when the stack ends, but for the places."""
    shards = len(document_shards(ordering.columned.ingested))
    places = stack.enter_context(buckets(scratch, PLACE, shards))
    outs: list[Out] = []
    with order.sorted_cells(
        ordering.documents(), ordering.sizes(), cut(ordering.sized, ordering.eod), scratch
    ) as cells:
        for name, part in ordering.parts().items():
            count = 0
            for found, shard in order.seated(order.in_corpus(cells, part), shard_bytes, len(outs)):
                places.add(shard, found)
                count = int(found["out"][-1]) + 1 - len(outs)
            outs += [Out(name, number, count) for number in range(count)]
    return Placed(tuple(outs), places)


def cut(sized: Result, eod: int = 0) -> dict[tuple[int, int, int], tuple[int, int]]:
    """By shard, row and pass, the tokens, its end included, and bytes that are kept of each copy that is cut."""
    found = {}
    for shard, (_, path) in enumerate(document_shards(sized)):
        row, columns = 0, per_phase(phases_of(schema_of(path)))
        for batch in side_by_side([Columns(path, tuple(name for names in columns for name in names))]):
            before = np.zeros(batch.num_rows, dtype=np.int64)
            for copies, tokens, kept in columns:
                before += np.asarray(batch[copies])
                for place in np.flatnonzero(np.asarray(batch[kept].is_valid())).tolist():
                    copy = shard, row + place, int(before[place]) - 1
                    found[copy] = (batch[tokens][place].as_py() + eod, batch[kept][place].as_py())
            row += batch.num_rows
    return found


def phase_folder(number: int, names: Sequence[str]) -> str:
    """What the files of a phase stand in: in the order of their names the phases follow each other."""
    return f"{number + 1:0{len(str(len(names)))}d}-{names[number]}"


def phase_of(part: str) -> str:
    """The phase of a part of a corpus that has phases; none of what is held out."""
    return part.partition("/")[0].partition("-")[2] if "/" in part else ""


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
