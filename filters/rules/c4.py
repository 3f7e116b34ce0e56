"""C4's line rules: what they keep of a text, and what its document rules see in that."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prep.compiling import lean
from prep.filters.rules.characters import DECIMAL, SPACE
from prep.filters.rules.lines import dotted, left, line_end, right
from prep.filters.rules.units import Points, Text, width
from prep.filters.rules.words import ENDS_SENTENCE, PUNCTUAL, Manner, Words, split

LONGEST_WORD = 1000  # characters
FEWEST_WORDS = 3  # of a line that is kept
NEWLINE, BRACE, OPEN, CLOSE = 0x0A, 0x7B, 0x5B, 0x5D
LAST = (0x2E, 0x3F, 0x21, 0x22, 0x27)  # . ? ! " '


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.array([ord(each) for each in text], np.uint32)


LOREM, JAVASCRIPT, EDIT, NEEDED = (
    _codes("lorem ipsum"),
    _codes("javascript"),
    _codes("edit]"),
    _codes("citation needed]"),
)
POLICIES = tuple(
    _codes(each)
    for each in ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
)

LO, JA, TE, PR, CO, US = (ord(first) << 8 | ord(second) for first, second in ("lo", "ja", "te", "pr", "co", "us"))


@lean
def lowered(code: np.uint32) -> np.uint32:
    """As str.lower, of what ASCII letters may come from."""
    if 0x41 <= code <= 0x5A:
        return code + np.uint32(32)
    return np.uint32(0x6B) if code == 0x212A else code  # the sign of kelvin


@lean
def stands(codes: Points, place: int, stop: int, words: Points) -> bool:
    """Whether the words stand at a place, in letters of either case."""
    if place + len(words) > stop:
        return False
    for number in range(len(words)):
        if lowered(codes[place + number]) != words[number]:
            return False
    return True


@lean
def citation(text: Text, place: int, stop: int) -> int:
    """The length of `[12]`, `[edit]` or `[citation needed]` at a place."""
    codes, flags = text
    end = place + 1
    while end < stop and flags[end] & DECIMAL:
        end += 1
    if end < stop and codes[end] == CLOSE:
        return end + 1 - place
    for words in (EDIT, NEEDED):
        if (
            place + 1 + len(words) <= stop
            and stands(codes, place + 1, stop, words)
            and small(codes, place + 1, len(words))
        ):
            return len(words) + 1
    return 0


@lean
def small(codes: Points, place: int, size: int) -> bool:
    """Whether no capital stands there."""
    for number in range(place, place + size):
        if codes[number] != lowered(codes[number]):
            return False
    return True


@lean
def shaped(text: Text, start: int, stop: int) -> tuple[int, int]:
    """Words between white space, and characters of the longest."""
    flags = text.flags
    many = longest = run = 0
    for place in range(start, stop):
        if flags[place] & SPACE:
            run = 0
        else:
            many += run == 0
            run += 1
            longest = max(longest, run)
    return many, longest


@lean
def told(codes: Points, start: int, stop: int) -> tuple[bool, bool, bool, bool]:
    """Whether a line holds lorem ipsum, javascript, a curly bracket, the words of a policy. It ends in another sign."""
    lorem = script = brace = policy = False
    for place in range(start, stop - 1):
        code = codes[place]
        brace |= code == BRACE
        if code < 0x41:
            continue
        # The first two letters before any call: one costs 13 ns for each array that it is given.
        both = lowered(code) << np.uint32(8) | (lowered(codes[place + 1]) & np.uint32(0xFF))
        if both == LO:
            lorem |= stands(codes, place, stop, LOREM)
        elif both == JA:
            script |= stands(codes, place, stop, JAVASCRIPT)
        elif both == TE:
            policy |= stands(codes, place, stop, POLICIES[0])
        elif both == PR:
            policy |= stands(codes, place, stop, POLICIES[1])
        elif both == CO:
            policy |= stands(codes, place, stop, POLICIES[2])
        elif both == US:
            for number in range(3, 6):
                policy |= stands(codes, place, stop, POLICIES[number])
    return lorem, script, brace, policy


@lean
def sentences(words: Words, first: int, last: int) -> int:
    """Sentences of some words of a line: a new one begins where a word that is no sign follows on a full stop."""
    many, ended = np.int64(first < last), False
    for number in range(first, last):
        kind = words.kinds[number]
        if kind & ENDS_SENTENCE:
            ended = True
        elif ended and not kind & PUNCTUAL:
            many, ended = many + 1, False
    return many


@lean
def cleaned(text: Text, start: int, stop: int, out: Text, at: int) -> int:
    """Copy a line without its citations; where the copy ends."""
    codes, flags = text
    place = start
    while place < stop:
        size = citation(text, place, stop) if codes[place] == OPEN else 0
        if size == 0:
            out.codes[at], out.flags[at] = codes[place], flags[place]
            at += 1
        place += max(size, 1)
    return at


@lean
def count_c4(text: Text, count: int, words: Words, many: int, manner: Manner, out: Text, spare: Words,
             into: npt.NDArray[np.uint32]) -> int:  # fmt: skip
    """Sentences of kept lines, lines with lorem ipsum and with a bracket, bytes gone; the kept text is in `out`."""
    codes, flags = text
    start = at = number = np.int64(0)
    found = lorems = braces = size = 0
    while start < count:
        stop, after = line_end(codes, flags, start, count)
        first, last = left(flags, start, stop), right(flags, start, stop)
        start = after
        written, longest = shaped(text, first, last)
        if longest > LONGEST_WORD or written < FEWEST_WORDS:
            continue
        begin = at + 1 if at else 0
        end = cleaned(text, first, last, out, begin)
        if end == begin or (dotted(out.codes, begin, end) and out.codes[end - 1] == LAST[0]):
            continue
        if out.codes[end - 1] not in LAST:
            continue
        lorem, script, brace, policy = told(out.codes, begin, end)
        lorems += lorem
        if script and not lorem:
            continue
        braces += brace
        if policy and not lorem and not brace:
            continue
        if end - begin == last - first:
            while number < many and words.bounds.starts[number] < first:
                number += 1
            until = number
            while until < many and words.bounds.starts[until] < last:
                until += 1
            found += sentences(words, number, until)
            number = until
        else:
            found += sentences(spare, np.int64(0), split(out, begin, end, manner, spare))
        if at:
            out.codes[at] = NEWLINE
        at = end
    first = left(out.flags, 0, at)
    for place in range(first, at):
        size += width(out.codes[place])
    bytes_before = 0
    for place in range(count):
        bytes_before += width(codes[place])
    into[0], into[1], into[2], into[3] = found, lorems, braces, bytes_before - size
    return at
