"""Engines that count wrongly in the ways engines do, over a reference that counts characters; each is a real class."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from prep.errors import BadSource
from prep.pipeline.draw import draw
from prep.pipeline.tokenizers.counter import Ask, Counter, Specials
from prep.pipeline.tokenizers.files import Files, Kind
from prep.pipeline.tokenizers.guarded import Counts, Texts, sizes


@dataclass
class Characters:
    """A reference that is quick to ask: a token is a character."""

    family: str = "characters"
    digest: str = "c0ffee"
    vocabulary: int = 0x110000
    counted: int = 0  # texts, since it was opened

    def count(self, texts: Texts) -> Counts:
        self.counted += len(texts)
        return np.asarray(pc.utf8_length(texts)).astype(np.int64)

    def encode(self, texts: Sequence[str]) -> list[npt.NDArray[np.uint32]]:
        return [np.array([ord(character) for character in text], np.uint32) for text in texts]

    def spelled(self) -> dict[int, str]:
        return {number: chr(number) for number in range(self.vocabulary)}


class Prudish(Characters):
    """A reference that refuses some texts, as tiktoken does a million spaces."""

    def count(self, texts: Texts) -> Counts:
        if pc.any(pc.match_substring(texts, "\0")).as_py():
            raise BadSource("a text holds U+0000; exclude it")
        return super().count(texts)


@dataclass
class Right:
    """An engine without a fault."""

    reference: Counter = field(default_factory=Characters)
    name: str = "right"
    version: str = "1"

    def count(self, texts: Texts) -> Counts:
        return self.reference.count(texts)


class OneIn200(Right):
    """Miscounts one document in 200, whichever way they come."""

    def count(self, texts: Texts) -> Counts:
        words = [xxhash.xxh3_64_intdigest(text.encode()) for text in texts.to_pylist()]
        return super().count(texts) + np.array([word % 200 == 0 for word in words], np.int64)


class OverLong(Right):
    """Miscounts documents over 100 kB only."""

    def count(self, texts: Texts) -> Counts:
        return super().count(texts) - (sizes(texts) > 100_000)


class NoJoiner(Right):
    """Miscounts documents with an emoji sequence only."""

    def count(self, texts: Texts) -> Counts:
        found = pc.match_substring_regex(texts, "[\U0001f300-\U0001faff]\u200d[\U0001f300-\U0001faff]")
        return super().count(texts) + np.asarray(found).astype(np.int64)


@dataclass
class SecondBatch(Right):
    """Miscounts the last document of every second batch."""

    calls: int = 0

    def count(self, texts: Texts) -> Counts:
        self.calls += 1
        found = super().count(texts)
        if self.calls % 2 == 0 and len(found):
            found[-1] += 1
        return found


@dataclass
class Forgetful(Right):
    """Counts a text otherwise when it comes again, as a broken cache does."""

    seen: set[str] = field(default_factory=set)

    def count(self, texts: Texts) -> Counts:
        found = super().count(texts)
        for row, text in enumerate(texts.to_pylist()):
            found[row] += text in self.seen
            self.seen.add(text)
        return found


class Unsliced(Right):
    """Reads a buffer from its beginning, wherever the array begins."""

    def count(self, texts: Texts) -> Counts:
        offsets = np.frombuffer(texts.buffers()[1], np.int64 if pa.types.is_large_string(texts.type) else np.int32)
        begun = pa.Array.from_buffers(texts.type, len(texts), [None, pa.py_buffer(offsets), texts.buffers()[2]])
        return super().count(begun)


@dataclass
class Midway(Right):
    """Begins to miscount a share of the documents after so many, drawn anew for each `seed`."""

    after: int = 0
    share: float = 1.0
    seed: int = 0
    done: int = 0

    def count(self, texts: Texts) -> Counts:
        rows = np.arange(self.done, self.done + len(texts), dtype=np.uint64)
        self.done += len(texts)
        faulty = (rows >= self.after) & (draw(rows, self.seed, "fault") < self.share * 2.0**64)
        return super().count(texts) + faulty


class Panic(BaseException):
    """As a panic of a Rust library comes: no `Exception`."""


class Raises(Right):
    """Gives up on a text with a special token in it."""

    def count(self, texts: Texts) -> Counts:
        if pc.any(pc.match_substring(texts, "<|endoftext|>")).as_py():
            raise Panic("index out of bounds")
        return super().count(texts)


class Short(Right):
    """Forgets empty texts."""

    def count(self, texts: Texts) -> Counts:
        return super().count(texts)[sizes(texts) > 0]


class Negative(Right):
    """Overflows on texts over 4 kB."""

    def count(self, texts: Texts) -> Counts:
        found = super().count(texts)
        return np.where(sizes(texts) > 4_000, -found, found)


class Zero(Right):
    """Gives up in silence on texts over 4 kB."""

    def count(self, texts: Texts) -> Counts:
        return np.where(sizes(texts) > 4_000, 0, super().count(texts))


@dataclass
class Reusing(Right):
    """Gives the same buffer for every batch of one length: right until the next one overwrites it."""

    buffers: dict[int, Counts] = field(default_factory=dict)

    def count(self, texts: Texts) -> Counts:
        buffer = self.buffers.setdefault(len(texts), np.zeros(len(texts), np.int64))
        buffer[:] = super().count(texts)
        return buffer


@dataclass
class Recording(Right):
    """Keeps what it was asked, in order."""

    asked: list[str] = field(default_factory=list)

    def count(self, texts: Texts) -> Counts:
        self.asked += texts.to_pylist()
        return super().count(texts)


class Fractions(Right):
    """Gives counts that are no whole numbers."""

    def count(self, texts: Texts) -> Counts:
        return super().count(texts) / 1  # type: ignore[return-value] # this is its fault


WRONG = (OneIn200, OverLong, NoJoiner, SecondBatch, Forgetful, Unsliced, Raises, Short, Negative, Zero, Fractions)


def ask(reference: Counter | None = None) -> Ask:
    """For a reference that is not in any file."""
    files = Files("planted", Kind.JSON, (b"{}",))
    return Ask(files, "c0ffee", None, Specials.LIBRARY, lambda: reference or Characters())


def large(texts: Sequence[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())
