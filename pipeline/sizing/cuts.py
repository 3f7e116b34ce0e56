"""Where each cell is cut: how many whole passes it gives, up to which document it is in once more, what fills the rest.

The documents of a cell, pass after pass, are a sequence, of which each phase of the corpus takes the next ones. In two
levels: tokens are added up by the first bits of the key, and only the documents around the cut are put in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.errors import Short
from prep.pipeline import query
from prep.pipeline.query import Connection
from prep.pipeline.sizing.exact import AFTER, BEFORE, Candidate, Extra, Reading, backing

BITS = 16  # of the key at a level
CELLS = 64  # with more cells than these the first level takes fewer bits, so that there are not more buckets
AT_ONCE = 1 << 20  # documents of one bucket that are put in order in memory; more are parted by the next bits
LAST = int(np.iinfo(np.uint64).max)


@dataclass(frozen=True)
class Cut:
    """What a cell gives: so many whole passes, and a last one of the documents up to a key (and a tie), if any."""

    passes: int
    key: int | None = None
    tie: int = 0


@dataclass(frozen=True)
class Cuts:
    """Where a phase begins and ends in every cell, by its number; documents beyond the end that are in once more.

    What lies between the end of a phase and the beginning of the next one is in these, whole or cut, or in neither.
    """

    starts: tuple[Cut, ...]
    cells: tuple[Cut, ...]
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True)
class Buckets:
    """Documents and tokens of a cell by bucket of the key; a bucket is all keys from `low` to `high`."""

    low: npt.NDArray[np.uint64]
    high: npt.NDArray[np.uint64]
    documents: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]  # what ends of documents are charged included


@dataclass
class Cell:
    """A cell that gives tokens, and the documents of it that were looked at, by their place in the order."""

    number: int
    buckets: Buckets
    start: int = 0  # documents, counted over the passes, that earlier phases took
    before: int = 0  # tokens of these, whole
    allotted: int = 0  # tokens asked of it so far, those of this phase included
    taken: int = 0  # tokens that it is to give: those asked, then what it gave and what another could not
    end: tuple[int, int] = (0, 0)  # `start` and `before` of the next phase
    seen: dict[int, Candidate] = field(default_factory=dict)
    keys: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def documents(self) -> int:
        """How many may be in."""
        return int(self.buckets.documents.sum())

    @property
    def tokens(self) -> int:
        """Of one pass."""
        return int(self.buckets.tokens.sum())

    @property
    def passes(self) -> int:
        """That it makes anyway, for what it is asked: nothing is filled by another one."""
        return max(1, -(-self.allotted // self.tokens))

    @property
    def most(self) -> int:
        """Tokens that it can give in this phase."""
        return self.passes * self.tokens - self.before

    def begin(self, asked: int) -> None:
        """Take so many tokens from where the last phase ended."""
        (self.start, self.before), self.taken = self.end, asked
        self.allotted += asked


def find(
    connection: Connection, asked: Sequence[Sequence[int]], eod: int, reading: Reading | None = None
) -> list[Cuts]:
    """Where to cut `judged` so that each cell, by its number, gives the tokens of each phase; exactly by `reading`.

    Errors: Short, where no document can be cut to what remains.
    """
    count = max(map(len, asked))
    there = histogram(connection, count, eod).items()
    cells = [Cell(number, buckets) for number, buckets in there if buckets.tokens.sum()]
    found = []
    for number, each in enumerate(asked, 1):
        try:
            found.append(_phase(connection, cells, each, eod, reading))
        except Short as error:
            if len(asked) == 1:
                raise
            said = "; what is cut off at the end of a phase is in no other" if number > 1 else ""
            raise Short(f"phase {number} of {len(asked)}: {error}{said}") from error
    return found


def _phase(
    connection: Connection, cells: Sequence[Cell], asked: Sequence[int], eod: int, reading: Reading | None
) -> Cuts:
    starts = [Cut(0)] * len(asked)
    for cell in cells:
        cell.begin(asked[cell.number])
        starts[cell.number] = _cut(cell, cell.start)
    cuts = list(starts)
    extras: dict[int, list[Extra]] = {}
    left = 0
    for again in (False, True):
        for cell in (cell for cell in cells if asked[cell.number]):
            if again and not left:
                break
            more = left if cell.taken + left <= cell.most else 0
            given = min(cell.taken + more, cell.most)  # what was cut off in earlier phases may be missing
            place, tokens = _fitting(connection, cell, given, eod)
            room = cell.before + cell.taken + more - tokens
            filling = _filled(connection, cell, place, room, reading) if reading and room else None
            back, chosen, short = filling or (0, [], room)
            if again and short >= more:
                continue
            cuts[cell.number], extras[cell.number] = _cut(cell, place - back), chosen
            cell.end = _end(cell, (place, tokens), (back, chosen), eod)
            if reading:
                left += short - more
                cell.taken += more - short
    if left:
        raise Short(
            f"size: {left:,} of {sum(asked):,} tokens are left, and no document can be cut to them; "
            "ask for another budget, or leave out `budget.exact`"
        )
    return Cuts(tuple(starts), tuple(cuts), tuple(extra for each in extras.values() for extra in each))


def histogram(connection: Connection, cells: int, eod: int) -> dict[int, Buckets]:
    """The buckets of each cell that has documents."""
    shift = 64 - max(4, BITS - max(0, (cells - 1) // CELLS).bit_length())
    rows = query.ask(
        connection,
        f"""select cell, key >> {shift} as bucket, count(*) as documents, sum(tokens + {eod})::bigint as tokens
            from judged where reasons = 0 group by cell, bucket order by cell, bucket""",  # noqa: S608 - numbers
    )
    cell = rows["cell"].to_numpy()
    edges = np.searchsorted(cell, np.arange(cells + 1)).tolist()
    return {
        number: _buckets(rows.slice(start, stop - start), shift)
        for number, (start, stop) in enumerate(pairwise(edges))
        if stop > start
    }


def _buckets(rows: pa.Table, shift: int) -> Buckets:
    low = rows["bucket"].to_numpy().astype(np.uint64) << np.uint64(shift)
    high = low + np.uint64((1 << shift) - 1)
    return Buckets(low, high, rows["documents"].to_numpy(), rows["tokens"].to_numpy())


def _fitting(connection: Connection, cell: Cell, asked: int, eod: int) -> tuple[int, int]:
    """Up to which document those of a phase fit, counted over the passes, and the tokens of all before it."""
    passes, rest = divmod(cell.before + asked, cell.tokens)
    bucket = _bucket(connection, cell, "tokens", rest, eod)
    rows = _documents(connection, cell, bucket)
    ends = np.cumsum(rows["tokens"].to_numpy() + eod)
    fitting = int(np.searchsorted(ends, rest - bucket.tokens, side="right"))
    if bucket.documents:
        cell.keys[bucket.documents - 1] = (bucket.low - 1, LAST)
    _note(cell, rows, bucket.documents, bucket.documents + fitting)
    inside = bucket.tokens + int(ends[fitting - 1] if fitting else 0)
    return passes * cell.documents + bucket.documents + fitting, passes * cell.tokens + inside


def _end(cell: Cell, fitting: tuple[int, int], filling: tuple[int, Sequence[Extra]], eod: int) -> tuple[int, int]:
    """Where the next phase begins: after the last document of this one, the cut ones included."""
    (place, tokens), (back, chosen) = fitting, filling
    numbers = range(place - back, place - back + min(cell.documents, BEFORE + AFTER))
    used = {(extra.shard, extra.row) for extra in chosen}
    candidates = ((number, cell.seen.get(number % cell.documents)) for number in numbers if used)
    start = max(
        (number + 1 for number, each in candidates if each and (each.shard, each.row) in used), default=place - back
    )
    for number in range(min(place, start), max(place, start)):
        tokens += (1 if start > place else -1) * (cell.seen[number % cell.documents].tokens + eod)
    return start, tokens


@dataclass(frozen=True)
class Bucket:
    """A range of keys of a cell, and the documents and tokens before it."""

    low: int
    high: int
    documents: int
    tokens: int


def _bucket(connection: Connection, cell: Cell, what: str, wanted: int, eod: int) -> Bucket:
    """The bucket in which the sum of `documents` or `tokens` passes a number; small enough to be put in order."""
    level, before = cell.buckets, {"documents": 0, "tokens": 0}
    while True:
        place = int(np.searchsorted(np.cumsum(getattr(level, what)), wanted - before[what], side="right"))
        for name in before:
            before[name] += int(getattr(level, name)[:place].sum())
        low, high = int(level.low[place]), int(level.high[place])
        if level.documents[place] <= AT_ONCE or low == high:
            return Bucket(low, high, **before)
        level = _next(connection, cell.number, low, high, eod)


def _next(connection: Connection, cell: int, low: int, high: int, eod: int) -> Buckets:
    """The buckets that a bucket is made of."""
    shift = max(0, (high - low).bit_length() - BITS)
    rows = query.ask(
        connection,
        f"""select key >> {shift} as bucket, count(*) as documents, sum(tokens + {eod})::bigint as tokens
            from judged where reasons = 0 and cell = ? and key between ? and ?
            group by bucket order by bucket""",  # noqa: S608 - numbers
        [cell, low, high],
    )
    return _buckets(rows, shift)


def _documents(connection: Connection, cell: Cell, bucket: Bucket) -> pa.Table:
    """The documents of a bucket in order."""
    return query.ask(
        connection,
        """select shard, row, tokens, key, tie from judged
           where reasons = 0 and cell = ? and key between ? and ? order by key, tie, shard, row""",
        [cell.number, bucket.low, bucket.high],
    )


def _note(cell: Cell, rows: pa.Table, before: int, place: int) -> None:
    """Take note of the documents around a place in the order; `before` of them stand before the rows."""
    start = max(0, place - before - BEFORE - 1)
    near = rows.slice(start, AFTER + 2 * BEFORE).to_pylist()
    for number, row in enumerate(near, before + start):
        cell.seen[number] = Candidate(row["shard"], row["row"], row["tokens"])
        cell.keys[number] = (row["key"], row["tie"])


def _filled(
    connection: Connection, cell: Cell, place: int, room: int, reading: Reading
) -> tuple[int, list[Extra], int]:
    """What fills `room` tokens after `place` documents; see `exact.backing`."""
    first = max(cell.start, place - min(BEFORE, cell.documents - 1))
    last = min(place + AFTER, first + cell.documents, cell.passes * cell.documents)  # no document twice, no new pass
    for each in (number % cell.documents for number in range(first, last)):
        if each not in cell.seen:
            bucket = _bucket(connection, cell, "documents", each, reading.eod)
            if bucket.documents:
                cell.keys.setdefault(bucket.documents - 1, (bucket.low - 1, LAST))
            _note(cell, _documents(connection, cell, bucket), bucket.documents, each)
    documents = [cell.seen[number % cell.documents] for number in range(first, last)]
    return backing(documents, place - first, room, reading)


def _cut(cell: Cell, place: int) -> Cut:
    """The cut after so many documents, counted over the passes."""
    passes, inside = divmod(place, cell.documents)
    return Cut(passes, *cell.keys[inside - 1]) if inside else Cut(passes)
