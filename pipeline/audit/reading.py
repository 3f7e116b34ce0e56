"""One piece read by a worker: what it holds, and the texts that chance keeps of it, on a scratch file.

Every document has a draw, a keyed hash of where it stands, uniform over 64 bits. The documents with a draw below a
bound are a simple random sample whatever the bound, so texts are kept below one, which is halved whenever more is kept
than may be: neither memory nor scratch space grows with the source, and no worker or batch changes what is drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.manifests.shards import lengths
from prep.pipeline import intake, meter
from prep.pipeline.audit.counting import Counting
from prep.pipeline.draw import draw
from prep.pipeline.ingest import Ingest, OpenedRecords
from prep.pipeline.rejects import example
from prep.pipeline.run import PART
from prep.pipeline.settings import Source
from prep.pipeline.sources import tables
from prep.pipeline.sources.piece import Piece
from prep.pipeline.sources.reading import Reading
from prep.pipeline.sources.stream import is_compressed, open_file

ALL = 2**64  # a bound above every draw
LONGEST = 2**62  # bytes; no text has so many
FEW = 50  # documents that are kept however long they are
EACH = 100  # bytes a document counts beside its text, so that a million short ones are not few
KEPT = pa.schema([("draw", pa.uint64()), ("text", pa.large_string())])

Draws = npt.NDArray[np.uint64]
Lengths = npt.NDArray[np.int64]


class Unhashed(Reading):
    """A reading without digests: those of Parquet cost a second pass over the file."""

    def _by_columns(self) -> Iterator[pa.RecordBatch]:
        return tables.batches(self.piece, self.fields)


@dataclass(frozen=True)
class Task:
    """A piece to read. `keep` is where texts go and `most` how many bytes of them; None counts them as they come."""

    piece: Piece
    source: Source
    seed: int
    keep: str | None
    most: int
    counting: Counting


@dataclass(frozen=True)
class Found:
    """What a piece holds; draws and lengths are of the documents kept, those with a draw below `bound`."""

    records: int
    documents: int
    bytes: int
    chars: int
    skipped: Counter[str]
    rejected: Counter[str]
    example: str | None  # of a rejected record: where it stands and why
    compressed: bool
    kept: str | None
    bound: int
    draws: Draws
    n_bytes: Lengths
    tokens: dict[str, int]


def read(task: Task) -> Found:
    """Read the piece; as `ingest` would, so that the same records are documents.

    Errors: BadSource.
    """
    stage = intake.stage(task.piece.source, task.source)
    tally = Tally(task)
    with closing(tally):
        for rows in stage(iter(opened(task))):
            tally.add(rows, stage)
    meter.unit(task.piece.size)
    return tally.found()


def opened(task: Task) -> OpenedRecords:
    """The records of the piece."""
    return OpenedRecords(task.piece, Unhashed(task.piece, intake.fields(task.source)))


@dataclass
class Tally:
    """Adds up what is read and keeps texts."""

    task: Task
    records: int = 0
    documents: int = 0
    bytes: int = 0
    chars: int = 0
    held: int = 0  # bytes of what is below the bound
    bound: int = ALL
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    example: str | None = None
    rows: list[tuple[Draws, Lengths]] = field(default_factory=list)
    writer: pa.RecordBatchFileWriter | None = None

    def add(self, rows: pa.RecordBatch, stage: Ingest) -> None:
        """One batch of records."""
        self.records += rows.num_rows
        self.skipped += tallied(rows["skipped"])
        self.rejected += tallied(rows["rejected"])
        if self.example is None and self.rejected:
            self.example = example(rows)
        documents = stage.split(rows)[PART]
        n_bytes = documents["n_bytes"].to_numpy()
        self.documents += documents.num_rows
        self.bytes += int(n_bytes.sum())
        self.chars += int(documents["n_chars"].to_numpy().sum())
        meter.add(int(n_bytes.sum()), documents.num_rows)
        if self.task.keep is None:
            self.count(documents["text"])
        else:
            self.keep(documents, n_bytes)

    def count(self, texts: pa.LargeStringArray) -> None:
        """Tokens, as the texts come."""
        for name in self.task.counting.tokenizers:
            tokens = int(self.task.counting.count(name, texts, self.task.piece.source).sum())
            self.tokens[name] += tokens
            meter.add(tokens=tokens)

    def keep(self, documents: pa.RecordBatch, n_bytes: Lengths) -> None:
        """The texts whose draw is below the bound."""
        draws = drawn(documents["id_hash"], self.task.seed, self.task.piece.source)
        chosen = below(draws, self.bound)
        self.rows.append((draws[chosen], n_bytes[chosen]))
        self.held += weighed(n_bytes[chosen])
        if self.writer is None:
            self.writer = pa.ipc.new_file(self.task.keep, KEPT)
        texts = documents["text"].filter(pa.array(chosen))
        self.writer.write_batch(pa.record_batch([pa.array(draws[chosen]), texts], schema=KEPT))
        while self.held > self.task.most and self.kept > 2 * FEW:
            self.halve()

    @property
    def kept(self) -> int:
        """Documents below the bound."""
        return sum(len(draws) for draws, _ in self.rows)

    def halve(self) -> None:
        """Let go about half of what is kept; on the scratch file it stays, and is passed over."""
        draws, n_bytes = self.columns()
        self.bound //= 2
        chosen = below(draws, self.bound)
        self.rows = [(draws[chosen], n_bytes[chosen])]
        self.held = weighed(n_bytes[chosen])

    def close(self) -> None:
        """Finish the scratch file."""
        if self.writer is not None:
            self.writer.close()

    def columns(self) -> tuple[Draws, Lengths]:
        """Draws and lengths of what is kept."""
        empty = (np.zeros(0, np.uint64), np.zeros(0, np.int64))
        draws, n_bytes = zip(*self.rows, strict=True) if self.rows else ((empty[0],), (empty[1],))
        return np.concatenate(draws), np.concatenate(n_bytes)

    def found(self) -> Found:
        """All of it."""
        draws, n_bytes = self.columns()
        return Found(
            self.records, self.documents, self.bytes, self.chars, self.skipped, self.rejected, self.example,
            compressed(self.task.piece), self.task.keep if self.writer else None, self.bound,
            draws, n_bytes, dict(self.tokens),
        )  # fmt: skip


def drawn(id_hash: pa.Array, seed: int, source: str) -> Draws:
    """The draw of each document, by the hash of where it stands, or of its own id."""
    words = np.frombuffer(id_hash.buffers()[1], dtype=">u8")[id_hash.offset * 2 :: 2][: len(id_hash)]
    return draw(words.astype(np.uint64), seed, f"audit/{source}")


def below(draws: Draws, bound: int) -> npt.NDArray[np.bool_]:
    """Which draws are below the bound, which may be one more than 64 bits hold."""
    return draws <= np.uint64(bound - 1) if bound > 0 else np.zeros(len(draws), np.bool_)


def weighed(n_bytes: Lengths) -> int:
    """What documents of these lengths take."""
    return int(n_bytes.sum()) + EACH * len(n_bytes)


def tallied(reasons: pa.Array) -> Counter[str]:
    """How often each reason stands."""
    if reasons.null_count == len(reasons):
        return Counter()
    counted = pc.value_counts(reasons.drop_null())
    return Counter({row["values"]: row["counts"] for row in counted.to_pylist()})


def compressed(piece: Piece) -> bool:
    """Whether its bytes on disk are fewer than those of its records: packed as a whole, or inside as Parquet is."""
    if piece.format in {"parquet", "arrow", "hf"}:
        return piece.format == "parquet"
    if piece.is_range:
        return False
    with open_file(piece.files[0]) as handle:
        return is_compressed(handle.read(8))


@dataclass(frozen=True)
class Slice:
    """The kept texts of a piece whose draw is from `low` to below `high`, of more bytes than `over` up to `most`."""

    path: str
    low: int
    high: int
    over: int = -1
    most: int = LONGEST

    def holds(self, draws: Draws, n_bytes: Lengths) -> npt.NDArray[np.bool_]:
        """Which documents are in it."""
        drawn: npt.NDArray[np.bool_] = below(draws, self.high) & ~below(draws, self.low)
        return drawn & (n_bytes > self.over) & (n_bytes <= self.most)

    def batches(self) -> Iterator[pa.LargeStringArray]:
        """In the order in which they were read."""
        with pa.memory_map(self.path) as mapped:
            reader = pa.ipc.open_file(mapped)
            for at in range(reader.num_record_batches):
                batch = reader.get_batch(at)
                chosen = self.holds(batch["draw"].to_numpy(), lengths(batch["text"]))
                if chosen.any():
                    yield batch["text"].filter(pa.array(chosen))

    def texts(self) -> pa.LargeStringArray:
        """All of them."""
        return pa.chunked_array(list(self.batches()), pa.large_string()).combine_chunks()


@dataclass(frozen=True)
class CountTask:
    """A slice to count by one tokenizer."""

    slice: Slice
    source: str
    tokenizer: str
    counting: Counting


def count(task: CountTask) -> Lengths:
    """Tokens of each text of the slice."""
    texts = task.slice.texts()
    tokens = task.counting.count(task.tokenizer, texts, task.source)
    meter.add(tokens=int(tokens.sum()))
    return tokens
