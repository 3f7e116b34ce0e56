"""What `prep count` keeps of its engine's speed: `python -m benchmarks.whole_count RUN.yaml [--workers 2]`.

Bare: as many processes as workers, each with documents of the finished ingest in memory, count them by the engine that
the self-check chose; MB of text per second of wall time, all together, after a warm-up. Whole: `prep count`, from the
first batch to the last, with reading, checking and writing of shards; its start-up and self-check stand apart.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier as Gate
from pathlib import Path

import click
import pyarrow as pa

from benchmarks.stages import EVERY, Peak
from prep.manifests import store
from prep.manifests.shards import Columns, lengths, read
from prep.pipeline import counting, runfile
from prep.pipeline.settings import Tokenizer
from prep.pipeline.stage import Result, document_shards, sources_of

WARM, MEASURED = 30_000_000, 250_000_000  # bytes of text a process

_gate: Gate | None = None


def begin(gate: Gate) -> None:
    """Once a process."""
    global _gate
    _gate = gate


def bare(paths: list[str], engines: list[str], given: Tokenizer) -> tuple[int, float, float]:
    """Bytes counted, seconds of wall time and of CPU."""
    batches: list[tuple[str, pa.RecordBatch]] = []
    size = 0
    for path, engine in zip(paths, engines, strict=True):
        for number, batch in enumerate(read(Columns(path, ("text",)))):
            if number % 7 == 0 and size < WARM + MEASURED:  # of every shard some
                batches.append((engine, batch["text"]))
                size += int(lengths(batch["text"]).sum())
    opened = {engine: counting.bare(given, engine) for engine in set(engines)}
    seen, start = 0, 0
    while seen < min(WARM, size // 5):
        engine, texts = batches[start]
        opened[engine].count(texts)
        seen, start = seen + int(lengths(texts).sum()), start + 1
    assert _gate is not None
    _gate.wait()
    wall, cpu = time.perf_counter(), time.process_time()
    for engine, texts in batches[start:]:
        opened[engine].count(texts)
    return size - seen, time.perf_counter() - wall, time.process_time() - cpu


def whole(config: str, out: Path, workers: int) -> tuple[float, float, float, int]:
    """Bytes per second from the first shard to the last, seconds before it and of the command, peak memory."""
    shutil.rmtree(out / "count", ignore_errors=True)
    began, first = time.monotonic(), None
    seen: set[str] = set()
    process = subprocess.Popen(
        [sys.executable, "-m", "prep", "count", config, "--json", "--no-space-check", "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
    )
    peak = Peak(process.pid)
    while process.poll() is None:
        peak.look()
        names = {path.name for path in out.glob("count/*/part-*.json")}
        if names and first is None:
            first, before = time.monotonic(), names
        if names != seen:
            seen, last = names, time.monotonic()
        time.sleep(EVERY)
    if process.returncode:
        sys.exit(process.returncode)
    assert first is not None
    receipts = [json.loads(path.read_bytes()) for path in out.glob("count/*/part-*.json") if path.name not in before]
    size = sum(row["bytes"] for receipt in receipts for row in receipt["ledger"]["cells"])
    return size / (last - first), first - began, time.monotonic() - began, peak.bytes


@click.command()
@click.argument("config")
@click.option("--workers", default=2, show_default=True)
def main(config: str, workers: int) -> None:
    """Measure bare, whole, bare again."""
    run = runfile.load(config)
    place = f"{run.out}/{store.current(run.out)['ingest']}"
    manifest = store.manifest(place)
    assert manifest is not None
    ingested = Result(place, manifest)
    size = sum(row["bytes"] for row in manifest.ledger["cells"])
    kept, before, seconds, peak = whole(config, Path(run.out), workers)
    made = [json.loads(path.read_text()) for path in Path(run.out).glob("count/*/manifest.json")]
    chosen = {row["source"]: row["engine"] for row in made[0]["evidence"]["check"]["sources"]}
    given = next(iter(run.tokenizers.values()))
    shards = list(zip([path for _, path in document_shards(ingested)], sources_of(ingested), strict=True))
    gate = get_context("spawn").Barrier(workers)
    with ProcessPoolExecutor(workers, get_context("spawn"), begin, (gate,)) as pool:
        parts = [shards[number::workers] for number in range(workers)]
        jobs = [
            pool.submit(bare, [path for path, _ in part], [chosen[name] for _, name in part], given) for part in parts
        ]
        found = [job.result() for job in jobs]
    rate = sum(counted / wall for counted, wall, _ in found) / 1e6
    print(f"text {size / 1e6:,.0f} MB, engines {sorted(set(chosen.values()))}")
    print(
        f"bare   {rate:,.0f} MB/s on {workers} processes ({[round(n / 1e6 / cpu) for n, _, cpu in found]} MB per CPU s)"
    )
    print(
        f"whole  {kept / 1e6:,.0f} MB/s from the first shard to the last; {before:.1f} s before, {seconds:.1f} s in all"
    )
    print(f"ratio  {kept / 1e6 / rate:.0%}; peak of the tree {peak / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
