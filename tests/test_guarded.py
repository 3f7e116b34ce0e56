"""A believed engine is watched: what the re-check promises holds, and whatever goes wrong the counts are right."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prep.errors import BadSource
from prep.pipeline.ingest import hashes
from prep.pipeline.tokenizers.counter import Counter, Engine
from prep.pipeline.tokenizers.guarded import LONGEST, Counts, Guarded, Texts, drawn, missed, promise
from tests import planted
from tests.planted import Characters, Midway, Prudish, Right, large

DOCUMENTS = large([f"{'a document of so many words ' * (number % 5)}{number}" for number in range(2_000)])
HASHES = hashes(DOCUMENTS)


class Opened:
    """Opens a reference, and knows how often."""

    def __init__(self, reference: Counter | None = None) -> None:
        self.times, self.reference = 0, reference or Characters()

    def __call__(self) -> Counter:
        self.times += 1
        return self.reference


def guarded(engine: Engine, rate: int = 100, digest: str = "c0ffee") -> Guarded:
    return Guarded(engine, Opened(), digest, rate)


def in_batches(guard: Guarded, texts: Texts, cuts: list[int]) -> Counts:
    hashed = hashes(texts)
    ends = [*sorted(cut % (len(texts) + 1) for cut in cuts), len(texts)]
    starts = [0, *ends[:-1]]
    batches = [slice(start, end) for start, end in zip(starts, ends, strict=True)]
    return np.concatenate([guard.count(texts[batch], hashed[batch]) for batch in batches])


@given(st.lists(st.integers(0, 2_000), max_size=12))
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    guard = guarded(Right())
    assert (in_batches(guard, DOCUMENTS, cuts) == Characters().count(DOCUMENTS)).all()
    tally = guard.tally()
    assert tally["rechecked"] == drawn(HASHES, "c0ffee", 100).sum()
    assert tally == {
        "documents": 2_000, "rechecked": tally["rechecked"], "longest": max(map(len, DOCUMENTS.to_pylist())),
        "by_reference": 0, "mismatches": [],
    }  # fmt: skip
    assert guard.tally() == {"documents": 0, "rechecked": 0, "longest": 0, "by_reference": 0, "mismatches": []}


@given(st.integers(1, 5_000), st.text(max_size=5))
@example(1, "")
def test_the_draw_is_of_its_rate_and_hangs_on_the_text_alone(rate: int, digest: str) -> None:
    chosen = drawn(HASHES, digest, rate)
    assert abs(chosen.sum() - 2_000 / rate) <= 8 * math.sqrt(2_000 / rate) + 4
    backwards = HASHES.take(pa.array(np.arange(2_000)[::-1]))
    assert (drawn(backwards, digest, rate)[::-1] == chosen).all()
    assert (drawn(HASHES[700:900], digest, rate) == chosen[700:900]).all()


def test_tokenizers_draw_independently() -> None:
    one, two = drawn(HASHES, "one", 10), drawn(HASHES, "two", 10)
    assert 5 <= (one & two).sum() <= 40  # of 20 expected
    assert len(drawn(HASHES[:0], "one", 10)) == 0


def test_the_reference_is_opened_only_when_a_document_is_drawn() -> None:
    opened = Opened()
    guard = Guarded(Right(), opened, "c0ffee", 10**9)
    guard.count(DOCUMENTS, HASHES)
    assert opened.times == 0
    guard = Guarded(Right(), opened, "c0ffee", 10)
    guard.count(DOCUMENTS, HASHES)
    guard.count(DOCUMENTS, HASHES)
    assert opened.times == 1


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize(("rate", "after"), [(50, 100), (200, 0), (20, 150)])
def test_a_fault_stays_unseen_as_often_as_the_manifest_says(rate: int, after: int, share: float) -> None:
    """Over 2,000 tokenizers, each with faults and draws of its own: the frequency is within 4 standard deviations."""
    documents, trials = 200, 2_000
    texts, hashed = DOCUMENTS[:documents], HASHES[:documents]
    right = Characters().count(texts)
    unseen = 0
    for trial in range(trials):
        guard = guarded(Midway(after=after, share=share, seed=trial), rate, str(trial))
        found = np.concatenate(
            [guard.count(texts[at : at + 50], hashed[at : at + 50]) for at in range(0, documents, 50)]
        )
        caught = bool(guard.tally()["mismatches"])
        assert caught or (found[:after] == right[:after]).all()
        unseen += not caught
    expected = missed(share, documents - after, rate)
    assert abs(unseen / trials - expected) <= 4 * math.sqrt(expected * (1 - expected) / trials)


def test_from_a_mismatch_on_the_reference_counts() -> None:
    guard = guarded(Midway(after=1_000), rate=10)
    found = np.concatenate(
        [guard.count(DOCUMENTS[at : at + 500], HASHES[at : at + 500]) for at in range(0, 2_000, 500)]
    )
    assert (found == Characters().count(DOCUMENTS)).all()
    tally = guard.tally()
    assert (tally["documents"], tally["by_reference"]) == (1_000, 1_000)
    (mismatch,) = tally["mismatches"]
    row = HASHES.to_pylist().index(bytes.fromhex(mismatch["text_hash"]))
    assert 1_000 <= row < 1_500
    assert drawn(HASHES, "c0ffee", 10)[row]
    assert mismatch["expected"] == len(DOCUMENTS[row].as_py()) == mismatch["counted"] - 1
    guard.count(DOCUMENTS[:7], HASHES[:7])
    assert guard.tally() == {"documents": 0, "rechecked": 0, "longest": 0, "by_reference": 7, "mismatches": []}


ODD = large(["", "short", "<|endoftext|>", "long " * 1_000, "", "end"])


@pytest.mark.parametrize("kind", [planted.Raises, planted.Short, planted.Fractions, planted.Negative, planted.Zero])
def test_what_cannot_be_a_count_is_caught_in_its_batch_without_a_draw(kind: type[Right]) -> None:
    guard = guarded(kind(), rate=10**9)
    assert guard.count(ODD, hashes(ODD)).tolist() == Characters().count(ODD).tolist()
    tally = guard.tally()
    assert (tally["documents"], tally["by_reference"]) == (0, len(ODD))
    (mismatch,) = tally["mismatches"]
    assert (mismatch["engine"], mismatch["version"]) == ("right", "1")
    assert mismatch["error"] or mismatch["counted"] != mismatch["expected"]


def test_counts_stay_when_an_engine_uses_its_buffer_again() -> None:
    guard = guarded(planted.Reusing())
    found = [guard.count(DOCUMENTS[at : at + 500], HASHES[at : at + 500]) for at in range(0, 2_000, 500)]
    assert (np.concatenate(found) == Characters().count(DOCUMENTS)).all()


class Swelling(Characters):
    """A tokenizer of a hundred tokens for a character, and none for a space."""

    def count(self, texts: Texts) -> Counts:
        return np.array([100 * len(text.strip()) for text in texts.to_pylist()], np.int64)


def test_odd_counts_that_the_reference_confirms_are_no_fault() -> None:
    guard = Guarded(Right(Swelling()), Opened(Swelling()), "c0ffee", 10**9)
    texts = large(["word", "   ", "", "\u3000"])
    assert guard.count(texts, hashes(texts)).tolist() == [400, 0, 0, 0]
    tally = guard.tally()
    assert (tally["documents"], tally["rechecked"], tally["mismatches"]) == (4, 3, [])


def test_a_text_over_1_mb_is_not_counted_again() -> None:
    texts = large(["x" * (LONGEST + 1), "y" * LONGEST])
    guard = guarded(Right(), rate=1)
    guard.count(texts, hashes(texts))
    tally = guard.tally()
    assert (tally["documents"], tally["rechecked"], tally["longest"]) == (2, 1, LONGEST + 1)


def test_an_empty_batch_counts_nothing() -> None:
    guard = guarded(Right(), rate=1)
    assert guard.count(DOCUMENTS[:0], HASHES[:0]).tolist() == []
    assert guard.tally()["documents"] == 0


def test_what_the_reference_refuses_ends_the_run() -> None:
    texts = large(["a\0b"])
    with pytest.raises(BadSource, match="exclude it"):
        Guarded(Right(), Opened(Prudish()), "c0ffee", 1).count(texts, hashes(texts))


def test_an_interrupt_is_not_an_engines_fault() -> None:
    class Interrupted(Right):
        def count(self, texts: Texts) -> Counts:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(Interrupted()).count(DOCUMENTS, HASHES)


@given(st.floats(0, 1), st.integers(0, 10**6), st.integers(1, 10**5))
@example(1.0, 0, 1)
@example(1.0, 5, 1)
def test_the_chance_to_miss_is_that_of_independent_draws(share: float, documents: int, rate: int) -> None:
    chance = missed(share, documents, rate)
    assert 0 <= chance <= 1
    assert chance == pytest.approx((1 - share / rate) ** documents, rel=1e-6, abs=1e-12)
    assert missed(share, documents + 1, rate) <= chance


def test_the_promise_in_words() -> None:
    assert promise(4_000_000) == (
        "of 4,000,000 documents of up to 1,000,000 bytes, 1 in 10,000, drawn by the hash of its text, was counted "
        "again by the reference; a fault stays unseen that miscounts 10.0% with probability 4.2e-18, "
        "1.0% with probability 0.018, 0.1% with probability 0.67"
    )
