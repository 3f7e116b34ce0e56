"""The documents a classifier learns from and is measured on: as many of each source, whole groups on one side.

A group is what may not be on both sides of the split: a site of the web, an article or book of the reference. It is
the host of the document's url on the side of the rest, the whole url on that of the reference, else the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from prep.filters import features
from prep.filters.features import Words
from prep.manifests.shards import Columns, side_by_side
from prep.pipeline import counting, draw
from prep.pipeline.ingest import HASH
from prep.pipeline.settings import Tokenizer
from prep.pipeline.spread import Spread

DOCUMENTS = 6000  # of a side: of 20,000 characters each, 0.7 GB of Japanese at most
LINES = 12_000  # of a side; with 6,000 the AUC of held-out documents was .0002 less in the mean of six splits
SPANS = 10  # lines of a document: with 4 the AUC of held-out English was .9885, with 10 .9930
SEEN = 20_000  # characters of a document that is scored to measure the model
HELD = 0.2  # of a side's documents, in whole groups
LONGEST = 16  # characters of a word
LARGEST_GROUP = 0.4  # of a side: a larger one, such as a crawl of one site, is not held out whole

SAMPLE = pa.schema(
    [
        ("id", pa.string()), ("id_hash", HASH), ("source", pa.string()), ("language", pa.string()),
        ("good", pa.bool_()), ("draw", pa.uint64()), ("group", pa.uint64()), ("lines", pa.list_(pa.large_string())),
        ("text", pa.large_string()),
    ]
)  # fmt: skip
DRAWN = SAMPLE.append(pa.field("held", pa.bool_()))
COLUMNS = ("id", "id_hash", "text", "source", "language", "kind", "draw_key", "url")

Side = tuple[bool, str, str]  # whether it is reference text, source, language
Draws = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Asked:
    """What is learnt: the languages of one model, and the kinds of both sides."""

    languages: tuple[str, ...]
    reference: tuple[str, ...]
    against: tuple[str, ...]
    seed: int
    vocabulary: str | None = None  # digest of the tokenizer whose tokens are words, of languages without spaces
    documents: int = DOCUMENTS
    lines: int = LINES
    spans: int = SPANS


@dataclass(frozen=True)
class Looked:
    """What a worker is told: the shard, what is asked, and the highest draw in the sample of each side and source.

    `tokenizer` is where `asked.vocabulary` lies here.
    """

    path: str
    asked: Asked
    tokenizer: Tokenizer | None
    cuts: Mapping[Side, int]


def gather(asked: Asked, shards: Sequence[str], spread: Spread, tokenizer: Tokenizer | None = None) -> pa.Table:
    """The sample, held-out documents marked in a column `held`; in one order, however the shards are cut."""
    looked = [Looked(path, asked, tokenizer, {}) for path in shards]
    there: dict[Side, list[Draws]] = {}
    for found in spread(draws, looked):
        for side, drawn in found.items():
            there.setdefault(side, []).append(drawn)
    cuts = _cuts(
        {side: _lowest(np.concatenate(parts), asked.documents) for side, parts in there.items()}, asked.documents
    )
    table = pa.concat_tables([SAMPLE.empty_table(), *spread(sample, [replace(one, cuts=cuts) for one in looked])])
    table = _once(table).sort_by([(name, "ascending") for name in ("good", "draw", "id_hash")])
    return table.append_column("held", pa.array(held_out(table, asked.seed), pa.bool_()))


def draws(looked: Looked) -> dict[Side, Draws]:
    """The lowest draws of each side and source in one shard."""
    found: dict[Side, list[Draws]] = {}
    for batch in side_by_side([Columns(looked.path, ("source", "language", "kind", "draw_key"))]):
        drawn = draw.draw(np.asarray(batch["draw_key"]), looked.asked.seed, draw.TRAINING)
        for side, rows in _sides(looked.asked, batch).items():
            found.setdefault(side, []).append(drawn[rows])
    return {side: _lowest(np.concatenate(parts), looked.asked.documents) for side, parts in found.items()}


def sample(looked: Looked) -> pa.Table:
    """The sampled documents of one shard."""
    rows: list[dict[str, Any]] = []
    words = features.NONE if looked.tokenizer is None else words_of(looked.tokenizer)
    for batch in side_by_side([Columns(looked.path, COLUMNS)]):
        drawn = draw.draw(np.asarray(batch["draw_key"]), looked.asked.seed, draw.TRAINING)
        for side, places in _sides(looked.asked, batch).items():
            low = places[drawn[places] <= np.uint64(looked.cuts[side])]
            low = low[np.unique(drawn[low], return_index=True)[1]]  # of those that share a draw the first
            for place, record in zip(low.tolist(), batch.take(pa.array(low)).to_pylist(), strict=True):
                rows.append(_row(looked.asked, words, record, side[0], int(drawn[place])))
    return pa.Table.from_pylist(rows, SAMPLE)


@lru_cache(maxsize=1)
def words_of(tokenizer: Tokenizer) -> Words:
    """Tokens that can be words. Longer ones than `LONGEST` are rows of signs."""
    spelled = map(str.strip, counting.reference(tokenizer).spelled().values())
    return Words.of(word for word in spelled if len(word) <= LONGEST)


def _row(asked: Asked, words: Words, record: dict[str, Any], good: bool, drawn: int) -> dict[str, Any]:
    language, text = record["language"], record["text"]
    lines = (features.line(span, language, words) for span in features.spans(text, language, asked.spans))
    return {
        **{name: record[name] for name in ("id", "id_hash", "source", "language")},
        "good": good, "draw": drawn, "group": group(record["url"], record["id"], good),
        "lines": [line for line in lines if line], "text": text[:SEEN],
    }  # fmt: skip


def group(url: str | None, id_: str, good: bool) -> int:
    """What a document is kept together with, as a number."""
    try:
        host = urlsplit(url or "").hostname
    except ValueError:  # brackets that hold no address
        host = None
    name = (url if good else host) or id_
    return xxhash.xxh3_64_intdigest(name.encode())


def _sides(asked: Asked, batch: pa.RecordBatch) -> dict[Side, npt.NDArray[np.intp]]:
    """The rows of each side and source, where there are any."""
    sources, languages, kinds = (
        np.asarray(batch[name].to_numpy(zero_copy_only=False), object) for name in ("source", "language", "kind")
    )
    spoken, found = np.isin(languages, asked.languages), {}
    for good, wanted in ((True, asked.reference), (False, asked.against)):
        here = spoken & np.isin(kinds, wanted)
        for source, language in sorted(set(zip(sources[here], languages[here], strict=True))):
            found[good, source, language] = np.flatnonzero(here & (sources == source) & (languages == language))
    return found


def _lowest(drawn: Draws, most: int) -> Draws:
    """Each draw once: copies of a text share theirs, and a boilerplate in 20,000 copies must not be a whole side."""
    return np.unique(drawn)[:most]


def _cuts(lowest: Mapping[Side, Draws], most: int) -> dict[Side, int]:
    """The highest draw that is in the sample, of each side and source."""
    cuts = {}
    for good in (True, False):
        mine = {side: drawn for side, drawn in lowest.items() if side[0] == good}
        for side, count in shares({side: len(drawn) for side, drawn in mine.items()}, most).items():
            cuts[side] = int(mine[side][count - 1]) if count else 0
    return cuts


def shares(there: Mapping[Any, int], most: int) -> dict[Any, int]:
    """Of each as many as of any other, as far as it has them: `most` in all, or everything."""
    found, left = {}, most
    for place, (name, count) in enumerate(sorted(there.items(), key=lambda each: (each[1], each[0]))):
        found[name] = min(count, left // (len(there) - place))
        left -= found[name]
    return found


def _once(table: pa.Table) -> pa.Table:
    """One document for each side and draw: that of the lowest hash of its id."""
    owner: dict[tuple[bool, int], bytes] = {}
    places = list(zip(table["good"].to_pylist(), table["draw"].to_pylist(), strict=True))
    hashes = table["id_hash"].to_pylist()
    for place, id_hash in zip(places, hashes, strict=True):
        owner[place] = min(owner.get(place, id_hash), id_hash)
    kept = [owner[place] == id_hash for place, id_hash in zip(places, hashes, strict=True)]
    return table.filter(pa.array(kept, pa.bool_()))


def held_out(table: pa.Table, seed: int) -> npt.NDArray[np.bool_]:
    """A fifth of each side in whole groups, those of the lowest hash; documents alone where groups are too large."""
    held = np.zeros(len(table), bool)
    good, groups = (np.asarray(table[name].to_numpy()) for name in ("good", "group"))
    for side in (True, False):
        rows = np.flatnonzero(good == side)
        chosen = _chosen(groups[rows], seed)
        if len(rows) and not chosen.any():
            chosen = _chosen(draw.halves(table["id_hash"].combine_chunks())[0][rows], seed)
        held[rows] = chosen
    return held


def _chosen(groups: npt.NDArray[np.uint64], seed: int) -> npt.NDArray[np.bool_]:
    names, sizes = np.unique(groups, return_counts=True)
    order = np.argsort(draw.draw(names, seed, draw.HELD_OUT), kind="stable")
    order = order[sizes[order] <= max(1, LARGEST_GROUP * len(groups))]
    before = np.cumsum(sizes[order]) - sizes[order]
    return np.isin(groups, names[order[before < HELD * len(groups)]]) if len(names) > 1 else np.zeros(len(groups), bool)


def lines(table: pa.Table, most: int, seed: int) -> Iterator[tuple[bool, str]]:
    """What is learnt from documents that are not held out: of each source as many lines, at most `most` of a side."""
    by_source: dict[Side, list[str]] = {}
    columns = (table[name].to_pylist() for name in ("good", "source", "language", "held", "lines"))
    for good, source, language, held, made in zip(*columns, strict=True):
        if not held:
            by_source.setdefault((good, source, language), []).extend(made)
    for good in (True, False):
        mine = {side: found for side, found in by_source.items() if side[0] == good}
        for side, count in shares({side: len(found) for side, found in mine.items()}, most).items():
            ordered = sorted(mine[side], key=lambda line: xxhash.xxh3_64_intdigest(f"{seed} {line}".encode()))
            yield from ((good, line) for line in ordered[:count])
