"""What speaks against documents: languages and rules at their borders, and nothing that hangs on the neighbours."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.filters.rules.figures import PREFIX
from prep.filters.rules.profile import Rule
from prep.pipeline import failed
from prep.pipeline.keeping.kept import Kept
from prep.pipeline.language import SCALE, SCHEMA
from prep.pipeline.reasons import FIRST_RULE, Reason, Terms
from prep.pipeline.verdict import Verdict
from tests.plans import CELLS, terms

HALF = -(-SCALE // 2)  # the smallest stored share that is a half
RULES = {
    "ja": (Rule("own.short", "characters", "below", 10), Rule("own.broken", "newlines", "above", 3)),
    "en": (Rule("own.wordy", "words", "above", 5),),
}


def verdict(batch: pa.RecordBatch, cell: list[int], asked: Terms, keeps: dict[int, Kept] | None = None) -> list[int]:
    borders = {number: keep.by_score(None) for number, keep in (keeps or {}).items()}
    found: list[int] = Verdict(CELLS, asked, borders)(batch, np.array(cell, np.int32)).tolist()
    return found


def spoken(
    first: str | None, share: int, second: str | None = None, other: int = 0, told: bool = True
) -> pa.RecordBatch:
    return pa.record_batch([pa.array([each], field.type) for each, field in
                            zip((first, share, second, other, told), SCHEMA, strict=True)], schema=SCHEMA)  # fmt: skip


@pytest.mark.parametrize(
    ("found", "left_out"),
    [
        (spoken("ja", HALF), False),
        (spoken("ja", HALF - 1), True),
        (spoken("en", SCALE), True),
        (spoken("en", HALF + 1, "ja", HALF), False),  # mixed, and enough of it
        (spoken("en", HALF + 1, "ja", HALF - 1), True),
        (spoken("code", SCALE, "ja", SCALE), True),  # code with comments in the declared language
        (spoken("en", SCALE, told=False), False),  # too little to tell by
        (spoken(None, 0), False),
    ],
)
def test_a_document_must_be_in_its_declared_language_by_so_much(found: pa.RecordBatch, left_out: bool) -> None:
    assert verdict(found, [1], terms(spoken={"rest": 0.5})) == [Reason.LANGUAGE if left_out else 0]
    assert verdict(found, [1], terms()) == [0]  # off unless it is asked for
    assert verdict(found, [1], terms(spoken={"rest": 0.5}, exempt=("web_a",))) == [0]
    assert verdict(found, [1], terms(spoken={"rest": 0.5, "web_a": 0.0})) == [0]
    assert verdict(found, [1], terms(spoken={"en": 1.0})) == [0]


def test_code_is_not_judged_by_its_language() -> None:
    places = [("python", "code", "code"), ("misc", "other", "web")]
    for number in (0, 1):
        found = Verdict(places, terms(languages=("code", "other"), spoken={"rest": 1.0}), {})(
            spoken("en", SCALE), np.array([number], np.int32)
        )
        assert found.tolist() == [0]


def counted(**figures: list[int | None]) -> pa.RecordBatch:
    return pa.record_batch({PREFIX + name: pa.array(values, pa.uint32()) for name, values in figures.items()})


def test_each_rule_has_its_bit_and_all_have_one_together() -> None:
    batch = counted(characters=[10, 9, 9, 9, None], newlines=[3, 3, 4, 4, None], words=[5, 6, 6, 6, 6])
    short, broken = (1 << FIRST_RULE + number for number in (0, 1))
    asked = terms(rules=RULES)
    assert verdict(batch, [1, 1, 1, 3, 1], asked) == [
        0, Reason.RULES | short, Reason.RULES | short | broken, Reason.RULES | short, 0,
    ]  # fmt: skip
    assert verdict(batch, [0, 0, 0, 0, 0], asked) == [0] * 5  # of a kind that no rule is for
    assert verdict(batch, [1, 1, 1, 1, 1], terms(rules=RULES, exempt=("web_a",))) == [0] * 5


def everything(count: int, seed: int) -> tuple[pa.RecordBatch, list[int]]:
    random = np.random.default_rng(seed)
    names = random.choice(["ja", "en", "code", "fr"], (2, count))
    shares = random.integers(0, 65536, (2, count)).astype(np.uint16)
    batch = pa.record_batch(
        {
            "draw_key": pa.array(random.integers(0, 2**64, count, dtype=np.uint64)),
            "quality": pa.array(random.integers(0, 65536, count), pa.uint16(), mask=random.random(count) < 0.1),
            SCHEMA.names[0]: pa.array(names[0].tolist(), mask=random.random(count) < 0.1),
            SCHEMA.names[1]: pa.array(shares[0]),
            SCHEMA.names[2]: pa.array(names[1].tolist(), mask=random.random(count) < 0.3),
            SCHEMA.names[3]: pa.array(shares[1]),
            SCHEMA.names[4]: pa.array(random.random(count) < 0.8),
            **{
                PREFIX + name: pa.array(random.integers(0, 12, count), pa.uint32(), mask=random.random(count) < 0.1)
                for name in ("characters", "newlines", "words")
            },
        }
    )
    return batch, random.integers(0, len(CELLS), count).tolist()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 40), st.randoms(use_true_random=False))
def test_a_verdict_never_hangs_on_the_neighbours(seed: int, count: int, chance: Any) -> None:
    batch, cell = everything(count, seed)
    asked = terms(rules=RULES, spoken={"rest": 0.5, "en": 0.2})
    keeps = {
        1: Kept("ja", "language", "pareto", "score", alpha=2.0),
        3: Kept("en", "language", "share", "score", least=40_000, edge=2**63),
    }
    whole = verdict(batch, cell, asked, keeps)
    order = list(range(count))
    chance.shuffle(order)
    assert verdict(batch.take(order), [cell[row] for row in order], asked, keeps) == [whole[row] for row in order]
    assert [verdict(batch.slice(row, 1), [cell[row]], asked, keeps)[0] for row in range(count)] == whole


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 255), st.sets(st.integers(0, 53), max_size=5), st.integers(0, 3))))
def test_failed_rules_are_counted_each_and_the_first_once(found: list[tuple[int, set[int], int]]) -> None:
    bits = [
        low & ~Reason.RULES | (Reason.RULES if rules else 0) | sum(1 << FIRST_RULE + rule for rule in rules)
        for low, rules, _ in found
    ]
    batch = pa.record_batch(
        {
            **{name: pa.array([CELLS[cell][at] for *_, cell in found], pa.string()) for at, name in
               enumerate(("source", "language", "kind"))},
            "left_out": pa.array(bits, pa.uint64()),
            "tokens": pa.array(range(len(found)), pa.int64()),
        }
    )  # fmt: skip
    pages = [failed.failures(batch.slice(start, 3), "left_out", "tokens") for start in range(0, len(found), 3)]
    for row in (page := failed.add(pages)):
        here = [
            (number, low, rules)
            for number, (low, rules, cell) in enumerate(found)
            if row["rule"] in rules and CELLS[cell] == (row["source"], row["language"], row["kind"])
        ]
        first = [number for number, low, rules in here if not low & (Reason.RULES - 1) and min(rules) == row["rule"]]
        assert (row["documents"], row["tokens"]) == (len(here), sum(number for number, *_ in here))
        assert (row["first_documents"], row["first_tokens"]) == (len(first), sum(first))
    assert sum(row["documents"] for row in page) == sum(len(rules) for _, rules, _ in found)
