"""Which language a text is in, by CLD2 or by a fastText model: found language, its share, and the second one.

A bounded sample of a document is looked at: a short one whole, of a longer one spans over its whole length, so that the
cost is that of 8 kB however long it is, and a document whose second half is in another language shows it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import pycld2

from prep.errors import BadModel
from prep.filters import labelfile
from prep.filters.tongues import CODE, tongue

VERSION = 1  # of how texts are sampled and judged; what is found may change with it
WHOLE = 8192  # bytes up to which a document is looked at whole
SPANS, SPAN = 8, 1000  # of a longer one, evenly over its length; bytes
RELIABLE = 0.5  # probability of the best label from which a model's word is taken

# What CLD2 raises on, found by trying every code point: control characters but tab, newline, form feed and return, and
# the 66 noncharacters.
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\f\r") + b"\x7f"
_REFUSED = re.compile(
    rb"\xc2[\x80-\x9f]|\xef\xb7[\x90-\xaf]|\xef\xbf[\xbe\xbf]|[\xf0-\xf4][\x8f\x9f\xaf\xbf]\xbf[\xbe\xbf]"
)

_LETTER = re.compile(r"[^\W\d_]")

# Code is told by brackets and operators and by words of programming languages, both at once: prose has 0.5% of the
# one, and arithmetic written out and tables have none of the other.
SYMBOLS = b"{}()[];=<>_"
SYMBOL_SHARE = 0.045  # of the characters; the Python library has 0.053, arithmetic 0.038, prose 0.005
WORD_SHARE = 0.06  # of the words; the Python library has 0.12, arithmetic 0.04
WORDS = frozenset(
    b"def return import if else for { } = == != // # int void const public static function self. this. let var "
    b"fn => -> && || += /* */ * None None: true; false; null;".split()
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a text is found to be in; `language` is None where there is too little text or nothing to tell it by."""

    language: str | None = None
    share: float = 0.0  # of the text, or the probability that a model gives
    second: str | None = None
    second_share: float = 0.0
    reliable: bool = False


class Identifier(Protocol):
    """Tells the language of texts; each on its own, whatever stands before it."""

    def __call__(self, texts: Iterable[bytes]) -> Iterator[Found]:
        """Of texts in UTF-8."""


def sample(text: bytes) -> bytes:
    """What of a text is looked at."""
    if len(text) <= WHOLE:
        return text
    step = (len(text) - SPAN) // (SPANS - 1)
    return b"\n".join(_span(text, number * step) for number in range(SPANS))


def _span(text: bytes, start: int) -> bytes:
    """A span that begins and ends between characters."""
    stop = min(start + SPAN, len(text))
    while start < len(text) and text[start] & 0xC0 == 0x80:
        start += 1
    while stop < len(text) and text[stop] & 0xC0 == 0x80:
        stop += 1
    return text[start:stop]


def is_code(text: bytes) -> bool:
    """Whether a text reads as a programming language."""
    symbols = len(text) - len(text.translate(None, SYMBOLS))
    if not symbols or symbols < SYMBOL_SHARE * len(text) / 4:  # the dearest character has four bytes, and most have one
        return False
    if symbols < SYMBOL_SHARE * len(text.decode("utf-8", "replace")):
        return False
    words = text.split()
    return sum(word in WORDS for word in words) >= WORD_SHARE * len(words)


def cld2(texts: Iterable[bytes]) -> Iterator[Found]:
    """By CLD2, which names up to three languages of a text with the share of each."""
    for text in map(sample, texts):
        try:
            reliable, _, named = pycld2.detect(text, isPlainText=True)
        except pycld2.error:
            reliable, _, named = pycld2.detect(cleaned(text), isPlainText=True)
        first, second, _ = named
        found = Found(tongue(first[1]), first[2] / 100, tongue(second[1]), second[2] / 100, reliable)
        yield _or_code(text, found)


def cleaned(text: bytes) -> bytes:
    """Without what CLD2 raises on."""
    return _REFUSED.sub(b"", text.translate(None, _CONTROLS))


class Model:
    """A fastText model whose labels are languages: lid.176 (`__label__ja`), GlotLID (`__label__jpn_Jpan`)."""

    def __init__(self, path: str | Path) -> None:
        import fasttext  # 0.2 s, which CLD2 does without

        labels = labelfile.labels_of(Path(path))
        self._tongues = {label: tongue(label) for label in labels}
        strange = [label for label, known in self._tongues.items() if known is None]
        if len(strange) * 2 > len(labels):
            raise BadModel(
                f"{path}: its labels are {', '.join(strange[:5])} and name no languages; name a model such as "
                "lid.176.bin, or `by: cld2`"
            )
        try:
            self._model = fasttext.FastText._FastText(model_path=str(path))
        except (ValueError, RuntimeError) as error:
            raise BadModel(f"{path}: fastText cannot load it ({error}); fetch it again") from error

    def __call__(self, texts: Iterable[bytes]) -> Iterator[Found]:
        """The best two labels of each text."""
        for text in map(sample, texts):
            line = text.decode("utf-8", "replace").replace("\n", " ").replace("__label__", "")
            if not _LETTER.search(line):  # the end of the line alone has a language for a model
                yield Found()
                continue
            labels, chances = self._model.predict([line], k=2)
            yield _or_code(text, self._found(labels[0], chances[0]))

    def _found(self, labels: list[str], chances: Iterable[float]) -> Found:
        pairs = [
            (self._tongues.get(label), min(float(chance), 1.0)) for label, chance in zip(labels, chances, strict=True)
        ]
        (first, share), (second, other) = [*pairs, (None, 0.0), (None, 0.0)][:2]
        return Found(first, share, second, other, first is not None and share >= RELIABLE)


@lru_cache(maxsize=2)
def load(path: str, digest: str) -> Model:
    """A model, opened once a process; `digest` is what the file must be.

    Errors: BadModel.
    """
    if digest_of(path) != digest:
        raise BadModel(f"{path}: is another file than when the run began; run again")
    return Model(path)


def digest_of(path: str) -> str:
    """The sha256 of a model file, in hex.

    Errors: BadModel.
    """
    from prep.filters import quality

    return quality.digest_of(path)


def _or_code(text: bytes, found: Found) -> Found:
    """Code is in no language; what its names and comments are in stands second."""
    return Found(CODE, 1.0, found.language, found.share, True) if is_code(text) else found
