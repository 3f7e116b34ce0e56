"""Whether an engine is believed: it must count as the reference does, document by document, on the run's own text too.

Every text is counted several times, in other company: an engine may go wrong on every second batch, on text it has
seen before, or where a batch begins inside a buffer. One wrong count refuses it for the tokenizer as a whole.
"""

import hashlib
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import cycle, zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.errors import BadInput
from prep.pipeline.tokenizers import adversarial
from prep.pipeline.tokenizers.counter import Ask, Engine
from prep.pipeline.tokenizers.guarded import LONGEST, Counts, Failed, Texts, counted, sizes
from prep.pipeline.tokenizers.race import winner, winners

VERSION = 1  # of what is checked and how; another one makes every remembered check void
CUTS = (1, 2, 3, 97, 5, 512, 1, 31)  # texts per batch, again and again
ALONE = 64  # texts of each set that are also counted one by one
LONG, JOINED, SOME = 100_000, 150_000, 4  # bytes: a source without a text above LONG gets one of JOINED, if it is large
VERY_LONG = 900_000  # bytes: likewise for the whole sample one of LONGEST. The reference takes 60-130 MB for it.
DOUBT = 0.05  # the bound on the share of miscounted documents holds with the probability 1 - DOUBT


@dataclass(frozen=True)
class Sample:
    """Documents of the run, about 2 MB over all sources; none above `LONGEST`, for the reference's memory."""

    texts: pa.LargeStringArray
    ids: Sequence[str]
    sources: Sequence[str]

    def __post_init__(self) -> None:
        """Three columns of one length."""
        if not len(self.texts) == len(self.ids) == len(self.sources) or self.texts.null_count:
            columns = f"{len(self.texts)} texts ({self.texts.null_count} null), {len(self.ids)} ids"
            raise ValueError(f"a sample needs a text, an id and a source for each row, not {columns}")

    @cached_property
    def digest(self) -> str:
        """Sha256 over sources, ids and texts in order."""
        whole = hashlib.sha256()
        for row in zip(self.sources, self.ids, self.texts.to_pylist(), strict=True):
            for value in row:
                content = value.encode()
                whole.update(len(content).to_bytes(8, "big") + content)
        return whole.hexdigest()

    @cached_property
    def rows(self) -> dict[str, npt.NDArray[np.int64]]:
        """Where each source's documents are, by name."""
        column = np.array(self.sources, dtype=object)
        return {source: np.flatnonzero(column == source) for source in sorted(set(self.sources))}

    def of(self, source: str) -> pa.LargeStringArray:
        """The texts of a source."""
        return self.texts.take(pa.array(self.rows[source]))


@dataclass(frozen=True)
class Known:
    """Texts and their right counts."""

    texts: pa.LargeStringArray
    ids: Sequence[str]
    sources: Sequence[str]
    counts: Counts


@dataclass(frozen=True)
class Refusal:
    """Why an engine is not believed: a document that it counts wrongly, or where it gave no count at all."""

    engine: str
    version: str
    document: str
    source: str = ""
    counted: int | None = None
    expected: int | None = None
    error: str = ""

    def __str__(self) -> str:
        """For people."""
        what = self.error or f"{self.counted:,} tokens, not {self.expected:,}"
        return f"{self.engine} {self.version} is refused: {self.document}{self.source and f' of {self.source}'}: {what}"


@dataclass(frozen=True)
class Checked:
    """What was compared of one source, and which engine counts it; None is the reference."""

    source: str
    engine: str | None
    documents: int
    bytes: int
    longest: int

    @property
    def bound(self) -> float:
        """At 95% confidence no larger share of the source's documents is miscounted, if the sample was random.

        1 - 0.05^(1/n), which is about 3/n (the rule of three): any larger share would have shown with 95% in n draws.
        """
        return 0.0 if self.engine is None else 1 - DOUBT ** (1 / max(self.documents, 1))


@dataclass(frozen=True)
class Evidence:
    """On what an engine is believed, as plain data; no figure in it is a time."""

    tokenizer: str
    specials: str
    engines: tuple[tuple[str, str], ...]  # name and version of each engine that was asked
    sample: str
    adversarial: str
    adversarial_texts: int
    joined: tuple[int, ...]  # bytes of texts that were joined of documents, where no document was as long
    sources: tuple[Checked, ...]
    refusals: tuple[Refusal, ...]

    def engine_of(self, source: str) -> str | None:
        """Which engine counts a source; None, where none is believed or the source was not in the sample."""
        return next((checked.engine for checked in self.sources if checked.source == source), None)

    @property
    def longest(self) -> int:
        """Bytes of the longest text that was compared; above it nothing is proved."""
        return max((*self.joined, *(checked.longest for checked in self.sources)), default=0)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        bounds = [{"bound": checked.bound} for checked in self.sources]
        sources = [asdict(checked) | bound for checked, bound in zip(self.sources, bounds, strict=True)]
        listed = {"engines": [list(engine) for engine in self.engines], "joined": list(self.joined)}
        refusals = [asdict(refusal) for refusal in self.refusals]
        return asdict(self) | listed | {"sources": sources, "refusals": refusals, "longest": self.longest}


def decide(ask: Ask, engines: Sequence[Engine], sample: Sample) -> Evidence:
    """Which engines may count which source: of those that make no mistake, the fastest on its text."""
    odd = adversarial.texts(adversarial.own_specials(ask))
    long = _long(ask, sample) if engines else None
    # The reference counts before the engines race: meanwhile other workers compile what the engines need.
    known, refusals = _known(ask, engines, odd, sample) if engines else ((), ())
    first = winners(engines, sample.texts, sample.rows)
    if known and long:
        found = (check(engine, (*known, long)) for engine in engines)
        refusals = tuple(refusal for refusal in found if refusal)
    wrong = {(refusal.engine, refusal.version) for refusal in refusals}
    believed = [engine for engine in engines if (engine.name, engine.version) not in wrong]
    return Evidence(
        tokenizer=ask.digest,
        specials=ask.specials.value,
        engines=tuple((engine.name, engine.version) for engine in engines),
        sample=sample.digest,
        adversarial=adversarial.digest(odd),
        adversarial_texts=len(odd),
        joined=tuple(sizes(long.texts).tolist()) if long else (),
        sources=tuple(_checked(sample, source, first[source], believed) for source in sample.rows),
        refusals=refusals,
    )


def check(engine: Engine, sets: Sequence[Known]) -> Refusal | None:
    """The first text that the engine does not count as the reference did, in any company; None where there is none."""
    for known in sets:
        for rows, texts in _passes(known.texts):
            try:
                found = counted(engine, texts)
            except Failed as failure:
                row = _culprit(engine, texts)
                document = known.ids[rows[row]] if row is not None else f"a batch of {len(texts):,} texts"
                source = known.sources[rows[row]] if row is not None else ""
                return Refusal(engine.name, engine.version, document, source, error=str(failure))
            if len(wrong := np.flatnonzero(found != known.counts[rows])):
                first = rows[wrong[0]]
                counts = int(found[wrong[0]]), int(known.counts[first])
                return Refusal(engine.name, engine.version, known.ids[first], known.sources[first], *counts)
    return None


def _known(
    ask: Ask, engines: Sequence[Engine], odd: Sequence[str], sample: Sample
) -> tuple[tuple[Known, ...], tuple[Refusal, ...]]:
    """The reference's counts, each text once; or why it cannot judge any of the engines."""
    names = [f"adversarial text {number}: {_shown(text)}" for number, text in enumerate(odd)]
    texts = pa.array(odd, pa.large_string())
    try:
        first = Known(texts, names, [""] * len(odd), ask.reference.count(texts))
    except BadInput as error:  # an engine that counts what the reference refuses would hide its message
        reason = f"the reference does not count them all: {error}"
        return (), tuple(Refusal(engine.name, engine.version, "adversarial texts", error=reason) for engine in engines)
    return (first, Known(sample.texts, sample.ids, sample.sources, ask.reference.count(sample.texts))), ()


def _passes(texts: pa.LargeStringArray) -> Iterator[tuple[npt.NDArray[np.int64], Texts]]:
    """All texts several times: in one batch, in many, backwards and from within a longer buffer, and some alone."""
    rows = np.arange(len(texts))
    yield rows, texts
    start = 0
    for size in cycle(CUTS):
        if start >= len(texts):
            break
        yield rows[start : start + size], texts[start : start + size]
        start += size
    back = rows[::-1]
    yield back, pa.concat_arrays([texts[:1], texts.take(pa.array(back)), texts[:1]])[1:-1]
    for row in rows[:: max(1, len(rows) // ALONE)]:
        yield rows[row : row + 1], pa.array([texts[row].as_py()], pa.string())
    yield rows[:0], texts[:0]


def _culprit(engine: Engine, texts: Texts) -> int | None:
    """The first text that the engine cannot count alone, if that is how it fails."""
    for row in range(len(texts)):
        try:
            counted(engine, texts[row : row + 1])
        except Failed:
            return row
    return None


def _long(ask: Ask, sample: Sample) -> Known:
    """Long texts where the sample has none: of the largest sources one each, and of all sources one of 1 MB."""
    known = []
    for source, text in _joined(sample):
        try:
            known.append((source, text, int(ask.reference.count(pa.array([text]))[0])))
        except BadInput:  # tiktoken gives up on a million spaces, which no document has
            continue
    sources, texts, counts = zip(*known, strict=True) if known else ((), (), ())
    names = [f"{len(text.encode()):,} bytes of joined documents" for text in texts]
    return Known(pa.array(texts, pa.large_string()), names, sources, np.array(counts, np.int64))


def _joined(sample: Sample) -> Iterator[tuple[str, str]]:
    """Source and text."""
    lengths = sizes(sample.texts)
    totals = Tally({source: int(lengths[rows].sum()) for source, rows in sample.rows.items()})
    for source, total in totals.most_common(SOME):
        if total and lengths[sample.rows[source]].max() <= LONG:
            yield source, _join(sample.of(source).to_pylist(), JOINED)
    if lengths.sum() and lengths.max() <= VERY_LONG:
        turns = [int(row) for rows in zip_longest(*sample.rows.values()) for row in rows if row is not None]
        yield "", _join(sample.texts.take(pa.array(turns)).to_pylist(), LONGEST)


def _join(texts: Sequence[str], size: int) -> str:
    """Texts one after the other, again from the first if need be, up to a size in bytes."""
    parts, room = [], size
    for text in cycle(texts):
        parts.append(text)
        room -= len(text.encode()) + 1
        if room <= 0:
            break
    return "\n".join(parts).encode()[:size].decode(errors="ignore")


def _checked(sample: Sample, source: str, first: str | None, believed: Sequence[Engine]) -> Checked:
    """The source's figures, and the engine that came in first; where that is refused, the first of the others."""
    texts = sample.of(source)
    lengths = sizes(texts)
    engine = first if first in {one.name for one in believed} else winner(believed, texts)
    return Checked(source, engine, len(texts), int(lengths.sum()), int(lengths.max()))


def _shown(text: str) -> str:
    return ascii(text[:24]) + ("…" if len(text) > 24 else "")
