"""Looking through one column of every shard: ids and groups by their hashes, urls, texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from rich.progress import Progress

from prep.manifests import files
from prep.manifests.shards import side_by_side
from prep.pipeline.ingest import HASH
from prep.pipeline.look.finished import Finished
from prep.pipeline.look.rows import Place
from prep.pipeline.progress import console

MOST = 20  # documents that one question may find: who asks for more wants `prep query`
HELD = 500  # ids that are compared letter by letter, of those nearest at one end

Fits = Callable[[pa.RecordBatch], pa.Array]  # of a batch, which rows; null is no


def scan(finished: Finished, column: str, fits: Fits, most: int = MOST) -> list[Place]:
    """The first places whose value of a column fits; shards after the last that is needed are not read."""
    found: list[Place] = []
    if not finished.has(column):
        return found
    with _progress(finished, column) as shards:
        for shard in shards:
            row = 0
            for batch in side_by_side(finished.unit(shard, [column])):
                here = np.flatnonzero(np.asarray(pc.fill_null(fits(batch), False)))
                found += [(shard, row + int(place)) for place in here]
                row += batch.num_rows
                if len(found) >= most:
                    return found[:most]
    return found


@contextmanager
def _progress(finished: Finished, column: str) -> Iterator[Iterator[int]]:
    """The numbers of the shards, with a bar in a terminal that weighs them by their bytes."""
    weights = [
        sum(files.size(each.path) for each in finished.unit(shard, [column])) for shard in range(finished.shards)
    ]
    screen = console()
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bars:
        bar = bars.add_task(f"looking through {column}", total=max(sum(weights), 1))

        def shards() -> Iterator[int]:
            for shard, weight in enumerate(weights):
                yield shard
                bars.advance(bar, weight)

        yield shards()


def by_id(finished: Finished, id_: str) -> list[Place]:
    """The document of an id."""
    hashed = pa.scalar(xxhash.xxh3_128_digest(id_.encode()), HASH)
    return scan(finished, "id_hash", lambda batch: pc.equal(batch["id_hash"], hashed))


def by_url(finished: Finished, url: str) -> list[Place]:
    """Documents of an address; a slash at its end, or none, does not matter."""
    wanted = pa.array([url, url.rstrip("/"), url.rstrip("/") + "/"], pa.string())
    return scan(finished, "url", lambda batch: pc.is_in(batch["url"], wanted))


def by_text(finished: Finished, sentence: str) -> list[Place]:
    """Documents whose text holds a sentence: as it stands, else in whatever width and form its characters have."""
    exact = scan(finished, "text", lambda batch: pc.match_substring(batch["text"], sentence))
    if exact:
        return exact
    plain = unicodedata.normalize("NFKC", sentence)
    return scan(finished, "text", lambda batch: pc.match_substring(pc.utf8_normalize(batch["text"], "NFKC"), plain))


def by_group(finished: Finished, column: str, group: bytes, most: int) -> list[Place]:
    """The documents of a group."""
    hashed = pa.scalar(group, HASH)
    return scan(finished, column, lambda batch: pc.equal(batch[column], hashed), most)


def near(names: Sequence[str], wanted: str, most: int = 5) -> list[str]:
    """Names that are most like the wanted one."""
    return get_close_matches(wanted, list(dict.fromkeys(names)), n=most, cutoff=0.5)


def near_ids(finished: Finished, wanted: str) -> list[str]:
    """Ids that are most like the wanted one, of those that begin as it does for longest, and of those that end so."""
    sides = [
        Alike(len(wanted), lambda ids, size: pc.starts_with(ids, wanted[:size])),
        Alike(len(wanted), lambda ids, size: pc.ends_with(ids, wanted[len(wanted) - size :])),
    ]
    for shard in range(finished.shards):
        for batch in side_by_side(finished.unit(shard, ["id"])):
            for side in sides:
                side.look(batch["id"])
    return near([id_ for side in sides for id_ in side.held], wanted)


@dataclass
class Alike:
    """Holds some of the ids that share most characters with another, at one of its ends."""

    length: int  # of the other
    shares: Callable[[pa.Array, int], pa.Array]  # which ids have so many characters in common with it
    size: int = 0
    held: list[str] = field(default_factory=list)

    def look(self, ids: pa.Array) -> None:
        """Look at more ids."""
        before = self.size
        while self.size < self.length and pc.any(self.shares(ids, self.size + 1)).as_py():
            self.size += 1
        if self.size > before:
            self.held = []
        if self.size and (room := HELD - len(self.held)):
            self.held += ids.filter(self.shares(ids, self.size)).slice(0, room).to_pylist()
