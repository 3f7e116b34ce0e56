"""What a text looks like: scripts, markup, mojibake, digits. For explanations and guesses; no token is counted by it.

Everything is added up over Arrow's own buffers: a table gives each code point its class, classes are counted, and the
regular expressions of markup and mojibake are run by RE2. The order of texts and where batches end make no difference.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.filters import language
from prep.filters.tongues import CODE
from prep.pipeline.audit.figures import Traits
from prep.pipeline.audit.languages import language_of

__all__ = ["SCRIPTS", "Tally", "language_of", "of"]

SCRIPTS = (
    "Latin", "Kana", "Han", "Hangul", "Cyrillic", "Arabic", "Devanagari", "Thai", "Greek", "Hebrew", "other",
)  # fmt: skip
DIGIT, SPACE, SYMBOL, REST = range(len(SCRIPTS), len(SCRIPTS) + 4)
CLASSES = len(SCRIPTS) + 4
BLOCKS: dict[str, tuple[tuple[int, int], ...]] = {  # first and last code point; only the letters and marks in them
    "Latin": ((0x41, 0x24F), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA720, 0xA7FF), (0xFF21, 0xFF5A)),
    "Kana": ((0x3041, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9D), (0x1B000, 0x1B16F)),
    "Han": ((0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)),
    "Hangul": ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF)),
    "Cyrillic": ((0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)),
    "Arabic": ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)),
    "Devanagari": ((0x900, 0x97F), (0xA8E0, 0xA8FF)),
    "Thai": ((0xE00, 0xE7F),),
    "Greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "Hebrew": ((0x590, 0x5FF), (0xFB1D, 0xFB4F)),
}
BASE64 = "+/="  # beside ASCII letters and digits
PIECE = 1 << 18  # bytes looked at at once: what is made of them stays in the cache
LONG_RUN = 100  # characters; no word of any language, and few addresses, are as long

# Tags of any XML that close or have an attribute, the plain tags of HTML, comments, entities, wiki templates and links.
# Neither `a < b > c` nor `Vec<u8>` nor `<T>` is one.
MARKUP = (
    r"</[A-Za-z][\w:.-]*\s*>"
    r"""|<[A-Za-z][\w:.-]*\s+[\w:.-]+\s*=\s*["'][^<>]*>"""
    r"|<(?:[bh]r|p|div|span|ul|ol|li|td|tr|th|table|tbody|h[1-6]|em|strong|html|head|body|script|style|center|ref)\s*/?>"
    r"|<!--[^<>]*-->|<!DOCTYPE[^<>]*>"
    r"|&(?:nbsp|amp|lt|gt|quot|#[0-9]{1,6});"
    r"|\{\{[^{}]*\}\}|\[\[[^\[\]|]*\||\[\[|\]\]"
)
_TAIL = "[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"  # what the bytes 80 to BF are in Latin-1 and cp1252
# Each is a run that no language writes, found in none of the clean texts at hand: French has no Ã, Portuguese has no
# sign after it, Japanese has 縺れる and 繧繝, but never three of 縺繧繝 so near each other.
MOJIBAKE = "|".join((
    "\ufffd",  # what a decoder leaves where it knows no better
    "[\u0080-\u0084\u0086-\u009f]",  # controls that only cp1252 read as Latin-1 brings into text
    "Ã[\u0080-\u00a9\u00ab-\u00ba\u00bc-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ˜™š›œžŸ]",  # é as Ã©; not Ã» and Ãª, ends of quotes
    "Ãª[a-zà-ÿ]|[a-z]Ã»[a-zà-ÿ]",
    "â€[\u0080-\u00bf™œ“”¦¢˜\u009d]|â„¢",  # ’ as â€™
    "Â[\u00a0-\u00a9\u00ab-\u00ba\u00bc-\u00bf]",  # a no-break space as Â and itself
    f"(?:[ÐÑ]{_TAIL}){{3}}",  # Cyrillic
    f"(?:[ãäåæçèé]{_TAIL}{_TAIL}){{2}}",  # kana, Han
    "ã[\u0081-\u0083‚ƒ]",
    "[縺繧繝](?:.{1,9}[縺繧繝]){2}",  # UTF-8 kana as Shift_JIS
    "[‚ƒ](?:[^\\s‘’]{1,10}[‚ƒ]){2}",  # Shift_JIS kana as cp1252
    "[¤¥](?:[\u00a1-\u00ff]{1,9}[¤¥]){2}",  # EUC-JP kana as Latin-1
    "､(?:[\uff61-\uff9f]{1,9}､){2}",  # EUC-JP kana as Shift_JIS
    "\\$B(?:[$%][!-s]){2}",  # ISO-2022-JP without its escapes
))  # fmt: skip


@cache
def _classes() -> npt.NDArray[np.uint8]:
    """The class of every code point."""
    table = np.full(sys.maxunicode + 1, REST, np.uint8)
    letters = [code for code in range(0x323B0) if chr(code).isalpha()]
    table[letters] = SCRIPTS.index("other")
    for script, blocks in BLOCKS.items():
        for first, last in blocks:
            block = range(first, last + 1)
            # Vowel signs of Thai, Arabic and Devanagari are marks, and count: without them a third is missing.
            table[[code for code in block if chr(code).isalpha() or _is_mark(code)]] = SCRIPTS.index(script)
    table[[code for code in range(0x20000) if chr(code).isdecimal()]] = DIGIT
    table[[code for code in range(0x3001) if chr(code).isspace()]] = SPACE
    table[[*language.SYMBOLS]] = SYMBOL
    table[0x30FC] = SCRIPTS.index("Kana")  # ー
    return table


def _is_mark(code: int) -> bool:
    from unicodedata import category

    return category(chr(code)).startswith("M")


@cache
def _in_runs() -> npt.NDArray[np.bool_]:
    table = np.zeros(256, bool)
    table[[code for code in range(128) if chr(code).isalnum() or chr(code) in BASE64]] = True
    return table


def _zeros(size: int) -> npt.NDArray[np.int64]:
    return np.zeros(size, np.int64)


@dataclass
class Tally:
    """Adds up what texts look like. Two can be added, and it goes from process to process."""

    classes: npt.NDArray[np.int64] = field(default_factory=lambda: _zeros(CLASSES))
    languages: Counter[str] = field(default_factory=Counter)  # bytes of each
    documents: int = 0
    broken: int = 0  # documents with mojibake
    markup: int = 0  # bytes
    runs: int = 0  # bytes
    bytes: int = 0

    def add(self, texts: pa.LargeStringArray) -> None:
        """Look at some documents. Nulls are none."""
        texts = texts.drop_null()
        if not len(texts):
            return
        content = _content(texts)
        self.documents += len(texts)
        self.bytes += len(content)
        self.classes += _class_counts(content)
        self.runs += _long_runs(np.frombuffer(content, np.uint8))
        self.broken += pc.sum(pc.match_substring_regex(texts, MOJIBAKE)).as_py() or 0
        self.markup += len(content) - _bytes(pc.replace_substring_regex(texts, MARKUP, ""))
        self.languages.update(_languages(texts))

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            self.classes + other.classes, self.languages + other.languages,
            self.documents + other.documents, self.broken + other.broken, self.markup + other.markup,
            self.runs + other.runs, self.bytes + other.bytes,
        )  # fmt: skip

    def traits(self) -> Traits:
        """Shares of what was added."""
        letters, chars = int(self.classes[: len(SCRIPTS)].sum()), int(self.classes.sum())
        shares = (self.classes[: len(SCRIPTS)] / max(letters, 1)).tolist()
        return Traits(
            scripts={name: share for name, share in zip(SCRIPTS, shares, strict=True) if share},
            markup=self.markup / max(self.bytes, 1),
            mojibake=self.broken / max(self.documents, 1),
            digits=int(self.classes[DIGIT]) / max(chars, 1),
            spaces=int(self.classes[SPACE]) / max(chars, 1),
            symbols=int(self.classes[SYMBOL]) / max(chars, 1),
            runs=self.runs / max(self.bytes, 1),
            languages={name: number / self.bytes for name, number in sorted(self.languages.items())},
            documents=self.documents,
        )


def of(*texts: str) -> Traits:
    """The traits of some texts."""
    tally = Tally()
    tally.add(pa.array(texts, pa.large_string()))
    return tally.traits()


def _content(texts: pa.LargeStringArray) -> memoryview:
    """The bytes of all texts on end, as they lie in the array."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64 if pa.types.is_large_string(texts.type) else np.int32)
    first, last = int(ends[texts.offset]), int(ends[texts.offset + len(texts)])
    return memoryview(b"" if data is None else data)[first:last]


def _bytes(texts: pa.LargeStringArray) -> int:
    return len(_content(texts))


def _class_counts(content: memoryview) -> npt.NDArray[np.int64]:
    counts = _zeros(CLASSES)
    for piece in _pieces(content):
        if piece.isascii():  # one byte is one character
            counts += np.bincount(
                _classes()[:256], np.bincount(np.frombuffer(piece, np.uint8), minlength=256), CLASSES
            ).astype(np.int64)
            continue
        codes = np.frombuffer(piece.decode("utf-8", "replace").encode("utf-32-le"), np.uint32)
        counts += np.bincount(_classes()[codes], minlength=CLASSES)
    return counts


def _pieces(content: memoryview, size: int = PIECE) -> Iterator[bytes]:
    """Pieces that end between two characters, small enough that their code points stay in the cache."""
    start = 0
    while start < len(content):
        stop = min(start + size, len(content))
        while stop < len(content) and content[stop] & 0xC0 == 0x80:
            stop += 1
        yield bytes(content[start:stop])
        start = stop


def _long_runs(data: npt.NDArray[np.uint8]) -> int:
    """Bytes in runs of `LONG_RUN` and more; one that goes on in the next document is one run, which is rare."""
    total, last = 0, -1
    for start in range(0, len(data), PIECE):
        breaks = np.flatnonzero(~_in_runs()[data[start : start + PIECE]]) + start
        if len(breaks):
            lengths = np.diff(breaks, prepend=last) - 1
            total += int(lengths[lengths >= LONG_RUN].sum())
            last = int(breaks[-1])
    tail = len(data) - last - 1
    return total + (tail if tail >= LONG_RUN else 0)


def _languages(texts: pa.LargeStringArray) -> Counter[str]:
    """Bytes by the language that they are found to be in, where that can be relied on."""
    counts: Counter[str] = Counter()
    rows = texts.cast(pa.large_binary()).to_pylist()
    for row, found in zip(rows, language.cld2(rows), strict=True):
        if not found.reliable or found.language is None:
            continue
        counts[found.language] += round(found.share * len(row))
        if found.second is not None and found.language != CODE:
            counts[found.second] += round(found.second_share * len(row))
    return counts
