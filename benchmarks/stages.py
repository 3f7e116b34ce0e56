"""Time, peak memory and bytes written of each stage: `python -m benchmarks.stages RUN.yaml [--workers N]`.

Each stage is one process tree of its own (`prep STAGE RUN.yaml`), so the start-up and the look at what is finished
(about a second) are in its time. Peak memory is the largest sum of unique set sizes over the tree (what its end frees),
looked at every 50 ms. Begin with an empty output folder.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click
import psutil

from prep.manifests.record import Manifest
from prep.pipeline import runfile
from prep.pipeline.chain import STAGES

EVERY = 0.05  # seconds between two looks at memory


def tree_memory(pid: int) -> int:
    """Bytes that a process and its children hold alone."""
    total = 0
    try:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in tree:
        try:
            total += process.memory_full_info().uss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


def measure(stage: str, config: str, workers: int) -> tuple[float, int]:
    """Seconds and peak bytes of one stage."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "prep", stage, config, "--json", "--workers", str(workers)], stdout=subprocess.DEVNULL
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, tree_memory(process.pid))
        time.sleep(EVERY)
    if process.returncode:
        sys.exit(process.returncode)
    return time.monotonic() - began, peak


@click.command()
@click.argument("config")
@click.option("--workers", default=2, show_default=True)
def main(config: str, workers: int) -> None:
    """Run the chain stage by stage."""
    out = Path(runfile.load(config).out)
    print(f"{'stage':<8} {'seconds':>8} {'peak MB':>8} {'written MB':>11}")
    for stage in STAGES:
        seconds, peak = measure(stage, config, workers)
        manifests = [Manifest.parse(path.read_bytes()) for path in out.glob(f"{stage}/*/manifest.json")]
        written = sum(shard.bytes for manifest in manifests for shard in manifest.shards)
        print(f"{stage:<8} {seconds:>8.1f} {peak / 1e6:>8.0f} {written / 1e6:>11.2f}")


if __name__ == "__main__":
    main()
