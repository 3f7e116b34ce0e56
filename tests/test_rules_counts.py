"""The kernels count what plain Python counts, whatever the text, and whatever stands beside it."""

from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prep.filters.rules import lists
from prep.filters.rules.counting import How, figures
from prep.filters.rules.figures import C4, CHARACTERS, CODE, COUNTS, LINES, LISTS, PERSONAL, WORDS
from tests import rulebook

SLOW = settings(deadline=None)  # the first example compiles
FRAGMENTS = (
    "the", "The", "and", "cat", "Mr.", "e.g.", "U.S.", "don't", "it's", "they’ve", "I'm", "o'clock", "well-known",
    "a--b",
    "www.example.com/a-b", "x@y.org", "http://a.bc/?q=1", "end.Start", "1,000", "3.14", "5%", "$5", "5€", "10m", "C++",
    "(yes)", "\"quoted\"", "«", "»", "...", "…", "..", ".", "!", "?", ",", ";", "-", "–", "—", "•", "#", "{", "}",
    "*", "+1",
    "[12]", "[edit]", "[citation needed]", "lorem ipsum", "JavaScript", "privacy policy", "use of Cookies", "and/or",
    "a,b",
    "l'homme", "qu’il", "aujourd'hui", "été", "où", "M.", "ｆｕｌｌ", "１２", "é", "🙂", "👨‍👩‍👧", "\u0301", "ß",
    "İ", "K",
    "東京", "の", "は", "です", "。", "、", "？", "！", "カタカナ", "ー", "々", "「", "」", "・", "\u3000", "ﾊﾝｶｸ",
    "Москва", "۔", "؟",
    " ", "  ", "\n", "\n\n", "\n\n\n", "\r\n", "\r", "\t", "\x0b", "\x1c", "\x85", "\u2028", "\u00a0", "\u200b",
    "\x00", "\ufeff",
    "one two three four five. ", "Il y a une phrase ici. ", "これは文です。", "same line\n", "- item\n",
)  # fmt: skip
TEXT = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join),
                 st.lists(st.sampled_from(FRAGMENTS), max_size=60).map(" ".join))  # fmt: skip


@cache
def how(language: str) -> How:
    return How(language, lists.load(language, {}))


def counts(language: str, *texts: str) -> list[dict[str, int]]:
    found = figures(pa.array(texts, pa.large_string()), how(language))
    return [{name: int(column[row]) for name, column in found.items()} for row in range(len(texts))]


def only(found: dict[str, int], names: tuple[str, ...]) -> dict[str, int]:
    return {name: found[name] for name in names if name in found}


@SLOW
@given(TEXT)
@example("")
@example("\n")
@example("\n\na\n\n\nb\n a \n")
@example(" \n \n ")
@example("a\r\n\r\nb\x85c\u2028")
def test_lines_and_paragraphs(text: str) -> None:
    [found] = counts("code", text)
    assert only(found, LINES) == rulebook.lines(text)
    assert found["alphanumerics"] == sum(map(str.isalnum, text))


@SLOW
@given(TEXT, st.sampled_from(["en", "fr", "de"]))
@example("a bc. ab c. a bc. ab c. " * 5, "en")
def test_words_between_spaces(text: str, language: str) -> None:
    [found] = counts(language, text)
    words = rulebook.pieces(text, language)
    assert "".join(words) == "".join(text.split())
    assert only(found, WORDS) == only(rulebook.worded(words, how(language).lists["stop_words"]), tuple(found))


@SLOW
@given(TEXT)
def test_runs_of_script(text: str) -> None:
    [found] = counts("ja", text)
    expected = rulebook.worded(rulebook.runs(text), ())
    assert {**only(found, WORDS), "stop_words": 0} == expected
    assert found["stop_words"] == sum(word in text for word in how("ja").lists["stop_words"])


@SLOW
@given(TEXT)
@example("Lorem ipsum dolor sit amet. One two three. Use of cookies is fine. { a b c. JavaScript is on.")
@example("[1] One two three.[2] Four five six [edit].\nSee [citation needed] the rest!\nKept by all means.")
def test_c4(text: str) -> None:
    [found] = counts("en", text)
    assert only(found, C4) == rulebook.c4(text, "en")[0]


@SLOW
@given(TEXT)
@example("あ" * 250)
@example("同じ文です。同じ文です。同じ文です…。短い？！\nそう…")
def test_characters_and_sentences(text: str) -> None:
    [found] = counts("ja", text)
    assert only(found, CHARACTERS) == rulebook.characters(text)


@SLOW
@given(st.lists(TEXT, min_size=1, max_size=6), st.data())
def test_a_document_is_counted_alike_in_any_batch(texts: list[str], data: st.DataObject) -> None:
    language = data.draw(st.sampled_from(["en", "ja", "code"]))
    cut = data.draw(st.integers(0, len(texts)))
    column = pa.array(texts, pa.string())
    parts = [figures(part, how(language)) for part in (column[:cut], column[cut:])]
    whole = figures(pa.array(texts, pa.large_string()), how(language))
    for name, found in whole.items():
        assert np.concatenate([part[name] for part in parts]).tolist() == found.tolist()
    assert counts(language, *texts) == [counts(language, text)[0] for text in texts]


def test_each_language_has_its_own_counts() -> None:
    every = {*LINES, *LISTS, *PERSONAL}
    assert set(counts("en", "x")[0]) == {*every, *WORDS, *C4} - {"recurrent_7_words"}
    assert set(counts("de", "x")[0]) == {*every, *WORDS, *C4} - {"recurrent_7_words", "stop_words"}
    assert set(counts("ja", "x")[0]) == {*every, *WORDS, *CHARACTERS} - {"compressed_bytes"}
    assert set(counts("code", "x")[0]) == {*every, *CODE}
    assert {*every, *WORDS, *C4, *CHARACTERS, *CODE} == set(COUNTS)


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", each) for each in ("word ", "x", "!", "1.2", "@", "a-b,", "{[1]", "a.")]
    + [("ja", each) for each in ("文字。", "あ", "送料無料")]
    + [("code", "x=1;")],
)
def test_one_line_of_five_megabytes_is_counted(language: str, text: str) -> None:
    """An hour and more, were anything quadratic."""
    whole = text * (5_000_000 // len(text.encode()))
    [found] = counts(language, whole)
    assert (found["characters"], found["split_lines"]) == (len(whole), 1)


def test_compression_is_zlibs() -> None:
    import zlib

    texts = ["", "あ" * 1000, "いろはにほへと"]
    found = figures(pa.array(texts), How("ja", lists.load("ja", {}), compressed=True))
    assert found["compressed_bytes"].tolist() == [len(zlib.compress(text.encode(), 9)) for text in texts]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's a well-known fact, isn't it?", "It 's a well - known fact , is n't it ?"),
        ('He said: "No way!" (twice).', 'He said : " No way ! " ( twice ) .'),
        ("Mr. Smith, e.g. of the U.S. Army...", "Mr. Smith , e.g. of the U.S. Army ..."),
        ("See www.example.com/a-b or mail x@y.org.", "See www.example.com/a-b or mail x@y.org ."),
        ("end.Start 3.14 1,000 5% $5 a,b and/or", "end . Start 3.14 1,000 5 % $ 5 a , b and / or"),
    ],
)
def test_words_as_one_would_write_them(text: str, words: str) -> None:
    assert rulebook.pieces(text, "en") == words.split()


def test_french_words_end_at_their_apostrophe() -> None:
    assert rulebook.pieces("L'homme qu’il voit", "fr") == ["L'", "homme", "qu’", "il", "voit"]


def test_japanese_words_are_runs_of_one_script() -> None:
    assert rulebook.runs("東京タワーへ行くと、３回。") == ["東京", "タワー", "へ", "行", "くと", "、", "３", "回", "。"]
