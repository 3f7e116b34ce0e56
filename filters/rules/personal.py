"""E-mail addresses, telephone numbers and public IP addresses in one text. Precision before recall; docs/rules.md."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prep.compiling import lean
from prep.filters.rules.c4 import lowered, stands
from prep.filters.rules.characters import ALNUM, ALPHA, DIGIT
from prep.filters.rules.units import Ints, Points, Text

EMAIL, PHONE, IPV4, IPV6 = range(4)
LONGEST_LOCAL, LONGEST_DOMAIN = 64, 255  # characters, RFC 5321
HYPHENS, BLANKS, DOTS, BRACKETS = 1, 2, 4, 8  # what stands between the digits of a number
MOST_DIGITS = 15  # of a telephone number, E.164
SMALLEST_PART = 20  # one part of an address must reach it: 3.1.2.4 is a chapter
DOT, COLON, AT, MINUS, PLUS, OPEN, CLOSE, SPACE, ZERO, UNDERSCORE, PERCENT, TWO, THREE = map(ord, ".:@-+() 0_%23")
WIDE_ZERO, WIDE_MINUS, WIDE_OPEN, WIDE_CLOSE, HYPHEN, MINUS_SIGN = map(ord, "０－（）‐−")


def _codes(text: str) -> Points:
    return np.array([ord(each) for each in text], np.uint32)


VERSIONS = tuple(_codes(each) for each in ("version", "ver", "release", "build", "バージョン", "section", "chapter"))
RESERVED = tuple(_codes(each) for each in ("example.com", "example.org", "example.net"))  # RFC 2606
# Groups of digits as hexadecimal numbers: 0x344 is 090-1234-5678.
JAPANESE = (0x244, 0x334, 0x424, 0x514)
MOBILE, FREE, FRENCH, AMERICAN, AMERICAN_WITH_1 = 0x344, 0x433, 0x22222, 0x334, 0x1334


@lean
def digit(code: np.uint32) -> int:
    """The value of a digit, of full width too; -1 for anything else."""
    if ZERO <= code <= ZERO + 9:
        return np.int64(code) - ZERO
    return np.int64(code) - WIDE_ZERO if WIDE_ZERO <= code <= WIDE_ZERO + 9 else -1


@lean
def ascii_alnum(code: np.uint32) -> bool:
    """A letter or digit of ASCII."""
    return 0x30 <= code <= 0x39 or 0x41 <= code <= 0x5A or 0x61 <= code <= 0x7A


@lean
def email(codes: Points, at: int, begin: int, count: int) -> tuple[int, int]:
    """The address round an @; nothing before `begin` belongs to it."""
    start, stop = at, at + 1
    while start > begin and at - start < LONGEST_LOCAL:
        code = codes[start - 1]
        if not (
            ascii_alnum(code) or code == DOT or code == UNDERSCORE or code == PERCENT or code == PLUS or code == MINUS
        ):
            break
        start -= 1
    while start < at and (codes[start] == DOT or codes[start] == MINUS):
        start += 1
    end, label, letters = 0, 0, True
    while stop <= count and stop - at <= LONGEST_DOMAIN:
        code = codes[stop] if stop < count else np.uint32(0)
        if ascii_alnum(code) or (code == MINUS and label):
            label, letters = label + 1, letters and code >= 0x41
        else:
            if label >= 2 and letters and end:
                end = stop
            if code != DOT or label == 0:
                break
            label, letters, end = 0, True, max(end, 1)
        stop += 1
    chained = (end < count and codes[end] == AT) or (start > 0 and codes[start - 1] == AT)
    if start == at or end < 2 or chained:
        return 0, 0
    for reserved in RESERVED:
        if end - at - 1 == len(reserved) and stands(codes, at + 1, end, reserved):
            return 0, 0
    return start, end


@lean
def public(one: int, two: int, three: int) -> bool:
    """Whether an address that begins so is anybody's: not private, local, reserved or for documents."""
    if one == 0 or one == 10 or one == 127 or one >= 224:
        return False
    if (one == 169 and two == 254) or (one == 172 and 16 <= two < 32) or (one == 192 and two == 168):
        return False
    if (one == 100 and 64 <= two < 128) or (one == 198 and 18 <= two < 20) or (one == 192 and two == 0):
        return False
    return not ((one == 198 and two == 51 and three == 100) or (one == 203 and two == 0 and three == 113))


@lean
def versioned(codes: Points, place: int) -> bool:
    """Whether the word before says that a version or a chapter is meant."""
    while place > 0 and codes[place - 1] in (SPACE, COLON, DOT):
        place -= 1
    for words in VERSIONS:
        if place >= len(words) and stands(codes, place - len(words), place, words):
            return True
    return False


@lean
def ipv4(text: Text, start: int, count: int) -> int:
    """Where a public address that begins here ends, or 0."""
    codes, flags = text
    place, head, largest = start, 0, 0
    for part in range(4):
        value, size = 0, 0
        while place < count and flags[place] & DIGIT and size < 4:
            value, size, place = 10 * value + np.int64(codes[place]) - ZERO, size + 1, place + 1
        if size == 0 or value > 255 or (size > 1 and codes[place - size] == ZERO):
            return 0
        if part < 3:
            head = 256 * head + value
        largest = max(largest, value)
        if part < 3:
            if place >= count or codes[place] != DOT:
                return 0
            place += 1
    if place < count and ((flags[place] & ALNUM and codes[place] < 0x80) or codes[place] == UNDERSCORE):
        return 0
    if place + 1 < count and codes[place] == DOT and flags[place + 1] & DIGIT:
        return 0
    open_to_all = largest >= SMALLEST_PART and public(head >> 16, head >> 8 & 255, head & 255)
    return place if open_to_all and not versioned(codes, start) else 0


@lean
def hexadecimal(code: np.uint32) -> int:
    """The value of a digit of an IPv6 address, or -1."""
    small = lowered(code)
    return np.int64(code) - ZERO if 0x30 <= code <= 0x39 else np.int64(small) - 0x57 if 0x61 <= small <= 0x66 else -1


@lean
def ipv6(codes: Points, start: int, count: int) -> int:
    """Where a global address (2000::/3, four digits first) that begins here ends, or 0."""
    place, groups, gap, end, first, second = start, 0, False, 0, 0, -1
    while place < count and groups < 9:
        value, size = 0, 0
        while place < count and size < 5 and hexadecimal(codes[place]) >= 0:
            value, size, place = 16 * value + hexadecimal(codes[place]), size + 1, place + 1
        if size == 0 or size > 4 or (groups == 0 and size != 4):
            break
        groups, end = groups + 1, place
        first, second = (value, second) if groups == 1 else (first, value if groups == 2 else second)
        if place >= count or codes[place] != COLON:
            break
        place += 1
        if place < count and codes[place] == COLON:
            if gap:
                return 0
            gap, place, end = True, place + 1, place + 1
    if end < count and (ascii_alnum(codes[end]) or codes[end] == COLON):
        return 0
    enough = (groups == 8 and not gap) or (gap and 3 <= groups < 8)
    return end if enough and 0x2000 <= first < 0x4000 and not (first == 0x2001 and second == 0xDB8) else 0


@lean
def between(code: np.uint32) -> int:
    """What a character between digits is, or 0."""
    if code == MINUS or code == WIDE_MINUS or code == HYPHEN or code == MINUS_SIGN:
        return HYPHENS
    if code == OPEN or code == CLOSE or code == WIDE_OPEN or code == WIDE_CLOSE:
        return BRACKETS
    return BLANKS if code == SPACE else DOTS if code == DOT else 0


@lean
def is_number(plus: bool, shape: int, digits: int, value: int, kinds: int) -> bool:
    """Whether groups of digits make a telephone number: with +, Japanese, French or North American."""
    if plus:
        return digits >= 8 + 2 * (kinds == 0)
    head = value // 10 ** (digits - 3) if digits >= 3 else 0
    if digits == 11 and (head in (20, 50, 70, 80, 90)) and kinds in (0, HYPHENS, BRACKETS, HYPHENS | BRACKETS):
        return shape in (MOBILE, 0xB)
    if kinds & (BLANKS | DOTS) == 0 and kinds and 0 < head < 100:
        free = shape == FREE and value // 10 ** (digits - 4) in (120, 570, 800)
        return free or (shape in JAPANESE and digits == 10)
    if shape == FRENCH and kinds in (BLANKS, DOTS, HYPHENS):
        return 0 < head < 100
    american = (shape == AMERICAN or (shape == AMERICAN_WITH_1 and value // 10**10 == 1)) and kinds
    area, exchange = value // 10**7 % 1000, value // 10**4 % 1000
    return american and area >= 200 and exchange >= 200 and (kinds & BLANKS == 0 or kinds & BRACKETS != 0)


@lean
def phone(text: Text, start: int, count: int) -> int:
    """Where a telephone number that begins here ends, or 0."""
    codes, flags = text
    plus = codes[start] == PLUS
    place, shape, group, digits, value, kinds = start, 0, 0, 0, 0, 0
    if plus or codes[start] == OPEN or codes[start] == WIDE_OPEN:
        kinds, place = 0 if plus else BRACKETS, place + 1
    stop = place
    while place < count and digits <= MOST_DIGITS:
        number = digit(codes[place])
        if number >= 0:
            digits, value, group, place = digits + 1, 10 * value + number, group + 1, place + 1
            stop = place
            continue
        gap, found = 0, 0
        while gap < 2 and place + gap < count and between(codes[place + gap]):
            found |= between(codes[place + gap])
            gap += 1
        if gap == 0 or place + gap >= count or digit(codes[place + gap]) < 0:
            break
        shape, group, kinds, place = 16 * shape + group, 0, kinds | found, place + gap
    shape = 16 * shape + group
    if digits < 8 or digits > MOST_DIGITS or (stop < count and flags[stop] & ALPHA and codes[stop] < 0x80):
        return 0
    return stop if is_number(plus, shape, digits, value, kinds) else 0


@lean
def find_personal(text: Text, count: int, starts: Ints, stops: Ints, kinds: npt.NDArray[np.uint8]) -> int:
    """Write where each stands and what it is; how many there are. None touches another."""
    codes = text.codes
    found = place = begin = np.int64(0)
    while place < count:
        code, start, stop, kind = codes[place], 0, 0, 0
        if AT < code < WIDE_OPEN:
            place += 1
            continue
        if code == AT:
            start, stop = email(codes, place, begin, count)
        elif code == PLUS or code == OPEN or code == WIDE_OPEN or digit(code) >= 0:
            before = codes[place - 1] if place > begin else np.uint32(SPACE)
            if not (ascii_alnum(before) or digit(before) >= 0 or before in (DOT, MINUS, PLUS, UNDERSCORE)):
                start, kind, stop = place, IPV4, ipv4(text, place, count)
                if stop == 0 and (code == TWO or code == THREE) and before != COLON:
                    kind, stop = IPV6, ipv6(codes, place, count)
                if stop == 0:
                    kind, stop = PHONE, phone(text, place, count)
        if stop:
            starts[found], stops[found], kinds[found] = start, stop, kind
            found, begin = found + 1, stop
        place = max(place + 1, stop)
    return found
