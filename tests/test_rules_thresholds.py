"""Verdicts just under, at and just over every kind of threshold, in English, French, Japanese and code."""

import pyarrow as pa
import pytest

from prep.filters.rules import lists
from prep.filters.rules.counting import How, figures
from prep.filters.rules.profile import failed
from prep.pipeline import profiles
from prep.pipeline.settings import Rules


def fails(language: str, profile: str, text: str) -> set[str]:
    told = profiles.of(Rules.model_validate({"profiles": {language: [profile]}}))[language]
    [bits] = failed(figures(pa.array([text]), How(language, lists.load(language, {}), compressed=True)), told).tolist()
    return {name.partition(".")[2] for bit, name in enumerate(told.names) if bits >> bit & 1}


def rows(*pieces: str) -> str:
    return "\n".join(pieces)


def numbered(many: int, size: int = 40) -> list[str]:
    """Lines of so many characters, all different, that end in a full stop."""
    return [f"{number:0{size - 1}d}." for number in range(many)]


ACCENTED = ("e\u0301" * 5 + " ") * 50  # ten characters, five letters as one reads them
FIVE = "aaa bbb ccc ddd eee "
LONG = numbered(33, 31)
AND_SIX = "い。う。え。お。か。き。"
HIRAGANA = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわを"
# Language, profile, rule; a text that is at the threshold and passes, and one that is just past it.
AT_AND_PAST = [
    ("en", "gopher_quality", "short_doc", "word " * 50, "word " * 49),
    ("fr", "fineweb2_fr", "short_doc", "mot " * 50, "mot " * 49),
    ("ja", "fineweb2_ja", "short_doc", "語の" * 25, "語の" * 24 + "語"),
    ("en", "gopher_quality", "short_doc", "ok! " * 50, "ok! " * 49 + "!!! - ,"),
    ("en", "gopher_quality", "long_doc", "word " * 100_000, "word " * 100_001),
    ("en", "gopher_quality", "below_avg", "abc " * 50, "abc " * 50 + "ab"),
    ("fr", "fineweb2_fr", "below_avg", "ab " * 50, "ab " * 50 + "a"),
    ("en", "gopher_quality", "above_avg", "abcdefghij " * 50, "abcdefghij " * 50 + "abcdefghijk"),
    ("fr", "fineweb2_fr", "above_avg", "abcdefghijé " * 50, "abcdefghijé " * 50 + "abcdefghijkl"),
    ("ja", "fineweb2_ja", "above_avg", "漢字漢字漢字、" * 50, "漢字漢字漢字、" * 50 + "漢字漢字漢字漢"),
    ("en", "gopher_quality", "above_avg", ACCENTED, ACCENTED + "é" * 11),
    ("en", "gopher_quality", "hashes", "a " * 90 + "# " * 10, "a " * 89 + "# " * 10),
    ("en", "gopher_quality", "ellipsis", "a " * 90 + "… " * 10, "a " * 89 + "... " * 10),
    ("en", "gopher_quality", "bullets", rows(*["- a"] * 9, "a"), rows(*["• a"] * 10)),
    ("fr", "fineweb2_fr", "bullets", rows(*["  - a"] * 9, "a"), rows(*["- a"] * 10, "a")),
    ("en", "gopher_quality", "end_ellipsis", rows(*["a... "] * 3, *["a"] * 7), rows(*["a…"] * 4, *["a"] * 9)),
    ("ja", "fineweb2_ja", "end_ellipsis", rows(*["あ…"] * 3, *["い"] * 7), rows(*["あ…"] * 4, *["い"] * 9)),
    ("en", "gopher_quality", "below_alpha", "a " * 80 + "1 " * 20, "a " * 79 + "1 " * 20),
    ("fr", "fineweb2_fr", "below_alpha", "é " * 812 + "1 " * 188, "é " * 811 + "1 " * 188),
    ("ja", "fineweb2_ja", "below_alpha", "語、" * 241 + "語の" * 259, "語、" * 242 + "語の" * 258),
    ("en", "gopher_quality", "stop_words", "the of", "the The THE"),
    ("fr", "fineweb2_fr", "stop_words", "l'eau à boire", "l'eau"),
    ("ja", "fineweb2_ja", "stop_words", "私の本を", "私の本"),
    ("en", "gopher_repetition", "dup_line_frac", rows("a", "a", "a", "a", *"bcdefg"), rows(*"aaaaabcdefghi")),
    ("en", "gopher_repetition", "dup_line_frac", rows("a", "", "", "", "b", "", "", "c"), rows("a", "", "a", "b")),
    ("fr", "fineweb2_fr", "dup_line_frac", rows(*"é" * 34, *numbered(91)), rows(*"é" * 34, *numbered(90))),
    ("ja", "fineweb2_ja", "dup_line_frac", rows(*"字" * 42, *numbered(83)), rows(*"字" * 42, *numbered(82))),
    ("en", "gopher_repetition", "dup_para_frac", "\n\n".join("aaaabcdefg"), "\n\n".join("aaaabcdef")),
    ("en", "gopher_repetition", "dup_para_char_frac", "ab" + "\n" * 6 + "ab", "ab" + "\n" * 5 + "ab"),
    ("en", "gopher_repetition", "dup_line_char_frac", "aa\n" + "aa\n" + "bcde", "aa\n" + "aa\n" + "bcd"),
    ("en", "gopher_repetition", "top_2_gram", "a b c a b d e f g h i j k l mm", "a b c a b d e f g h i j k l m"),
    ("en", "gopher_repetition", "dup_5_grams", FIVE * 2 + "x" * 60, FIVE * 2 + "x" * 59),
    ("en", "gopher_repetition", "empty", " ", ""),
    ("en", "c4", "few_sentences", "One two three. " * 5, "One two three. " * 4),
    ("en", "c4", "few_sentences", rows(*["So say we all!"] * 5), rows(*["So say we all!"] * 4, "Not so", "Two words.")),
    ("fr", "c4", "few_sentences", "Un deux trois ! " * 5, "Un deux trois ! " * 4),
    ("en", "c4", "few_sentences", rows("Mr. A. Smith said so. " * 5), rows("Mr. A. Smith said so. " * 4)),
    ("en", "c4", "curly_bracket", "a { b", "We see a { here."),
    ("en", "c4", "lorem_ipsum", "Lorem ipsum", "We see Lorem Ipsum here."),
    ("en", "fineweb", "line_punct_ratio", rows(*["a."] * 12, *["a"] * 88), rows(*["a."] * 12, *["a"] * 89)),
    ("fr", "fineweb2_fr", "line_punct_ratio", rows(*["é!"] * 10, *["é"] * 90), rows(*["é!"] * 10, *["é"] * 91)),
    ("ja", "fineweb2_ja", "line_punct_ratio", rows(*["字。"] * 12, *["字"] * 113), rows(*["字。"] * 12, *["字"] * 114)),
    ("en", "fineweb", "short_line_ratio", rows(*numbered(67, 30), *LONG), rows(*numbered(68, 30), *LONG)),
    ("en", "fineweb", "char_dup_ratio", rows("a", "a", "b" * 98), rows("a", "a", "b" * 97)),
    ("en", "fineweb", "list_ratio", rows("a b c d", "a b", "a b", "a b"), rows("a b c", "a b", "a b", "a b")),
    ("fr", "fineweb2_fr", "list_ratio", rows("é " * 163, *"é" * 37), rows("é " * 162, *"é" * 37)),
    ("ja", "fineweb2_ja", "list_ratio", rows("語の" * 43 + "語", *"字" * 13), rows("語の" * 43, *"字" * 13)),
    ("en", "fineweb", "empty", "a", " \n"),
    ("ja", "swallow_ja", "few_letters", "あ" * 400, "あ" * 399 + "。"),
    ("ja", "swallow_ja", "few_japanese", "ア" * 400, "ア" * 399 + "a"),
    ("ja", "swallow_ja", "hiragana", "あ漢漢漢漢" * 9, "あ漢漢漢漢" * 9 + "漢"),
    ("ja", "swallow_ja", "katakana", "アあ" * 9, "アあ" * 9 + "ア"),
    ("ja", "swallow_ja", "japanese", "あa" * 9, "あa" * 9 + "🙂"),
    ("ja", "swallow_ja", "short_sentences", ("あ" * 19 + "。") * 9, ("あ" * 19 + "。") * 9 + "あ。"),
    ("ja", "swallow_ja", "long_sentences", ("あ" * 89 + "。") * 9, ("あ" * 89 + "。") * 9 + "あ" * 91),
    ("ja", "swallow_ja", "longest_sentence", "あ" * 199 + "。", "あ" * 200 + "。"),
    ("ja", "swallow_ja", "ellipsis_sentences", "あ…。い。う。え。お。", "あ…。い。う。え。"),
    ("ja", "swallow_ja", "dup_sentence_frac", "あ。" * 4 + AND_SIX, "あ。" * 4 + AND_SIX[2:]),
    ("ja", "swallow_ja", "top_2_gram", "ああ" + HIRAGANA[1:5], "あああ" + HIRAGANA[1:5]),
    ("ja", "hojichar_ja", "no_kana", "漢" * 49 + "あ", "漢" * 50 + "あ"),
    ("ja", "hojichar_ja", "rare_kuten", "あ" * 99 + "。", "あ" * 100 + "。"),
    ("ja", "hojichar_ja", "single_character", "あ" * 199, "ー" * 200),
    ("ja", "hojichar_ja", "short_lines", rows("あ" * 10, "い" * 11), rows("あ" * 10, "い" * 11, "")),
    ("ja", "hojichar_ja", "ending_ellipsis", "あ…\n" * 7 + "あ\n" * 3, "あ…\n" * 8 + "あ\n" * 3),
    ("ja", "hojichar_ja", "special_characters", "。" * 4 + "あ" * 6, "。" * 4 + "あ" * 5),
    ("ja", "hojichar_ja", "ads", "送料無料" * 14, "送料無料" * 15),
    ("ja", "hojichar_ja", "bbs_comments", "投稿" * 14, "返信" * 15),
    ("ja", "llmjp_ja", "ads", "送料無料" * 10, "送料無料" * 11),
    ("ja", "llmjp_ja", "adult", "無修正" * 3, "無修正" * 4),
    ("ja", "llmjp_ja", "long_sentences", "あ" * 250, "あ" * 251),
    ("code", "code", "longest_line", "a" * 1000, "a" * 1001),
    ("code", "code", "mean_line", rows("a" * 150, "a" * 50), rows("a" * 151, "a" * 50)),
    ("code", "code", "alphanumeric", "a===", "a===="),
    ("code", "code", "generated", "# nothing\n", "# Code generated by protoc. DO NOT EDIT.\n"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "profile", "rule", "at", "past"), AT_AND_PAST)
def test_at_the_threshold_a_document_passes_and_past_it_fails(
    language: str, profile: str, rule: str, at: str, past: str
) -> None:
    assert rule not in fails(language, profile, at)
    assert rule in fails(language, profile, past)


def test_full_width_forms_and_pictures_are_counted_as_what_they_are() -> None:
    assert "few_letters" not in fails("ja", "swallow_ja", "ＡＢ" * 200)
    assert "below_alpha" in fails("en", "gopher_quality", "🙂 " * 50)
    assert fails("en", "gopher_quality", "🙂 " * 50) == {"below_avg", "below_alpha", "stop_words"}


def test_a_language_without_stop_words_fails_no_rule_about_them() -> None:
    assert "stop_words" not in fails("de", "gopher_quality", "wort " * 50)
