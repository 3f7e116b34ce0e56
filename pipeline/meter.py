"""How far the work is: bytes, rows and tokens seen and units done, counted by every worker into shared memory."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from multiprocessing.sharedctypes import SynchronizedArray


@dataclass(frozen=True)
class Reading:
    """What the meter shows."""

    bytes: int
    rows: int
    tokens: int
    units: int
    weight: int


_counters: SynchronizedArray[int] | None = None


def shared() -> SynchronizedArray[int]:
    """The counters, made at first use."""
    global _counters
    if _counters is None:
        _counters = multiprocessing.get_context("spawn").Array("q", 5)
    return _counters


def use(counters: SynchronizedArray[int]) -> None:
    """Count into the counters of another process."""
    global _counters
    _counters = counters


def add(seen: int = 0, rows: int = 0, tokens: int = 0) -> None:
    """Count bytes of text, rows and tokens seen."""
    _count(seen, rows, tokens, 0, 0)


def unit(weight: int) -> None:
    """Count a unit of work done, and how much of the whole it was."""
    _count(0, 0, 0, 1, weight)


def _count(*amounts: int) -> None:
    counters = shared()
    with counters.get_lock():
        for index, amount in enumerate(amounts):
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
        counters[:] = [0] * len(counters)
