"""A text as the one line of features that fastText sees: tokens between single spaces.

fastText splits at white space and NUL, ends a line at a token `</s>`, and takes a token that starts with `__label__`
for a label. No line made here holds either: punctuation is a token of one character and underscores are dropped.
"""

import re

import xxhash

VERSION = 1  # rises whenever the same text would give another line: models and scores are named by it
SPAN = 800  # characters, after runs of white space have become one space

# Lengths that a document is cut to for training. fastText adds an end-of-line token to the mean of each line, so a
# line's length shows. Trained on spans of 800 alone, a held-out Wikipedia text cut to 100 characters scored 0.32 in
# the mean (en; 0.55 fr, 0.88 ja), because only web texts were that short; trained on these lengths 0.84 (0.80, 0.95),
# and the AUC among texts of 100 characters rose from .884 to .962 (en; .955 to .977 fr, .993 to .995 ja).
LENGTHS = (SPAN, SPAN // 2, SPAN // 4, SPAN // 8)

UNSPACED = frozenset({"bo", "dz", "ja", "km", "lo", "my", "th", "yue", "zh"})  # written without spaces between words

# Letters, digits and the vowel signs, points and accents that belong to them but that `\w` leaves out: combining
# accents, Hebrew, Arabic, the Indic blocks.
_WORDS = re.compile("[\\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff]+")


def line(text: str, language: str) -> str:
    """The features of the first `SPAN` characters of `text`; empty where it holds no letter, digit or sign.

    The first rather than the middle: held-out AUC .999 against .995 (en), .999 against .998 (fr, words), equal (ja).

    Held-out AUC by documents, then the mean where one whole source is held out (`benchmarks/quality_features.py`);
    fastText adds pairs of neighbouring tokens by itself:

    | language | features                            | AUC   | unseen source | model  |
    |----------|-------------------------------------|-------|---------------|--------|
    | ja       | **characters**                      | .9990 | .990          | 17 MB  |
    | ja       | pairs of characters                 | .9986 | .992          | 40 MB  |
    | ja       | triples of characters               | .995  | not measured  | 131 MB |
    | en       | **words as written, punctuation**   | .9991 | .951          | 23 MB  |
    | en       | words as written                    | .9949 | .931          | 23 MB  |
    | en       | lower-cased words                   | .9927 | .929          | 22 MB  |
    | fr       | **words as written, punctuation**   | .9979 | .915          | 22 MB  |
    | fr       | words as written                    | .9991 | .930          | 22 MB  |
    | fr       | lower-cased words                   | .9991 | .931          | 21 MB  |
    """
    # Four spans of raw text hold one span unless most of it is white space; a document can be 8 MB.
    start = " ".join(text.lstrip()[: 4 * SPAN].split())[:SPAN]
    if _base(language) in UNSPACED:
        return " ".join(start.replace(" ", "").replace("\0", ""))
    return " ".join(_WORDS.findall(start.replace("_", " ")))


def spans(text: str, language: str, most: int) -> list[str]:
    """At most `most` pieces of `text` for training, of lengths that say nothing about where it comes from.

    Lengths go round in `LENGTHS`, from a start that hangs on the text alone; pieces do not overlap and lie evenly over
    a long document. Languages with spaces are cut between words.
    """
    text, spaced = " ".join(text.split()), _base(language) not in UNSPACED
    first = xxhash.xxh3_64_intdigest(text[:SPAN].encode())
    pieces: list[str] = []
    at = 0
    for index in range(most):
        at = max(at, index * len(text) // most)
        if spaced and at:
            at = text.find(" ", at - 1) + 1 or len(text)
        if at >= len(text):
            break
        end = at + LENGTHS[(first + index) % len(LENGTHS)]
        if spaced and end < len(text) and (space := text.rfind(" ", at + 1, end + 1)) > at:
            end = space
        pieces.append(text[at:end])
        at = end
    return pieces


def _base(language: str) -> str:
    """`zh-Hant` and `zh_TW` are `zh`."""
    return re.split("[-_]", language, maxsplit=1)[0].lower()
