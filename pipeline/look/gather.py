"""One look: all that fits is counted, and some of it drawn and shown."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory

import numpy as np

from prep.pipeline import chain
from prep.pipeline.chain import Machine
from prep.pipeline.look import changed, counts, pick
from prep.pipeline.look.asked import Asked, Wanted, wanted
from prep.pipeline.look.document import Document, documents
from prep.pipeline.look.fates import Changed, Fates, Sized, borders_of, fates
from prep.pipeline.look.finished import Finished
from prep.pipeline.look.margin import NOT_ASKED, needed
from prep.pipeline.look.rows import Place
from prep.pipeline.score import QUALITY

ALL = ""  # the stratum of documents that are drawn from all


@dataclass(frozen=True)
class Look:
    """What was asked, what fits it, and the documents drawn. `corpus`: its tokens before and after a change."""

    heading: str
    tokenizer: str
    counts: counts.Counts
    documents: tuple[Document, ...]
    corpus: tuple[int, int] | None
    notes: tuple[str, ...]


def look(finished: Finished, asked: Asked, machine: Machine) -> Look:
    """Look at the documents that are asked for.

    Errors: BadSettings, BadInput; Short, where a change asks for what there is not.
    """
    tokenizer = finished.run.budgeted
    with ExitStack() as stack:
        scratch = stack.enter_context(TemporaryDirectory(dir=machine.scratch, ignore_cleanup_errors=True))
        found = _fates(finished, asked, replace(machine, scratch=scratch), stack)
        which = wanted(finished, asked, sized=found.sized)
        sums = counts.Sums(tokenizer)
        places = _places(finished, asked, found, which, sums)
        shown = tuple(documents(finished, found, places, asked.chars))
        corpus = counts.totals(found) if isinstance(found, Changed) else None
    return Look(_heading(asked, which), tokenizer, sums.counts(), shown, corpus, _notes(finished, found))


def _fates(finished: Finished, asked: Asked, machine: Machine, stack: ExitStack) -> Fates:
    if not asked.changes:
        return fates(finished, machine.limits, stack)
    now = Sized(finished.need("size", "--if compares with what `size` left out"))
    run = chain.pinned(changed.overridden(finished, asked.changes))
    return Changed(now, changed.fates_then(finished, run, machine, asked.changes))


def _places(finished: Finished, asked: Asked, found: Fates, which: Wanted, sums: counts.Sums) -> dict[str, list[Place]]:
    """By stratum, the places of the documents to show; all that fits is added to the sums on the way."""
    lowest, borders = pick.Lowest(asked.most), borders_of(finished) if asked.near_threshold else {}
    cells = chain.columns(finished.run, finished.results).cells
    edges = pick.edges(pick.histogram(pick.fitting(finished, found, which))) if asked.deciles else {}
    for one in pick.fitting(finished, found, which):
        sums.add(one)
        if asked.near_threshold:
            asks = needed(one.batch, cells, borders, finished.run.seed)
            near = asks != NOT_ASKED
            distance = np.abs(asks - np.asarray(one.batch[QUALITY].fill_null(0)).astype(np.int64))
            lowest.add(ALL, distance[near], one.places[near])
        elif asked.deciles:
            keys = pick.drawn(one.batch, asked.seed)
            for stratum, here in pick.deciles(one.batch, edges):
                lowest.add(stratum, keys[here], one.places[here])
        elif asked.changes:
            keys, change = pick.drawn(one.batch, asked.seed), counts.change(one.batch)
            for number, word in enumerate(counts.CHANGES):
                lowest.add(word, keys[change == number], one.places[change == number])
        else:
            lowest.add(ALL, pick.drawn(one.batch, asked.seed), one.places)
    return shared(lowest.places(), asked.most) if asked.changes else lowest.places()


def shared(places: dict[str, list[Place]], most: int) -> dict[str, list[Place]]:
    """Of a change, what enters and leaves in equal parts as far as there is, and what stays out in the room left."""
    enters, leaves, stays = (places.get(word, []) for word in (counts.ENTERS, counts.LEAVES, counts.STAYS))
    first = enters[: max(most - most // 2, most - len(leaves))]
    second = leaves[: most - len(first)]
    return {counts.ENTERS: first, counts.LEAVES: second, counts.STAYS: stays[: most - len(first) - len(second)]}


def _heading(asked: Asked, which: Wanted) -> str:
    parts = [
        f"left out by {asked.left_out}" if asked.left_out else "kept" if asked.kept else "documents",
        f"of {which.words}" if which.words else "",
        f"whose fate would change with {' '.join(asked.changes)}" if asked.changes else "",
        "nearest to their threshold" if asked.near_threshold else "by decile of the score" if asked.deciles else "",
    ]
    return " ".join(filter(None, parts))


def _notes(finished: Finished, found: Fates) -> tuple[str, ...]:
    judged = () if found.sized else ("judged by the run file; what the budget leaves out is not known before `size`",)
    return (*judged, *(f"no {name} yet; it comes with: {command}" for name, command in finished.missing.items()))
