"""Processes that work side by side: as `map` to who asks, but they begin at once."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prep.errors import WorkerLost
from prep.pipeline.spread import workers

SPOKEN = """
from prep.pipeline.spread import workers

if __name__ == "__main__":
    with workers(2) as spread:
        assert list(spread(print, ["one", "two"])) == [None, None]
"""


def touch(path: Path) -> str:
    path.touch()
    return path.name


def is_loaded(name: str) -> bool:
    time.sleep(0.05)  # so that no process takes all
    return name in sys.modules


def die(code: int) -> None:
    os._exit(code)


def test_work_begins_before_its_results_are_asked_for(tmp_path: Path) -> None:
    names = [f"file-{number}" for number in range(5)]
    with workers(2) as spread:
        found = spread(touch, [tmp_path / name for name in names])
        last = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < len(names):
            assert time.monotonic() < last, "nothing was done, or not all of it"
            time.sleep(0.01)
        assert list(found) == names


@pytest.mark.parametrize("module", ["colorsys", None])
def test_workers_load_what_they_are_told_to(module: str | None) -> None:
    with workers(2, load=module) as spread:
        assert set(spread(is_loaded, ["colorsys"] * 8)) == {module is not None}


def test_a_lost_worker_is_told_with_what_to_do() -> None:
    with pytest.raises(WorkerLost, match="run again, with fewer --workers"), workers(2) as spread:
        list(spread(die, [9]))


def test_what_a_worker_has_said_is_not_lost_as_it_ends(tmp_path: Path) -> None:
    (tmp_path / "spoken.py").write_text(SPOKEN)
    done = subprocess.run([sys.executable, tmp_path / "spoken.py"], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == ["one", "two"]
