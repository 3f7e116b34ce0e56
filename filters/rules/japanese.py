"""Characters and sentences of one text, as the Japanese filters count them: no word is looked for."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from prep.compiling import lean
from prep.filters.rules.characters import ALPHA, HIRAGANA, KANJI, KATAKANA, SPECIAL
from prep.filters.rules.lines import dotted, left, right
from prep.filters.rules.ngrams import Sums, commonest, join_characters, kinds
from prep.filters.rules.units import Points, Sets, Text, cleared, digest, seen

EARLY = 50  # characters in which HojiChar and llm-jp look for kana
NEWLINE, KUTEN, FULL_DOT, QUESTION, EXCLAMATION, ASK, CALL = 0x0A, 0x3002, 0xFF0E, 0xFF1F, 0xFF01, 0x3F, 0x21
FREQUENT = 5  # the size of HojiChar's n-grams of characters


@lean
def count_scripts(text: Text, count: int, into: Points) -> None:
    """Kana among the first 50 characters, kuten, the longest run of one character, special ones, letters by script."""
    codes, flags = text
    early = kuten = longest = run = special = letters = hiragana = katakana = kanji = 0
    for place in range(count):
        flag, code = flags[place], codes[place]
        is_hiragana, is_katakana = (flag & HIRAGANA) != 0, (flag & KATAKANA) != 0
        early += place < EARLY and (is_hiragana or is_katakana)
        kuten += code == KUTEN
        run = run + 1 if place and code == codes[place - 1] else 1
        longest = max(longest, run)
        special += (flag & SPECIAL) != 0
        hiragana, katakana, kanji = hiragana + is_hiragana, katakana + is_katakana, kanji + ((flag & KANJI) != 0)
        letters += (flag & (ALPHA | HIRAGANA | KATAKANA | KANJI)) != 0
    into[0], into[1], into[2], into[3] = early, kuten, longest, special
    into[4], into[5], into[6], into[7] = letters, hiragana + katakana + kanji, hiragana, katakana


@lean
def ends(code: np.uint32) -> bool:
    """Whether a sentence ends with the character."""
    return code == KUTEN or code == FULL_DOT or code == QUESTION or code == EXCLAMATION or code == ASK or code == CALL


@lean
def count_sentences(text: Text, count: int, sets: Sets, into: Points) -> None:
    """Sentences, their characters, the longest, those that end in an ellipsis, those that came before.

    A sentence ends after 。．？！?! (and all of them that follow), or with its line.
    """
    codes, flags = text
    most = 1
    for place in range(count):
        most += ends(codes[place]) or codes[place] == NEWLINE
    mask = cleared(sets, most)
    many = characters = longest = ellipses = again = again_characters = start = 0
    for place in range(count + 1):
        line = place == count or codes[place] == NEWLINE
        if line or (place > start and ends(codes[place - 1]) and not ends(codes[place])):
            first, last = left(flags, start, place), right(flags, start, place)
            size = last - first
            if size > 0:
                many, characters, longest = many + 1, characters + size, max(longest, size)
                stop = last - 1 if size > 1 and ends(codes[last - 1]) else last
                ellipses += dotted(codes, first, last) or dotted(codes, first, stop)
                if seen(sets.keys, mask, digest(codes, first, last)):
                    again, again_characters = again + 1, again_characters + size
            start = place + 1 if line else place
    into[0], into[1], into[2], into[3], into[4], into[5] = many, characters, longest, ellipses, again, again_characters


@lean
def frequent(often: npt.NDArray[np.int32], recurrent: int, distinct: int, room: npt.NDArray[np.int32]) -> int:
    """Occurrences of the commonest kinds: as many as the root of all kinds, none of them alone."""
    wanted, most, total = min(np.int64(math.sqrt(distinct)), recurrent), 0, 0
    for number in range(recurrent):
        most = max(most, np.int64(often[number]))
    room[: most + 1] = 0
    for number in range(recurrent):
        room[often[number]] += 1
    while wanted > 0:
        taken = min(wanted, np.int64(room[most]))
        wanted, total, most = wanted - taken, total + taken * most, most - 1
    return total


@lean
def count_character_ngrams(codes: Points, count: int, sums: Sums, sets: Sets, often: npt.NDArray[np.int32],
                           into: Points) -> None:  # fmt: skip
    """Occurrences of the commonest 2-, 3-, 4-grams; kinds of 5- to 10-grams and of recurrent ones; HojiChar's sum."""
    join_characters(codes, count, sums)
    for size in range(2, 5):
        into[size - 2] = commonest(sums, count, size, sets)[1] if count >= size else 0
    for size in range(5, 11):
        distinct, recurrent, _ = kinds(sums, count, size, sets, often)
        into[2 * size - 7], into[2 * size - 6] = distinct, recurrent
        if size == FREQUENT:
            into[15] = frequent(often, recurrent, distinct, sets.firsts)
