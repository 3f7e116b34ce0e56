"""How texts are counted on this machine: by which engine, on what evidence. The counts are the reference's in any case.

An engine counts for a source once it has counted a sample of its documents, and texts made to mislead it, as the
tokenizer's own library does; see `tokenizers/selfcheck.py`. What it counts afterwards is looked at now and then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.pipeline.settings import Tokenizer
from prep.pipeline.spread import Spread
from prep.pipeline.tokenizers import ahead, ask_of, digest_of
from prep.pipeline.tokenizers.counter import Ask, Counter, Engine, Specials, Unsuited
from prep.pipeline.tokenizers.engines import ENGINES, candidates
from prep.pipeline.tokenizers.guarded import RATE, Guarded, nothing
from prep.pipeline.tokenizers.remembered import decided, recall, recalled
from prep.pipeline.tokenizers.selfcheck import Evidence, Sample

RECHECK = RATE  # one document in so many is counted again
KEPT = 8  # opened at once by a process; an engine takes up to 400 MB
REFERENCE = "reference"  # what an engine is called where the tokenizer's own library counts


class Counting(Protocol):
    """A tokenizer as it counts here."""

    def count(self, texts: pa.LargeStringArray, hashes: pa.FixedSizeBinaryArray) -> npt.NDArray[np.int64]:
        """Tokens of each text; `hashes` are the texts' own, of 16 bytes."""

    def tally(self) -> dict[str, Any]:
        """What was done since last asked; see `Guarded.tally`."""


@dataclass
class ByReference:
    """Counts by the tokenizer's own library."""

    counter: Counter
    done: dict[str, Any] = field(default_factory=nothing)

    def count(self, texts: pa.LargeStringArray, hashes: pa.FixedSizeBinaryArray) -> npt.NDArray[np.int64]:
        """Tokens of each text."""
        self.done["by_reference"] += len(texts)
        return self.counter.count(texts)

    def tally(self) -> dict[str, Any]:
        """Nothing but how many documents."""
        done, self.done = self.done, nothing()
        return done


@dataclass(frozen=True)
class Decision:
    """Which engine counts which source; the engines that cannot stand for this tokenizer, and why."""

    evidence: Evidence
    unsuited: Mapping[str, str]

    def engine(self, source: str) -> str:
        """What counts a source."""
        return self.evidence.engine_of(source) or REFERENCE

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.evidence.plain(), "unsuited": dict(self.unsuited)}


@dataclass(frozen=True)
class _Question:
    given: Tokenizer
    sample: Sample


_opened: dict[tuple[Tokenizer, str, str, str], Counting] = {}


def digest(given: Tokenizer) -> str:
    """Of the tokenizer as its file is now."""
    return digest_of(given.path, given.pattern, Specials(given.specials))


def opened(given: Tokenizer, engine: str, sha256: str, name: str) -> Counting:
    """The tokenizer of that digest with an engine, once per process: caches stay warm from shard to shard.

    By name too, for each keeps its own tally, and two names may stand for one file.
    """
    key = (given, engine, sha256, name)
    if key not in _opened:
        while len(_opened) >= KEPT:
            del _opened[next(iter(_opened))]  # the one opened first
        _opened[key] = _open(_asked(given), engine)
    return _opened[key]


@lru_cache(maxsize=16)
def reference(given: Tokenizer) -> Counter:
    """The tokenizer in its own library."""
    return _asked(given).reference


def bare(given: Tokenizer, engine: str) -> Engine | Counter:
    """What counts, unwatched: for measurements."""
    ask = _asked(given)
    return ask.reference if engine == REFERENCE else ENGINES[engine](ask)


def _open(ask: Ask, engine: str) -> Counting:
    """An engine that a remembered check names and that is there no more leaves the work to the reference."""
    try:
        found = ENGINES[engine](ask) if engine != REFERENCE else None
    except (KeyError, Unsuited):
        found = None
    return ByReference(ask.reference) if found is None else Guarded(found, lambda: ask.reference, ask.digest, RECHECK)


def _asked(given: Tokenizer) -> Ask:
    return ask_of(given.path, given.pattern, Specials(given.specials))


def decide(tokenizers: Mapping[str, Tokenizer], sample: Sample, spread: Spread) -> dict[str, Decision]:
    """Of each tokenizer, by name, which engine counts which source, from the sample's documents."""
    return dict(deciding(tokenizers, sample, spread))


def deciding(tokenizers: Mapping[str, Tokenizer], sample: Sample, spread: Spread) -> Iterator[tuple[str, Decision]]:
    """The same, each as soon as it and those before it are there: a fresh machine compiles for half a minute."""
    known = {name: recalled(digest(given), given.specials, sample) for name, given in tokenizers.items()}
    new = [given for name, given in tokenizers.items() if known[name] is None]
    spread(_compile, _kernels(new))  # begun, and not waited for
    answers = spread(_decide, [_Question(given, sample) for given in new])
    for name, found in known.items():
        yield name, next(answers) if found is None else Decision(*found)


@dataclass(frozen=True)
class _Kernel:
    """What an engine needs compiled, and tokenizers to count a little by."""

    engine: str
    given: tuple[Tokenizer, ...]


def _kernels(tokenizers: Sequence[Tokenizer]) -> list[_Kernel]:
    """Those that are not compiled yet, and may be of use."""
    found = [
        _Kernel(engine, tuple(given for given in tokenizers if ahead.may_use(engine, _asked(given))))
        for engine in ahead.uncompiled()
    ]
    return [kernel for kernel in found if kernel.given]


def _compile(kernel: _Kernel) -> None:
    ahead.compile_for(kernel.engine, map(_asked, kernel.given))


def _decide(question: _Question) -> Decision:
    """Runs in a worker: the reference takes memory, and every tokenizer its seconds."""
    ask, sample = _asked(question.given), question.sample
    _ = ask.reference  # first: what is wrong with the file is its library's to say
    engines, refused = candidates(ask)
    evidence = decided(ask, engines, sample)
    unsuited = {each.engine: each.reason for each in refused}
    recall(evidence, unsuited, sample)
    return Decision(evidence, unsuited)
