"""A text as the one line of features that fastText sees: tokens between single spaces.

fastText splits at white space and NUL, ends a line at a token `</s>`, and takes a token that starts with `__label__`
for a label. No line made here holds either: tokens are words without signs or underscores, or, in languages without
spaces, the longest words of a model's own dictionary.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import xxhash

VERSION = 3  # rises whenever the same text would give another line: models and scores are named by it
SPAN = 800  # characters, after runs of white space have become one space

# Lengths that a document is cut to for training. fastText adds an end-of-line token to the mean of each line, so a
# line's length shows. Trained on spans of 800 alone, held-out Wikipedia and books cut to 100 characters scored 0.04 in
# the mean (en; fr 0.40, ja 0.88), because only web texts were that short; trained on these lengths 0.81 (0.90, 0.95),
# and the AUC among texts of 100 characters rose from .865 to .970 (en; fr .968 to .982, ja .993 to .995).
LENGTHS = (SPAN, SPAN // 2, SPAN // 4, SPAN // 8)

UNSPACED = frozenset({"bo", "dz", "ja", "km", "lo", "my", "th", "yue", "zh"})  # written without spaces between words

# Letters, digits and the vowel signs, points and accents that belong to them but that `\w` leaves out: combining
# accents, Hebrew, Arabic, the Indic blocks. An underscore parts words: no token may look like fastText's labels.
_LETTER = "[^\\W_\\s]|[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff]"
_SIGN = "[.,;:?!\u060c\u061b\u061f]"  # that part sentences; others tell a source, see docs/quality.md
_SPACE = "[\\s_\0]"
_WORDS = re.compile(f"(?:{_LETTER})+|{_SIGN}")
_RUNS = re.compile(f"(?:(?!{_SPACE}).)+")
_END = "</s>"

CODES = 0x110000
SPACE, PART, ALONE = 0, 1, 2  # what a character is: between tokens, in a word, a token of its own


@dataclass(frozen=True)
class Words:
    """What a text without spaces is cut into: words of two characters or more."""

    known: frozenset[str] = frozenset()

    @classmethod
    def of(cls, spelled: Iterable[str]) -> "Words":
        """Of a tokenizer's vocabulary or a model's dictionary: what can be a token and is more than a character."""
        return cls(frozenset(word for word in spelled if len(word) > 1 and word != _END and _RUNS.fullmatch(word)))

    def cut(self, run: str) -> Iterator[str]:
        """From the left, the longest word that begins there, or a character."""
        at = 0
        while at < len(run):
            end = at + 1
            for size in self._sizes.get(run[at : at + 2], ()):
                if run[at : at + size] in self.known:
                    end = at + size
                    break
            yield run[at:end]
            at = end

    @cached_property
    def _sizes(self) -> dict[str, list[int]]:
        """By the first two characters how long words are, the longest first: most begin none."""
        found: dict[str, set[int]] = {}
        for word in self.known:
            found.setdefault(word[:2], set()).add(len(word))
        return {begin: sorted(sizes, reverse=True) for begin, sizes in found.items()}


NONE = Words()


def line(text: str, language: str, words: Words = NONE) -> str:
    """The features of `text`; empty where there is nothing to see. `words` are for languages without spaces."""
    if not unspaced(language):
        return " ".join(_WORDS.findall(text))
    return " ".join(token for run in _RUNS.findall(text) for token in words.cut(run))


@lru_cache(maxsize=2)
def _classes(unspaced: bool) -> npt.NDArray[np.uint8]:
    every = "".join(map(chr, range(CODES)))
    found = np.full(CODES, ALONE if unspaced else SPACE, np.uint8)
    kinds = ((_SPACE, SPACE),) if unspaced else ((_LETTER, PART), (_SIGN, ALONE))
    for pattern, kind in kinds:
        for match in re.finditer(f"(?:{pattern})+", every):
            found[match.start() : match.end()] = kind
    found.flags.writeable = False
    return found


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
    """Whether words run together in it; `zh-Hant` and `zh_TW` are `zh`."""
    return re.split("[-_]", language, maxsplit=1)[0].lower() in UNSPACED


def classes(language: str) -> npt.NDArray[np.uint8]:
    """What each code point is in texts of a language: `SPACE`, `PART` or `ALONE`. It says the same as `line`."""
    return _classes(unspaced(language))
