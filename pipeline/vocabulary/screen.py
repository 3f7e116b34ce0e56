"""What `prep train-tokenizer` prints: what was drawn, and the comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from prep.manifests.ledger import CELL, Row
from prep.pipeline.numbers import format_bytes, format_count, format_share
from prep.pipeline.vocabulary.compare import Compared, Figure
from prep.pipeline.vocabulary.shares import Shares


def drawn(rows: Sequence[Row], shares: Shares) -> Table:
    """What was learnt from, and what was held out."""
    table = _table("Drawn", "source", "lang", "kind", "documents", "bytes", "asked", "got", "held out", "lost")
    total = sum(row["sample"]["bytes"] for row in rows) or 1
    for row in rows:
        place = tuple(row[name] for name in CELL)
        sample, apart = row["sample"], row["held_out"]
        table.add_row(
            *place, f"{sample['documents']:,}", format_bytes(sample["bytes"]),
            format_share(float(shares.text.get(place, 0))), format_share(sample["bytes"] / total),
            f"{apart['documents']:,} ({format_bytes(apart['bytes'])})",
            format_bytes(row["lost"]) if row["lost"] else "",
        )  # fmt: skip
    return table


def by_source(found: Sequence[Compared]) -> Table:
    """Of each source and language, a line for each tokenizer."""
    heads = ("source", "lang", "tokenizer", "docs", "text", "tokens", "b/token", "95%", "chars/token", "vs best")
    table = _table("Held-out text", *heads)
    for rows in _groups(found):
        best = max(figure.bytes_per_token for _, figure in rows)
        for place, (name, one) in enumerate(rows):
            head = (one.source, one.language, one.kind) if not place else ("", "", "")
            label = head[0] or ("all of it" if not place and one.language else "")
            table.add_row(
                label, head[1], name, f"{one.documents:,}", format_bytes(one.bytes), format_count(one.tokens),
                f"{one.bytes_per_token:.3f}", half(one), f"{one.characters_per_token:.3f}",
                f"+{best / one.bytes_per_token - 1:.1%} tokens" if one.bytes_per_token < best else "best",
            )  # fmt: skip
        table.add_section()
    return table


def by_tokenizer(found: Sequence[Compared], budget: int) -> Table:
    """Of each tokenizer, the whole mix."""
    heads = ("tokenizer", "vocabulary", "b/token", "95%", "chars/token", "not whole", "same text takes")
    table = _table("The mix", *heads, f"{format_count(budget)} tokens are")
    for one in sorted(found, key=lambda each: each.cost):
        table.add_row(
            one.name, f"{one.vocabulary:,}", f"{one.mix.bytes_per_token:.3f}", half(one.mix),
            f"{one.mix.characters_per_token:.3f}", format_share(one.mix.broken),
            "fewest tokens" if one.cost == 1 else f"{one.cost:.3f} times as many", format_bytes(one.corpus_bytes),
        )  # fmt: skip
    return table


def sentence(found: Sequence[Compared], budget: int) -> str:
    """What the budget comes to, in words."""
    parts = [f"{format_bytes(one.corpus_bytes)} with {one.name}" for one in found]
    return f"D = {format_count(budget)} tokens are {', '.join(parts)} (of text, by the shares of the mix)"


def half(one: Figure) -> str:
    """Half of an interval's width."""
    if one.high is None:
        return "one document" if one.documents == 1 else "too few"
    return f"±{one.high - one.bytes_per_token:.3f}"


def as_json(found: Sequence[Compared]) -> list[dict[str, Any]]:
    """The comparison for programs."""
    return [asdict(one) for one in found]


def _groups(found: Sequence[Compared]) -> Iterator[list[tuple[str, Figure]]]:
    """The figures of each source, then those of each language that has several."""
    cells = [figure.cell for figure in found[0].cells]
    for place in range(len(cells)):
        yield [(one.name, one.cells[place]) for one in found]
    for place, figure in enumerate(found[0].languages):
        if sum(cell[1] == figure.language for cell in cells) > 1:
            yield [(one.name, one.languages[place]) for one in found]


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title_style="bold")
    for head in heads:
        words = head in ("source", "lang", "kind", "tokenizer")
        table.add_column(head, justify="left" if words else "right", overflow="fold", no_wrap=True)
    return table
