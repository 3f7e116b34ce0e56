"""The same recipe gives the same bytes: for any number of workers, any processing batch, and after any kill."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from prep.manifests.shards import regroup
from prep.pipeline import commands, runfile
from prep.pipeline import run as loop
from prep.pipeline.chain import Machine
from prep.pipeline.ingest import Ingest
from tests.tiny import made, tree, varied_run

QUALITY = {
    "train": {"reference": ["encyclopedia", "books"], "against": ["web"]},
    "keep": {"ja": {"pareto": 1}, "en": {"threshold": 0.2}},
}


def names_and_bytes(config: str, machine: Machine) -> dict[str, bytes]:
    settings = runfile.load(config)
    commands.run(settings, machine, "export")
    return tree(Path(settings.out))


@pytest.mark.parametrize(
    "other", [Machine(workers=2, batch_rows=1), Machine(workers=3, batch_rows=7)], ids=["2 by 1", "3 by 7"]
)
def test_neither_workers_nor_batches_nor_memory_change_a_byte(tmp_path: Path, other: Machine) -> None:
    one = names_and_bytes(varied_run(tmp_path), Machine(workers=1, memory=100_000_000))
    two = names_and_bytes(varied_run(tmp_path, out=str(tmp_path / "other")), other)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    assert sum(name.endswith(".parquet") for name in one) > 1


def test_neither_workers_nor_batches_change_what_a_classifier_learns(tmp_path: Path) -> None:
    one = names_and_bytes(varied_run(tmp_path, quality=QUALITY), Machine(workers=1))
    config = varied_run(tmp_path, quality=QUALITY, out=str(tmp_path / "other"))
    two = names_and_bytes(config, Machine(workers=2, batch_rows=3))
    assert [name for name in one.keys() | two.keys() if one.get(name) != two.get(name)] == []
    assert any("model-ja.bin" in name for name in one)


def test_neither_the_working_folder_nor_the_scratch_folder_changes_a_byte(tmp_path: Path) -> None:
    one = names_and_bytes(varied_run(tmp_path), Machine(workers=1))
    config = varied_run(tmp_path, out=str(tmp_path / "deep/er"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    two = names_and_bytes(config, Machine(workers=1, scratch=str(scratch)))
    assert one == two
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("kept", range(4))
def test_a_source_of_many_shards_goes_on_after_the_last_that_is_finished(
    tmp_path: Path, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards end with a batch: so batches are made small here, and shards of a few batches."""
    monkeypatch.setattr(Ingest, "shard_bytes", 1_000)
    monkeypatch.setattr(loop, "regroup", partial(regroup, rows=4))
    config = varied_run(tmp_path)
    result = made(config, until="ingest")["ingest"]
    reference, folder = tree(tmp_path / "out"), Path(result.folder)
    assert sum(name.endswith("-0003.json") for name in reference) >= 3
    (folder / "manifest.json").unlink()
    for receipt in folder.glob("part-*.json"):
        if int(receipt.stem.rpartition("-")[2]) >= kept:
            receipt.unlink()
    dates = {path: path.stat().st_mtime_ns for path in finished(tmp_path / "out")}
    made(config, until="ingest")
    assert tree(tmp_path / "out") == reference
    assert {path: path.stat().st_mtime_ns for path in dates} == dates


KILLS = 4  # in each of five folders


@pytest.mark.parametrize("chance", range(5))
def test_killed_at_any_moment_a_run_goes_on_to_the_same_bytes(tmp_path: Path, chance: int) -> None:
    reference = names_and_bytes(varied_run(tmp_path, out=str(tmp_path / "whole")), Machine(workers=1))
    config, out, draws = varied_run(tmp_path), tmp_path / "out", random.Random(chance)
    kept: dict[Path, tuple[int, int]] = {}
    for _ in range(KILLS):
        kill_somewhere(config, out, len(reference), draws)
        kept |= {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in finished(out)}
    end = start(config, draws)
    assert end.wait(120) == 0
    assert tree(out).keys() == reference.keys()  # so no temporary file is left
    assert [name for name, content in tree(out).items() if content != reference[name]] == []
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in kept} == kept


def start(config: str, draws: random.Random) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "prep", "run", config, "-j", str(1 + (draws.random() < 0.15))]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)


def kill_somewhere(config: str, out: Path, whole: int, draws: random.Random) -> None:
    """Kill the whole process group a moment after a random part of the files that were missing are there."""
    files, moment = draws.uniform(there(out), whole), draws.uniform(0, 0.05)
    process = start(config, draws)
    while process.poll() is None and there(out) <= files:
        time.sleep(0.005)
    time.sleep(moment)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def there(out: Path) -> int:
    """Files below a folder in which others come and go."""
    return sum(len(names) for _, _, names in os.walk(out))


def finished(out: Path) -> list[Path]:
    """Every receipt and the shards it vouches for."""
    found = []
    for receipt in out.rglob("part-*.json"):
        plain = json.loads(receipt.read_bytes())
        found += [receipt, *(receipt.parent / shard["name"] for shard in plain["shards"])]
    return found
