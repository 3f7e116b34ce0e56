"""A text as the one line of features that fastText sees: tokens between single spaces.

fastText splits at white space and NUL, ends a line at a token `</s>`, and takes a token that starts with `__label__`
for a label. No line made here holds either: lines are words without signs or underscores, or single characters.
"""

import re

import xxhash

VERSION = 1  # rises whenever the same text would give another line: models and scores are named by it
SPAN = 800  # characters, after runs of white space have become one space

# Lengths that a document is cut to for training. fastText adds an end-of-line token to the mean of each line, so a
# line's length shows. Trained on spans of 800 alone, held-out Wikipedia and books cut to 100 characters scored 0.04 in
# the mean (en; fr 0.40, ja 0.88), because only web texts were that short; trained on these lengths 0.81 (0.90, 0.95),
# and the AUC among texts of 100 characters rose from .865 to .970 (en; fr .968 to .982, ja .993 to .995).
LENGTHS = (SPAN, SPAN // 2, SPAN // 4, SPAN // 8)

UNSPACED = frozenset({"bo", "dz", "ja", "km", "lo", "my", "th", "yue", "zh"})  # written without spaces between words

# Letters, digits and the vowel signs, points and accents that belong to them but that `\w` leaves out: combining
# accents, Hebrew, Arabic, the Indic blocks.
_WORDS = re.compile("[\\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff]+")


def line(text: str, language: str) -> str:
    """The features of the first `SPAN` characters of `text`; empty where there is nothing to see.

    The first rather than the middle: held-out AUC .998 against .990 (en), equal in fr and ja.

    Held-out AUC by documents, the mean AUC where one whole source is held out, and the AUC among texts of 100
    characters (`benchmarks/quality_features.py`); fastText adds pairs of neighbouring tokens by itself:

    | language | features                     | documents | unseen source | 100 characters | model |
    |----------|------------------------------|-----------|---------------|----------------|-------|
    | ja       | **characters**               | .9989     | .990          | .996           | 17 MB |
    | ja       | pairs of characters          | .9988     | .991          | .995           | 34 MB |
    | ja       | triples of characters        | .9969     | .989          | .990           | 92 MB |
    | en       | **words as written**         | .9957     | .930          | .963           | 21 MB |
    | en       | words as written, signs      | .9990     | .944          | .958           | 21 MB |
    | en       | lower-cased words            | .9952     | .930          | .961           | 20 MB |
    | fr       | **words as written**         | .9993     | .924          | .982           | 21 MB |
    | fr       | words as written, signs      | .9976     | .913          | .980           | 21 MB |
    | fr       | lower-cased words            | .9994     | .927          | .987           | 20 MB |

    Signs win in English and lose in French by as much; they tell typographic habits of a source, so they stay out.
    """
    # Four spans of raw text hold one span unless most of it is white space; a document can be 8 MB.
    start = " ".join(text.lstrip()[: 4 * SPAN].split())[:SPAN]
    if unspaced(language):
        return " ".join(start.replace(" ", "").replace("\0", ""))
    return " ".join(_WORDS.findall(start.replace("_", " ")))


def spans(text: str, language: str, most: int) -> list[str]:
    """At most `most` pieces of `text` for training, of lengths that say nothing about where it comes from.

    Lengths go round in `LENGTHS`, from a start that hangs on the text alone; pieces do not overlap and lie evenly over
    a long document. Languages with spaces are cut between words.
    """
    text, spaced = " ".join(text.split()), not unspaced(language)
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


def unspaced(language: str) -> bool:
    """Whether it is written without spaces between words."""
    return _base(language) in UNSPACED


def _base(language: str) -> str:
    """`zh-Hant` and `zh_TW` are `zh`."""
    return re.split("[-_]", language, maxsplit=1)[0].lower()
