"""Short texts as the keys of a memo: three numbers each, and the place that they say."""

import numpy as np
import numpy.typing as npt

from prep.compiling import part
from prep.machine import load

WORDS = 4  # of 8 bytes in a memo entry: three of text, one of length and count; half a cache line
REMEMBERED = 24  # bytes; longer texts have no key
PADDING = REMEMBERED  # bytes that must be readable after the last text


def _masks(first: int) -> npt.NDArray[np.uint64]:
    """By length: what belongs to a text of its eight bytes from `first` on."""
    kept = [min(max(length - first, 0), 8) for length in range(REMEMBERED + 1)]
    return np.array([(1 << 8 * many) - 1 for many in kept], np.uint64)


# Looked up, for lengths cannot be foreseen: shifts took twice as long.
ONE, TWO, THREE = _masks(0), _masks(8), _masks(16)


@part
def key(address: int, length: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """A segment of at most REMEMBERED bytes as three numbers, zeros after its end."""
    row = np.uint64(length)
    return load(address, 0) & ONE[row], load(address, 8) & TWO[row], load(address, 16) & THREE[row]


@part
def slot_of(one: np.uint64, two: np.uint64, three: np.uint64, slots: int) -> int:
    """The first of the two places of a key."""
    mixed = one ^ two * np.uint64(0x9E3779B97F4A7C15) ^ three * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    mixed = (mixed ^ mixed >> np.uint64(32)) * np.uint64(0xD6E8FEB86659FD93)
    return int(mixed >> np.uint64(32) & np.uint64(slots - 1))  # the upper half: there every byte had its say
