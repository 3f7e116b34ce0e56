"""What was read of one source, and the tokens counted so far of the documents that chance put first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from prep.pipeline.audit.clusters import Chosen
from prep.pipeline.audit.counting import Counting
from prep.pipeline.audit.estimate import Floats, Sample, certain, larger
from prep.pipeline.audit.reading import ALL, LONGEST, CountTask, Draws, Found, Lengths, Slice, below
from prep.pipeline.settings import Source

# Bytes of text up to which a source is counted whole, for an interval of 0.5%; as many as samples need it goes with the
# square of that. Real sources needed 2 to 85 MB, so of a smaller one little would be saved: 14% of all the counting
# over 13 sources of 3 to 17 MB by three tokenizers.
CHEAP, CHEAP_AT = 20_000_000, 0.005
CHUNK = 2_000_000  # bytes of text that one task counts

Mask = npt.NDArray[np.bool_]


@dataclass
class Population:
    """One source. `level` is the draw below which documents are counted; all of them once it reaches `bound`."""

    name: str
    source: Source
    files: int
    on_disk: int
    chosen: Chosen
    found: Sequence[Found]
    level: int = 0
    tokens: dict[str, Lengths] = field(default_factory=dict)
    passed: bool = False  # whether every text was counted as it was read

    @cached_property
    def bound(self) -> int:
        """Below it every piece kept its texts. Of clusters each has its own; see `reached`."""
        return ALL if self.chosen.drawn is not None else min((one.bound for one in self.found), default=ALL)

    @cached_property
    def draws(self) -> Draws:
        return np.concatenate([one.draws for one in self.found])

    @cached_property
    def n_bytes(self) -> Lengths:
        return np.concatenate([one.n_bytes for one in self.found])

    @cached_property
    def owner(self) -> Lengths:
        """Which piece each document is of."""
        return np.repeat(np.arange(len(self.found)), [len(one.draws) for one in self.found])

    @property
    def documents(self) -> int:
        """In what was read."""
        return sum(one.documents for one in self.found)

    @property
    def rejected(self) -> Counter[str]:
        return sum((one.rejected for one in self.found), Counter[str]())

    @property
    def skipped(self) -> Counter[str]:
        return sum((one.skipped for one in self.found), Counter[str]())

    @cached_property
    def longest(self) -> int:
        """Bytes above which a document is counted whatever its draw; no bound, where not all texts could be kept."""
        sure = certain(self.n_bytes) if self.exhaustible else np.zeros(len(self.draws), np.bool_)
        return int(self.n_bytes[~sure].max(initial=0)) if sure.any() else LONGEST

    @property
    def sure(self) -> Mask:
        """Which documents are counted whatever their draw."""
        return self.n_bytes > self.longest

    @property
    def counted(self) -> Mask:
        """Which of the kept documents are counted."""
        return below(self.draws, self.level) | (self.sure & (self.level > 0))

    @property
    def exhausted(self) -> bool:
        """Whether every document was counted, and nothing is left to chance."""
        return self.passed or (self.chosen.drawn is None and int(self.counted.sum()) == self.documents)

    @property
    def exhaustible(self) -> bool:
        """Whether the texts of all the source's documents are kept."""
        return self.chosen.drawn is None and all(one.bound == ALL for one in self.found)

    def sample(self, tokenizer: str) -> Sample:
        """The documents counted."""
        sure, tokens = self.sure, self.tokens[tokenizer]
        drawn = self.counted & ~sure
        held = int(self.n_bytes[sure].sum())
        return Sample(
            self.n_bytes[drawn].astype(np.float64),
            tokens[drawn].astype(np.float64),
            self.documents - int(sure.sum()),
            float(self.column("bytes").sum() - held),
            (float(held), float(tokens[sure].sum())),
        )

    def done(self, precision: float) -> bool:
        """Whether counting more would change nothing, or is not needed."""
        if self.passed or self.level >= self.bound:
            return True
        return bool(self.level) and all(self.sample(name).relative <= precision for name in self.tokens)

    def next_level(self, precision: float) -> int:
        """The draw below which the next, larger sample lies."""
        cheap = CHEAP * (CHEAP_AT / precision) ** 2 if precision else math.inf
        if self.chosen.drawn is not None or self.column("bytes").sum() <= cheap:
            return self.bound
        drawn = below(self.draws, self.bound) & ~self.sure
        within = np.sort(self.draws[drawn])
        wanted = larger(int((self.counted & drawn).sum()), self.documents - int(self.sure.sum()))
        return self.bound if wanted >= len(within) else int(within[wanted - 1]) + 1

    def tasks(self, level: int, name: str, counting: Counting) -> Iterator[CountTask]:
        """What a tokenizer is to count to come from the level now to the next; `take` takes it in the same order."""
        for _, cut in self._cuts(level):
            yield CountTask(cut, self.name, name, counting)

    def take(self, level: int, results: Mapping[str, Iterator[Lengths]]) -> None:
        """Put each tokenizer's counts of `tasks` in their places."""
        cuts = list(self._cuts(level))
        for name, found in results.items():
            column = self.tokens.setdefault(name, np.full(len(self.draws), -1, np.int64))
            for at, cut in cuts:
                column[(self.owner == at) & cut.holds(self.draws, self.n_bytes)] = next(found)
        self.level = level

    def _cuts(self, level: int) -> Iterator[tuple[int, Slice]]:
        """The piece and the part of it, of about `CHUNK` bytes each."""
        for at, one in enumerate(self.found):
            if one.kept is None:
                continue
            if not self.level:
                yield from ((at, cut) for cut in chunks(one, Slice(one.kept, 0, one.bound, self.longest)))
            high = min(level, one.bound)
            yield from ((at, cut) for cut in chunks(one, Slice(one.kept, self.level, high, -1, self.longest)))

    def of_pieces(self, tokenizer: str) -> Floats:
        """Tokens of each piece: of its counted documents, by their bytes brought up to all of its."""
        if self.passed:
            return np.array([one.tokens[tokenizer] for one in self.found], np.float64)
        counted = self.counted
        owner = self.owner[counted]
        tokens: Floats = np.bincount(owner, self.tokens[tokenizer][counted], len(self.found)).astype(np.float64)
        n_bytes = np.bincount(owner, self.n_bytes[counted], len(self.found))
        whole = np.array([one.bytes for one in self.found], np.float64)
        made: Floats = tokens * np.divide(whole, n_bytes, out=np.zeros_like(whole), where=n_bytes > 0)
        return made

    def column(self, name: str) -> Floats:
        """A figure of each piece: `documents`, `bytes` or `chars`."""
        return np.array([getattr(one, name) for one in self.found], np.float64)

    def first(self, most: int, longest: int = LONGEST) -> Iterator[Slice]:
        """The texts that chance puts first, of about so many bytes in all, but those above a length."""
        order = np.argsort(self.draws)
        order = order[self.n_bytes[order] <= longest]
        fits = int(np.searchsorted(np.cumsum(self.n_bytes[order]), most, side="right"))
        level = int(self.draws[order[min(fits, len(order) - 1)]]) + 1 if len(order) else 0
        yield from (
            Slice(one.kept, 0, min(level, one.bound), -1, longest) for one in self.found if one.kept is not None
        )

    def a_long_one(self, most: int) -> Iterator[Slice]:
        """The longest text of at most so many bytes."""
        fits = np.where(self.n_bytes <= most, self.n_bytes, -1)
        if len(fits) and fits.max() >= 0:
            at = int(fits.argmax())
            kept, draw = self.found[int(self.owner[at])].kept, int(self.draws[at])
            assert kept is not None  # it holds this document
            yield Slice(kept, draw, draw + 1)


def chunks(one: Found, whole: Slice) -> Iterator[Slice]:
    """A slice of a piece in slices of about `CHUNK` bytes."""
    inside = whole.holds(one.draws, one.n_bytes)
    order = np.argsort(one.draws[inside])
    draws, ends = one.draws[inside][order], np.cumsum(one.n_bytes[inside][order])
    low = whole.low
    for start in range(0, int(ends[-1]) if len(ends) else 0, CHUNK):
        last = int(np.searchsorted(ends, start + CHUNK, side="right"))
        high = whole.high if last >= len(ends) else int(draws[last])
        if high > low:
            yield replace(whole, low=low, high=high)
        low = high
