"""A machine that says no - a full disk, a closed folder, Ctrl-C, a killed worker - ends a run well."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from prep.errors import NoSpace
from prep.pipeline import commands, runfile
from prep.pipeline.chain import Machine
from tests.nasty import (
    TIMEOUT,
    Gives,
    ended,
    good,
    must_be_clear,
    must_give,
    nasty_run,
    nobody,
    open_folder,
    refusal,
    small_disk,
    workers,
)
from tests.tiny import made, tiny_run, tree


def fill(disk: Path, free: int) -> None:
    """Leave so many bytes of a disk."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    there = os.statvfs(disk)
    ballast.write_bytes(bytes(max(there.f_bavail * there.f_frsize - free, 0)))


def test_wherever_the_disk_gets_full_it_is_said_and_a_run_with_room_completes(tmp_path: Path) -> None:
    disk, full = tmp_path / "disk", list[str]()
    with small_disk(disk, "8m") as mounted:
        if not mounted:
            pytest.skip("no file system can be mounted here")
        config = tiny_run(tmp_path, out=str(disk / "out"))
        for free in (*range(0, 65_536, 8_192), *range(65_536, 4_000_000, 16_384)):
            fill(disk, free)
            try:
                commands.run(runfile.load(config), Machine(workers=1, space_check=False), "export")
                break
            except NoSpace as error:
                must_be_clear(str(error))
                full.append(str(error))
        assert all(re.search("disk is full.*make room.*run again", said) for said in full)
        assert len({said.partition(":")[0] for said in full}) > 3  # at different places of the chain
        there = tree(disk / "out" / "export")
    made(tiny_run(tmp_path, out=str(tmp_path / "out")))
    assert there == tree(tmp_path / "out" / "export")


def test_a_full_disk_is_said_by_a_worker_and_looked_for_before(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "3m") as mounted:
        if not mounted:
            pytest.skip("no file system can be mounted here")
        lines = (json.dumps({"text": os.urandom(500).hex()}) for _ in range(8_000))
        (tmp_path / "a.jsonl").write_text("\n".join(lines))
        config = nasty_run(tmp_path, {"s": str(tmp_path / "a.jsonl")}, out=str(tmp_path / "disk" / "out"))
        assert re.search(r"needs about .*are free; give `out:` a larger disk", ended("count", config).refusal)
        found = ended("count", config, "--no-space-check", "-j", "2")
        assert found.code == 1
        assert re.search(r"disk is full.*make room", found.refusal)
        small = good(tmp_path / "a.jsonl")
        made(nasty_run(tmp_path, {"s": small}, out=str(tmp_path / "disk" / "out")), "count")


def test_a_scratch_folder_on_a_full_disk_is_said(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    with small_disk(tmp_path / "disk", "8k") as mounted:
        if not mounted:
            pytest.skip("no file system can be mounted here")
        with pytest.raises(NoSpace, match=r"disk: the disk is full; .*--scratch"):
            commands.run(runfile.load(config), Machine(workers=1, scratch=str(tmp_path / "disk")), "export")
    made(config)


def test_an_output_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in ("file", "file/below"):
        said = refusal(nasty_run(tmp_path, {"s": good(tmp_path / "a.jsonl")}, out=str(tmp_path / out)))
        assert re.search(rf"{out}: cannot be written \(.*\); .*another `out:`", said)
    with open_folder() as folder:
        config = nasty_run(folder, {"s": good(folder / "a.jsonl")})
        made(config, "ingest")
        with nobody():
            assert re.search(r"out: cannot be written \(Permission denied\); check", refusal(config))
        (folder / "out" / ".lock").chmod(0o666)
        with nobody():
            assert re.search(r"out/count/.*: cannot be written \(Permission denied\); check", refusal(config))


def long_run(folder: Path) -> str:
    """A run of some seconds for two workers."""
    (folder / "in").mkdir()
    for piece in range(8):
        lines = (json.dumps({"text": f"{piece} {row} " * 200}) for row in range(150))
        (folder / "in" / f"{piece}.jsonl").write_text("\n".join(lines))
    return nasty_run(folder, {"s": str(folder / "in")})


def at_work(process: psutil.Process, config: str) -> list[psutil.Process]:
    """The workers, once there is something that they have made."""
    return workers(process) if [*Path(config).parent.glob("out/ingest/*/part-*.json")] else []


ears = pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN, reason="started in the background: Ctrl-C is ignored from there"
)

QUESTION = """
import sys
from prep.pipeline.query import Limits, ask, database
with database(Limits(), sys.argv[1]) as connection:
    print("asked", flush=True)
    ask(connection, "select sum(a.range * b.range) as x from range(10000000) a, range(10000000) b")
"""


@ears
def test_ctrl_c_ends_a_question(tmp_path: Path) -> None:
    command = [sys.executable, "-c", QUESTION, str(tmp_path)]
    asking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert asking.stdout is not None
    assert asking.stdout.readline() == "asked\n"
    time.sleep(0.3)
    asking.send_signal(signal.SIGINT)
    assert asking.communicate(timeout=TIMEOUT)[1].splitlines()[-1] == "KeyboardInterrupt"
    assert not [*tmp_path.iterdir()]


@ears
def test_ctrl_c_ends_a_run_at_once_and_leaves_no_worker(tmp_path: Path) -> None:
    config, sent, were = long_run(tmp_path), list[float](), list[psutil.Process]()

    def stop(process: psutil.Process) -> bool:
        were.extend(at_work(process, config))
        if were:
            sent.append(time.monotonic())
            os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all of them
        return bool(were)

    found = ended("count", config, "-j", "2", when=stop)
    assert time.monotonic() - sent[0] < 5
    assert (found.code, found.error.splitlines()[-1][:7]) == (130, "stopped")
    assert "Traceback" not in found.error
    assert len(were) == 2
    assert not psutil.wait_procs(were, timeout=5)[1]
    must_give(made(config, "count"), "s", Gives(1200))


def test_a_killed_worker_is_said_and_the_next_run_completes(tmp_path: Path) -> None:
    config = long_run(tmp_path)

    def kill(process: psutil.Process) -> bool:
        found = at_work(process, config)
        if found:
            found[0].kill()
        return bool(found)

    found = ended("count", config, "-j", "2", when=kill)
    assert found.code == 1
    assert re.search(r"^a worker process died, .*run again, with fewer --workers", found.refusal)
    must_give(made(config, "count"), "s", Gives(1200))
