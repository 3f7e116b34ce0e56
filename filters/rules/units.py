"""Characters of one text, digests of its pieces, and sets of digests: what the kernels share.

Pieces are told apart by digests of 64 bits: two of a million pieces are taken for one in 3 of 100 million documents.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from prep.compiling import lean

Bytes = npt.NDArray[np.uint8]
Points = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int32]
Words64 = npt.NDArray[np.uint64]

U = np.uint64
# A digest is a polynomial in BASE, lowest power first, so that digests of neighbours combine; BACK undoes BASE.
BASE = 0x9E6C63D0876A9A47
BACK = pow(BASE, -1, 2**64)
SHORT = 32  # characters of pieces whose powers are looked up
POWERS = np.array([pow(BASE, size, 2**64) for size in range(SHORT + 1)], np.uint64)
BACKS = np.array([pow(BACK, size, 2**64) for size in range(SHORT + 1)], np.uint64)
SPREAD, STIR = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53  # odd numbers of MurmurHash3's finish


class Text(NamedTuple):
    """The characters of one text, and what each is."""

    codes: Points
    flags: Points


class Sets(NamedTuple):
    """Open addressing: keys, with 0 for an empty cell, how often each came and where first."""

    keys: Words64
    counts: Ints
    firsts: Ints


@numba.njit(inline="always")
def spread(code: np.uint32) -> np.uint64:
    """A character as a factor of its digest."""
    mixed = (U(code) + U(1)) * U(SPREAD)
    return mixed ^ (mixed >> U(29))


@numba.njit(inline="always")
def stirred(digest: np.uint64) -> np.uint64:
    """A digest made even over all its bits, and never 0."""
    mixed = (digest ^ (digest >> U(32))) * U(STIR)
    mixed ^= mixed >> U(29)
    return mixed | U(mixed == U(0))


@lean
def digest(codes: Points, start: int, stop: int) -> np.uint64:
    """Of the characters between two places."""
    found, power = U(0), U(1)
    for place in range(start, stop):
        found += spread(codes[place]) * power
        power *= U(BASE)
    return stirred(found + U(stop - start) * U(STIR))


@lean
def decode(data: Bytes, start: int, stop: int, table: Points, text: Text) -> int:
    """Read sound UTF-8; the number of characters."""
    codes, flags = text
    at, count = start, 0
    while at < stop:
        lead = np.uint32(data[at])
        if lead < 0x80:
            code, width = lead, 1
        elif lead < 0xE0:
            code, width = (lead & np.uint32(0x1F)) << np.uint32(6) | np.uint32(data[at + 1] & 0x3F), 2
        elif lead < 0xF0:
            code = (lead & np.uint32(0x0F)) << np.uint32(12) | np.uint32(data[at + 1] & 0x3F) << np.uint32(6)
            code, width = code | np.uint32(data[at + 2] & 0x3F), 3
        else:
            code = (lead & np.uint32(7)) << np.uint32(18) | np.uint32(data[at + 1] & 0x3F) << np.uint32(12)
            code |= np.uint32(data[at + 2] & 0x3F) << np.uint32(6) | np.uint32(data[at + 3] & 0x3F)
            width = 4
        codes[count], flags[count] = code, table[code]
        count += 1
        at += width
    return count


@numba.njit(inline="always")
def width(code: np.uint32) -> int:
    """Bytes of a character in UTF-8."""
    return 1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000)


@lean
def cleared(sets: Sets, most: int) -> int:
    """Make room for so many keys; the mask of their places."""
    size = 4
    while size < 2 * most:
        size *= 2
    for cell in range(size):
        sets.keys[cell] = 0
    return size - 1


@numba.njit(inline="always")
def place_of(keys: Words64, mask: int, key: np.uint64) -> np.uint64:
    """The cell of a key: its own, or the empty one where it belongs."""
    cell = key & U(mask)
    while keys[cell] != U(0) and keys[cell] != key:
        cell = (cell + U(1)) & U(mask)
    return cell


@numba.njit(inline="always")
def seen(keys: Words64, mask: int, key: np.uint64) -> bool:
    """Whether a key was there; it is from now on."""
    cell = place_of(keys, mask, key)
    before = keys[cell] == key
    keys[cell] = key
    return before


def digests(words: tuple[str, ...]) -> Words64:
    """Of words, as the kernels make them of the words of a text."""
    found = []
    for word in words:
        total = sum(_spread(ord(each)) * pow(BASE, place, 2**64) for place, each in enumerate(word)) % 2**64
        found.append(_stirred(total))
    return np.array(found, np.uint64)


def _spread(code: int) -> int:
    mixed = (code + 1) * SPREAD % 2**64
    return mixed ^ (mixed >> 29)


def _stirred(digest: int) -> int:
    mixed = (digest ^ (digest >> 32)) * STIR % 2**64
    return (mixed ^ (mixed >> 29)) or 1
