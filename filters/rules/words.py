"""Words of one text: between spaces and without the signs at their edges, or runs of one script where no spaces are.

The rule for spaced languages is our own statement of what spaCy's tokenizer does, in one pass and without regular
expressions: signs at the edges of a word are words of their own, contractions are cut (`do|n't`, `it|'s`), compounds
are cut at hyphens (`well|-|known`), addresses on the web and abbreviations stay whole. docs/rules.md says where it
differs.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from prep.compiling import lean
from prep.filters.rules.characters import (
    ALNUM,
    ALPHA,
    CURRENCY,
    DIGIT,
    EDGE,
    HIRAGANA,
    ICON,
    KANJI,
    KATAKANA,
    LOWER,
    MARK,
    PUNCTUATION,
    QUOTE,
    SENTENCE,
    SPACE,
    SYMBOL,
    UPPER,
)
from prep.filters.rules.units import BACK, BACKS, BASE, POWERS, SHORT, Ints, Text, U, Words64, place_of, spread, stirred

PLAIN, WITH_ALPHA, ENDS_SENTENCE, PUNCTUAL = 1, 2, 4, 8  # bits of `kinds`
DOT, COMMA, PLUS, MINUS, STAR, CARET, PERCENT, SLASH, COLON, AT, HASH, QUESTION, UNDERSCORE = map(ord, ".,+-*^%/:@#?_")
EN_DASH, EM_DASH, TILDE, ELLIPSIS, SECTION, EQUALS, APOSTROPHE, CURLY = map(ord, "–—~…§='’")
LESS, MORE, SQUARED, D, L, M, N, R, E, S, T, V, BIG_S = map(ord, "<>²dlmnrestvS")
LONGEST_KEPT = 12  # characters of an abbreviation


class Bounds(NamedTuple):
    """Where words begin and end, and room to work in."""

    starts: Ints
    stops: Ints
    tails: Ints


class Words(NamedTuple):
    """Words in order: where they stand, digests that can be joined, and what they are."""

    bounds: Bounds
    digests: Words64
    powers: Words64
    backs: Words64
    kinds: npt.NDArray[np.uint8]


class Manner(NamedTuple):
    """How a language's words are found."""

    spaced: bool
    elision: bool  # l'homme, qu'il: two words
    compounds: bool  # au-dessus: one word
    kept: Words64  # digests of abbreviations that keep their full stop, and of `'em` and its like
    mask: int


@numba.njit(inline="always")
def add(start: int, stop: int, bounds: Bounds, count: int) -> int:
    """Write down one more word."""
    bounds.starts[count], bounds.stops[count] = start, stop
    return count + 1


@lean
def describe(text: Text, words: Words, count: int) -> None:
    """Digests and kinds of the words that were found: apart from finding them, for a call costs 13 ns an array."""
    codes, flags = text
    for number in range(count):
        start, stop = np.int64(words.bounds.starts[number]), np.int64(words.bounds.stops[number])
        found, plain, alpha, punctual = U(0), False, False, True
        power, back = U(1), U(1)
        for place in range(start, stop):
            flag = flags[place]
            plain |= (flag & SYMBOL) == 0
            alpha |= (flag & ALPHA) != 0
            punctual &= (flag & PUNCTUATION) != 0
            if place - start < SHORT:
                found += spread(codes[place]) * POWERS[place - start]
            else:
                power = POWERS[SHORT] if place - start == SHORT else power * U(BASE)
                back = BACKS[SHORT] if place - start == SHORT else back * U(BACK)
                found += spread(codes[place]) * power
        long = stop - start > SHORT
        words.digests[number] = found
        words.powers[number] = power * U(BASE) if long else POWERS[stop - start]
        words.backs[number] = back * U(BACK) if long else BACKS[stop - start]
        ends = stop - start == 1 and (flags[start] & SENTENCE) != 0
        words.kinds[number] = plain * PLAIN + alpha * WITH_ALPHA + ends * ENDS_SENTENCE + punctual * PUNCTUAL


@lean
def digest_of_word(codes: npt.NDArray[np.uint32], start: int, stop: int) -> np.uint64:
    """The digest under which an abbreviation or a stop word is looked for."""
    found, power = U(0), U(1)
    for place in range(start, stop):
        found += spread(codes[place]) * power
        power *= U(BASE)
    return stirred(found)


@lean
def is_kept(codes: npt.NDArray[np.uint32], start: int, stop: int, manner: Manner) -> bool:
    """Whether a piece is an abbreviation, or a word that begins with an apostrophe."""
    if stop - start > LONGEST_KEPT or (codes[stop - 1] != DOT and codes[start] != APOSTROPHE):
        return False
    key = digest_of_word(codes, start, stop)
    return manner.kept[place_of(manner.kept, manner.mask, key)] == key


@lean
def prefix(text: Text, start: int, stop: int) -> int:
    """Characters at the beginning of a piece that are a word of their own."""
    codes, flags = text
    code = codes[start]
    if flags[start] & (EDGE | CURRENCY) or code == SECTION or code == PERCENT or code == EQUALS:
        return 1
    if code == PLUS:
        return 0 if start + 1 < stop and flags[start + 1] & DIGIT else 1
    run = 0
    while start + run < stop and codes[start + run] == DOT:
        run += 1
    return run if run >= 2 else 0


@lean
def suffix(text: Text, start: int, stop: int) -> int:
    """Characters at the end of a piece that are a word of their own."""
    codes, flags = text
    code, flag = codes[stop - 1], flags[stop - 1]
    if flag & EDGE:
        return 1
    if stop - start < 2:
        return 0
    before, flag_before = codes[stop - 2], flags[stop - 2]
    if code == DOT:
        run = 0
        while stop - run > start and codes[stop - run - 1] == DOT:
            run += 1
        if run >= 2:
            return run
        ended = flag_before & (DIGIT | LOWER | EDGE) or (flag_before & ALPHA and not flag_before & UPPER)
        if ended or before == PERCENT or before == SQUARED or before == MINUS or before == PLUS:
            return 1
        return 1 if flag_before & UPPER and stop - start >= 3 and flags[stop - 3] & UPPER else 0
    if (code == S or code == BIG_S) and (before == APOSTROPHE or before == CURLY):
        return 2
    if flag_before & DIGIT and (code == PLUS or code == PERCENT or flag & CURRENCY or code == M or code == T):
        return 1
    return 0


@lean
def is_address(text: Text, start: int, stop: int) -> bool:
    """Whether a piece reads as an address on the web, or of mail: labels, a full stop, a lower-case last label."""
    codes, flags = text
    place = start
    while place < stop and (
        flags[place] & ALNUM or codes[place] == PLUS or codes[place] == MINUS or codes[place] == DOT
    ):
        place += 1
    if place + 2 < stop and place - start >= 2 and codes[place] == COLON and codes[place + 1] == SLASH:
        start = place + 3 if codes[place + 2] == SLASH else start
    for place in range(start, stop):
        if codes[place] == AT:
            start = place + 1
        elif codes[place] == SLASH:
            break
    label, dots, lower = 0, 0, True
    place = start
    while place < stop:
        code, flag = codes[place], flags[place]
        if code == DOT:
            if label == 0:
                return False
            dots, label, lower = dots + 1, 0, True
        elif flag & ALNUM or code == MINUS or code == UNDERSCORE or code > 0xA0:
            label, lower = label + 1, lower and (flag & (LOWER | MARK)) != 0
        else:
            break
        place += 1
    if dots == 0 or label < 2 or not lower:
        return False
    return place == stop or codes[place] in (SLASH, QUESTION, HASH) or (codes[place] == COLON and place + 1 < stop)


@lean
def infix(text: Text, start: int, place: int, stop: int, compounds: bool) -> int:
    """Characters at a place inside a piece that are a word of their own."""
    codes, flags = text
    code = codes[place]
    if flags[place] & ICON or code == ELLIPSIS:
        return 1
    if place + 1 >= stop:
        return 0
    after = flags[place + 1]
    if code == DOT and codes[place + 1] == DOT:
        run = 2
        while place + run < stop and codes[place + run] == DOT:
            run += 1
        return run
    if place == start:
        return 0
    before = flags[place - 1]
    if code == DOT:
        lower = before & (LOWER | QUOTE) or (before & ALPHA and not before & UPPER)
        return 1 if lower and (after & (UPPER | QUOTE) or (after & ALPHA and not after & LOWER)) else 0
    if code == COMMA:
        return 1 if before & ALPHA and after & ALPHA else 0
    if code == PLUS or code == STAR or code == CARET:
        return 1 if before & DIGIT and (after & DIGIT or codes[place + 1] == MINUS) else 0
    if code == COLON or code == LESS or code == MORE or code == EQUALS or code == SLASH:
        return 1 if before & (ALPHA | DIGIT) and after & ALPHA else 0
    if (code == MINUS and compounds and codes[place + 1] != MINUS) and before & ALPHA:
        return 0
    if code == MINUS or code == EN_DASH or code == EM_DASH or code == TILDE:
        if code == MINUS and before & DIGIT and (after & DIGIT or codes[place + 1] == MINUS):
            return 1
        run = 1
        while run < 3 and (code == MINUS or code == EM_DASH) and place + run < stop and codes[place + run] == code:
            run += 1
        joined = before & (ALPHA | DIGIT) and place + run < stop and flags[place + run] & ALPHA
        return run if joined and (run < 3 or code == MINUS) else 0
    return 0


@lean
def contraction(text: Text, start: int, stop: int) -> int:
    """Characters of `n't`, `'ll`, `'re`, `'ve`, `'m`, `'d` at the end of a piece that is a word before them."""
    codes, flags = text
    if stop - start < 3:
        return 0
    last, before = codes[stop - 1], codes[stop - 2]
    if before == APOSTROPHE or before == CURLY:
        if last == T and stop - start > 3 and codes[stop - 3] == N:
            return 3
        return 2 if (last == M or last == D) and flags[stop - 3] & ALPHA else 0
    mark = codes[stop - 3]
    if stop - start > 3 and (mark == APOSTROPHE or mark == CURLY) and flags[stop - 4] & ALPHA:
        return 3 if (before == L and last == L) or ((before == R or before == V) and last == E) else 0
    return 0


@lean
def middle(text: Text, start: int, stop: int, manner: Manner, bounds: Bounds, count: int) -> int:
    """Words of a piece whose edges are free of signs."""
    codes, flags = text
    dots = signs = False
    for place in range(start, stop):
        dots |= codes[place] == DOT
        signs |= not flags[place] & (ALPHA | DIGIT)
    if not signs or (dots and is_address(text, start, stop)):
        return add(start, stop, bounds, count)
    cut = stop - contraction(text, start, stop)
    first = place = start
    while place < cut:
        sign = not flags[place] & (ALPHA | DIGIT)
        size = infix(text, start, place, cut, manner.compounds) if sign else 0
        apostrophe = codes[place] == APOSTROPHE or codes[place] == CURLY
        if size and place > first:
            count = add(first, place, bounds, count)
            count = add(place, place + size, bounds, count)
            first = place + size
        elif manner.elision and apostrophe and first < place and place + 1 < cut and flags[place + 1] & ALPHA:
            count = add(first, place + 1, bounds, count)
            first = place + 1
        place += max(size, 1)
    if first < cut:
        count = add(first, cut, bounds, count)
    return add(cut, stop, bounds, count) if cut < stop else count


@lean
def piece(text: Text, start: int, stop: int, manner: Manner, bounds: Bounds, count: int) -> int:
    """Words of what stands between two spaces, and holds a sign."""
    codes = text.codes
    ends = 0
    while start < stop and not is_kept(codes, start, stop, manner):
        size = prefix(text, start, stop)
        if size:
            count = add(start, start + size, bounds, count)
            start += size
            if start == stop or is_kept(codes, start, stop, manner):
                break
        behind = suffix(text, start, stop)
        if behind:
            bounds.tails[ends] = stop
            ends, stop = ends + 1, stop - behind
        if not size and not behind:
            break
    if start < stop:
        whole = is_kept(codes, start, stop, manner)
        count = add(start, stop, bounds, count) if whole else middle(text, start, stop, manner, bounds, count)
    while ends:
        ends -= 1
        count = add(stop, bounds.tails[ends], bounds, count)
        stop = np.int64(bounds.tails[ends])  # 64 bits, or numba compiles what follows once more for 32
    return count


@lean
def script(flag: np.uint32) -> int:
    """Which run a character belongs to; 0 is none, so that it stands alone."""
    if flag & HIRAGANA:
        return 1
    if flag & KATAKANA:
        return 2
    if flag & KANJI:
        return 3
    return 4 if flag & (ALNUM | MARK) else 0


@lean
def split(text: Text, start: int, stop: int, manner: Manner, words: Words) -> int:
    """Find the words between two places; their number."""
    flags = text.flags
    count = np.int64(0)  # not 0: numba compiles a function again for an argument that it knows to be 0
    while start < stop:
        if flags[start] & SPACE:
            start += 1
            continue
        end = start + 1
        if manner.spaced:
            signs = not flags[start] & (ALPHA | DIGIT)
            while end < stop and not flags[end] & SPACE:
                signs |= not flags[end] & (ALPHA | DIGIT)
                end += 1
            signs |= end - start > 1 and flags[end - 2] & DIGIT and not flags[end - 1] & DIGIT  # 10m
            if signs:
                count = piece(text, start, end, manner, words.bounds, count)
            else:
                count = add(start, end, words.bounds, count)
        else:
            own = script(flags[start])
            while own and end < stop and (script(flags[end]) == own or flags[end] & MARK):
                end += 1
            count = add(start, end, words.bounds, count)
        start = end
    describe(text, words, count)
    return count


@lean
def count_words(words: Words, count: int, stop_words: Words64, mask: int, found: npt.NDArray[np.uint8],
                into: npt.NDArray[np.uint32]) -> None:  # fmt: skip
    """Words, those that are more than symbols, their characters, those with a letter, distinct stop words."""
    plain = characters = alpha = distinct = 0
    found[:] = 0
    for number in range(count):
        kind = words.kinds[number]
        if kind & PLAIN:
            plain, characters = plain + 1, characters + words.bounds.stops[number] - words.bounds.starts[number]
        alpha += (kind & WITH_ALPHA) != 0
        cell = place_of(stop_words, mask, stirred(words.digests[number]))
        if stop_words[cell] and not found[cell]:
            found[cell], distinct = 1, distinct + 1
    into[0], into[1], into[2], into[3], into[4] = count, plain, characters, alpha, distinct
