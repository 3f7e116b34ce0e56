"""A double-array trie over dense symbols: one record of 16 bytes, one cache line at most, per character of a walk."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from prep.compiling import lean, part
from prep.pipeline.tokenizers.counter import Unsuited

WIDTHS = 4  # the first symbols: an unknown character of 1, 2, 3 or 4 bytes, which is in no piece
CODES = 0x110000
MOST_SYMBOLS = 1 << 16
TRIES = 64  # gaps
PAGE = 256  # code points to a page of the table from code points to symbols; an unused page is shared

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Trie:
    """`links[4 * n]` is node n's base (below 0: a leaf), `links[4 * n + 1]` its parent; `scores[2 * n + 1]` its
    piece's score, -inf where none ends: both are views of one memory. The child of n by a symbol is base + symbol.
    """

    links: Ints
    scores: Floats
    pages: Ints  # of a code point // 256: where its page begins in `symbols`
    symbols: Ints
    plane: npt.NDArray[np.uint16]  # the symbols of the code points below 65,536
    widths: Ints  # UTF-8 bytes of a symbol's character
    pairs: Longs  # symbols that stand side by side in a piece, the first one times 2**32
    longest: int  # piece, in characters
    blank: int  # its symbol


def build(pieces: Sequence[str], scores: Sequence[float], blank: str) -> Trie:
    """Frequent characters get the lowest symbols, so that their nodes lie close together; a space reads as `blank`."""
    order = sorted(range(len(pieces)), key=pieces.__getitem__)
    letters = [letter for letter, _ in Counter(chain(*pieces, blank)).most_common()]
    if len(letters) + WIDTHS >= MOST_SYMBOLS:
        raise Unsuited(f"{len(letters):,} different characters, more than symbols of 16 bits can tell apart")
    pages, symbols = _table(letters, blank)
    number = {letter: sign for sign, letter in enumerate(letters, WIDTHS + 1)}
    keys = np.fromiter((number[letter] for i in order for letter in pieces[i]), np.int32)
    ends = np.cumsum([len(pieces[i]) for i in order]).astype(np.int64)
    room = (np.zeros(len(keys) + 1, np.int32), np.zeros(len(keys) + 1, np.int32), np.zeros(len(keys) + 1, np.int32))
    nodes = _grow(keys, ends, *room)
    parent, symbol = room[0][:nodes].copy(), room[1][:nodes].copy()
    width = len(letters) + WIDTHS + 1
    links = _links(*_placed(parent, symbol, width), parent, width)
    values = links.view(np.float64)
    _name(links, values, keys, ends, np.array([scores[i] for i in order], np.float64))
    widths = np.array([0, *range(1, WIDTHS + 1), *(len(letter.encode()) for letter in letters)], np.int32)
    inside = np.ones(len(keys), np.bool_)
    inside[ends - 1] = False
    pairs = np.unique(keys[:-1][inside[:-1]].astype(np.int64) << 32 | keys[1:][inside[:-1]])
    plane = symbols[pages[:PAGE, None] + np.arange(PAGE)].reshape(-1).astype(np.uint16)
    return Trie(links, values, pages, symbols, plane, widths, pairs, max(map(len, pieces)), number[blank])


def _table(letters: list[str], blank: str) -> tuple[Ints, Ints]:
    """The symbol of each code point: 1 to 4 by its bytes where no piece has it."""
    codes = np.array([ord(letter) for letter in letters], np.int64)
    flat = np.full(CODES, 4, np.int32)
    flat[:0x10000], flat[:0x800], flat[:0x80] = 3, 2, 1
    numbers = np.arange(WIDTHS + 1, WIDTHS + 1 + len(letters), dtype=np.int32)
    flat[codes] = numbers
    flat[ord(" ")] = flat[ord(blank)]
    rows, pages = np.unique(flat.reshape(-1, PAGE), axis=0, return_inverse=True)
    return (pages.reshape(-1) * PAGE).astype(np.int32), np.ascontiguousarray(rows.reshape(-1), np.int32)


@lean
def _grow(keys: Ints, ends: Longs, parent: Ints, symbol: Ints, path: Ints) -> int:
    """Write the parent and the symbol of every node of a plain trie, parents first; node 0 is the root. How many."""
    nodes, before, last = 1, 0, 0  # nodes so far; begin and length of the key before
    begin = 0
    for end in ends:
        common = 0
        while common < min(last, end - begin) and keys[before + common] == keys[begin + common]:
            common += 1
        for depth in range(common, end - begin):
            parent[nodes] = path[depth]
            symbol[nodes] = keys[begin + depth]
            path[depth + 1] = nodes
            nodes += 1
        before, last, begin = begin, end - begin, end
    return nodes


def _families(parent: Ints) -> tuple[Longs, Longs, Longs]:
    """All nodes but the root by their parents, where each node's children begin, and in which order nodes are placed.

    By numpy: a sort inside a compiled function takes 2 s to compile.
    """
    fan = np.bincount(parent[1:], minlength=len(parent))
    first = np.concatenate(([0], np.cumsum(fan)))
    fan[0] = len(parent)
    return np.argsort(parent[1:], kind="stable") + 1, first, np.argsort(-fan, kind="stable")


class Room(NamedTuple):
    """Places of the array: which are taken, and what is free as a list in both directions."""

    taken: npt.NDArray[np.bool_]
    after: Longs
    before: Longs


def _placed(parent: Ints, symbol: Ints, width: int) -> tuple[Ints, Ints]:
    """Bases and places of the double array. Begun again where the room does not do: numpy makes it, for a compiled
    function that makes arrays and lets them grow takes 2 s more to compile.
    """
    families, size = _families(parent), 2 * len(parent) + 2 * width + 1024
    while True:
        room = Room(np.zeros(size, np.bool_), np.arange(1, size + 1), np.arange(-1, size - 1))
        base, place = np.full(len(parent), -1, np.int32), np.zeros(len(parent), np.int32)
        if _place(symbol, *families, width, room, base, place):
            return base, place
        size *= 2


@part
def _take(room: Room, here: int) -> None:
    taken, after, before = room
    taken[here] = True
    if before[here] >= 0:
        after[before[here]] = after[here]
    before[after[here]] = before[here]


@part
def _fits(taken: npt.NDArray[np.bool_], start: int, symbol: Ints, children: Longs, first: int, stop: int) -> bool:
    """Whether the places of all children from `first` to `stop` are free, of a node whose base is `start`."""
    for child in range(first, stop):  # noqa: SIM110 - numba has no `all` of a generator
        if taken[start + symbol[children[child]]]:
            return False
    return True


@lean
def _place(
    symbol: Ints, children: Longs, first: Longs, order: Longs, width: int, room: Room, base: Ints, place: Ints
) -> bool:
    """The root first, then nodes of many children first, each into the first gap that takes all.

    False for want of room.
    """
    cursor, last = 1, 1
    for node in order:
        begin, stop = first[node], first[node + 1]
        if begin == stop:
            break  # the rest are leaves
        if stop - begin == 1 and last > 1:
            cursor = room.after[0]  # what earlier ones left over
        last = stop - begin
        while room.taken[cursor]:
            cursor += 1  # ends in time: there are more places than nodes, and the last are never reached
        spot, tries, lowest = cursor, 0, symbol[children[begin]] if node else cursor
        while spot + width < len(room.taken):
            if spot >= lowest and _fits(room.taken, spot - lowest, symbol, children, begin, stop):
                break
            spot, tries = room.after[spot], tries + 1
            if tries % TRIES == 0:
                cursor = spot  # give up the gaps before: looking into each every time took 9 s for 196,000 pieces
        else:
            return False
        base[node] = spot - lowest
        for child in range(begin, stop):
            place[children[child]] = base[node] + symbol[children[child]]
            _take(room, place[children[child]])
    return True


def _links(base: Ints, place: Ints, parent: Ints, width: int) -> Ints:
    """A record of four words for each place: base, parent, and room for a score."""
    links = np.full((int(place.max()) + width + 1, 4), -1, np.int32)
    links[place, 0], links[place, 1] = base, place[parent]
    links[0, 1] = -1
    return links.reshape(-1)


@lean
def _name(links: Ints, values: Floats, keys: Ints, ends: Longs, scores: Floats) -> None:
    """Write each piece's score at its last node."""
    for node in range(len(values) // 2):
        values[2 * node + 1] = -np.inf
    begin = 0
    for piece in range(len(ends)):
        node = 0
        for at in range(begin, ends[piece]):
            node = links[4 * node] + keys[at]
        values[2 * node + 1] = scores[piece]
        begin = ends[piece]
