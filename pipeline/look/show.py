"""A look as plain text, for a pager or a pipe, and as JSON lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict

import orjson

from prep.pipeline.look.gather import Look
from prep.pipeline.look.words import details, fate, spoken
from prep.pipeline.numbers import format_count
from prep.pipeline.safe import safe

WIDTH = 100
RULE = "─"


def text(found: Look) -> Iterator[str]:
    """Line after line, each with its end."""
    yield f"{head(found)}\n"
    for line in (*summary(found), *(f"! {note}" for note in found.notes)):
        yield f"{line}\n"
    for number, document in enumerate(found.documents, start=1):
        title = f" {number}/{len(found.documents)} {safe(document.id)} "
        yield f"\n{RULE * 2}{title}{RULE * max(WIDTH - 2 - len(title), 2)}\n"
        yield f"{fate(document)}\n"
        yield f"{' · '.join(details(document))}\n"
        yield f"\n{safe(document.text)}\n"
        if document.left:
            yield f"[{document.left:,} characters more]\n"


def head(found: Look) -> str:
    """What is shown, and of how many."""
    documents, tokens = (sum(each[place] for each in found.counts.values()) for place in (0, 1))
    return (
        f"{len(found.documents):,} of {documents:,} {found.heading} "
        f"({format_count(tokens)} tokens by {found.tokenizer})"
    )


def summary(found: Look) -> Iterator[str]:
    """A line for each source, and what a change gives and takes."""
    by_source: dict[str, list[str]] = defaultdict(list)
    for (source, fate_), (documents, tokens) in found.counts.items():
        by_source[source].append(f"{spoken((fate_,))} {documents:,} ({format_count(tokens)} tokens)")
    yield from (f"  {source}: {', '.join(said)}" for source, said in by_source.items())
    if found.corpus is not None:
        before, after = found.corpus
        change = f"{(after - before) / before:+.2%}" if before else "all new"
        yield f"  the corpus would hold {after:,} tokens instead of {before:,} ({change})"


def lines(found: Look) -> Iterator[str]:
    """A JSON object for each document."""
    for document in found.documents:
        yield orjson.dumps(asdict(document)).decode() + "\n"
