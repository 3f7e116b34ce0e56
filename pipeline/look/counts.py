"""How many documents and tokens fit what is asked, by source and what becomes of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from prep.manifests.ledger import TOKENS
from prep.pipeline.look import pick
from prep.pipeline.look.fates import THEN, Changed, first
from prep.pipeline.look.named import REASONS
from prep.pipeline.sizing.columns import LEFT_OUT

KEPT = "kept"
ENTERS, LEAVES, STAYS = "enters", "leaves", "stays out"  # of a change; what stays out has other reasons then
CHANGES = (STAYS, LEAVES, ENTERS)  # by whether it is in now, and twice whether it would be

Counts = dict[tuple[str, str], tuple[int, int]]  # by source and fate: documents, tokens


@dataclass
class Sums:
    """Added up batch by batch."""

    tokenizer: str
    documents: Counter[tuple[str, str]] = field(default_factory=Counter)
    tokens: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, one: pick.Fitting) -> None:
        """Look at more documents."""
        coded = one.batch["source"].dictionary_encode()
        source, tokens = np.asarray(coded.indices), np.asarray(one.batch[TOKENS + self.tokenizer])
        fate, words = self._fates(one)
        for number in np.unique(fate).tolist():
            for place, name in enumerate(coded.dictionary.to_pylist()):
                here = (fate == number) & (source == place)
                if here.any():
                    self.documents[name, words[number]] += int(here.sum())
                    self.tokens[name, words[number]] += int(tokens[here].sum())

    def _fates(self, one: pick.Fitting) -> tuple[pick.Bits, dict[int, str]]:
        """A number for each document, and what the numbers mean."""
        bits = np.asarray(one.batch[LEFT_OUT])
        if THEN not in one.batch.schema.names:
            lowest = first(bits)
            return lowest, {0: KEPT, **{bit: name for name, bit in REASONS.items()}}
        return change(one.batch), dict(enumerate(CHANGES))

    def counts(self) -> Counts:
        """In the order of the names."""
        return {key: (self.documents[key], self.tokens[key]) for key in sorted(self.documents)}


def change(batch: pa.RecordBatch) -> pick.Bits:
    """What a change does to each document, as a place in `CHANGES`."""
    now, then = (np.asarray(batch[name]) == 0 for name in (LEFT_OUT, THEN))
    found: pick.Bits = now.astype(np.uint64) + np.uint64(2) * then.astype(np.uint64)
    return found


def totals(found: Changed) -> tuple[int, int]:
    """Tokens of the corpus before and after a change, copies counted, by the books of `size`."""
    before, after = (
        sum(row["copied_tokens"] for row in sized.result.manifest.ledger["selection"])
        for sized in (found.before, found.after)
    )
    return before, after
