"""How far the work is: bytes, documents and tokens done, counted by every worker into shared memory."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from multiprocessing.sharedctypes import SynchronizedArray


@dataclass(frozen=True)
class Reading:
    """What the meter shows."""

    bytes: int
    documents: int
    tokens: int


_counters: SynchronizedArray[int] | None = None


def shared() -> SynchronizedArray[int]:
    """The counters, made at first use."""
    global _counters
    if _counters is None:
        _counters = multiprocessing.get_context("spawn").Array("q", 3)
    return _counters


def use(counters: SynchronizedArray[int]) -> None:
    """Count into the counters of another process."""
    global _counters
    _counters = counters


def add(done_bytes: int = 0, documents: int = 0, tokens: int = 0) -> None:
    """Count work done."""
    counters = shared()
    with counters.get_lock():
        for index, amount in enumerate((done_bytes, documents, tokens)):
            counters[index] += amount


def read() -> Reading:
    """What has been done since the last reset."""
    counters = shared()
    with counters.get_lock():
        return Reading(*counters[:])


def reset() -> None:
    """Start again at nothing."""
    counters = shared()
    with counters.get_lock():
        counters[:] = [0, 0, 0]
