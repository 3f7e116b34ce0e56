"""Time, memory and disk of planning a corpus of so many documents, from generated thin columns, without any text.

    python benchmarks/planning.py 1M 10M 100M [--folder FOLDER] [--memory 1GB]

Each number is planned in a process of its own: `mix` (judging, duplicates, targets), `size` (cuts, verdicts) and
the order of `export` (the place of every copy). Memory is the process's peak, loading included; what is generated
beforehand is not counted. One document in ten is a duplicate; 12 cells in three languages.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prep.manifests import ledger, shards
from prep.manifests.record import Manifest, Shard
from prep.pipeline import mix, size
from prep.pipeline.ingest import HASH
from prep.pipeline.judge import Columned, Thin
from prep.pipeline.numbers import format_bytes, parse_bytes, parse_count
from prep.pipeline.ordering import placing
from prep.pipeline.query import Limits
from prep.pipeline.run import perform
from prep.pipeline.settings import Run
from prep.pipeline.spread import serial
from prep.pipeline.stage import Result

SHARD = 1_000_000  # documents of an input shard
CELLS = [(f"{kind}_{language}", language, kind) for language in ("ja", "en", "code") for kind in "abcd"]
DUPLICATES = 10  # one document in so many has the text of another


def run_of(folder: Path, documents: int) -> Run:
    """A run that takes about two thirds of what there is."""
    sources = {source: {"path": "-", "language": language, "kind": kind} for source, language, kind in CELLS}
    return Run.model_validate(
        {
            "out": str(folder / "out"), "budget": {"tokens": documents * 200}, "tokenizers": {"t": {"path": "-"}},
            "sources": sources, "mix": {"shares": {"ja": 0.4, "en": 0.4, "code": 0.2}, "max_epochs": 4.0},
        }
    )  # fmt: skip


def words(count: int, chance: np.random.Generator) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Random 64-bit numbers."""
    return chance.integers(0, 1 << 64, count, dtype=np.uint64)


def hashes(
    high: np.ndarray[Any, Any], low: np.ndarray[Any, Any], alone: np.ndarray[Any, Any] | None = None
) -> pa.Array:
    """Two halves as a column of 16-byte hashes."""
    pairs = np.stack((high, low), axis=1).astype(">u8")
    column = pa.FixedSizeBinaryArray.from_buffers(HASH, len(high), [None, pa.py_buffer(pairs.tobytes())])
    return column if alone is None else column.take(pa.array(np.arange(len(high)), mask=alone))


def columns(number: int, count: int) -> dict[str, pa.RecordBatch]:
    """The thin columns of one shard, by stage: of every cell a run of documents."""
    chance = np.random.default_rng(number)
    cells = np.arange(count) * len(CELLS) // count
    low = words(count, chance)
    twin = chance.random(count) < 1 / DUPLICATES
    group = chance.integers(0, max(1, count // DUPLICATES), count).astype(np.uint64)  # the same numbers in every shard
    key = np.where(twin, group, words(count, chance))
    tokens = chance.lognormal(5.7, 1.0, count).astype(np.int64) + 1
    cell = {
        name: pa.array([place[part] for place in CELLS]).take(pa.array(cells)) for part, name in enumerate(ledger.CELL)
    }
    return {
        "ingest": pa.record_batch(
            {
                **cell,
                "n_bytes": tokens * 4,
                "n_chars": tokens * 3,
                "draw_key": key,
                "id_hash": hashes(words(count, chance), low),
            }
        ),
        "count": pa.record_batch({"n_tokens.t": tokens}),
        "dedup": pa.record_batch({"duplicate_group": hashes(key * np.uint64(0x9E3779B97F4A7C15), key, ~twin)}),
    }


def generate(folder: Path, documents: int) -> dict[str, Any]:
    """Write the thin columns; what the manifests of their results say."""
    said: dict[str, Any] = {stage: [] for stage in ("ingest", "count", "dedup")}
    pages = []
    for number, start in enumerate(range(0, documents, SHARD)):
        made = columns(number, min(SHARD, documents - start))
        for stage, batch in made.items():
            parts = (batch.slice(row, shards.ROWS) for row in range(0, batch.num_rows, shards.ROWS))
            shard = shards.write(str(folder / stage), f"part-{number:020x}-0000.arrow", batch.schema, parts)
            said[stage].append(shard.__dict__)
        beside = pa.record_batch(
            [*made["ingest"].columns, *made["count"].columns], names=[*made["ingest"].schema.names, "n_tokens.t"]
        )
        pages.append(ledger.cells(beside))
    return {**said, "cells": ledger.add(pages)}


def result(folder: Path, stage: str, said: dict[str, Any]) -> Result:
    """A finished result, as far as planning looks at it."""
    parts = tuple(Shard(**shard) for shard in said[stage])
    return Result(str(folder / stage), Manifest(stage, stage, {}, {}, parts, {"cells": said["cells"]}))


def plan(folder: Path, documents: int, memory: int) -> dict[str, Any]:
    """Plan it in this process."""
    said = json.loads((folder / "said.json").read_text())
    run = run_of(folder, documents)
    columned = Columned(
        result(folder, "ingest", said), result(folder, "count", said), {}, result(folder, "dedup", said), "t"
    )
    limits = Limits(memory=memory, threads=1)
    took: dict[str, Any] = {}
    thin = Thin(run, limits)
    [mixed] = timed("mix", took, lambda: perform([mix.job(run, columned, thin)], run.out, serial, lambda _: None))
    [sized] = timed(
        "size", took, lambda: perform([size.job(run, columned, mixed, thin)], run.out, serial, lambda _: None)
    )
    thin.__exit__()

    def order() -> int:
        with ExitStack() as stack:
            ordering = placing.Ordering(columned, sized, run.export, run.seed)
            return len(placing.place(ordering, run.export.shard, str(folder), stack).outs)

    took["files"] = timed("order", took, order)
    return took


def timed(name: str, took: dict[str, Any], work: Any) -> Any:
    """Do it, and take note of seconds (CPU and clock) and of the process's peak so far."""
    clock, cpu = time.monotonic(), time.process_time()
    made = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    took[name] = {"cpu": time.process_time() - cpu, "clock": time.monotonic() - clock, "peak": peak}
    return made


def most_used(folder: Path, process: subprocess.Popen[str]) -> int:
    """The most bytes that a process takes of the disk while it runs, nameless files included; others must be still."""
    before = most = shutil.disk_usage(folder).used
    while process.poll() is None:
        most = max(most, shutil.disk_usage(folder).used)
        time.sleep(0.5)
    return most - before


def main() -> None:
    """Each number in its turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="+", type=parse_count)
    parser.add_argument("--folder", default="planning-benchmark")
    parser.add_argument("--memory", type=parse_bytes, default=1_000_000_000)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    for documents in given.documents:
        folder = Path(given.folder) / str(documents)
        if given.inside:
            print(json.dumps(plan(folder, documents, given.memory)))
            continue
        if not (folder / "said.json").exists():
            said = generate(folder, documents)
            (folder / "said.json").write_text(json.dumps(said))
        shutil.rmtree(folder / "out", ignore_errors=True)
        command = [
            sys.executable,
            __file__,
            str(documents),
            "--inside",
            "--folder",
            given.folder,
            "--memory",
            str(given.memory),
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        most = most_used(folder, process)
        took = json.loads(process.stdout.read() if process.stdout else "{}")
        steps = ", ".join(
            f"{name} {took[name]['cpu']:.0f} s CPU ({took[name]['clock']:.0f} s)" for name in ("mix", "size", "order")
        )
        print(
            f"{documents:,} documents: {steps}; peak {format_bytes(took['order']['peak'])}, disk {format_bytes(most)}"
        )


if __name__ == "__main__":
    main()
