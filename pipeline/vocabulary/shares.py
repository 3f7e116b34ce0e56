"""How much text of each source a tokenizer learns from: as much as the mix will have of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from prep.errors import BadSettings, Short
from prep.manifests.ledger import Row
from prep.pipeline import count
from prep.pipeline.mixing.divisor import Claim, divide
from prep.pipeline.mixing.phases import parted, requested, together
from prep.pipeline.mixing.tree import Cell
from prep.pipeline.numbers import format_count
from prep.pipeline.plan import budget
from prep.pipeline.run import finished
from prep.pipeline.settings import Run
from prep.pipeline.stage import Result

Place = tuple[str, str, str]  # source, language, kind
BYTES = "bytes"
HELD_OUT = 10  # a source gives at most one part in ten of its text to the comparison


@dataclass(frozen=True)
class Shares:
    """The mix by source, language and kind, before there is a tokenizer of one's own.

    `by` is the tokenizer whose counts turn shares of tokens into shares of text, or `bytes` where there is none yet.
    """

    by: str
    tokens: dict[Place, Fraction]  # of the corpus's tokens
    text: dict[Place, Fraction]  # of its bytes

    def said(self) -> str:
        """What a person should know of them."""
        if self.by == BYTES:
            return (
                "the mix's shares of tokens are taken as shares of bytes: no tokenizer of the run file has counted yet"
            )
        return f"the mix's shares of tokens are turned into bytes by the bytes per token of {self.by}"


@dataclass(frozen=True)
class Quota:
    """What is drawn of one source, language and kind, in bytes of text."""

    source: str
    language: str
    kind: str
    sample: int
    held_out: int

    @property
    def cell(self) -> Place:
        """What it is of."""
        return self.source, self.language, self.kind


def shares(run: Run, ingested: Result, by: str | None) -> Shares:
    """The shares by the counts of `by`; by those of the budget's tokenizer, or else of another, where it is None.

    Errors: BadSettings, where `by` has not counted; Short, where the mix asks for what no source has.
    """
    cells: Sequence[Row] = ingested.manifest.ledger["cells"]
    name, counted = _counted(run, ingested, by)
    tokens = {_place(row): row["tokens"][name] for row in counted} if counted else {}
    rows = [{**row, "tokens": tokens[_place(row)] if counted else row["bytes"]} for row in cells]
    asked = _asked(run, rows)
    per_token = {_place(row): Fraction(row["bytes"], row["tokens"]) for row in rows if row["tokens"]}
    text = {place: share * per_token[place] for place, share in asked.items()}
    total = sum(text.values())
    return Shares(name, asked, {place: share / total for place, share in text.items()})


def _asked(run: Run, rows: Sequence[Row]) -> dict[Place, Fraction]:
    """What the mix asks of each cell, as shares of the corpus.

    Errors: Short, where no document is of what it asks for.
    """
    total = budget.tokens(run.budget)
    there = [Cell(_place(row), row["documents"], row["tokens"]) for row in rows]
    found = requested(parted(run.mix, run.phases, total), there)
    asked = together(tokens for _, tokens in found)
    for node in (node for root, _ in found for node in root.cells):
        if node.cell is not None and asked[node.cell.place] and not node.available:
            share = asked[node.cell.place] / total
            raise Short(f"mix: {node.name} is asked {share:.1%} of the corpus, and no source has any of it")
    return {place: Fraction(number, total) for place, number in asked.items() if number}


def _counted(run: Run, ingested: Result, by: str | None) -> tuple[str, Sequence[Row]]:
    """The name of a tokenizer that has counted these documents, and its books; nothing where none has."""
    if by == BYTES:
        return BYTES, ()
    if by is not None and by not in run.tokenizers:
        raise BadSettings(
            f"--share-by: {by!r} is no tokenizer of the run file; say bytes or {', '.join(run.tokenizers)}"
        )
    names = [by] if by else sorted(run.tokenizers, key=lambda name: name != run.budget.in_)
    for name in names:
        [job] = count.jobs({name: run.tokenizers[name]}, ingested).values()
        if (result := finished(run.out, job)) is not None:
            return name, result.manifest.ledger["cells"]
    if by is not None:
        raise BadSettings(f"--share-by: {by} has not counted these documents yet; run `prep count` first, or say bytes")
    return BYTES, ()


def quotas(ingested: Result, given: Shares, sample: int, held_out: int) -> tuple[Quota, ...]:
    """What to draw: a sample of so many bytes, and at most `held_out` bytes of each source beside it."""
    there = {_place(row): row["bytes"] for row in ingested.manifest.ledger["cells"]}
    places = sorted(given.text)
    asked = divide(sample, [Claim(given.text[place], place) for place in places])
    return tuple(
        Quota(*place, number, min(held_out, there[place] // HELD_OUT))
        for place, number in zip(places, asked, strict=True)
    )


def said_of(quota: Quota, got: dict[str, Any]) -> str | None:
    """What to say where a source has less text than its share of the sample."""
    if got["sample"]["bytes"] >= quota.sample - 3:  # the last document is cut between two characters
        return None
    name = "/".join(quota.cell)
    asked, there = format_count(quota.sample), format_count(got["sample"]["bytes"])
    return f"{name}: {asked} bytes are asked, all {there} that are not held out or copies are in the sample"


def _place(row: Row) -> Place:
    return row["source"], row["language"], row["kind"]
