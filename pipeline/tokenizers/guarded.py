"""A believed engine at work: every batch looked over, one document in ten thousand counted again by the reference."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.pipeline.draw import draw, halves
from prep.pipeline.tokenizers.counter import Counter, Engine

RATE = 10_000  # one document in so many is counted again: 0.8% more time for an engine of 150 MB/s, a reference of 2
SHARES = (0.1, 0.01, 0.001)  # of documents miscounted, for which the manifest says how likely a fault is to stay unseen
LONGEST = 1_000_000  # bytes of a text to count again: the reference takes 60 to 130 times a text's size in memory
MOST_TOKENS = (4, 16)  # a text of n bytes has seldom more than 4 n + 16 tokens; where it has, the reference must say so
QUOTED = 300  # characters of an engine's own error message

Texts: TypeAlias = pa.StringArray | pa.LargeStringArray
Counts: TypeAlias = npt.NDArray[np.int64]


class Failed(Exception):
    """An engine gave no counts at all; the text says what it did instead."""


def counted(engine: Engine, texts: Texts) -> Counts:
    """One count for each text, of whatever sense.

    Errors: Failed, where the engine raised, or gave something else.
    """
    try:
        found = np.asarray(engine.count(texts))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of a Rust library derives from BaseException alone
        raise Failed(f"raised {type(error).__name__}: {str(error)[:QUOTED]}") from error
    if found.shape != (len(texts),):
        raise Failed(f"gave counts of shape {found.shape} for {len(texts):,} texts")
    if found.dtype.kind not in "iu":
        raise Failed(f"gave counts of type {found.dtype}, not whole numbers")
    return found.astype(np.int64)  # a copy: an engine may use its buffer again for the next batch


def sizes(texts: Texts) -> Counts:
    """UTF-8 bytes of each text."""
    lengths: Counts = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


def drawn(hashes: pa.FixedSizeBinaryArray, digest: str, rate: int) -> npt.NDArray[np.bool_]:
    """Which documents are counted again: by text and tokenizer alone, so that batches and workers do not matter."""
    one, two = halves(hashes)
    chosen: npt.NDArray[np.bool_] = draw(one ^ two, 0, f"recheck/{digest}") % np.uint64(rate) == 0
    return chosen


def missed(share: float, documents: int, rate: int = RATE) -> float:
    """The probability that no re-check meets a fault that miscounts this share of the documents, whichever they are.

    It holds for documents of different texts of up to `LONGEST` bytes: copies are drawn together, longer ones never.
    """
    return math.exp(documents * math.log1p(-share / rate)) if share < rate else float(not documents)


def promise(documents: int, rate: int = RATE) -> str:
    """What the re-check is worth over so many documents, for the manifest."""
    chances = ", ".join(f"{share:.1%} with probability {missed(share, documents, rate):.2g}" for share in SHARES)
    return (
        f"of {documents:,} documents of up to {LONGEST:,} bytes, 1 in {rate:,}, drawn by the hash of its text, was "
        f"counted again by the reference; a fault stays unseen that miscounts {chances}"
    )


@dataclass(frozen=True)
class Mismatch:
    """What an engine did wrong, and on which text: of a batch that gave no counts, on the first."""

    engine: str
    version: str
    text_hash: str
    counted: int | None = None
    expected: int | None = None
    error: str = ""


class Guarded:
    """Counts by the engine until it is caught; from there on, in this process, by the reference."""

    def __init__(self, engine: Engine, reference: Callable[[], Counter], digest: str, rate: int = RATE) -> None:
        """`reference` opens the tokenizer in its own library, when first needed; `digest` is the tokenizer's."""
        self._engine, self._open, self._digest, self._rate = engine, reference, digest, rate
        self._reference: Counter | None = None
        self._caught = False
        self._tally = nothing()

    def count(self, texts: Texts, hashes: pa.FixedSizeBinaryArray) -> Counts:
        """Tokens of each text; `hashes` are the texts' own, of 16 bytes."""
        if not self._caught:
            try:
                found = counted(self._engine, texts)
                wrong = self._wrong(texts, hashes, found)
            except Failed as failure:
                wrong = self._mismatch(hashes, 0, error=str(failure))
            if wrong is None:
                return found
            self._caught = True
            self._tally["mismatches"].append(asdict(wrong))
        self._tally["by_reference"] += len(texts)
        return self._by_reference(texts)

    def tally(self) -> dict[str, Any]:
        """What was done since the last call, as plain data.

        `documents` counted by the engine, of which `rechecked`; the `longest` of them in bytes; documents counted
        `by_reference` after a mismatch; and the `mismatches`: they make doubtful all that the engine counted before.
        """
        done, self._tally = self._tally, nothing()
        return done

    def _wrong(self, texts: Texts, hashes: pa.FixedSizeBinaryArray, found: Counts) -> Mismatch | None:
        """The first document that the reference counts otherwise, of those drawn and those whose count looks wrong."""
        length = sizes(texts)
        again = np.flatnonzero((drawn(hashes, self._digest, self._rate) & (length <= LONGEST)) | _odd(found, length))
        if len(again):
            expected = self._by_reference(texts.take(pa.array(again)))
            for row, right in zip(again.tolist(), expected.tolist(), strict=True):
                if found[row] != right:
                    return self._mismatch(hashes, row, counted=int(found[row]), expected=right)
        self._tally["documents"] += len(texts)
        self._tally["rechecked"] += len(again)
        self._tally["longest"] = max(self._tally["longest"], int(length.max(initial=0)))
        return None

    def _mismatch(self, hashes: pa.FixedSizeBinaryArray, row: int, **what: Any) -> Mismatch:
        text_hash = hashes[row].as_py().hex() if len(hashes) else ""
        return Mismatch(self._engine.name, self._engine.version, text_hash, **what)

    def _by_reference(self, texts: Texts) -> Counts:
        if self._reference is None:
            self._reference = self._open()
        return self._reference.count(texts)


def _odd(found: Counts, length: Counts) -> npt.NDArray[np.bool_]:
    """Counts that hardly any text can have."""
    factor, more = MOST_TOKENS
    odd: npt.NDArray[np.bool_] = (found < 0) | (found > factor * length + more) | ((found == 0) & (length > 0))
    return odd


def nothing() -> dict[str, Any]:
    """A tally before the first document."""
    return {"documents": 0, "rechecked": 0, "longest": 0, "by_reference": 0, "mismatches": []}
