"""The texts that counters are measured on: four kinds, shuffled, cut into a warm-up and documents not seen before."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from prep.manifests.shards import BATCH_BYTES, ROWS, lengths, regroup
from prep.pipeline.sources.listing import pieces
from prep.pipeline.sources.piece import Fields, Where
from prep.pipeline.sources.reading import Reading

TEXTS = {
    "ja": ("wiki_ja/*", "books_ja/*.zst", "books_ja/txt", "web_ja/*", "news_ja/*"),
    "en": ("wiki_en/*", "books_en/*", "web_en/*", "news_en/*", "parallel_ja_en/kyoto_en*"),
    "fr": ("wiki_fr/*", "books_fr/*", "web_fr/*"),
    "code": (),
}
WARM = {"fr": 8_000_000}  # bytes; French has 14 MB in all
USUAL_WARM, UNSEEN = 15_000_000, 5_000_000  # bytes
SLOW_WARM = 500_000  # what caches nothing needs little warm-up
SEED = 1


def documents(name: str, corpus: Path) -> pa.LargeStringArray:
    """The documents of a kind of text, shuffled: of every source from the first megabyte on."""
    paths = tuple(str(corpus / path) for path in TEXTS[name])
    if name == "code":
        paths = (f"{sysconfig.get_paths()['stdlib']}/**/*.py",)
    where = Where(name, paths, format="text" if name == "code" else None, exclude=("*.warc.gz",))
    found = [batch["text"] for piece in pieces(where, Path.cwd()) for batch in Reading(piece, Fields())]
    texts = pa.concat_arrays(found).drop_null()
    order = np.random.default_rng(SEED).permutation(len(texts))
    return texts.take(pa.array(order))


def batches(texts: pa.LargeStringArray) -> Iterator[pa.LargeStringArray]:
    """As the shards of documents are cut."""
    for batch in regroup([pa.record_batch({"text": texts})], ROWS, BATCH_BYTES):
        yield batch["text"]


def load(path: str) -> pa.LargeStringArray:
    """The texts of an Arrow file."""
    with pa.ipc.open_file(path) as reader:
        return reader.read_all()["text"].combine_chunks()


def save(texts: pa.LargeStringArray, path: Path) -> str:
    """Write texts as an Arrow file."""
    with pa.ipc.new_file(str(path), pa.schema([("text", pa.large_string())])) as writer:
        writer.write_batch(pa.record_batch({"text": texts}))
    return str(path)


@dataclass
class Part:
    """A kind of text: its documents as Arrow files, and their bytes."""

    name: str
    texts: pa.LargeStringArray
    folder: Path
    unseen: int = UNSEEN  # bytes that are timed

    def __post_init__(self) -> None:
        """Cut into warm-up and unseen."""
        ends = np.cumsum(lengths(self.texts))
        warm = int(np.searchsorted(ends, WARM.get(self.name, USUAL_WARM)))
        last = int(np.searchsorted(ends, ends[warm] + self.unseen))
        half = int(np.searchsorted(ends, ends[warm] + self.unseen // 2))
        little = int(np.searchsorted(ends, SLOW_WARM))
        cuts = {
            "warm": (0, warm),
            "little": (0, little),
            "unseen": (warm, last),
            "one": (warm, half),
            "two": (half, last),
        }
        self.files = {name: self._save(name, *cut) for name, cut in cuts.items()}
        self.bytes = {name: int(lengths(self.texts[a:b]).sum()) for name, (a, b) in cuts.items()}
        self.documents = last - warm

    def _save(self, name: str, start: int, stop: int) -> str:
        return save(self.texts[start:stop], self.folder / f"{self.name}-{name}.arrow")
