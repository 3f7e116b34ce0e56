"""The line that fastText sees, and the spans it learns from."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.filters.features import LENGTHS, SPAN, UNSPACED, line, spans

SEPARATORS = st.text("a_\0\n <s>/label\u3000あ字\x0b\x85", max_size=80)
TEXTS = SEPARATORS | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
LANGUAGES = st.sampled_from(["en", "fr", "ja", "zh-Hant", "th", "code", "other"])


@settings(deadline=None)
@given(TEXTS, LANGUAGES)
def test_a_line_holds_nothing_that_fasttext_takes_for_its_own(text: str, language: str) -> None:
    made = line(text, language)
    tokens = made.split(" ") if made else []
    assert all(tokens), "no empty token"
    assert len(made.split()) == len(tokens), "no white space but single spaces"
    assert "\0" not in made
    assert "</s>" not in tokens
    assert not any(token.startswith("__label__") for token in tokens)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("It's  GOOD,\nno?", "en", "It s GOOD no"),
        ("L’été 2024… e\u0301te\u0301", "fr", "L été 2024 e\u0301te\u0301"),
        ("हिन्दी भाषा", "hi", "हिन्दी भाषा"),
        ("吾輩は 猫\n", "ja", "吾 輩 は 猫"),
        ("吾輩", "ja-JP", "吾 輩"),
        ("中文 ab", "zh_TW", "中 文 a b"),
        ("__label__good </s> snake_case", "en", "label good s snake case"),
        (" \n\u3000\0", "ja", ""),
        (" \n_\0", "en", ""),
        ("", "en", ""),
    ],
)
def test_lines_by_example(text: str, language: str, expected: str) -> None:
    assert line(text, language) == expected


def test_only_the_first_span_counts_and_leading_white_space_does_not() -> None:
    text = "word " * 1000
    assert line(text, "en") == line(" \n" * 10_000 + text[: SPAN + 50], "en")
    assert len(line("あ" * 5000, "ja").split()) == SPAN


@settings(deadline=None)
@given(st.text("ab あ\n", max_size=6000), LANGUAGES, st.integers(1, 12))
def test_spans_are_pieces_of_the_text_in_order(text: str, language: str, most: int) -> None:
    flat, at = " ".join(text.split()), 0
    pieces = spans(text, language, most)
    assert len(pieces) <= most
    assert bool(pieces) == bool(flat) or " " in flat
    for piece in pieces:
        assert 0 < len(piece) <= SPAN
        at = flat.index(piece, at) + len(piece)


def test_spans_cut_between_words_where_there_are_spaces() -> None:
    text = " ".join(f"word{index}" for index in range(5000))
    words = set(text.split())
    assert all(words >= set(piece.split()) for piece in spans(text, "en", 20))


def test_a_short_text_is_covered_whole() -> None:
    text = "x" * 2000
    assert "".join(spans(text, "ja", 100)) == text


def test_spans_lie_over_the_whole_of_a_long_text() -> None:
    text = "".join(chr(0x4E00 + index) for index in range(20_000))
    found = [text.index(piece) for piece in spans(text, "ja", 10)]
    assert found == [index * 2000 for index in range(10)]


@pytest.mark.parametrize("most", [1, 4, 10])
def test_length_does_not_give_the_source_away(most: int) -> None:
    """Long documents yield short spans too: each length about as often."""
    counts = Counter(len(piece) for number in range(400) for piece in spans(f"{number}字" * 10_000, "ja", most))
    assert set(counts) == set(LENGTHS)
    assert min(counts.values()) > 0.7 * max(counts.values())


def test_the_languages_without_spaces() -> None:
    assert {"ja", "zh", "th", "lo", "km", "my"} <= UNSPACED
    assert "ko" not in UNSPACED
