"""Bring a cell to its number of tokens exactly, by cutting documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prep.pipeline.sizing.cutting import Count, border

BEFORE, AFTER = 8, 64  # documents before and after the last that fits which may be cut


@dataclass(frozen=True)
class Candidate:
    """A document that may be cut."""

    shard: int
    row: int
    tokens: int


@dataclass(frozen=True)
class Extra:
    """A document that is in once more; of this copy so much is kept, all of it where `bytes` is None."""

    shard: int
    row: int
    tokens: int
    bytes: int | None = None


@dataclass(frozen=True)
class Reading:
    """How texts are had and counted, and what the end of a document is charged."""

    text: Callable[[int, int], str]  # by shard and row
    count: Count
    eod: int = 0


def fill(documents: Sequence[Candidate], room: int, reading: Reading) -> list[Extra] | None:
    """Documents, the first ones whole where they fit, the others cut, that take `room` tokens exactly; None: none do.

    What is left after each is nothing, or enough for a document of one token.
    """
    chosen: list[Extra] = []
    least = 1 + reading.eod
    for document in documents:
        if not room:
            break
        most = room - reading.eod
        if most < (1 if document.tokens else 0):
            return None
        left = most - document.tokens
        if left == 0 or left >= least:
            chosen.append(Extra(document.shard, document.row, document.tokens))
            room = left
            continue
        text = reading.text(document.shard, document.row)
        found = border(text, min(most, document.tokens - (left > 0)), document.tokens, reading.count)
        if found.tokens != most and found.tokens > most - least:
            found = border(text, most - least, document.tokens, reading.count)
        if found.tokens >= 1:
            kept = len(text[: found.chars].encode())
            chosen.append(Extra(document.shard, document.row, found.tokens, kept))
            room -= found.tokens + reading.eod
    return chosen if not room else None


def backing(documents: Sequence[Candidate], place: int, room: int, reading: Reading) -> tuple[int, list[Extra]] | None:
    """How many documents before `place` are given up, and what then fills the cell exactly.

    None where a few documents before and after `place` cannot.
    """
    for back in range(min(BEFORE, place) + 1):
        given = documents[place - back : place]
        again = room + sum(document.tokens + reading.eod for document in given)
        chosen = fill(documents[place - back : place + AFTER], again, reading)
        if chosen is not None:
            return back, chosen
    return None
