"""A text is cut at the end of a character, counted anew, and at the end of a line or sentence where it can be."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.pipeline.sizing.cutting import Border, Count, border, ends_sentence, whole_character
from prep.pipeline.sizing.exact import Candidate, Extra, Reading, backing, fill
from prep.pipeline.tokenizers import open_tokenizer
from tests.shared import TOKENIZERS, needs_shared

WORDS = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> int:
    """A simple tokenizer: words and signs."""
    return len(WORDS.findall(text))


def thirds(text: str) -> int:
    """One that, as byte-level BPE on kanji, gives some characters several tokens: numbers are missing."""
    return sum(1 + ord(char) % 3 for char in text)


COUNTS: list[Count] = [words, thirds, len]
texts = st.text(alphabet=st.sampled_from("ab 。.\n\u3099か漢字é\u0301」!"), max_size=60)


@given(texts, st.integers(0, 80), st.sampled_from(COUNTS))
def test_a_border_is_counted_as_it_says_and_never_above(text: str, wanted: int, count: Count) -> None:
    found = border(text, wanted, count(text), count)
    assert count(text[: found.chars]) == found.tokens <= wanted or found == Border(len(text), count(text))
    assert found.chars == len(text) or whole_character(text, found.chars)


@given(st.text(alphabet="ab cか。", min_size=1, max_size=60), st.data())
def test_where_every_character_is_a_token_every_number_is_met_and_a_longer_cut_holds_the_shorter(
    text: str, data: st.DataObject
) -> None:
    wanted = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=2)))
    short, long = (border(text, number, len(text), len) for number in wanted)
    assert [short.tokens, long.tokens] == wanted
    assert short.chars <= long.chars


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("今日は。明日", [4]), ("「行く。」と", [5]), ("Go! Now? Yes.", [3, 8, 13]), ("3.14 is pi. So", [11]),
        ("نعم؟ لا", [4]), ("वह गया। अब", [7]), ("", []),
    ],
)  # fmt: skip
def test_sentences_end_where_they_are_read_to_end_in_any_script(text: str, ends: list[int]) -> None:
    assert [place for place in range(len(text) + 1) if ends_sentence(text, place)] == ends


def test_of_cuts_with_as_many_tokens_one_that_ends_a_line_or_a_sentence_is_taken() -> None:
    assert border("one two.\n  \n   three", 3, 4, words).chars == len("one two.\n  \n")
    assert border("one two.   three four", 3, 5, words).chars == len("one two.")


documents = st.lists(st.text(alphabet="ab漢字。 x", min_size=1, max_size=30), min_size=12, max_size=30)


@given(documents, st.integers(0, 2), st.integers(0, 11), st.data())
def test_what_fills_a_cell_sums_to_it_exactly(given_: list[str], eod: int, place: int, data: st.DataObject) -> None:
    known = [Candidate(0, row, thirds(text)) for row, text in enumerate(given_)]
    reading = Reading(lambda _, row: given_[row], thirds, eod)
    room = data.draw(st.integers(1, max(1, known[place].tokens + eod - 1)))
    back, extras, left = backing(known, place, room, reading)
    freed = sum(document.tokens + eod for document in known[place - back : place])
    assert sum(extra.tokens + eod for extra in extras) + left == room + freed
    assert left >= 0
    for extra in extras:
        text = given_[extra.row]
        kept = text if extra.bytes is None else text.encode()[: extra.bytes].decode()
        assert thirds(kept) == extra.tokens
        assert text.startswith(kept)
        assert extra.tokens >= 1


def test_a_document_that_cannot_be_cut_to_it_leaves_the_rest_to_the_next() -> None:
    given_ = ["b" * 9, "cccc"]
    assert [thirds(char) for char in "bc"] == [3, 1]
    reading = Reading(lambda _, row: given_[row], thirds)
    found = fill([Candidate(0, 0, 27), Candidate(0, 1, 4)], 8, reading)
    assert found == ([Extra(0, 0, 6, 2), Extra(0, 1, 2, 2)], 0)


def test_a_document_is_cut_shorter_where_no_other_begins_with_what_its_longest_cut_leaves() -> None:
    given_ = ["bbbc", "bcbb"]  # 3 3 3 1 and 3 1 3 3 tokens: 3 + 4 are 7, 6 + 1 are not to be had
    reading = Reading(lambda _, row: given_[row], thirds)
    known = [Candidate(0, row, thirds(text)) for row, text in enumerate(given_)]
    assert fill(known, 7, reading) == ([Extra(0, 0, 6, 2)], 1)
    assert backing(known, 0, 7, reading) == (0, [Extra(0, 0, 3, 1), Extra(0, 1, 4, 2)], 0)


def test_what_no_cut_can_meet_is_left_and_no_more() -> None:
    reading = Reading(lambda _, row: "b" * 9, thirds)
    known = [Candidate(0, row, 27) for row in range(12)]
    back, extras, left = backing(known, 4, 8, reading)
    assert (back, extras, left) == (0, [Extra(0, 4, 6, 2)], 2)


@needs_shared
@pytest.mark.parametrize("name", ["gpt2", "llm-jp-v3.1-100k"])
def test_japanese_is_cut_at_whole_characters_to_what_the_reference_counts(name: str) -> None:
    folder = TOKENIZERS / name
    counter = open_tokenizer(str(next(path for path in (folder / "tokenizer.model", folder) if path.exists())))

    def count(text: str) -> int:
        return int(counter.count(pa.array([text], pa.large_string()))[0])

    text = "吾輩は猫である。名前はまだ無い。どこで生れたか頓と見当がつかぬ。\n何でも薄暗いじめじめした所で泣いていた。"
    whole = count(text)
    met = 0
    for wanted in range(whole + 1):
        found = border(text, wanted, whole, count)
        assert count(text[: found.chars]) == found.tokens <= wanted
        met += found.tokens == wanted
    assert met > whole / 2
    assert name == "gpt2" or met >= 0.9 * whole  # a third of GPT-2's borders lie inside a character


def test_a_giant_text_takes_few_counts() -> None:
    asked = []

    def count(text: str) -> int:
        asked.append(len(text))
        return words(text)

    text = "one two three. " * 50_000
    found = border(text, 123_456, words(text), count)
    assert found.tokens == 123_456
    assert len(asked) < 60


@pytest.mark.parametrize("text", ["ﾊ\uff9e", "\U0001f44d\U0001f3fd", "か\u3099", "\r\n"])
def test_what_belongs_to_a_character_stays_with_it(text: str) -> None:
    assert not whole_character(text, 1)
