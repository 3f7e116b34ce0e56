"""Grow a small corpus to gigabytes in which no two documents are the same, to measure what steady work costs.

    python -m benchmarks.grown RUN.yaml FOLDER --bytes 4GB

It takes the documents that `prep ingest RUN.yaml` made and writes each again and again, as JSON lines by source, with
edits: about one character in 150 is another one of the same text. So words that were never seen before keep coming, as
they do in real text (one in a hundred after 60 MB of English), and a cache of words earns what it would earn there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import click
import numpy as np
import orjson

from prep.manifests import store
from prep.manifests.shards import Columns, read
from prep.pipeline import runfile
from prep.pipeline.numbers import parse_bytes
from prep.pipeline.stage import Result, document_shards, sources_of

EVERY = 150  # characters to an edit
SPACE = 0x20  # and what is below it
FILE_BYTES = 500_000_000  # of a file of JSON lines


def edited(text: str, chance: np.random.Generator) -> str:
    """The text with some characters replaced by others of its own; white space stays where it is."""
    characters = np.frombuffer(text.encode("utf-32-le"), np.uint32).copy()
    letters = np.flatnonzero(characters > SPACE)
    if len(letters):
        places = chance.choice(letters, 1 + len(characters) // EVERY)
        characters[places] = characters[chance.choice(letters, len(places))]
    return characters.tobytes().decode("utf-32-le")


def documents(paths: list[str]) -> Iterator[str]:
    """The texts of a source's shards."""
    for path in paths:
        for batch in read(Columns(path, ("text",))):
            yield from batch["text"].to_pylist()


def grow(source: tuple[str, list[str]], folder: Path, wanted: int) -> int:
    """Write one source until it has so many bytes of text; how many it got."""
    name, paths = source
    written = again = number = 0
    out = None
    while written < wanted:
        for place, text in enumerate(documents(paths)):
            if written >= wanted:
                break
            if written >= number * FILE_BYTES:
                if out is not None:
                    out.close()
                out = (folder / f"{name}-{number:03d}.jsonl").open("wb")
                number += 1
            new = text if not again else edited(text, np.random.default_rng([zlib.crc32(name.encode()), again, place]))
            assert out is not None
            out.write(orjson.dumps({"id": f"{again}-{place}", "text": new}) + b"\n")
            written += len(new.encode())
        again += 1
    if out is not None:
        out.close()
    return written


@click.command()
@click.argument("config")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--source", "only", multiple=True, help="Grow this source; all of them by default.")
@click.option("--bytes", "wanted", default="4GB", show_default=True, help="Of text, over all sources.")
def main(config: str, folder: Path, only: tuple[str, ...], wanted: str) -> None:
    """Grow what was ingested, each source in proportion to what it has."""
    run = runfile.load(config)
    place = f"{run.out}/{store.current(run.out)['ingest']}"
    manifest = store.manifest(place)
    assert manifest is not None, f"{config} is not ingested yet: prep ingest {config}"
    ingested = Result(place, manifest)
    sources: dict[str, list[str]] = {}
    for (_, path), source in zip(document_shards(ingested), sources_of(ingested), strict=True):
        if not only or source in only:
            sources.setdefault(source, []).append(path)
    sizes = dict.fromkeys(sources, 0)
    for row in manifest.ledger["cells"]:
        if row["source"] in sizes:
            sizes[row["source"]] += row["bytes"]
    times = parse_bytes(wanted) / sum(sizes.values())
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        jobs = {
            name: pool.submit(partial(grow, (name, paths), folder, int(sizes[name] * times)))
            for name, paths in sources.items()
        }
        for name, job in jobs.items():
            print(f"{name:<20} {job.result() / 1e6:>10,.0f} MB")


if __name__ == "__main__":
    main()
