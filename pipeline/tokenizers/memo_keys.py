"""Short texts as the keys of a memo: three numbers each, and the place that they say."""

import numpy as np

from prep.compiling import lean
from prep.machine import load

WORDS = 4  # of 8 bytes in a memo entry: three of text, one of length and count; half a cache line
REMEMBERED = 24  # bytes; longer texts have no key
PADDING = REMEMBERED  # bytes that must be readable after the last text


@lean
def key(address: int, length: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """A segment of at most REMEMBERED bytes as three numbers, zeros after its end."""
    return (
        load(address, 0) & _low(8 * min(length, 8)),
        load(address, 8) & _low(8 * min(max(length - 8, 0), 8)),
        load(address, 16) & _low(8 * max(length - 16, 0)),
    )


@lean
def _low(bits: int) -> np.uint64:
    """So many ones, up to 64; without a branch, for the lengths of words cannot be foreseen."""
    half = np.uint64(bits >> 1)
    return ~((np.uint64(0xFFFFFFFFFFFFFFFF) << half) << (np.uint64(bits) - half))


@lean
def slot_of(one: np.uint64, two: np.uint64, three: np.uint64, slots: int) -> int:
    """The first of the two places of a key."""
    mixed = one ^ two * np.uint64(0x9E3779B97F4A7C15) ^ three * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    mixed = (mixed ^ mixed >> np.uint64(32)) * np.uint64(0xD6E8FEB86659FD93)
    return int(mixed >> np.uint64(32) & np.uint64(slots - 1))  # the upper half: there every byte had its say
