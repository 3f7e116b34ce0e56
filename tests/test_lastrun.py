"""Several run files may share an output folder: what `verify` and `clean` mean by one of them."""

import json
from pathlib import Path

import pytest

from prep.errors import BadInput
from prep.pipeline import clean, verify
from tests.tiny import made, tiny_run


def two_runs(tmp_path: Path) -> tuple[str, str]:
    """Run files of one output folder, the second run last."""
    one = Path(tiny_run(tmp_path)).rename(tmp_path / "one.yaml")
    made(str(one))
    two = Path(tiny_run(tmp_path, seed=8)).rename(tmp_path / "two.yaml")
    made(str(two))
    return str(one), str(two)


def test_a_run_file_that_was_not_the_last_is_neither_verified_nor_cleaned(tmp_path: Path) -> None:
    one, two = two_runs(tmp_path)
    for act in (verify.aim, clean.aim):
        with pytest.raises(BadInput, match=r"the last run in .* was of other settings"):
            act(one)
        act(two)
        act(str(tmp_path / "out"))


def test_running_it_again_makes_it_the_last_and_makes_nothing_anew(tmp_path: Path) -> None:
    one, two = two_runs(tmp_path)
    before = sorted(str(path) for path in (tmp_path / "out").rglob("part-*"))
    made(one)
    assert sorted(str(path) for path in (tmp_path / "out").rglob("part-*")) == before
    verify.aim(one)
    with pytest.raises(BadInput):
        verify.aim(two)


def test_a_key_that_came_after_the_last_run_is_at_its_default(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    made(config, until="count")
    path = tmp_path / "out/last-run.json"
    said = json.loads(path.read_text())
    assert said.pop("phases") is None
    path.write_text(json.dumps(said))
    verify.aim(config)
    path.write_text("{}")
    with pytest.raises(BadInput):
        verify.aim(config)
