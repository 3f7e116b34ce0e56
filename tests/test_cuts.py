"""Cells of an exact budget together: the sum is met to the token, whatever one of them cannot be cut to."""

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.errors import Short
from prep.pipeline.draw import ORDER, draw
from prep.pipeline.sizing import cuts
from prep.pipeline.sizing.exact import Reading

TOKENS = {"x": 3, "y": 2}  # of a character; others are one token


def count(text: str) -> int:
    """A tokenizer to which some characters are several tokens."""
    return sum(TOKENS.get(char, 1) for char in text)


def given_tokens(cells: list[list[str]], asked: list[int], eod: int) -> list[int]:
    """What each cell gives once it is cut."""
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
        found = cuts.find(connection, asked, eod, Reading(lambda cell, row: cells[cell][row], count, eod))
    got = [sum(extra.tokens + eod for extra in found.extras if extra.shard == cell) for cell in range(len(cells))]
    for (cell, _), key, each in zip(places, keys.tolist(), tokens, strict=True):
        cut = found.cells[cell]
        got[cell] += (cut.passes + (cut.key is not None and (key, 0) <= (cut.key, cut.tie))) * (each + eod)
    return got


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
