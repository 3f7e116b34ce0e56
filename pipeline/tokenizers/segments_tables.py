"""What the scanner of byte-level BPE looks things up in: kinds of characters, where they are cut, what tokens join."""

import itertools
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from prep.compiling import compiled
from prep.pipeline.tokenizers.counter import Unsuited
from prep.pipeline.tokenizers.merge_kernel import hashed
from prep.pipeline.tokenizers.segments_characters import (
    ASK,
    CODES,
    CUT,
    DIGIT,
    FOUR,
    HEAD,
    KEEP,
    LAST,
    LETTER,
    MARK,
    NEUTRAL,
    NEVER,
    NEWLINE,
    OTHER,
    QUOTE,
    SIGN,
    SPACE,
    STOP,
    TOKENS,
    WIDTH,
    WORD,
    whole,
)  # fmt: skip
from prep.pipeline.tokenizers.segments_words import Bytes, Longs, Merging
from prep.pipeline.tokenizers.steady import STEADY, all_steady, steady

# Of one category in every edition of Unicode since 4.1, so that all libraries agree on them. NFC leaves them as they
# are unless a mark follows; `_kind` looks.
LETTERS = (  # kana, their iteration and length marks, Han, Hangul, halfwidth kana
    (0x3005, 0x3006), (0x3041, 0x3096), (0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF),
    (0x3400, 0x4DB5), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xFF66, 0xFF9F),
)  # fmt: skip
SIGNS = (  # Latin, dashes and quotes, currencies, arrows to shapes, CJK and fullwidth punctuation
    (0xA1, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x2010, 0x2027), (0x2030, 0x2052), (0x20A0, 0x20AF), (0x2190, 0x2613),
    (0x3001, 0x3003), (0x3008, 0x301F), (0x30FB, 0x30FB), (0xFF01, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40),
    (0xFF5B, 0xFF65),
)  # fmt: skip
DIGITS = ((0x30, 0x39), (0xFF10, 0xFF19))
RANGES = ((LETTERS, ("Lo", "Lm"), LETTER), (SIGNS, ("P", "S"), SIGN), (DIGITS, ("Nd",), DIGIT))
SPACES = " \t\xa0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"  # those NFC leaves alone
APOSTROPHE = "'"  # begins 's, 'll and so on

MOST_JUNCTIONS = 64_000_000  # bits: 8 MB, and 64 while they are made. o200k_base has 2.6 million


@dataclass(frozen=True)
class Rules:
    """Where a split begins a word. What holds for all the patterns is in `_rules`."""

    apart: bool  # letters and newlines after signs always do: GPT-2's
    cased: bool  # within a run of letters case decides, so that a cut may move what comes later: o200k's


@dataclass(frozen=True)
class Merges:
    """What byte-pair encoding merges. A symbol is a token's id + 1."""

    units: tuple[int, ...]  # by byte, its symbol; 0 where it has none
    ranks: dict[int, int]  # left symbol << 32 | right symbol: rank << 32 | symbol made


@dataclass(frozen=True)
class Added:
    """The texts that are tokens wherever they are written."""

    texts: tuple[str, ...] = ()  # a text in which one of them may be is left to the engine behind
    runs: frozenset[int] = frozenset()  # of spaces: their lengths


class Tables(NamedTuple):
    """Numbers only, for numba."""

    kinds: npt.NDArray[np.uint8]  # by code point of three bytes, or less; 8 more, for they are read 8 at a time
    rules: npt.NDArray[np.int64]  # KEEP, CUT or ASK, by the kinds on the left and on the right
    starts: npt.NDArray[np.int64]  # by kind, whether letters after it may be cut between: 3 yes, 1 as before, 0 no
    lefts: npt.NDArray[np.int64]  # by code point, the row of a character on the left side of a junction
    rights: npt.NDArray[np.int64]  # and the column of one on the right
    width: int
    joined: npt.NDArray[np.uint8]  # a bit for each row and column: a token has the junction, or parts at its ends
    apart: bool
    blanks: int  # NEVER, LAST or TOKENS
    longest: int  # run of spaces that is a token
    heads: npt.NDArray[np.int64]  # of added tokens: `_heads`


def tables(tokens: Iterable[bytes], rules: Rules, added: Added) -> Tables:
    """Of a vocabulary in bytes."""
    found = [token for token in tokens if len(token) > 1 and max(token) >= 0x80]
    pairs = np.unique(_junctions(*concatenated(found)))
    lefts, rights = _Sides.of(pairs >> 32, 0), _Sides.of(pairs & 0xFFFFFFFF, 1)
    height, width = len(lefts.classes), len(rights.classes)
    if height * width > MOST_JUNCTIONS:
        raise Unsuited(f"{height:,} by {width:,} kinds of characters join, more than {MOST_JUNCTIONS:,}")
    joined = np.zeros((height, width), np.bool_)
    for number, side in enumerate(lefts.parts):
        partners = np.searchsorted(rights.parts, pairs[pairs >> 32 == side] & 0xFFFFFFFF)
        columns = np.isin(rights.classes, partners).any(axis=1)
        joined[np.ix_((lefts.classes == number).any(axis=1), columns)] = True
    bits = np.packbits(joined, axis=None, bitorder="little")
    blanks, longest = _blanks(added)
    rows = _rules(rules)
    return Tables(
        _kinds_beside(added), rows, _starts(rules), lefts.by_code, rights.by_code, width,
        np.concatenate([bits, np.zeros(8, np.uint8)]), rules.apart, blanks, longest, _heads(added, rows),
    )  # fmt: skip


def _kinds_beside(added: Added) -> npt.NDArray[np.uint8]:
    """With HEAD in place of STOP for what added tokens begin with."""
    found = kinds().copy()
    found[[ord(text[0]) for text in added.texts]] = HEAD
    return found


def _heads(added: Added, rules: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Of each added token the first eight bytes, masks of those that the scanner does not cut apart, and of all.

    Bytes that a normal form of Unicode might change do not count.
    """
    found = set()
    for text in added.texts:
        steady_part = text if all_steady(text) else "".join(itertools.takewhile(str.isascii, text))
        signs = [int(kinds()[min(ord(each), CODES)]) for each in steady_part]
        pairs = itertools.takewhile(lambda pair: rules[pair[0] * WIDTH + pair[1]] == KEEP, itertools.pairwise(signs))
        joined = steady_part[: 1 + len(list(pairs))]
        found.add((steady_part.encode()[:8], len(joined.encode()), len(steady_part.encode())))
    rows = [(_number(head.ljust(8, b"\0")), _mask(first), _mask(whole)) for head, first, whole in sorted(found)]
    return np.array(rows, np.int64).reshape(-1, 3)


def _mask(size: int) -> int:
    return _number(b"\xff" * min(size, 8) + bytes(max(0, 8 - size)))


def _number(eight: bytes) -> int:
    return int.from_bytes(eight, "little", signed=True)


def _blanks(added: Added) -> tuple[int, int]:
    """Where runs of spaces may be cut, and the longest that is a token."""
    if not added.runs:
        return LAST, 0
    longest = max(added.runs)
    return (TOKENS, longest) if added.runs == frozenset(range(2, longest + 1)) else (NEVER, 0)


@compiled
def _junctions(text: Bytes, ends: Longs) -> Longs:
    """What tokens have on the two sides of each place in them, 32 bits each: three bytes, or less at their own ends.

    Only where these can be two characters of three bytes, or parts of such. A side is its bytes, then two bits of size.
    """
    found, size = np.empty(max(1, len(text)), np.int64), 0
    for row in range(len(ends) - 1):
        for cut in range(ends[row] + 1, ends[row + 1]):
            before, after = min(3, cut - ends[row]), min(3, ends[row + 1] - cut)
            begins = text[cut] >> 4 == 0xE and text[cut - 1] >> 6 == 2
            if not begins or (before == 3 and text[cut - 3] >> 4 != 0xE):
                continue
            left, right = 0, 0
            for at in range(cut - before, cut):
                left = left << 8 | whole(text[at])
            for at in range(cut, cut + after):
                right = right << 8 | whole(text[at])
            found[size] = (left << 2 | before) << 32 | right << 2 | after
            size += 1
    return found[:size]


@dataclass(frozen=True)
class _Sides:
    """The characters on one side of a junction, by the parts of them that tokens have there."""

    parts: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]  # of each class its parts, by number, and -1
    by_code: npt.NDArray[np.int64]

    @staticmethod
    def of(sides: npt.NDArray[np.int64], right: int) -> "_Sides":
        parts = np.unique(sides)
        codes = np.flatnonzero(kinds() >= SIGN)
        text = (0xE0 | codes >> 12) << 16 | (0x80 | codes >> 6 & 0x3F) << 8 | 0x80 | codes & 0x3F
        owned = np.full((len(codes), 3), -1, np.int64)
        for size in (1, 2, 3):
            part = (text >> 8 * (3 - size) if right else text & ((1 << 8 * size) - 1)) << 2 | size
            owned[:, size - 1] = np.where(np.isin(part, parts), np.searchsorted(parts, part), -1)
        classes, of_code = np.unique(owned, axis=0, return_inverse=True)
        by_code = np.zeros(CODES, np.int64)
        by_code[codes] = of_code.ravel()
        return _Sides(parts, classes, by_code)


def _rules(rules: Rules) -> npt.NDArray[np.int64]:
    """Where words begin in all the patterns, and where they do if the text is cut."""
    table = np.zeros((WIDTH, WIDTH), np.int64)
    table[LETTER, [SIGN, SPACE, NEWLINE, DIGIT, HEAD, STOP]] = CUT
    table[DIGIT, [LETTER, SIGN, SPACE, NEWLINE, STOP]] = CUT
    table[WORD, [SIGN, SPACE, NEWLINE, STOP]] = CUT
    table[SIGN, [SPACE, DIGIT]] = CUT
    table[[HEAD, STOP, QUOTE], SPACE] = CUT
    table[LETTER, LETTER] = ASK
    table[SIGN, LETTER] = CUT if rules.apart else ASK
    if rules.apart:
        table[[SIGN, HEAD, STOP, QUOTE], NEWLINE] = CUT
        table[[HEAD, STOP], LETTER] = CUT
        table[STOP, WORD] = CUT
    if not rules.cased:
        table[WORD, QUOTE] = CUT
    return table.ravel()


def _starts(rules: Rules) -> npt.NDArray[np.int64]:
    found = np.full(WIDTH, 3, np.int64)
    if rules.cased:
        found[[OTHER, MARK, WORD]] = 0
        found[LETTER] = 1
    return found


@cache
def kinds() -> npt.NDArray[np.uint8]:
    """Of each code point that three bytes of UTF-8 can say."""
    found = np.zeros(CODES + 8, np.uint8)
    found[:CODES] = [_kind(chr(code)) for code in range(CODES)]
    for ranges, categories, kind in RANGES:
        for first, last in ranges:
            for code in range(first, last + 1):
                if _always(chr(code), categories) and found[code] != MARK:
                    found[code] = kind
    found[:0x800][found[:0x800] == SIGN] = STOP
    for code in map(ord, "\n\r"):
        found[code] = NEWLINE
    for code in map(ord, SPACES):
        found[code] = SPACE
    found[0x80:0x800][(found[0x80:0x800] == OTHER) & _settled()] = WORD
    found[FOUR] = MARK
    return found


def _always(character: str, categories: tuple[str, ...]) -> bool:
    """Whether it was of the categories in Unicode 3.2, and is now; not all of SIGNS are signs."""
    editions = unicodedata.category(character), unicodedata.ucd_3_2_0.category(character)
    return all(category.startswith(categories) for category in editions)


def _settled() -> npt.NDArray[np.bool_]:
    """Of the code points of two bytes, which are letters in every edition of Unicode, and left as they are by NFC."""
    old = [unicodedata.ucd_3_2_0.category(chr(code))[0] == "L" for code in range(0x80, 0x800)]
    settled: npt.NDArray[np.bool_] = np.array(old) & (steady()[0x80:0x800] == STEADY)
    return settled


def _kind(character: str) -> int:
    """MARK for all that NFC may change or join to what is before it, and for what other editions may call a mark."""
    category = unicodedata.category(character)
    if character.isascii():
        return _ascii(character, category)
    jamo = "\u1100" <= character <= "\u11ff"
    if category in ("Cn", "Cs") or category[0] == "M" or jamo or not unicodedata.is_normalized("NFC", character):
        return MARK
    return OTHER if category[0] == "L" else NEUTRAL


def _ascii(character: str, category: str) -> int:
    if category[0] not in "PS":
        return WORD if category[0] == "L" else NEUTRAL
    return QUOTE if character == APOSTROPHE else STOP


def merging(found: Merges, rules: Rules) -> Merging:
    """What counts words by merging. GPT-2 begins one where letters, digits and signs meet; others may not."""
    groups = np.zeros(WIDTH, np.int64)
    groups[[WORD, LETTER]] = 1
    if rules.apart:
        groups[DIGIT], groups[[HEAD, STOP, SIGN, QUOTE]] = 2, 3
    return Merging(groups, rules.cased, np.array(found.units, np.int64), hashed(found.ranks))


def concatenated(parts: Sequence[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """One after another, and where each begins and the last ends."""
    return np.array(bytearray(b"".join(parts)), np.uint8), np.cumsum([0, *map(len, parts)], dtype=np.int64)
