"""How much text a token of each tokenizer holds, on documents that none of ours was trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import t as student

from prep.manifests.ledger import CELL
from prep.manifests.shards import Columns, lengths, side_by_side
from prep.pipeline.settings import Tokenizer
from prep.pipeline.spread import Spread
from prep.pipeline.stage import Result, document_shards
from prep.pipeline.vocabulary import draws
from prep.pipeline.vocabulary.broken import broken, opened
from prep.pipeline.vocabulary.shares import Place, Shares

CONFIDENCE = 0.95
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HeldOut:
    """The documents of one source, language and kind that are measured on."""

    cell: Place
    texts: pa.Table  # one column, `text`

    @property
    def bytes(self) -> Ints:
        """Of each document."""
        return lengths(self.texts["text"].combine_chunks())

    @property
    def characters(self) -> int:
        """Of all of them."""
        return int(pc.sum(pc.utf8_length(self.texts["text"])).as_py() or 0)


@dataclass(frozen=True)
class Asked:
    """What a worker is told: a tokenizer, and the documents to count."""

    tokenizer: Tokenizer
    held_out: HeldOut


@dataclass(frozen=True)
class Counted:
    """Tokens of each document, and how many of all of them are no whole character."""

    tokens: Ints
    broken: int


@dataclass(frozen=True)
class Figure:
    """A tokenizer on the held-out text of one source, or of several weighed by the mix.

    `low` and `high` are the bounds of a 95% interval of `bytes_per_token`, None where a source gives fewer than two
    documents. `broken` is the share of tokens that are no whole character: byte fallback of anything but ASCII, pieces
    of characters, unknown characters.
    """

    source: str
    language: str
    kind: str
    documents: int
    bytes: int
    tokens: int
    bytes_per_token: float
    low: float | None
    high: float | None
    characters_per_token: float
    broken: float

    @property
    def cell(self) -> Place:
        """What it is of."""
        return self.source, self.language, self.kind


@dataclass(frozen=True)
class Compared:
    """One tokenizer on all held-out text.

    `cost` is what text with the mix's shares of bytes takes in tokens, relative to the tokenizer that takes fewest;
    `corpus_bytes` is what the run's budget of tokens comes to in text, were they this tokenizer's.
    """

    name: str
    family: str
    digest: str
    vocabulary: int
    cells: tuple[Figure, ...]
    languages: tuple[Figure, ...]
    mix: Figure
    cost: float
    corpus_bytes: float


def held_out(spread: Spread, result: Result, ingested: Result) -> list[HeldOut]:
    """The documents that a training held out, read again by its list."""
    [part] = [shard.name for shard in result.manifest.shards if shard.name.startswith("part-")]
    names = ("part", "row", "n_bytes", "held_out", *CELL)
    batches = list(side_by_side([Columns(f"{result.folder}/{part}", names)]))
    every = pa.Table.from_batches(batches)
    listed = every.filter(every["held_out"])
    rows = np.zeros(listed.num_rows, draws.ROW)
    for name, column in (("part", "part"), ("row", "row"), ("taken", "n_bytes")):
        rows[name] = listed[column].to_numpy()
    paths = [path for _, path in document_shards(ingested)]
    tables = [pa.table({"text": pa.array([], pa.large_string())})]
    tables += [table.select(["text"]) for table in draws.texts(spread, paths, rows)]
    texts = pa.concat_tables(tables)
    places: list[Place] = list(zip(*(listed[name].to_pylist() for name in CELL), strict=True))
    return [
        HeldOut(cell, texts.take(pa.array([at for at, place in enumerate(places) if place == cell], pa.int64())))
        for cell in sorted(set(places))
    ]


def compare(
    spread: Spread, tokenizers: Mapping[str, Tokenizer], texts: Sequence[HeldOut], shares: Shares, budget: int
) -> list[Compared]:
    """Every tokenizer on the same documents; `budget` is the run's, in tokens."""
    counts = spread(count, [Asked(tokenizer, one) for tokenizer in tokenizers.values() for one in texts])
    by_name = {name: [figure(one, next(counts)) for one in texts] for name in tokenizers}
    spent = {name: cost(cells, shares) for name, cells in by_name.items()}
    least = min(spent.values())
    return [
        compared(name, tokenizers[name], cells, shares, (spent[name] / least, budget))
        for name, cells in by_name.items()
    ]


def count(asked: Asked) -> Counted:
    """Tokens of each document by the tokenizer's own library. Runs in a worker."""
    counter = opened(asked.tokenizer)
    odd, tokens, found = broken(asked.tokenizer, counter.digest), [], 0
    for text in asked.held_out.texts["text"].to_pylist():
        [ids] = counter.encode([text])
        tokens.append(len(ids))
        found += int(np.count_nonzero(odd[ids]))
    return Counted(np.array(tokens, np.int64), found)


def cost(cells: Sequence[Figure], shares: Shares) -> float:
    """Tokens for one byte of text of which each cell is its share."""
    parts = [(float(shares.text[one.cell]), one.bytes_per_token) for one in cells if one.bytes_per_token]
    return sum(share / ratio for share, ratio in parts) / (sum(share for share, _ in parts) or 1.0)


def figure(one: HeldOut, counted: Counted) -> Figure:
    """Bytes per token of one cell: the ratio of the sums, its variance linearised, Student's t over documents.

    Documents are the clusters: what one is like, all of it is like. A book more or less makes a wide interval.
    """
    n_bytes, tokens = one.bytes, counted.tokens
    total, number = int(tokens.sum()), len(tokens)
    ratio = float(n_bytes.sum() / total) if total else 0.0
    half = None
    if number > 1 and total:
        variance = number / (number - 1) * float(((n_bytes - ratio * tokens) ** 2).sum()) / total**2
        half = float(student.ppf((1 + CONFIDENCE) / 2, number - 1)) * math.sqrt(variance)
    low, high = (None, None) if half is None else (ratio - half, ratio + half)
    return Figure(
        *one.cell, number, int(n_bytes.sum()), total, ratio, low, high,
        one.characters / total if total else 0.0, counted.broken / total if total else 0.0,
    )  # fmt: skip


def weighed(name: Place, cells: Sequence[Figure], shares: Shares) -> Figure:
    """Several cells as one text in which each has its share of the tokens."""
    parts = np.array([float(shares.tokens[one.cell]) for one in cells])
    parts = parts / parts.sum()

    def mean(values: Sequence[float]) -> float:
        return float(np.dot(parts, values))

    ratio = mean([one.bytes_per_token for one in cells])
    halves = [one.high - one.bytes_per_token for one in cells if one.high is not None]
    half = None
    if len(halves) == len(cells):
        # Cells are drawn apart, so variances add. Student's t of few documents makes the sum wider, never narrower.
        half = math.sqrt(float(np.sum((parts * np.array(halves)) ** 2)))
    low, high = (None, None) if half is None else (ratio - half, ratio + half)
    documents, n_bytes, tokens = (
        sum(counts) for counts in zip(*((one.documents, one.bytes, one.tokens) for one in cells), strict=True)
    )
    characters, odd = mean([one.characters_per_token for one in cells]), mean([one.broken for one in cells])
    return Figure(*name, documents, n_bytes, tokens, ratio, low, high, characters, odd)


def compared(
    name: str, given: Tokenizer, cells: Sequence[Figure], shares: Shares, means: tuple[float, int]
) -> Compared:
    """One tokenizer with its languages and the whole; `means` are its relative cost and the run's budget."""
    counter, (relative, budget) = opened(given), means
    languages = sorted({one.language for one in cells})
    by_language = [
        weighed(("", each, ""), [one for one in cells if one.language == each], shares) for each in languages
    ]
    whole = weighed(("", "", ""), cells, shares)
    return Compared(
        name, counter.family, counter.digest, counter.vocabulary, tuple(cells), tuple(by_language), whole, relative,
        budget * whole.bytes_per_token,
    )  # fmt: skip
