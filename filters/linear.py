"""A fastText model of two labels as what it is: a weight for each feature, and a score from their mean.

score = sigmoid(mean weight of a text's features), where a feature's weight is its row of the input matrix times (good
row - rest row) of the output matrix. The features are fastText's own of `features.line`: each token of the dictionary,
each run of 2 to `ngrams` tokens by a hash, and the end of the line. They are made here from UTF-8 as it lies in Arrow's
buffers, so that no Python object is made for a text or a token.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.compiling import compiled, lean
from prep.filters import features
from prep.filters.modelfile import GOOD, MOST_NGRAMS, check, rows_of

Bytes = npt.NDArray[np.uint8]
Cells = npt.NDArray[np.void]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

BASIS, PRIME = np.uint32(2166136261), np.uint32(16777619)  # FNV-1a of 32 bits
OTHER = np.uint32(0x85EBCA6B)  # an odd number; of MurmurHash3
PAIR = np.uint64(116049371)  # fastText's multiplier from a run's hash to the next
END, END_HASH = b"</s>", np.uint32(3617362777)
CODES = features.CODES
SPACE, PART, ALONE = features.SPACE, features.PART, features.ALONE
CELL = np.dtype([("key", np.uint64), ("weight", np.float32), ("kind", np.uint32)])  # a quarter of a cache line
BEGINNING, WORD = 1, 2  # bits of `kind`: a longer word begins with it, it is a word itself; a free cell is neither
HOT = 1000  # words: 32 KB of cells, which hold four of five words of a text
BLOCK = 256  # tokens
LOAD = 2  # cells for each word, at least


class Weights(NamedTuple):
    """A model ready for the loop, and the classes of characters of its texts."""

    classes: Bytes  # of each code point, see `features`
    unspaced: bool  # whether words run together, so that the longest is looked for
    hot: Cells  # the most frequent words once more, in a table that stays near; none of `unspaced`
    cells: Cells  # all words, of `unspaced` their beginnings too: open addressing by `key`
    runs: Floats  # weight by a run's hash
    mask: int  # that takes a run's hash to its row, where the rows are a power of two; else 0
    ngrams: int
    end: float  # weight of the end of the line
    ends: int  # whether it is a feature: 1 or 0


class Desk(NamedTuple):
    """What the loop works in: a block's hashes and keys or cells, hashes of the last tokens, rows of runs."""

    values: npt.NDArray[np.uint32]
    keys: npt.NDArray[np.uint64]
    last: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.uint64]


def load(path: Path, language: str) -> Weights:
    """Of a checked model file, for texts of a language.

    Errors: BadModel.
    """
    layout = check(path)
    good = layout.labels.index(GOOD)
    out = rows_of(path, layout.out).astype(np.float64)
    weights = (rows_of(path, layout.into).astype(np.float64) @ (out[good] - out[1 - good])).astype(np.float32)
    words, runs = np.split(weights, [len(layout.words)])
    last = layout.words.index(END) if END in layout.words else None
    unspaced = features.unspaced(language)
    return Weights(
        features.classes(language), unspaced,
        _table(layout.words[: 0 if unspaced else HOT], words, False), _table(layout.words, words, unspaced), runs,
        len(runs) - 1 if len(runs).bit_count() == 1 else 0, layout.ngrams,
        0.0 if last is None else float(words[last]), int(last is not None),
    )  # fmt: skip


def _table(words: list[bytes], weights: Floats, beginnings: bool) -> Cells:
    """Cells of a word's key and weight; a free cell's key is 0. A model's words stand in order of frequency."""
    known = {word: weight for word, weight in zip(words, weights, strict=False) if word != END}
    begun = {begin for word in known for begin in _beginnings(word)} if beginnings else set()
    every = [*known, *sorted(begun - known.keys())]
    cells = np.zeros(1 << (LOAD * len(every)).bit_length(), CELL)
    text, starts = np.frombuffer(b"".join(every), np.uint8), np.cumsum([0, *map(len, every)], dtype=np.int64)
    kinds = np.array([BEGINNING * (word in begun) + WORD * (word in known) for word in every], np.uint32)
    fill(cells, text, starts, np.array([known.get(word, 0.0) for word in every], np.float32), kinds)
    return cells


def _beginnings(word: bytes) -> Iterator[bytes]:
    """The parts of a word before each of its characters but the first."""
    return (word[:at] for at in range(1, len(word)) if word[at] & 0xC0 != 0x80)


def desk() -> Desk:
    """Of its own for every call: a process may score in several threads."""
    values, keys = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint64)
    return Desk(values, keys, np.zeros(MOST_NGRAMS + 1, np.uint64), np.empty(BLOCK * MOST_NGRAMS, np.uint64))


def log_odds(weights: Weights, texts: pa.LargeStringArray) -> tuple[Doubles, Longs]:
    """Of each text the mean weight of its features, and how many tokens it has; 0 where it has none."""
    offsets = np.frombuffer(texts.buffers()[1], np.int64, len(texts) + 1, texts.offset * 8)
    found, tokens = np.zeros(len(texts), np.float64), np.zeros(len(texts), np.int64)
    every(weights, desk(), np.frombuffer(texts.buffers()[2] or b"", np.uint8), offsets, found, tokens)
    return found, tokens


@numba.njit(inline="always")
def step(value, byte):  # type: ignore[no-untyped-def]
    """FastText's hash goes on: FNV-1a, but for bytes from 128 on, which it takes for negative numbers."""
    return np.uint32((value ^ np.uint32(np.int8(byte))) * PRIME)


@numba.njit(inline="always")
def mixed(value, byte):  # type: ignore[no-untyped-def]
    """Another hash goes on."""
    return np.uint32((value + np.uint32(byte)) * OTHER)


@numba.njit(inline="always")
def key_of(value, second):  # type: ignore[no-untyped-def]
    """What words are told apart by: fastText's hash and another, 64 bits of which at least one is set."""
    return np.uint64(value) << np.uint64(32) | np.uint64(second) | np.uint64(1)


@numba.njit(inline="always")
def found_in(cells, key):  # type: ignore[no-untyped-def]
    """The place of a key, or of the free cell where it would be."""
    mask = np.uint64(len(cells) - 1)
    place = key >> np.uint64(32) & mask
    while cells[place].key != key and cells[place].key:
        place = (place + np.uint64(1)) & mask
    return place


@compiled
def fill(cells: Cells, text: Bytes, starts: Longs, weights: Floats, kinds: npt.NDArray[np.uint32]) -> None:
    """Put every word and beginning into the cell of its hash, or the next free one."""
    for row in range(len(starts) - 1):
        value, second = BASIS, BASIS
        for byte in text[starts[row] : starts[row + 1]]:
            value, second = step(value, byte), mixed(second, byte)
        key = key_of(value, second)
        place = found_in(cells, key)
        cells[place].key, cells[place].weight, cells[place].kind = key, weights[row], kinds[row]


@numba.njit(inline="always")
def decoded(data, at, end):  # type: ignore[no-untyped-def]
    """The character that begins at a byte, and its width; what is cut short is taken for blank."""
    code, width = np.int64(data[at]), 1
    if code >= 0x80:
        width = 2 if code < 0xE0 else 3 if code < 0xF0 else 4
        code &= 0x7F >> width
        if at + width > end:
            code, width = np.int64(0), end - at
        for place in range(at + 1, at + width):
            code = code << 6 | (np.int64(data[place]) & 0x3F)
    return (code if code < CODES else 0), width


@numba.njit(inline="always")
def words_of(classes, data, at, end, values, keys):  # type: ignore[no-untyped-def]
    """The next words and signs of a text, at most as many as there is room for: how many, and where it goes on."""
    count = 0
    while at < end and count < len(values):
        code, width = decoded(data, at, end)
        kind = classes[code]
        if kind == SPACE:
            at += width
            continue
        value, second = BASIS, BASIS
        while True:
            for place in range(at, at + width):
                value, second = step(value, data[place]), mixed(second, data[place])
            at += width
            if kind != PART or at >= end:
                break
            code, width = decoded(data, at, end)
            if classes[code] != PART:
                break
        values[count], keys[count] = value, key_of(value, second)
        count += 1
    return count, at


@numba.njit(inline="always")
def longest_of(classes, cells, data, at, end, values, places):  # type: ignore[no-untyped-def]
    """The same of text without spaces, `features.Words.cut` of a model's dictionary, and where the words' cells are."""
    count = 0
    while at < end and count < len(values):
        code, width = decoded(data, at, end)
        if classes[code] == SPACE:
            at += width
            continue
        value, second, on = BASIS, BASIS, at
        taken = False
        while True:
            for place in range(on, on + width):
                value, second = step(value, data[place]), mixed(second, data[place])
            on += width
            cell = found_in(cells, key_of(value, second))
            if not taken or cells[cell].kind & WORD:
                values[count], places[count], at, taken = value, cell, on, True
            if not cells[cell].kind & BEGINNING or on >= end:
                break
            code, width = decoded(data, on, end)
            if classes[code] == SPACE:
                break
        count += 1
    return count, at


@numba.njit(inline="always")
def runs_of(values, count, before, last, ngrams, mask, size, rows):  # type: ignore[no-untyped-def]
    """The rows of the runs that end with a block's tokens, `before` tokens ahead of it; their number.

    `last[k]` is the hash of the last k tokens, and is brought forward. FastText takes hashes for signed numbers of 32
    bits and adds in 64.
    """
    made = 0
    for each in range(count):
        signed = np.uint64(np.int64(np.int32(values[each])))
        for length in range(min(ngrams - 1, before + each), 0, -1):
            run = last[length] * PAIR + signed
            rows[made] = run & mask if mask else run % size
            made += 1
            last[length + 1] = run
        last[1] = signed
    return made


@lean
def every(model: Weights, desk: Desk, data: Bytes, offsets: Longs, found: Doubles, counts: Longs) -> None:
    """Write each text's mean weight and number of tokens.

    Tokens are made a block at a time and then looked up: far memory comes while other lookups wait for theirs.
    """
    classes, unspaced, hot, cells, run_weights, power, ngrams, end_weight, ends = model
    mask, size = np.uint64(power), np.uint64(len(run_weights))
    values, keys, last, rows = desk
    for number in range(len(found)):
        total, summed, tokens = 0.0, 0, 0
        at, end = offsets[number], offsets[number + 1]
        while at < end:
            if unspaced:
                block, at = longest_of(classes, cells, data, at, end, values, keys)
            else:
                block, at = words_of(classes, data, at, end, values, keys)
            runs = runs_of(values, block, tokens, last, ngrams, mask, size, rows)
            for each in range(block):
                place = keys[each]
                if not unspaced:
                    place = found_in(hot, keys[each])
                    if hot[place].kind:
                        total, summed = total + np.float64(hot[place].weight), summed + 1
                        continue
                    place = found_in(cells, keys[each])
                if cells[place].kind & WORD:
                    total, summed = total + np.float64(cells[place].weight), summed + 1
            for each in range(runs):
                total += np.float64(run_weights[rows[each]])
            tokens, summed = tokens + block, summed + runs
        if tokens:
            values[0] = END_HASH
            runs = runs_of(values, 1, tokens, last, ngrams, mask, size, rows)
            for each in range(runs):
                total += np.float64(run_weights[rows[each]])
            total, summed = total + end_weight, summed + ends + runs
        counts[number] = tokens
        found[number] = total / summed if summed else 0.0
