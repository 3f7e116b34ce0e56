"""The books of `size`: what is selected of each cell, of each phase too, and what is left out, by first reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prep.manifests import ledger
from prep.manifests.ledger import CELL, COPIES, PHASE
from prep.pipeline.reasons import Reason
from prep.pipeline.sizing.columns import LEFT_OUT, LISTED, per_phase, phases_of

HELD = ("copies", "copied_bytes", "copied_tokens", "cut", "cut_bytes", "cut_tokens")  # of what is in the corpus


def _held(batch: pa.RecordBatch, tokens: str, names: tuple[str, str, str]) -> dict[str, pa.Array]:
    """What a phase holds of each document; what was cut off is taken off what the copies hold."""
    copies, kept = batch[names[0]].cast(pa.int64()), {"tokens": names[1], "bytes": names[2]}
    away = {
        name: pc.fill_null(pc.subtract(batch[whole], batch[kept[name]]), 0)
        for name, whole in (("bytes", "n_bytes"), ("tokens", tokens))
    }
    copied = (
        pc.subtract(pc.multiply(copies, batch[of]), away[name])
        for name, of in (("bytes", "n_bytes"), ("tokens", tokens))
    )
    cut = batch[names[2]].is_valid().cast(pa.int64())
    return dict(zip(HELD, (copies, *copied, cut, *away.values()), strict=True))


def of_phases(batch: pa.RecordBatch, tokens: str) -> list[ledger.Row]:
    """Of each phase, by cell, what it holds."""
    names = phases_of(batch.schema)
    found = []
    for name, columns in zip(names, per_phase(names), strict=False):
        held = pa.table({**{each: batch[each] for each in CELL}, **_held(batch, tokens, columns)})
        rows = held.filter(pc.greater(held[COPIES], 0)).group_by(list(CELL)).aggregate([(each, "sum") for each in HELD])
        cells = [
            {**{each: row[each] for each in CELL}, **{each: row[f"{each}_sum"] for each in HELD}}
            for row in rows.to_pylist()
        ]
        found.append({PHASE: name, "cells": add([cells])})
    return found


def add_phases(pages: Iterable[Sequence[ledger.Row]]) -> list[ledger.Row]:
    """Of several pages the cells of each phase added up."""
    there = [page for page in pages if page]
    return [{PHASE: each[0][PHASE], "cells": add(part["cells"] for part in each)} for each in zip(*there, strict=True)]


def selection(batch: pa.RecordBatch, tokens: str) -> list[ledger.Row]:
    """By cell: documents, bytes and tokens selected, those left out by first reason, and those of all copies."""
    bits = np.asarray(batch[LEFT_OUT])
    first = pa.array(bits & (~bits + np.uint64(1)))
    held = [_held(batch, tokens, names) for names in per_phase(phases_of(batch.schema))]
    table = pa.table(
        {
            **{name: batch[name] for name in CELL},
            "first": first,
            "documents": pa.repeat(1, batch.num_rows),
            "bytes": batch["n_bytes"],
            "tokens": batch[tokens],
            **{name: reduce(pc.add, (each[name] for each in held)) for name in HELD},
        }
    )
    sums = tuple(name for name in table.schema.names if name not in (*CELL, "first"))
    rows = []
    for row in table.group_by([*CELL, "first"]).aggregate([(name, "sum") for name in sums]).to_pylist():
        place = {name: row[name] for name in CELL}
        counts = {name: row[f"{name}_sum"] or 0 for name in sums}
        reason = Reason(row["first"]).name
        three = {name: counts[name] for name in sums[:3]}
        nothing = dict.fromkeys(sums, 0)
        rows.append({**place, **(nothing if reason else counts), "left_out": {reason: three} if reason else {}})
    return rows


def listed(batch: pa.RecordBatch) -> dict[str, int]:
    """Documents left out by each list, by its number; by 0 those that go with one of the same text."""
    gone = (np.asarray(batch[LEFT_OUT]) & np.uint64(Reason.EXCLUDED)) != 0
    return ledger.histogram(batch[LISTED].filter(pa.array(gone)).cast(pa.string()))


def add_listed(pages: Iterable[dict[str, int]]) -> dict[str, int]:
    """Counts of several pages added up."""
    total = Counter[str]()
    for page in pages:
        total.update(page)
    return dict(sorted(total.items()))


def add(pages: Iterable[Iterable[ledger.Row]]) -> list[ledger.Row]:
    """Rows of several pages added up by cell."""
    total: dict[tuple[str, ...], ledger.Row] = {}
    for row in (row for page in pages for row in page):
        place = tuple(row[name] for name in CELL)
        reasons: ledger.Row = {"left_out": {}} if "left_out" in row else {}
        into = total.setdefault(place, {**dict(zip(CELL, place, strict=True)), **reasons})
        _add_counts(into, row)
        for reason, counts in row.get("left_out", {}).items():
            _add_counts(into["left_out"].setdefault(reason, {}), counts)
    return [total[place] for place in sorted(total)]


def _add_counts(into: ledger.Row, counts: ledger.Row) -> None:
    for name, number in counts.items():
        if isinstance(number, int):
            into[name] = into.get(name, 0) + number
