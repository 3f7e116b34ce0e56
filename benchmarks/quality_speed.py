"""Scoring speed: `python -m benchmarks.quality_speed CORPUS LANGUAGE MODEL.bin`, one core.

Our loop over Arrow buffers, which makes its own features and reads every byte, beside fastText's predict on lines
that were made before, and beside making those lines; in turn, five times, in MB of text per CPU second. The largest
difference between the two scores stands below.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.texts import documents
from prep.filters import features, linear
from prep.filters.calibration import chance
from prep.filters.quality import Model

ROUNDS = 5


def main() -> None:
    corpus, language, path = sys.argv[1:]
    texts = documents(language, Path(corpus))
    strings = texts.to_pylist()
    size = sum(len(text.encode()) for text in strings) / 1e6
    weights, model = linear.load(Path(path), language), Model(path)
    lines = [features.line(text, language, model.words) for text in strings]
    odds, _ = linear.log_odds(weights, texts)
    ways: dict[str, Callable[[], object]] = {
        "our loop, from text": lambda: linear.log_odds(weights, texts),
        "fastText's predict, from lines": lambda: model.score(lines),
        "making the lines": lambda: [features.line(text, language, model.words) for text in strings],
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            way()
            spent[name].append(time.process_time() - began)
    for name, seconds in spent.items():
        print(f"{language} {name:32} {size / min(seconds):6.0f} to {size / max(seconds):4.0f} MB/s")
    difference = np.abs(chance(odds) - model.score(lines))
    print(f"{language} largest difference of {len(lines):,} scores: {difference.max():.1e}")


if __name__ == "__main__":
    main()
