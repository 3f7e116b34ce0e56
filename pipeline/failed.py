"""Which single rules documents failed, counted from the bits that `size` wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from prep.manifests.ledger import CELL, Row
from prep.pipeline.reasons import FIRST_RULE, Reason

COUNTS = ("documents", "tokens", "first_documents", "first_tokens")


def failures(batch: pa.RecordBatch, left_out: str, tokens: str) -> Iterator[Row]:
    """By cell and number of the rule: what fails it, and what is left out for it before any other reason or rule."""
    bits = np.asarray(batch[left_out])
    failed = bits >> np.uint64(FIRST_RULE)
    rules_first = (bits & np.uint64(Reason.RULES - 1)) == 0
    lowest = np.where(rules_first, failed & (~failed + np.uint64(1)), np.uint64(0))
    count = pa.array(np.asarray(batch[tokens]))
    every = int(np.bitwise_or.reduce(failed)) if len(failed) else 0
    for rule in range(every.bit_length()):
        bit = np.uint64(1 << rule)
        here, first = (failed & bit) != 0, (lowest == bit).astype(np.int64)
        if here.any():
            columns = {
                **{name: batch[name] for name in CELL},
                "documents": pa.repeat(1, len(bits)), "tokens": count,
                "first_documents": pa.array(first), "first_tokens": pa.array(first * np.asarray(batch[tokens])),
            }  # fmt: skip
            table = pa.table(columns).filter(pa.array(here))
            for row in table.group_by(list(CELL)).aggregate([(name, "sum") for name in COUNTS]).to_pylist():
                sums = {name: row[f"{name}_sum"] for name in COUNTS}
                yield {**{name: row[name] for name in CELL}, "rule": rule, **sums}


def add(pages: Iterable[Iterable[Row]]) -> list[Row]:
    """Rows of several pages added up by cell and rule."""
    total: dict[tuple[str | int, ...], Row] = {}
    for row in (row for page in pages for row in page):
        place = (*(row[name] for name in CELL), row["rule"])
        into = total.setdefault(place, {**row, **dict.fromkeys(COUNTS, 0)})
        for name in COUNTS:
            into[name] += row[name]
    return [total[place] for place in sorted(total)]


def named(rows: Sequence[Row], rules: dict[str, list[str]]) -> list[Row]:
    """The same rows with the names of the rules, which are by language."""
    return [{**row, "rule": rules[row["language"]][row["rule"]]} for row in rows]
