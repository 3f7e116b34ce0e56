"""From a sample to a model file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from prep.filters import quality
from prep.pipeline.training import sample


def learn(table: pa.Table, asked: sample.Asked, target: Path) -> None:
    """Train a model from what is not held out.

    Errors: BadModel, where a side has too little text.
    """
    sides: dict[bool, list[str]] = {True: [], False: []}
    for good, line in sample.lines(table, asked.lines, asked.seed):
        sides[good].append(line)
    quality.train(sides[True], sides[False], asked.seed, target)
