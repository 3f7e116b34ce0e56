"""Time, peak memory and bytes written of each stage: `python -m benchmarks.stages RUN.yaml [--workers N]`.

Each stage is one process tree of its own (`prep STAGE RUN.yaml`), so the start-up and the look at what is finished
(about a second) are in its time. Peak memory is the largest sum of unique set sizes over the tree (what its end frees),
looked at every 50 ms, or less often where a look takes long: looks cost at most a hundredth of a core. Begin with an
empty output folder.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click
import psutil

from prep.manifests import store
from prep.pipeline import runfile
from prep.pipeline.chain import STAGES

EVERY = 0.05  # seconds between two looks at memory
# Of the time. Looks at a gigabyte every 50 ms took a quarter of a core: `prep count` seemed a fifth slower than it is.
LOOKING = 0.01


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


class Peak:
    """The most memory that a process and its children held at a look."""

    def __init__(self, pid: int) -> None:
        """Looks begin with the first call of `look`."""
        self.bytes, self._pid, self._next = 0, pid, 0.0

    def look(self) -> None:
        """Called as often as one likes."""
        began = time.monotonic()
        if began >= self._next:
            self.bytes = max(self.bytes, tree_memory(self._pid))
            now = time.monotonic()
            self._next = now + max(EVERY, (now - began) / LOOKING)


def measure(stage: str, config: str, workers: int) -> tuple[float, int]:
    """Seconds and peak bytes of one stage."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "prep", stage, config, "--json", "--workers", str(workers)], stdout=subprocess.DEVNULL
    )
    peak = Peak(process.pid)
    while process.poll() is None:
        peak.look()
        time.sleep(EVERY)
    if process.returncode:
        sys.exit(process.returncode)
    return time.monotonic() - began, peak.bytes


@click.command()
@click.argument("config")
@click.option("--workers", default=2, show_default=True)
def main(config: str, workers: int) -> None:
    """Run the chain stage by stage."""
    out = Path(runfile.load(config).out)
    print(f"{'stage':<8} {'seconds':>8} {'peak MB':>8} {'written MB':>11}")
    for stage in STAGES:
        seconds, peak = measure(stage, config, workers)
        manifests = [store.manifest(str(folder)) for folder in out.glob(f"{stage}/*")]
        written = sum(shard.bytes for manifest in manifests if manifest for shard in manifest.shards)
        print(f"{stage:<8} {seconds:>8.1f} {peak / 1e6:>8.0f} {written / 1e6:>11.2f}")


if __name__ == "__main__":
    main()
