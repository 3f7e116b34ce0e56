"""Count the tokens of every document with one named tokenizer, no special tokens added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pyarrow as pa

from prep.errors import BadTokenizer
from prep.manifests.ledger import TOKENS
from prep.manifests.record import Recipe
from prep.pipeline import meter
from prep.pipeline.settings import Tokenizer
from prep.pipeline.stage import MACHINE, Job, Result, balanced, cell_books, described, over_documents
from prep.pipeline.tokenizers import digest_of, open_tokenizer


@dataclass(frozen=True)
class Count:
    """Writes `n_tokens.<tokenizer>`; `digest` says which tokenizer it is, `path` where its file lies here."""

    name: ClassVar[str] = "count"
    version: ClassVar[int] = 1

    tokenizer: str
    digest: str
    path: str = field(metadata=MACHINE)
    pattern: str | None = field(default=None, metadata=MACHINE)  # part of the digest

    def schema(self) -> pa.Schema:
        """One column."""
        return pa.schema([(TOKENS + self.tokenizer, pa.int64())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The tokens of each text."""
        counter = open_tokenizer(self.path, self.pattern)
        if counter.digest != self.digest:
            raise BadTokenizer(f"{self.path}: changed while the run went on; run again to count by what it is now")
        for batch in batches:
            tokens = counter.count(batch.column("text"))
            meter.add(tokens=int(tokens.sum()))
            yield pa.record_batch([pa.array(tokens)], schema=self.schema())

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Documents, bytes and tokens by cell."""
        return cell_books(written, beside)


def job(name: str, tokenizer: Tokenizer, ingested: Result) -> Job:
    """Count every document with one tokenizer."""
    digest = digest_of(tokenizer.path, tokenizer.pattern)
    stage = Count(name, digest, tokenizer.path, tokenizer.pattern)
    recipe = Recipe(Count.name, Count.version, described(stage), {"ingest": ingested.manifest.digest})
    return Job(
        recipe,
        lambda *_: over_documents(stage, ingested, ("text",)),
        balanced(Count.name, ingested.manifest.ledger["cells"]),
        {"ingest": ingested},
    )
