"""The seam between an audit and the tokenizers: which engines count, and how each process counts with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.pipeline import counting
from prep.pipeline.audit import probes
from prep.pipeline.counting import REFERENCE, Decision
from prep.pipeline.ingest import hashes
from prep.pipeline.settings import Tokenizer
from prep.pipeline.spread import Spread
from prep.pipeline.tokenizers import remembered
from prep.pipeline.tokenizers.remembered import Portrait
from prep.pipeline.tokenizers.selfcheck import Sample


class Miscounted(Exception):
    """An engine that was believed differs from the reference after all; what it counted is worth nothing."""

    def __init__(self, tokenizer: str, source: str) -> None:
        super().__init__(tokenizer, source)
        self.tokenizer, self.source = tokenizer, source


def learn(tokenizers: Iterable[Tokenizer], spread: Spread) -> None:
    """Have the workers open those whose portrait is not remembered, which takes a second each.

    Errors: BadTokenizer.
    """
    texts = tuple(probes.texts().values())
    list(spread(portrait, [each for each in tokenizers if remembered.known(counting.digest(each), texts) is None]))


@lru_cache(maxsize=16)
def portrait(given: Tokenizer) -> Portrait:
    """What a tokenizer is, and makes of the probes."""
    texts = tuple(probes.texts().values())
    return remembered.portrait(counting.digest(given), partial(counting.reference, given), texts)


@dataclass(frozen=True)
class Described:
    """A tokenizer, and what counts with it."""

    family: str
    vocabulary: int
    engine: str


@dataclass(frozen=True)
class Counting:
    """Small, so that it travels to every worker; each process opens a tokenizer once, when it first counts with it.

    Until `checked`, and for the tokenizers in `distrusted`, the reference counts.
    """

    tokenizers: Mapping[str, Tokenizer]
    digests: Mapping[str, str]
    distrusted: frozenset[str] = frozenset()
    decisions: Mapping[str, Decision] = field(default_factory=dict)

    def checking(self, samples: Mapping[str, pa.LargeStringArray], spread: Spread) -> Iterator[Counting]:
        """What counts after a look at the first documents drawn of each source: again for each tokenizer looked at."""
        trusted = {name: given for name, given in self.tokenizers.items() if name not in self.distrusted}
        texts = pa.concat_arrays([pa.array([], pa.large_string()), *samples.values()])
        places = [(source, number) for source, found in samples.items() for number in range(len(found))]
        ids = tuple(f"{source}, document {number + 1} drawn" for source, number in places)
        made = self
        yield made
        for name, decision in counting.deciding(trusted, Sample(texts, ids, tuple(one for one, _ in places)), spread):
            made = replace(made, decisions={**made.decisions, name: decision})
            yield made

    @property
    def checked(self) -> list[str]:
        """The tokenizers that need no further look."""
        return [name for name in self.tokenizers if name in self.distrusted or name in self.decisions]

    def count(self, name: str, texts: pa.LargeStringArray, source: str) -> npt.NDArray[np.int64]:
        """Tokens of each text.

        Errors: Miscounted.
        """
        counter = counting.opened(self.tokenizers[name], self._engine(name, source), self.digests[name], name)
        tokens = counter.count(texts, hashes(texts))
        if counter.tally()["mismatches"]:
            raise Miscounted(name, source)
        return tokens

    def described(self, name: str, source: str) -> Described:
        """What the figures say of a tokenizer."""
        seen = portrait(self.tokenizers[name])
        engine = self._engine(name, source)
        versions = dict(self.decisions[name].evidence.engines) if name in self.decisions else {}
        return Described(seen.family, seen.vocabulary, f"{engine} {versions.get(engine, '')}".rstrip())

    def _engine(self, name: str, source: str) -> str:
        return self.decisions[name].engine(source) if name in self.decisions else REFERENCE


def opened(tokenizers: Mapping[str, Tokenizer], distrusted: frozenset[str]) -> Counting:
    """Before any check."""
    return Counting(tokenizers, {name: counting.digest(given) for name, given in tokenizers.items()}, distrusted)
