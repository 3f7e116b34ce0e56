"""Bring a cell to its number of tokens exactly, by cutting documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prep.pipeline.sizing.cutting import Count, border

BEFORE, AFTER = 8, 64  # documents before and after the last that fits which may be cut
SHORTER, NEXT = 6, 8  # tokens by which a cut may be shorter than it could, and the documents that then meet the rest


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


def fill(documents: Sequence[Candidate], room: int, reading: Reading, shorter: int = 0) -> tuple[list[Extra], int]:
    """Documents, the first ones whole where they fit, the others cut, that take `room` tokens; and what is left of it.

    With `shorter` the first is cut to so many tokens fewer than it could give: others may then meet what is left.
    What is left after each is nothing, or enough for a document of one token.
    """
    chosen: list[Extra] = []
    least = 1 + reading.eod
    for document in documents:
        most = room - reading.eod
        if not room or most < (1 if document.tokens else 0):
            break
        left, fewer = most - document.tokens, 0 if chosen else shorter
        if not fewer and (left == 0 or left >= least):
            chosen.append(Extra(document.shard, document.row, document.tokens))
            room = left
            continue
        text = reading.text(document.shard, document.row)
        found = border(text, min(most, document.tokens - (left > 0)) - fewer, document.tokens, reading.count)
        if found.tokens != most and found.tokens > most - least:
            found = border(text, most - least, document.tokens, reading.count)
        if found.tokens >= 1:
            kept = len(text[: found.chars].encode())
            chosen.append(Extra(document.shard, document.row, found.tokens, kept))
            room -= found.tokens + reading.eod
        elif fewer:
            break
    return chosen, room


def backing(documents: Sequence[Candidate], place: int, room: int, reading: Reading) -> tuple[int, list[Extra], int]:
    """How many documents before `place` are given up, what then fills the cell, and the tokens that nothing fills.

    The longest cut of the first document that does not fit comes first, so that it never shrinks as the room grows;
    then shorter ones of it and of those before, for others to meet what is left; else the fill that leaves the least.
    """
    best = (0, *fill(documents[place:], room, reading))
    for back, shorter in ((back, shorter) for back in range(min(BEFORE, place) + 1) for shorter in range(1, SHORTER)):
        if not best[2]:
            break
        given = documents[place - back : place]
        again = room + sum(document.tokens + reading.eod for document in given)
        chosen, left = fill(documents[place - back : place + NEXT], again, reading, shorter)
        best = min(best, (back, chosen, left), key=lambda found: found[2])
    return best
