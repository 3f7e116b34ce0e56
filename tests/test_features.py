"""The line that fastText sees, and the spans it learns from."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.filters.features import ALONE, LENGTHS, SPACE, SPAN, UNSPACED, Words, classes, line, spans, unspaced

SEPARATORS = st.text("a_\0\n <s>/label\u3000あ字\x0b\x85", max_size=80)
TEXTS = SEPARATORS | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
WORDS = Words.of(["吾輩", "吾輩の", "である", "ab", "は 猫"])
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
        ("It's  GOOD,\nno?", "en", "It s GOOD , no ?"),
        ("L’été 2024… e\u0301te\u0301", "fr", "L été 2024 e\u0301te\u0301"),
        ("# **Bold** [link](x) | a=b {c}", "en", "Bold link x a b c"),
        ("हिन्दी भाषा", "hi", "हिन्दी भाषा"),
        ("吾輩は 猫である\n", "ja", "吾輩 は 猫 である"),
        ("吾輩の吾輩と 輩", "ja-JP", "吾輩の 吾輩 と 輩"),
        ("である であ", "ja", "である で あ"),
        ("中文 ab", "zh_TW", "中 文 ab"),
        ("__label__good </s> snake_case", "en", "label good s snake case"),
        (" \n\u3000\0", "ja", ""),
        (" \n_\0", "en", ""),
        ("", "en", ""),
    ],
)
def test_lines_by_example(text: str, language: str, expected: str) -> None:
    assert line(text, language, WORDS) == expected


def test_words_are_what_can_be_a_token_of_more_than_a_character() -> None:
    assert Words.of(["吾", "吾輩", "a b", "</s>", "x_y", "", "__label__good"]) == Words(frozenset({"吾輩"}))


@given(TEXTS, st.lists(st.text("あいう字", min_size=1, max_size=4)))
def test_words_that_a_text_was_cut_into_are_all_it_takes_to_cut_it_again(text: str, words: list[str]) -> None:
    """So a model needs no vocabulary beside its dictionary."""
    made = line(text, "ja", Words.of(words))
    assert line(text, "ja", Words.of(made.split())) == made


@given(TEXTS, LANGUAGES)
def test_the_classes_of_characters_say_the_same_as_the_line(text: str, language: str) -> None:
    kinds = [int(classes(language)[ord(char)]) for char in text]
    left = "".join(char for char, kind in zip(text, kinds, strict=True) if kind != SPACE)
    made = line(text, language).split()
    assert "".join(made) == left
    if not unspaced(language):
        assert all(len(token) == 1 for token in made if classes(language)[ord(token[0])] == ALONE)


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
