"""Which engine counts a source fastest, by counting a little of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.pipeline.tokenizers.counter import Engine
from prep.pipeline.tokenizers.guarded import Counts, Failed, Texts, counted
from prep.pipeline.tokenizers.slabs import bounds

# An engine is timed on the last quarter of the texts, after the other three: cold, gigatoken looks slower on little
# text than the fastokens it beats later. gpt2 and gpt-neox-20b on en, fr, ja and code, without gpt2 on en, whose long
# run was disturbed: timed cold, the engine that was slower after 16 MB (10 of fr) won in 5 of 7 with 1 MB, 2 of 7 with
# 2 MB and with 4 MB; timed on the last quarter in 0 of 7, from 1 MB on. The machine was busy: single runs.
WARMED = 0.75
ENOUGH_BYTES = 4_000_000
CLOSE = 1.15  # times; less is not told from noise, and then the order of the engines decides, so that it is stable


WIDE_BYTE, WIDE_SHARE = 0xE3, 0.1  # first byte of a kana and of most kanji; of all bytes, 0.25 to 0.33 in Japanese

Rows = Mapping[str, npt.NDArray[np.int64]]


def winners(engines: Sequence[Engine], texts: pa.LargeStringArray, rows: Rows) -> dict[str, str | None]:
    """Of each source, whose texts are in `rows`, the name of the engine that wins; None where all fail.

    Sources race together, those in Chinese, Japanese and Korean and the others: the winner hangs on the script, and one
    source's 250 kB are too little to time (of two Japanese ones the same run gave gigatoken and fastokens).
    """
    leagues: dict[bool, list[str]] = {}
    for source in rows:
        letters = np.frombuffer("".join(texts.take(pa.array(rows[source])).to_pylist()).encode(), np.uint8)
        wide = letters.size and (letters >= WIDE_BYTE).mean() > WIDE_SHARE
        leagues.setdefault(bool(wide), []).append(source)
    found: dict[str, str | None] = {}
    for league in leagues.values():
        turns = [row for drawn in zip_longest(*(rows[source] for source in league)) for row in drawn if row is not None]
        found |= dict.fromkeys(league, winner(engines, texts.take(pa.array(turns, pa.int64()))))
    return found


@dataclass(frozen=True)
class _Runner:
    """An engine that is raced before anything is known of it, and may fail."""

    engine: Engine
    name: str
    version: str

    def count(self, texts: Texts) -> Counts:
        return counted(self.engine, texts)


def winner(engines: Sequence[Engine], texts: pa.LargeStringArray) -> str | None:
    """The fastest on texts, which none has seen: a cache that knows them is 2 to 10 times as fast."""
    try:
        runners = [_Runner(engine, engine.name, engine.version) for engine in engines]
        return fastest(runners, texts).name if runners else None
    except Failed:
        return None


def fastest(engines: Sequence[Engine], texts: pa.LargeStringArray) -> Engine:
    """Of engines in order of preference, the one that is fastest on texts of one source, or close to it."""
    if len(engines) < 2 or not len(texts):
        return engines[0]
    ends = bounds(texts) - bounds(texts)[0]
    rows = max(1, int(ends.searchsorted(ENOUGH_BYTES)))
    warm = min(rows - 1, int(ends.searchsorted(min(ENOUGH_BYTES, ends[-1]) * WARMED)))
    times = [_seconds(engine, texts[:warm], texts[warm:rows]) for engine in engines]
    return next(engine for engine, seconds in zip(engines, times, strict=True) if seconds <= CLOSE * min(times))


def _seconds(engine: Engine, warm: pa.LargeStringArray, timed: pa.LargeStringArray) -> float:
    """Of this process's CPU time, which other people's work on the machine does not count in."""
    engine.count(warm)
    start = time.process_time()
    engine.count(timed)
    return time.process_time() - start
