"""Cells of an exact budget together: the sum is met to the token, whatever one of them cannot be cut to."""

from collections import Counter
from itertools import chain

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.errors import Short
from prep.pipeline.draw import ORDER, draw
from prep.pipeline.sizing import cuts
from prep.pipeline.sizing.cuts import Cut
from prep.pipeline.sizing.exact import Reading

TOKENS = {"x": 3, "y": 2}  # of a character; others are one token


def count(text: str) -> int:
    """A tokenizer to which some characters are several tokens."""
    return sum(TOKENS.get(char, 1) for char in text)


def given_tokens(cells: list[list[str]], asked: list[int], eod: int) -> list[int]:
    """What each cell gives once it is cut."""
    [given_] = [[sum(tokens for _, tokens in cell) for cell in phase] for phase in copies(cells, [asked], eod)]
    return given_


def copies(
    cells: list[list[str]], asked: list[list[int]], eod: int, exact: bool = True
) -> list[list[list[tuple[int, int]]]]:
    """Of each phase and cell every copy: the document's row, and its tokens with those of its end."""
    places = [(cell, row) for cell, texts in enumerate(cells) for row in range(len(texts))]
    keys = draw(pa.array([cell << 32 | row for cell, row in places], pa.uint64()).to_numpy(), 1, ORDER)
    tokens = [count(cells[cell][row]) for cell, row in places]
    number, row = (pa.array(column, pa.int32()) for column in zip(*places, strict=True))
    nothing = pa.array([0] * len(places), pa.uint64())
    judged = pa.table(
        {"shard": number, "row": row, "cell": number, "key": keys, "tie": nothing, "tokens": tokens, "reasons": nothing}
    )
    with duckdb.connect() as connection:
        connection.register("judged", judged)
        reading = Reading(lambda cell, row: cells[cell][row], count, eod) if exact else None
        found = cuts.find(connection, asked, eod, reading)
    got = [[[(e.row, e.tokens + eod) for e in part.extras if e.shard == cell] for cell in range(len(cells))]
           for part in found]  # fmt: skip
    for (cell, row), key, each in zip(places, keys.tolist(), tokens, strict=True):
        for part, phase in zip(found, got, strict=True):
            times = reached(part.cells[cell], key) - reached(part.starts[cell], key)
            assert times >= 0
            phase[cell] += [(row, each + eod)] * times
    return got


def reached(cut: Cut, key: int) -> int:
    """How often a document comes before a cut."""
    return cut.passes + (cut.key is not None and (key, 0) <= (cut.key, cut.tie))


texts = st.lists(st.text(alphabet="xyz", min_size=1, max_size=12), min_size=1, max_size=20)


@settings(max_examples=60)
@given(st.lists(texts, min_size=1, max_size=3), st.integers(0, 2), st.data())
def test_cells_together_give_what_is_asked_exactly_or_say_what_is_left(
    cells: list[list[str]], eod: int, data: st.DataObject
) -> None:
    whole = [sum(count(text) + eod for text in texts) for texts in cells]
    asked = [data.draw(st.integers(0, 2 * there)) for there in whole]
    try:
        got = given_tokens(cells, asked, eod)
    except Short:
        return
    assert sum(got) == sum(asked)
    for gives, wants, there in zip(got, asked, whole, strict=True):
        assert gives <= max(1, -(-wants // there)) * there  # in no pass more than it would make


@pytest.mark.parametrize("asked", [[16, 33], [15, 43], [16, 21]])
def test_what_two_cells_cannot_be_cut_to_is_given_once(asked: list[int]) -> None:
    assert sum(given_tokens([["xzzy"] * 20, ["yyyyy"] * 30], asked, 0)) == sum(asked)


def test_a_cell_that_cannot_be_cut_exactly_gives_all_but_the_rest() -> None:
    assert given_tokens([["x" * 30] * 9, ["z" * 9] * 9], [80, 40], 0) == [78, 42]


@settings(max_examples=100)
@given(st.lists(texts, min_size=1, max_size=3), st.integers(0, 2), st.booleans(), st.data())
def test_phases_take_the_next_documents_one_after_another(
    cells: list[list[str]], eod: int, exact: bool, data: st.DataObject
) -> None:
    whole = [sum(count(text) + eod for text in texts) for texts in cells]
    asked = [[data.draw(st.integers(0, there)) for there in whole] for _ in range(data.draw(st.integers(1, 3)))]
    try:
        got = copies(cells, asked, eod, exact)
    except Short:
        assert exact
        return
    for phase, wants in zip(got, asked, strict=True):
        gives = [sum(tokens for _, tokens in cell) for cell in phase]
        assert sum(gives) == sum(wants) if exact else all(one <= two for one, two in zip(gives, wants, strict=True))
    for cell, there in enumerate(whole):
        passes = max(1, -(-sum(wants[cell] for wants in asked) // there))
        used = Counter(row for phase in got for row, _ in phase[cell])
        assert max(used.values(), default=0) <= passes  # so that nothing is in two phases within one pass
    if not exact:
        sums = [sum(tokens for phase in got for _, tokens in phase[cell]) for cell in range(len(cells))]
        [alone] = copies(cells, [sums], eod, exact=False)
        assert [sorted(cell) for cell in alone] == [sorted(chain(*each)) for each in zip(*got, strict=True)]


@settings(max_examples=60)
@given(st.lists(texts, min_size=1, max_size=3), st.integers(0, 2), st.booleans(), st.data())
def test_a_phase_without_tokens_moves_nothing(
    cells: list[list[str]], eod: int, exact: bool, data: st.DataObject
) -> None:
    whole = [sum(count(text) + eod for text in texts) for texts in cells]
    asked = [data.draw(st.integers(0, 2 * there)) for there in whole]
    nothing = [0] * len(cells)
    try:
        [alone] = copies(cells, [asked], eod, exact)
    except Short:
        return
    assert copies(cells, [nothing, asked, nothing], eod, exact) == [[[]] * len(cells), alone, [[]] * len(cells)]
