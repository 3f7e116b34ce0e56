"""A double-array trie over dense symbols: one record of 16 bytes, one cache line at most, per character of a walk."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from prep.compiling import compiled
from prep.pipeline.tokenizers.counter import Unsuited

WIDTHS = 4  # the first symbols: an unknown character of 1, 2, 3 or 4 bytes, which is in no piece
CODES = 0x110000
MOST_SYMBOLS = 1 << 16
TRIES = 64  # gaps
PAGE = 256  # code points to a page of the table from code points to symbols; an unused page is shared

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trie:
    """`links[4 * n]` is node n's base (below 0: a leaf), `links[4 * n + 1]` its parent; `scores[2 * n + 1]` its
    piece's score, NaN where none ends: both are views of one memory. The child of n by a symbol is base + symbol.
    """

    links: Ints
    scores: Floats
    pages: Ints  # of a code point // 256: where its page begins in `symbols`
    symbols: Ints
    plane: npt.NDArray[np.uint16]  # the symbols of the code points below 65,536
    widths: Ints  # UTF-8 bytes of a symbol's character
    pairs: npt.NDArray[np.int64]  # symbols that stand side by side in a piece, the first one times 2**32
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
    parent, symbol = _grow(keys, ends)
    links = _place(parent, symbol, *_families(parent), len(letters) + WIDTHS + 1)
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


@compiled
def _grow(keys: Ints, ends: npt.NDArray[np.int64]) -> tuple[Ints, Ints]:
    """Parent and symbol of every node of a plain trie, parents first; node 0 is the root."""
    parent, symbol = np.zeros(len(keys) + 1, np.int32), np.zeros(len(keys) + 1, np.int32)
    path = np.zeros(len(keys) + 1, np.int32)  # the node after each symbol of the key before
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
    return parent[:nodes].copy(), symbol[:nodes].copy()


def _families(parent: Ints) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All nodes but the root by their parents, where each node's children begin, and in which order nodes are placed.

    By numpy: a sort inside a compiled function takes 2 s to compile.
    """
    fan = np.bincount(parent[1:], minlength=len(parent))
    first = np.concatenate(([0], np.cumsum(fan)))
    fan[0] = len(parent)
    return np.argsort(parent[1:], kind="stable") + 1, first, np.argsort(-fan, kind="stable")


@compiled
def _place(
    parent: Ints, symbol: Ints, children: npt.NDArray[np.int64], first: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64], width: int,
) -> Ints:  # fmt: skip
    """The double array: the root first, then nodes of many children first, each into the first gap that takes all."""
    nodes = len(parent)
    room = 2 * nodes + 2 * width + 1024
    after, before = np.arange(1, room + 1), np.arange(-1, room - 1)  # the free places, as a list in both directions
    taken = np.zeros(room, np.bool_)
    base, place = np.full(nodes, -1, np.int64), np.zeros(nodes, np.int64)
    top, cursor, last = 1, 1, 0
    for node in order:
        mine = children[first[node] : first[node + 1]]
        if len(mine) == 0:
            break  # the rest are leaves
        if len(mine) == 1 and last > 1:
            cursor = after[0]  # what earlier ones left over
        last = len(mine)
        while taken[cursor]:
            cursor += 1  # ends in time: there are more places than nodes, and the last are never reached
        spot, tries, start = cursor, 0, 0
        while True:
            while spot + width >= room:  # double it
                more = np.arange(room, 2 * room)
                after, before = np.append(after, more + 1), np.append(before, more - 1)
                taken = np.append(taken, np.zeros(room, np.bool_))
                room *= 2
            start = spot - symbol[mine[0]] if node else 0
            fits = start >= 0
            for child in mine:
                if not fits:
                    break
                fits = not taken[start + symbol[child]]
            if fits:
                break
            spot, tries = after[spot], tries + 1
            if tries % TRIES == 0:
                cursor = spot  # give up the gaps before: looking into each every time took 9 s for 196,000 pieces
        base[node] = start
        for child in mine:
            here = start + symbol[child]
            taken[here] = True
            place[child] = here
            top = max(top, here)
            if before[here] >= 0:
                after[before[here]] = after[here]
            before[after[here]] = before[here]
    links = np.full(4 * (top + width + 1), -1, np.int32)
    for node in range(nodes):
        links[4 * place[node]] = base[node]
        links[4 * place[node] + 1] = place[parent[node]]
    links[1] = -1
    return links


@compiled
def _name(links: Ints, values: Floats, keys: Ints, ends: npt.NDArray[np.int64], scores: Floats) -> None:
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
