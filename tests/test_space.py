"""Room on the disk is looked at before anything is made."""

from pathlib import Path

import pytest

from prep.errors import NoSpace
from prep.manifests import files
from prep.pipeline import runfile, space
from prep.pipeline.intake import listed
from tests.tiny import made, tiny_run


def test_a_budget_that_no_disk_holds_is_refused_with_both_figures(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, budget={"tokens": "900T"})
    with pytest.raises(NoSpace, match=r"tokens needs about 6\.3 PB, .* are free"):
        made(config)
    assert not list((tmp_path / "out").glob("*/*"))


def test_what_is_read_already_is_not_asked_for_again(tmp_path: Path) -> None:
    run = runfile.load(tiny_run(tmp_path))
    assert space.needed(run, listed(run, tmp_path)) > space.needed(run, {}) > 0


def test_a_folder_that_is_not_there_yet_lies_on_the_disk_of_its_parent(tmp_path: Path) -> None:
    free = files.free_bytes(str(tmp_path))
    assert free is not None
    assert abs(free - (files.free_bytes(str(tmp_path / "not" / "yet")) or 0)) < 1e9
