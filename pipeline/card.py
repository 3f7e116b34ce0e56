"""The data card of an exported corpus: what it holds, where that came from, under which licences.

It is written at the end of every run, for it holds what is no part of any recipe: licence texts and urls.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML

from prep.manifests import files
from prep.manifests.ledger import CELL, PHASE
from prep.pipeline.numbers import format_bytes, format_count, format_share
from prep.pipeline.settings import Run
from prep.pipeline.splits import configs, splits
from prep.pipeline.stage import Result
from prep.pipeline.values import FromField

NAME = "README.md"  # where the hub and `datasets` look for it
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B")

BUILDERS = {"parquet": "parquet", "arrow": "arrow", "jsonl": "json"}  # what `datasets` calls them

_FIGURES = ("documents", "text", "tokens", "share")


def write(run: Run, results: Mapping[str, Result]) -> None:
    """Write the card beside the corpus, unless it stands there already."""
    path = files.join(results["export"].folder, NAME)
    content = card(run, results).encode()
    if not files.exists(path) or files.read(path) != content:
        files.write(path, content)


def card(run: Run, results: Mapping[str, Result]) -> str:
    """The card as Markdown with the header that `datasets` reads."""
    selection = [row for row in results["size"].manifest.ledger["selection"] if row["copies"]]
    documents = sum(row["copies"] for row in selection)
    tokens = sum(row["copied_tokens"] for row in selection)
    files_of = [shard.name for shard in results["export"].manifest.shards]
    head = {
        "configs": configs(run.export.formats, run.export.layout, files_of),
        "language": sorted({row["language"] for row in selection if len(row["language"]) == 2}),
        "size_categories": [SIZES[min(max(len(str(documents)) - 3, 0), len(SIZES) - 1)]],
        "task_categories": ["text-generation"],
    }
    return "\n".join([
        "---",
        _yaml(head),
        "---",
        "",
        f"# A corpus of {format_count(tokens)} tokens",
        "",
        f"{documents:,} documents, {tokens:,} tokens of the tokenizer `{run.budget.in_}`.",
        "`provenance/` holds the recipe and the manifest of every stage; `prep verify` checks this folder alone.",
        "",
        *(line for name in run.export.formats[1:] for line in _opened(name, run.export.layout, files_of)),
        "## Sources",
        "",
        *_rows((*CELL, *_FIGURES, "licence", "url"), _sources(run, selection, tokens)),
        "",
        "## Languages",
        "",
        *_rows(("language", *_FIGURES), _languages(selection, tokens)),
        "",
        *_phases(results),
    ])  # fmt: skip


def _opened(name: str, layout: str, files_of: Sequence[str]) -> list[str]:
    """How the same documents are opened in another format: `datasets` reads all configs of a folder as the first."""
    found = {each["split"]: each["path"] for each in splits(name, layout, files_of)}
    return [f"In another format: `load_dataset({BUILDERS[name]!r}, data_files={found!r})`, from this folder.", ""]


def _phases(results: Mapping[str, Result]) -> list[str]:
    """What each phase holds, in the order in which the files have them; nothing where the corpus is one."""
    rows: list[tuple[str, ...]] = []
    for each in results["size"].manifest.ledger.get("phases", ()):
        tokens = sum(row["copied_tokens"] for row in each["cells"])
        rows += [(each[PHASE], *row) for row in _languages(each["cells"], tokens)]
        rows.append((each[PHASE], "all", *_figures(each["cells"], tokens)))
    said = "One after another in the files, each in a folder of its own; shares are of the phase."
    return ["## Phases", "", said, "", *_rows((PHASE, "language", *_FIGURES), rows), ""] if rows else []


def _sources(run: Run, selection: Iterable[dict[str, Any]], tokens: int) -> list[tuple[str, ...]]:
    return [
        (
            *(row[name] for name in CELL), *_figures([row], tokens),
            _said(run.sources[row["source"]].licence), _said(run.sources[row["source"]].url),
        )
        for row in selection
    ]  # fmt: skip


def _said(value: str | FromField | None) -> str:
    if value is None:
        return "not stated"
    return value if isinstance(value, str) else "per document"


def _languages(selection: Iterable[dict[str, Any]], tokens: int) -> list[tuple[str, ...]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in selection:
        rows.setdefault(row["language"], []).append(row)
    return [(language, *_figures(here, tokens)) for language, here in sorted(rows.items())]


def _figures(rows: list[dict[str, Any]], tokens: int) -> tuple[str, ...]:
    copied = sum(row["copied_tokens"] for row in rows)
    return (
        f"{sum(row['copies'] for row in rows):,}",
        format_bytes(sum(row["copied_bytes"] for row in rows)),
        f"{copied:,}",
        format_share(copied / tokens if tokens else 0.0),
    )


def _rows(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """A Markdown table; what a user wrote cannot break out of its cell."""
    cells = [heads, tuple("---" for _ in heads), *rows]
    return ["| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in cells]


def _escaped(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())


def _yaml(value: object) -> str:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(value, stream)
    return stream.getvalue().rstrip()
