"""What is counted in a document, and the figures that rules are about: a count, or one count as a share of another.

Counts are whole numbers, so that a figure is the same double as where the published rule divides, and no threshold is
missed by rounding.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

VERSION = f"1, Unicode {unicodedata.unidata_version}"  # rises whenever a text would be counted otherwise
PREFIX = "figure."  # of the columns


class Figure(NamedTuple):
    """A count, or one as a share of another less so many."""

    part: str
    of: str | None = None
    less: int = 0


LINES = (
    "characters", "bytes", "newlines", "hashes", "ellipses",
    "split_lines", "split_line_characters", "longest_split_line", "bullet_lines", "ellipsis_lines",  # str.splitlines
    "broken_lines", "repeated_lines", "repeated_line_characters",  # split at runs of newlines, blank ones included
    "paragraphs", "repeated_paragraphs", "repeated_paragraph_characters",  # split at blank lines
    "lines", "terminal_lines", "lines_to_30", "repeated_text_line_characters",  # split at newlines, not blank
    "lines_to_10", "dotted_newlines", "third_longest_line",  # split at newlines, blank ones too
)  # fmt: skip
WORDS = (
    "words", "plain_words", "plain_word_characters", "alpha_words", "stop_words",
    "top_2_words", "top_3_words", "top_4_words",  # characters of the commonest n-gram, spaces included
    *(f"repeated_{n}_words" for n in range(5, 11)),  # characters of n-grams that came before
    "recurrent_7_words",  # occurrences of 7-grams that come twice or more
)  # fmt: skip
C4 = ("c4_sentences", "c4_lorem_ipsum", "c4_braces", "c4_removed_bytes")
CHARACTERS = (
    "early_kana", "kuten", "longest_run", "special_characters", "letters", "japanese", "hiragana", "katakana",
    "sentences", "sentence_characters", "longest_sentence", "ellipsis_sentences",
    "repeated_sentences", "repeated_sentence_characters",
    "top_2_characters", "top_3_characters", "top_4_characters",  # occurrences of the commonest n-gram
    *(f"{what}_{n}_characters" for n in range(5, 11) for what in ("distinct", "recurrent")),  # kinds of n-grams
    "frequent_5_characters",  # occurrences of the commonest kinds of 5-grams, as many as the root of all kinds
    "compressed_bytes",  # zlib, level 9; only where a rule asks
)  # fmt: skip
LISTS = ("advertising", "adult", "adult_characters", "bbs", "banned")
CODE = ("alphanumerics", "generated_marks")
PERSONAL = ("emails", "phones", "ipv4s", "ipv6s")

COUNTS = (*LINES, *WORDS, *C4, *CHARACTERS, *LISTS, *CODE, *PERSONAL)

SHARES = {
    "mean_word_length": Figure("plain_word_characters", "plain_words"),
    "hash_share": Figure("hashes", "words"),
    "ellipsis_share": Figure("ellipses", "words"),
    "alpha_word_share": Figure("alpha_words", "words"),
    "bullet_line_share": Figure("bullet_lines", "split_lines"),
    "ellipsis_line_share": Figure("ellipsis_lines", "split_lines"),
    "mean_line_length": Figure("split_line_characters", "split_lines"),
    "repeated_paragraph_share": Figure("repeated_paragraphs", "paragraphs"),
    "repeated_paragraph_character_share": Figure("repeated_paragraph_characters", "characters"),
    "repeated_line_share": Figure("repeated_lines", "broken_lines"),
    "repeated_line_character_share": Figure("repeated_line_characters", "characters"),
    **{f"top_{n}_word_share": Figure(f"top_{n}_words", "characters") for n in (2, 3, 4)},
    **{f"repeated_{n}_word_share": Figure(f"repeated_{n}_words", "characters") for n in range(5, 11)},
    "terminal_line_share": Figure("terminal_lines", "lines"),
    "short_line_share": Figure("lines_to_30", "lines"),
    "repeated_text_line_share": Figure("repeated_text_line_characters", "inline_characters"),
    "newlines_per_word": Figure("newlines", "words"),
    "c4_removed_share": Figure("c4_removed_bytes", "bytes"),
    "kuten_share": Figure("kuten", "characters"),
    "special_character_share": Figure("special_characters", "characters"),
    "brief_line_share": Figure("lines_to_10", "newlines", -1),
    "dotted_newline_share": Figure("dotted_newlines", "newlines"),
    "hiragana_share": Figure("hiragana", "japanese"),
    "katakana_share": Figure("katakana", "japanese"),
    "japanese_share": Figure("japanese", "characters"),
    "mean_sentence_length": Figure("sentence_characters", "sentences"),
    "ellipsis_sentence_share": Figure("ellipsis_sentences", "sentences"),
    "repeated_sentence_share": Figure("repeated_sentences", "sentences"),
    "repeated_sentence_character_share": Figure("repeated_sentence_characters", "sentence_characters"),
    **{f"top_{n}_character_share": Figure(f"top_{n}_characters", "characters", n - 1) for n in (2, 3, 4)},
    **{
        f"recurrent_{n}_character_share": Figure(f"recurrent_{n}_characters", f"distinct_{n}_characters")
        for n in range(5, 11)
    },
    "frequent_5_character_share": Figure("frequent_5_characters", "characters", 4),
    "recurrent_7_word_share": Figure("recurrent_7_words", "words", 6),
    "compression": Figure("compressed_bytes", "bytes"),
    "adult_character_share": Figure("adult_characters", "japanese"),
    "alphanumeric_share": Figure("alphanumerics", "characters"),
}
FIGURES = {**{name: Figure(name) for name in COUNTS}, **SHARES}

Counts = Mapping[str, npt.NDArray[np.generic]]


def value(counts: Counts, figure: str) -> npt.NDArray[np.float64]:
    """A figure of each document; NaN where a count is missing, or it is a share of nothing."""
    part, of, less = FIGURES[figure]
    over = _column(counts, part)
    if of is None:
        return over
    under = _inline(counts) if of == "inline_characters" else _column(counts, of) - less
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(over / under, np.float64)


def needed(figure: str) -> tuple[str, ...]:
    """The counts that a figure is made of."""
    part, of, _ = FIGURES[figure]
    return (part, "characters", "newlines") if of == "inline_characters" else (part, of) if of else (part,)


def _inline(counts: Counts) -> npt.NDArray[np.float64]:
    """Characters that are no newlines."""
    return _column(counts, "characters") - _column(counts, "newlines")


def _column(counts: Counts, name: str) -> npt.NDArray[np.float64]:
    """A count of each document; NaN where the language has no such thing."""
    if name in counts:
        return np.asarray(counts[name], np.float64)
    return np.full(len(next(iter(counts.values()))), np.nan)
