"""The tables of what selection did: keeps by score, single rules, and languages that are not those declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from prep.manifests.ledger import CELL
from prep.pipeline import language
from prep.pipeline.failed import COUNTS
from prep.pipeline.numbers import format_count, format_share
from prep.pipeline.stage import Result
from prep.pipeline.tables import table

Row = dict[str, Any]
FEW = 0.001  # of a cell's documents: other languages below it are told together
CHANCE = 0.8  # of the kept tokens by the floor of a Pareto keep: worth a word
UNKNOWN = "unknown"


def keeps(results: Mapping[str, Result]) -> Table | None:
    """Of each keep by score: how it keeps, what it keeps, what chance had in it, and what is kept at any score."""
    rows = results["mix"].manifest.ledger["keeps"]
    if not rows:
        return None
    made = table(
        "Kept by score", "of", "by", "documents", "tokens", "of all", "expected", "at any score", "of the kept"
    )
    for row in rows:
        whole, kept, tokens = row["whole"], row["kept"], row["expected"]["tokens"]
        by_chance = row["floor"] * whole["tokens"]
        made.add_row(
            row["key"], way(row), f"{kept['documents']:,}",
            f"{format_count(kept['tokens'])} of {format_count(whole['tokens'])}",
            _share(kept["tokens"], whole["tokens"]),
            f"{format_count(round(tokens['mean']))} ± {format_count(round(tokens['deviation']))}",
            format_share(row["floor"]), _share(min(by_chance, kept["tokens"]), kept["tokens"]),
        )  # fmt: skip
    return made


def remarks(results: Mapping[str, Result]) -> list[str]:
    """Keeps that are chance rather than choice: not by rank, where a high floor only says that a keep is mild."""
    said = []
    for row in results["mix"].manifest.ledger["keeps"]:
        kept, by_chance = row["kept"]["tokens"], row["floor"] * row["whole"]["tokens"]
        if row["alpha"] and row["on"] != "rank" and by_chance > CHANCE * kept > 0:
            said.append(
                f"quality.keep.{row['key']}: {_share(min(by_chance, kept), kept)} of what it keeps would be kept at "
                f"any score, for nearly all text has the same; `{row['key']}: {{tokens: {kept}}}` keeps as "
                "much of the best"
            )
    return said


def way(row: Row) -> str:
    """How a keep keeps, with its numbers."""
    on = "" if row["on"] == "score" else f", {row['on']}"
    if row["alpha"] is not None:
        auto = "auto, " if row["auto"] else ""
        return f"pareto {auto}alpha {row['alpha']:g}{on}"
    if row["least"] == 0 and row["edge"] is None:
        return "all"
    said = "" if row["way"] == "threshold" else f"{row['way']}, "
    return f"{said}from {row['least'] / language.SCALE:.4f}{on}"


def rules(results: Mapping[str, Result]) -> Table | None:
    """Of each cell and rule: documents that fail it, and those left out for it first."""
    rows = results["size"].manifest.ledger["failed"]
    if not rows:
        return None
    made = table(
        "Failed rules", "source", "language", "kind", "rule", "documents", "tokens", "left out first", "tokens"
    )
    for row in rows:
        documents, tokens, first, first_tokens = (row[name] for name in COUNTS)
        figures = (f"{documents:,}", format_count(tokens), f"{first:,}", format_count(first_tokens))
        made.add_row(*(row[name] for name in CELL), row["rule"], *figures)
    return made


def languages(results: Mapping[str, Result]) -> Table | None:
    """Of each cell: documents by the language that they are found to be in, the declared one first."""
    result = results.get(language.NAME)
    if result is None:
        return None
    made = table("Declared and found language", "source", "language", "kind", "documents", "as declared", "found in")
    cells: dict[tuple[str, ...], list[Row]] = {}
    for row in result.manifest.ledger[language.FOUND]:
        cells.setdefault(tuple(row[name] for name in CELL), []).append(row)
    for place, rows in sorted(cells.items()):
        whole = sum(row["documents"] for row in rows)
        same = sum(row["documents"] for row in rows if row[language.FOUND] == place[1])
        made.add_row(*place, f"{whole:,}", _share(same, whole), _others(place[1], rows, whole))
    return made


def _others(declared: str, rows: list[Row], whole: int) -> str:
    others = [row for row in rows if row[language.FOUND] != declared]
    many = [row for row in others if row["documents"] >= FEW * whole]
    said = [f"{row[language.FOUND] or UNKNOWN} {row['documents']:,}" for row in many]
    rest = sum(row["documents"] for row in others) - sum(row["documents"] for row in many)
    return ", ".join([*said, *([f"others {rest:,}"] if rest else [])])


def _share(part: float, whole: float) -> str:
    return format_share(part / whole) if whole else ""
