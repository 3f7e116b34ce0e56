"""An engine for most texts, and another for those that hold certain marks, so that the first need not look for them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.pipeline.tokenizers.counter import Counter, Engine
from prep.pipeline.tokenizers.slabs import bounds, content, slabs

MOST_MARKS = 4  # each is looked for in all texts: 0.4 (English) to 0.9 ms (Japanese) of CPU for a MB


@dataclass(frozen=True)
class Aside:
    """Counts texts without a mark by `lean`, the others by what `full` opens."""

    lean: Engine
    full: Callable[[], Engine | Counter]
    marks: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.lean.name

    @property
    def version(self) -> str:
        return self.lean.version

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        return np.concatenate([np.zeros(0, np.int64), *map(self._slab, slabs(texts))])

    def _slab(self, slab: pa.LargeStringArray) -> npt.NDArray[np.int64]:
        rows = marked(slab, self.marks)
        if rows is None:
            return self.lean.count(slab)
        if rows.all():
            return self.full().count(slab)
        tokens = np.empty(len(slab), np.int64)
        for engine, mask in ((self.full(), rows), (self.lean, ~rows)):
            tokens[mask] = engine.count(slab.filter(pa.array(mask)))
        return tokens


def marked(slab: pa.LargeStringArray, marks: Iterable[str]) -> npt.NDArray[np.bool_] | None:
    """Which texts hold a mark; None for none of them, as is mostly so, and seen from the bytes of all at once."""
    ends = bounds(slab)
    whole = content(slab)[ends[0] : ends[-1]].tobytes()
    found = None
    for mark in marks:
        if mark.encode() in whole:
            rows = pc.match_substring(slab, mark).to_numpy(zero_copy_only=False)
            found = rows if found is None else found | rows
    return found


def least(contents: Iterable[str]) -> tuple[str, ...]:
    """The contents that hold no other: a text without these has none of them. An empty one is in every text."""
    found: list[str] = []
    for text in sorted(set(contents), key=lambda text: (len(text), text)):
        if not any(shorter in text for shorter in found):
            found.append(text)
    return tuple(found)
