"""The tables that a run ends with: what came in, what was left out, what share was asked and what was got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from prep.manifests.ledger import CELL
from prep.pipeline.numbers import format_bytes, format_count, format_share
from prep.pipeline.stage import Result

Row = dict[str, Any]


def intake(results: Mapping[str, Result]) -> Table:
    """Of each source: records read, documents, and what was skipped, rejected and edited."""
    table = _table("Read", "source", "records", "documents", "bytes", "skipped", "rejected", "removed by edits")
    page = results["ingest"].manifest.ledger
    for row in page["intake"]:
        n_bytes = sum(cell["bytes"] for cell in page["cells"] if cell["source"] == row["source"])
        table.add_row(
            row["source"], f"{row['read']:,}", f"{row['documents']:,}", format_bytes(n_bytes),
            _reasons(row["skipped"]), _reasons(row["rejected"]),
            ", ".join(f"{name} {number:,} B" for name, number in row["edited"].items()),
        )  # fmt: skip
    return table


def tokens(results: Mapping[str, Result]) -> Table:
    """Of each source and language: documents, bytes, and tokens by each tokenizer."""
    counted = {name.removeprefix("count."): result for name, result in results.items() if name.startswith("count.")}
    heads = [head for name in counted for head in (f"tokens ({name})", "bytes/token")]
    table = _table("Counted", "source", "language", "kind", "documents", "bytes", *heads)
    pages = {name: {_place(row): row for row in result.manifest.ledger["cells"]} for name, result in counted.items()}
    for place, row in next(iter(pages.values()), {}).items():
        figures = []
        for name, page in pages.items():
            number = page[place]["tokens"][name]
            figures += [format_count(number), f"{row['bytes'] / number:.2f}" if number else ""]
        table.add_row(*place, f"{row['documents']:,}", format_bytes(row["bytes"]), *figures)
    return table


def corpus(results: Mapping[str, Result]) -> Table:
    """Of each cell: what was left out and why, what was asked and what was got."""
    page = results["size"].manifest.ledger
    asked = {_place(row): row for row in page["targets"]}
    total = _sums(page["selection"])
    table = _table(
        "Corpus", "source", "language", "kind", "documents", "bytes", "tokens", "epochs",
        "asked", "got", "got (bytes)", "left out",
    )  # fmt: skip
    languages: dict[str, list[Row]] = {}
    for row in page["selection"]:
        languages.setdefault(row["language"], []).append(row)
        target = asked.get(_place(row), {"share": 0.0, "epochs": 0.0})
        table.add_row(*_place(row), *_got(row, target["share"], target["epochs"], total), _left_out(row["left_out"]))
    table.add_section()
    for language, rows in sorted(languages.items()):
        share = sum(asked[_place(row)]["share"] for row in rows if _place(row) in asked)
        sums = _sums(rows)
        if share or sums["copied_tokens"]:
            table.add_row("", language, "", *_got(sums, share, None, total), "", style="bold")
    table.add_section()
    table.add_row(
        "all", "", "", *_got(total, 1.0, None, total), f"asked {format_count(page['asked'])} tokens", style="bold"
    )
    return table


def _got(row: Mapping[str, Any], share: float, epochs: float | None, total: Mapping[str, int]) -> list[str]:
    return [
        f"{row['copies']:,}",
        format_bytes(row["copied_bytes"]),
        format_count(row["copied_tokens"]),
        "" if epochs is None else f"{epochs:.2f}",
        format_share(share),
        format_share(row["copied_tokens"] / total["copied_tokens"] if total["copied_tokens"] else 0.0),
        format_share(row["copied_bytes"] / total["copied_bytes"] if total["copied_bytes"] else 0.0),
    ]


def _sums(rows: Iterable[Row]) -> dict[str, int]:
    rows = list(rows)
    return {name: sum(row[name] for row in rows) for name in ("copies", "copied_bytes", "copied_tokens")}


def _left_out(reasons: Mapping[str, Row]) -> str:
    return ", ".join(f"{counts['documents']:,} {name.lower()}" for name, counts in reasons.items())


def _reasons(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in reasons.items())


def _place(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in CELL)


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left")
    words = {"source", "language", "kind", "skipped", "rejected", "left out", "removed by edits"}
    for head in heads:
        table.add_column(head, justify="left" if head in words else "right", overflow="fold")
    return table
