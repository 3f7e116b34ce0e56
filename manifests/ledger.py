"""The books: what went in, what came out, by source, language and kind. Counted from written files, never by a worker.

A page of the ledger is plain JSON: `cells`, a list of rows with documents, bytes, characters and tokens; at ingest also
`intake`, what became of every record read. Tokens are by the name of their tokenizer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from prep.errors import Unbalanced
from prep.manifests.shards import Columns, schema_of, side_by_side

Row = dict[str, Any]
CELL = ("source", "language", "kind")
PHASE = "phase"  # of a row of the books, where the corpus has phases
TOKENS = "n_tokens."  # prefix of the columns that count tokens
SIZES = {"n_bytes": "bytes", "n_chars": "chars"}  # columns of a document's size, and what a row of the books calls them
COUNTED = ("documents", *SIZES.values())
COPIES = "copies"  # how often a document is in the corpus


def thin(paths: Sequence[str]) -> list[Columns]:
    """Of the shard files of one unit, the columns that books are kept by."""
    found = []
    for path in paths:
        names = [name for name in schema_of(path).names if name in (*CELL, *SIZES) or name.startswith(TOKENS)]
        if names:
            found.append(Columns(path, tuple(names)))
    return found


def count(paths: Sequence[str]) -> list[Row]:
    """Documents, bytes, characters and tokens by cell, counted from the written shards of one unit."""
    return add(cells(batch) for batch in side_by_side(thin(paths)))


def cells(batch: pa.RecordBatch) -> list[Row]:
    """Documents, bytes, characters and tokens by cell of a batch."""
    tokens = [name for name in batch.schema.names if name.startswith(TOKENS)]
    wanted = [(CELL[0], "count"), *((name, "sum") for name in (*SIZES, *tokens))]
    grouped = pa.Table.from_batches([batch]).group_by(list(CELL)).aggregate(wanted)
    return [
        {
            **{name: row[name] for name in CELL},
            "documents": row[f"{CELL[0]}_count"],
            **{called: row[f"{name}_sum"] or 0 for name, called in SIZES.items()},
            "tokens": {name.removeprefix(TOKENS): row[f"{name}_sum"] or 0 for name in tokens},
        }
        for row in grouped.to_pylist()
    ]


def add(pages: Iterable[Iterable[Row]]) -> list[Row]:
    """Cells of several pages added up, in the order of their names."""
    total: dict[tuple[str, ...], Row] = {}
    for page in pages:
        for row in page:
            place = tuple(row[name] for name in CELL)
            empty = {**dict(zip(CELL, place, strict=True)), **dict.fromkeys(COUNTED, 0), "tokens": {}}
            into = total.setdefault(place, empty)
            for name in COUNTED:
                into[name] += row[name]
            for name, tokens in row["tokens"].items():
                into["tokens"][name] = into["tokens"].get(name, 0) + tokens
    return [total[place] for place in sorted(total)]


def intake(pages: Iterable[Iterable[Row]]) -> list[Row]:
    """What became of every record read, by source, added up."""
    total: dict[str, Row] = {}
    for page in pages:
        for row in page:
            into = total.setdefault(
                row["source"],
                {"source": row["source"], "read": 0, "documents": 0, "skipped": {}, "rejected": {}, "edited": {}},
            )
            into["read"] += row["read"]
            into["documents"] += row["documents"]
            for name in ("skipped", "rejected", "edited"):
                for reason, number in row[name].items():
                    into[name][reason] = into[name].get(reason, 0) + number
    return [total[name] for name in sorted(total)]


def must_balance_intake(page: Iterable[Row]) -> None:
    """Records read = documents + skipped + rejected, for every source.

    Errors: Unbalanced.
    """
    for row in page:
        out = row["documents"] + sum(row["skipped"].values()) + sum(row["rejected"].values())
        if row["read"] != out:
            raise Unbalanced(
                f"source {row['source']}: {row['read']} records read, but {out} documents, skipped and rejected"
            )


def must_balance(stage: str, before: Iterable[Row], after: Iterable[Row]) -> None:
    """Documents, bytes and characters in = out for every cell, and tokens wherever both sides count them.

    Errors: Unbalanced, with the first cell that differs.
    """
    one, two = ({tuple(row[name] for name in CELL): row for row in page} for page in (before, after))
    for place in sorted(one.keys() | two.keys()):
        a, b = one.get(place), two.get(place)
        if a is None or b is None or not _equal(a, b):
            raise Unbalanced(f"{stage}: {'/'.join(place)} went in as {a} and came out as {b}")


def must_balance_selection(stage: str, before: Iterable[Row], after: Iterable[Row]) -> None:
    """Documents, bytes and tokens of each cell in = selected + left out by reason.

    `after` has them for what is selected and, in `left_out`, by reason; its `tokens` are a number: those of the one
    tokenizer that sizes the corpus. Errors: Unbalanced, with the first cell that differs.
    """
    after = list(after)
    whole = {tuple(row[name] for name in CELL): row for row in before}
    if whole.keys() != {tuple(row[name] for name in CELL) for row in after}:
        raise Unbalanced(f"{stage}: the cells that went in are not those that came out")
    for row in after:
        place = tuple(row[name] for name in CELL)
        parts = [row, *row["left_out"].values()]
        sums = {name: sum(part[name] for part in parts) for name in ("documents", "bytes", "tokens")}
        there = whole[place]
        if (there["documents"], there["bytes"]) != (sums["documents"], sums["bytes"]) or (
            sums["tokens"] not in there["tokens"].values()
        ):
            raise Unbalanced(f"{stage}: {'/'.join(place)}: {there} went in, {sums} came out")


def must_be_as_predicted(stage: str, before: Iterable[Row], after: Iterable[Row], reasons: Sequence[str]) -> None:
    """What is left out of each cell for some reasons is what was predicted before anything was written.

    Errors: Unbalanced, with the first cell that differs.
    """
    predicted = {tuple(row[name] for name in CELL): row["left_out"] for row in before}
    for row in after:
        place = tuple(row[name] for name in CELL)
        for reason in reasons:
            one, two = predicted[place].get(reason), row["left_out"].get(reason)
            if one != two:
                raise Unbalanced(f"{stage}: {'/'.join(place)}: {one} was to be left out for {reason}, {two} is")


def _equal(a: Row, b: Row) -> bool:
    shared = a["tokens"].keys() & b["tokens"].keys()
    return all(a[name] == b[name] for name in COUNTED) and all(
        a["tokens"][name] == b["tokens"][name] for name in shared
    )


def totals(page: Iterable[Row]) -> Row:
    """Documents, bytes and tokens over all cells."""
    rows = list(page)
    tokens: Counter[str] = Counter()
    for row in rows:
        tokens.update(row["tokens"])
    return {
        "documents": sum(row["documents"] for row in rows),
        "bytes": sum(row["bytes"] for row in rows),
        "tokens": dict(sorted(tokens.items())),
    }


def histogram(values: pa.Array) -> dict[str, int]:
    """How often each value of a string column stands; nulls are left out."""
    counts = values.drop_null().value_counts()
    names, numbers = counts.field("values").to_pylist(), np.asarray(counts.field("counts")).tolist()
    return dict(sorted(zip(names, numbers, strict=True)))
