"""Chance that belongs to the document: a keyed hash of seed, purpose and draw key, in any order, on any machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

# Purposes: a document's draws for them are independent.
ORDER, QUALITY, TRAINING, CHECK, VALIDATION, SHUFFLE, HELD_OUT = (
    "order", "quality", "training", "check", "validation", "shuffle", "held-out",
)  # fmt: skip

Words = npt.NDArray[np.uint64]


def draw(keys: Words, seed: int, purpose: str) -> Words:
    """A uniform 64-bit number for each key."""
    salt = np.uint64(xxhash.xxh3_64_intdigest(f"{seed}/{purpose}".encode()))
    return _mixed(_mixed(keys ^ salt) + salt)


def _mixed(words: Words) -> Words:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection where every bit in moves every bit out."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def halves(hashed: pa.Array) -> tuple[Words, Words]:
    """A column of 16-byte hashes (no nulls) as two columns of numbers."""
    pairs = np.frombuffer(hashed.buffers()[1], dtype=">u8").reshape(-1, 2)[hashed.offset : hashed.offset + len(hashed)]
    return pairs[:, 0].astype(np.uint64), pairs[:, 1].astype(np.uint64)
