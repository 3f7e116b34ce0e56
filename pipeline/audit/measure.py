"""What sources hold: read all or clusters, keep what chance keeps, count until the ratio is known well enough.

1. Each source is read whole where it is small, else in clusters drawn over all its files (`clusters`). Bytes,
   characters and documents of what is read are exact; a random part of the texts is kept on scratch (`reading`).
2. Of the kept texts ever larger random samples are counted by every tokenizer, until each ratio is known to
   `precision` or the source is exhausted, and then exact. Of clusters all that is kept is counted, once: their
   interval lies between clusters and is no narrower for more documents of the same.
3. Figures with intervals (`estimate`), the same for any number of workers and any order of files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from prep.errors import BadSettings, BadSource
from prep.pipeline import intake
from prep.pipeline.audit import counting, figures, traits
from prep.pipeline.audit.clusters import Chosen, budgets, choose
from prep.pipeline.audit.counting import Counting, Miscounted
from prep.pipeline.audit.gather import gathered
from prep.pipeline.audit.population import Population
from prep.pipeline.audit.reading import Lengths, Slice, Task, count, read
from prep.pipeline.audit.request import Request, Say
from prep.pipeline.numbers import format_bytes
from prep.pipeline.sources.listing import Listing
from prep.pipeline.spread import Spread

SCRATCH = 2_000_000_000  # bytes of text that are kept of all sources together, at most
OF_SOURCE = 512_000_000  # bytes of text kept of one source
OF_CLUSTERS = 32_000_000  # bytes of text counted of one source's clusters: more documents of the same tell little
CHECKED = 2_000_000  # bytes of text that the tokenizers are tried on, over all sources
LONGEST = 1_000_000  # bytes of the longest document they are tried on; the libraries take 60 to 130 times that
LOOKED_AT = 500_000  # bytes of each source whose traits are taken


@dataclass(frozen=True)
class Planned:
    """A source with what is to be read of it."""

    name: str
    listing: Listing
    chosen: Chosen

    @property
    def files(self) -> int:
        return len({file.name for piece in self.listing.pieces for file in piece.files})

    @property
    def on_disk(self) -> int:
        return sum(piece.size for piece in self.listing.pieces)


def measure(request: Request, spread: Spread, say: Say) -> list[figures.Source]:
    """Every source's figures, in the request's order. The first line said is what will be read.

    Errors: BadSource, BadSettings, BadTokenizer.
    """
    plan = planned(request)
    say(first_line(plan))
    distrusted: frozenset[str] = frozenset()
    while True:
        try:
            return measured(plan, request, counting.opened(request.tokenizers, distrusted), spread)
        except Miscounted as found:
            distrusted |= {found.tokenizer}
            say(
                f"{found.tokenizer}: an engine miscounted a document of {found.source}; all is counted again without it"
            )


def measured(plan: Sequence[Planned], request: Request, counting: Counting, spread: Spread) -> list[figures.Source]:
    """Every source's figures, read and counted.

    Errors: Miscounted.
    """
    precision = 0.0 if request.exact else request.precision
    with tempfile.TemporaryDirectory(prefix="prep-audit-") as scratch:
        populations = read_all(plan, request, counting, Path(scratch), spread)
        looked = spread(traits_of, [tuple(each.first(LOOKED_AT)) for each in populations])
        begun = [each for each in populations if each.documents and (each.exhaustible or not request.exact)]
        counting = count_as_checked(begun, counting.checking(samples(populations), spread), precision, spread)
        if request.exact:
            populations = [
                each if each.exhaustible else counted_whole(found, request, counting, spread)
                for each, found in zip(populations, plan, strict=True)
            ]
        count_until(populations, counting, precision, spread)
        made = [gathered(each, counting, looks, request) for each, looks in zip(populations, looked, strict=True)]
    must_hold_something(made)
    return made


def planned(request: Request) -> list[Planned]:
    """What lies where the paths point, and what of it is read."""
    if request.exact and request.max_read is not None:
        raise BadSettings("--exact reads everything and --max-read bounds what is read; give one of the two")
    listings = {name: intake.listed_source(name, source, request.base) for name, source in request.sources.items()}
    sizes = [sum(piece.size for piece in found.pieces) for found in listings.values()]
    shares = budgets(sizes, request.max_read)
    plan = []
    for (name, found), share in zip(listings.items(), shares, strict=True):
        if not request.exact and any(piece.format == "hf" and not piece.size for piece in found.pieces):
            raise BadSettings(
                f"source {name}: is streamed from a hub, and only its head could be read; use --exact, or download it"
            )
        chosen = choose(found.pieces, share, request.max_read is not None, request.seed)
        plan.append(Planned(name, found, chosen))
    return plan


def first_line(plan: Sequence[Planned]) -> str:
    """What will be read of what there is."""
    pieces = [piece for each in plan for piece in each.chosen.pieces]
    files = len({(piece.source, file.name) for piece in pieces for file in piece.files})
    size, whole = sum(piece.size for piece in pieces), sum(each.on_disk for each in plan)
    return f"reads {format_bytes(size)} of {format_bytes(whole)} from {files:,} file{'s' * (files != 1)}"


def read_all(
    plan: Sequence[Planned], request: Request, counting: Counting, scratch: Path, spread: Spread
) -> list[Population]:
    """Read what was chosen, all sources at once."""
    tasks = [
        Task(piece, request.sources[each.name], request.seed, str(scratch / f"{at}-{number}.arrow"), most, counting)
        for at, each in enumerate(plan)
        for number, (piece, most) in enumerate(zip(each.chosen.pieces, room(each, len(plan)), strict=True))
    ]
    found = spread(read, tasks)
    return [
        Population(
            each.name, request.sources[each.name], each.files, each.on_disk, each.chosen,
            [next(found) for _ in each.chosen.pieces],
        )
        for each in plan
    ]  # fmt: skip


def room(each: Planned, sources: int) -> Iterator[int]:
    """Bytes of text that may be kept of each piece."""
    whole = min(OF_SOURCE, SCRATCH // sources)
    for piece in each.chosen.pieces:
        if each.chosen.drawn is not None:
            yield min(OF_CLUSTERS, whole) // len(each.chosen.pieces)
        else:
            yield whole * piece.size // max(each.chosen.size, 1)


def samples(populations: Sequence[Population]) -> dict[str, pa.LargeStringArray]:
    """The first documents of each source as chance orders them, and its longest: what tokenizers are tried on."""
    share = CHECKED // max(len(populations), 1)
    return {each.name: joined([*each.first(share, LONGEST), *each.a_long_one(LONGEST)]) for each in populations}


def joined(slices: Sequence[Slice]) -> pa.LargeStringArray:
    """Their texts."""
    batches = [batch for each in slices for batch in each.batches()]
    return pa.chunked_array(batches, pa.large_string()).combine_chunks()


def counted_whole(each: Planned, request: Request, counting: Counting, spread: Spread) -> Population:
    """A source counted as it is read, because not all its text could be kept."""
    source, pieces = request.sources[each.name], each.listing.pieces
    tasks = [Task(piece, source, request.seed, None, 0, counting) for piece in pieces]
    found = list(spread(read, tasks))
    return Population(each.name, source, each.files, each.on_disk, Chosen(pieces), found, passed=True)


def count_as_checked(
    populations: Sequence[Population], checked: Iterator[Counting], precision: float, spread: Spread
) -> Counting:
    """Count the first sample of every source, by each tokenizer as soon as it is checked. What counts from then on."""
    levels = [each.next_level(precision) for each in populations]
    results: dict[str, Iterator[Lengths]] = {}
    for latest in checked:
        ready = [name for name in latest.checked if name not in results]
        results |= {name: counts(populations, levels, name, latest, spread) for name in ready}
    for each, level in zip(populations, levels, strict=True):
        each.take(level, results)
    return latest


def count_until(populations: Sequence[Population], counting: Counting, precision: float, spread: Spread) -> None:
    """Count larger and larger samples of every source that is not known well enough."""
    waiting = [each for each in populations if each.documents]
    while waiting := [each for each in waiting if not each.done(precision)]:
        levels = [each.next_level(precision) for each in waiting]
        results = {name: counts(waiting, levels, name, counting, spread) for name in counting.tokenizers}
        for each, level in zip(waiting, levels, strict=True):
            each.take(level, results)


def counts(
    populations: Sequence[Population], levels: Sequence[int], name: str, counting: Counting, spread: Spread
) -> Iterator[Lengths]:
    """What a tokenizer counts of each up to its level."""
    pairs = zip(populations, levels, strict=True)
    return spread(count, [task for each, level in pairs for task in each.tasks(level, name, counting)])


def traits_of(slices: tuple[Slice, ...]) -> figures.Traits:
    """What the texts look like."""
    tally = traits.Tally()
    for each in slices:
        for texts in each.batches():
            tally.add(texts)
    return tally.traits()


def must_hold_something(made: Sequence[figures.Source]) -> None:
    """Complain where no source holds a document; one that holds none beside others that do says so in its notes.

    Errors: BadSource.
    """
    if made and not any(each.documents.value for each in made):
        raise BadSource("\n".join(f"source {each.name}: {each.notes[0]}" for each in made))
