"""The loop over the documents of a batch, and the room it works in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from prep.compiling import lean
from prep.filters.rules.c4 import count_c4
from prep.filters.rules.figures import C4, CHARACTERS, CODE, LINES, LISTS, WORDS
from prep.filters.rules.found import HEAD, Lexicon, count_alphanumerics, count_listed
from prep.filters.rules.japanese import count_character_ngrams, count_scripts, count_sentences
from prep.filters.rules.lines import count_lines
from prep.filters.rules.ngrams import Sums, count_word_ngrams
from prep.filters.rules.personal import find_personal
from prep.filters.rules.units import Bytes, Points, Sets, Text, Words64, decode
from prep.filters.rules.words import Bounds, Manner, Words, count_words, split

# Where the columns of each family begin.
AT_WORDS = len(LINES)
AT_C4 = AT_WORDS + len(WORDS)
AT_CHARACTERS = AT_C4 + len(C4)
AT_LISTS = AT_CHARACTERS + len(CHARACTERS)
AT_CODE = AT_LISTS + len(LISTS)
AT_PERSONAL = AT_CODE + len(CODE)


class Room(NamedTuple):
    """What the kernels write in, as large as the longest document needs; pages that nothing touches cost nothing."""

    text: Text
    words: Words
    sums: Sums
    sets: Sets
    lengths: npt.NDArray[np.int32]
    out: Text
    spare: Words
    stops: Bytes  # one for each stop word
    listed: Points


class Plan(NamedTuple):
    """What is counted, and with which words."""

    worded: bool  # words, their n-grams
    manner: Manner
    stop_words: Words64
    stop_mask: int
    lexicon: Lexicon
    generated: Lexicon


def room(longest: int, stop_words: int = 0) -> Room:
    """For documents of at most so many bytes."""
    size, cells = longest + 2, 8
    while cells < 2 * size:
        cells *= 2
    sums = Sums(np.empty(size, np.uint64), np.empty(size, np.uint64))
    sets = Sets(np.empty(cells, np.uint64), np.empty(cells, np.int32), np.empty(cells, np.int32))
    lengths, stops, listed = np.empty(size, np.int32), np.empty(stop_words, np.uint8), np.empty(len(LISTS), np.uint32)
    return Room(_text(size), _words(size), sums, sets, lengths, _text(size), _words(size), stops, listed)


def _text(size: int) -> Text:
    return Text(np.empty(size, np.uint32), np.empty(size, np.uint32))


def _words(size: int) -> Words:
    bounds = Bounds(np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32))
    digests, powers, backs = np.empty((3, size), np.uint64)
    return Words(bounds, digests, powers, backs, np.empty(size, np.uint8))


@lean
def every(data: Bytes, offsets: npt.NDArray[np.int64], table: Points, plan: Plan, room: Room, into: Points) -> None:
    """A row of `figures.COUNTS` for each document between two offsets; 0 where the language has no such thing."""
    for row in range(len(offsets) - 1):
        text, counts = room.text, into[row]
        count = decode(data, offsets[row], offsets[row + 1], table, text)
        counts[0], counts[1] = count, offsets[row + 1] - offsets[row]
        count_lines(text, count, room.sets, counts[2:AT_WORDS])
        count_listed(text, count, plan.lexicon, counts[AT_LISTS:AT_CODE])
        counts[AT_CODE] = count_alphanumerics(text.flags, count)
        personal = find_personal(text, count, room.spare.bounds.starts, room.spare.bounds.stops, room.spare.kinds)
        for number in range(personal):
            counts[AT_PERSONAL + np.int64(room.spare.kinds[number])] += 1
        if plan.worded:
            words = split(text, np.int64(0), count, plan.manner, room.words)
            count_words(room.words, words, plan.stop_words, plan.stop_mask, room.stops, counts[AT_WORDS : AT_WORDS + 5])
            grams = counts[AT_WORDS + 5 : AT_C4]
            count_word_ngrams(room.words, words, plan.manner.spaced, room.sums, room.sets, room.lengths, grams)
            if plan.manner.spaced:
                into_c4 = counts[AT_C4:AT_CHARACTERS]
                count_c4(text, count, room.words, words, plan.manner, room.out, room.spare, into_c4)
            else:
                count_scripts(text, count, counts[AT_CHARACTERS : AT_CHARACTERS + 8])
                count_sentences(text, count, room.sets, counts[AT_CHARACTERS + 8 : AT_CHARACTERS + 14])
                characters = counts[AT_CHARACTERS + 14 : AT_LISTS]
                count_character_ngrams(text.codes, count, room.sums, room.sets, room.lengths, characters)
        else:
            room.listed[:] = 0
            count_listed(text, min(count, HEAD), plan.generated, room.listed)
            counts[AT_CODE + 1] = room.listed[0]
