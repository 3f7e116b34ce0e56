"""`prep clean` removes what no chain names, and nothing else."""

import os
import shutil
from pathlib import Path

import pytest

from prep.errors import BadInput, BrokenShard, Busy
from prep.manifests import files, store
from prep.pipeline import verify
from prep.pipeline.clean import Plan, clean
from tests.tiny import made, prep, tiny_run, tree


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs: the second with another share of code, and so another mix, size and corpus."""
    folder = tmp_path_factory.mktemp("runs")
    made(tiny_run(folder))
    made(tiny_run(folder, mix={"code": 0.5}))
    return folder / "out"


@pytest.fixture
def out(pristine: Path, tmp_path: Path) -> Path:
    shutil.copytree(pristine, tmp_path / "out")
    return tmp_path / "out"


def yes(plan: Plan) -> bool:
    return True


def removed(plan: Plan) -> set[str]:
    return {str(Path(item.path).relative_to(plan.out)) for item in plan.items}


def results(out: Path) -> set[str]:
    return {str(path.parent.relative_to(out)) for path in out.glob("*/*/recipe.json")}


def test_what_the_last_run_does_not_name_goes_and_the_rest_stays(out: Path) -> None:
    named, before = set(store.current(str(out)).values()), results(out)
    plan = clean(str(out), yes)
    assert removed(plan) == before - named
    assert {name.partition("/")[0] for name in removed(plan)} == {"mix", "size", "export"}
    assert results(out) == named
    assert verify.verify(str(out), 1).findings == ()
    assert clean(str(out), yes).items == ()


def test_the_run_file_names_its_output_folder(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    made(config, until="count")
    (tmp_path / "out/current.json").unlink()
    assert {name.partition("/")[0] for name in removed(clean(config, yes, dry_run=True))} == {"ingest", "count"}


def test_nothing_goes_in_a_dry_run_or_without_consent(out: Path) -> None:
    before = tree(out)
    one = clean(str(out), yes, dry_run=True)
    two = clean(str(out), lambda plan: False)
    assert one == two
    assert one.items
    assert tree(out) == before


def test_bytes_freed_are_those_that_the_disk_gets_back(out: Path) -> None:
    plan = clean(str(out), yes, dry_run=True)
    whole = sum(item.bytes for item in plan.items)
    assert plan.frees == whole > 0
    gone = next(path for path in (out / plan.items[0].path).rglob("*") if path.is_file())
    kept = out / next(iter(store.current(str(out)).values()))
    os.link(gone, kept / "shared")  # as an adopted shard is
    assert clean(str(out), yes, dry_run=True).frees == whole - gone.stat().st_size


def test_two_results_that_go_together_free_what_they_share_once(out: Path) -> None:
    plan = clean(str(out), yes, dry_run=True)
    one, two = (Path(item.path) for item in plan.items[:2])
    (one / "extra").write_bytes(b"x" * 1000)
    os.link(one / "extra", two / "extra")
    assert clean(str(out), yes, dry_run=True).frees == plan.frees + 1000


def test_what_was_never_finished_goes(out: Path) -> None:
    folder = out / "dedup/0123456789ab"
    folder.mkdir()
    (folder / "recipe.json").write_text("{}")
    (folder / ".tmp-1").mkdir()
    kept = next((out / "ingest").iterdir())
    (kept / ".tmp-2").mkdir()
    (kept / ".tmp-2/half").write_bytes(b"x")
    (out / ".tmp-3").write_bytes(b"x")
    plan = clean(str(out), yes)
    why = {
        name: item.why
        for name, item in zip(sorted(removed(plan)), sorted(plan.items, key=lambda i: i.path), strict=True)
    }
    assert why["dedup/0123456789ab"] == "never finished"
    assert {name for name in why if ".tmp-" in name} == {".tmp-3", f"ingest/{kept.name}/.tmp-2"}
    assert not folder.exists()
    assert not list(out.rglob(".tmp-*"))
    assert kept.exists()


def test_what_a_named_result_was_made_from_stays_though_no_run_names_it(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    made(config)
    source = tmp_path / "corpus/python.jsonl"
    source.write_text(source.read_text() + '{"text": "one more"}\n')
    made(config, until="count")
    assert clean(config, yes).items == ()
    assert verify.verify(config, 1).findings == ()


@pytest.mark.parametrize(
    "name", ["notes", "ingest/notes", "ingest/0123456789ab", "ingest/0123456789AB", "x/0123456789abc"]
)
def test_what_is_no_result_stays(out: Path, name: str) -> None:
    folder = out / name
    folder.mkdir(parents=True)
    if len(folder.name) != 12 or not folder.name.islower():
        (folder / "recipe.json").write_text("{}")
    (folder / "mine.txt").write_text("mine")
    clean(str(out), yes)
    assert (folder / "mine.txt").exists()


def test_links_are_not_followed(out: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    for folder in ("ingest/0123456789ab", "0123456789ab"):
        (outside / folder).mkdir(parents=True)
        (outside / folder / "recipe.json").write_text("{}")
    (out / "other").symlink_to(outside / "ingest")
    (out / "ingest/0123456789ab").symlink_to(outside / "0123456789ab")
    old = Path(clean(str(out), yes, dry_run=True).items[0].path)
    (old / "link").symlink_to(outside)
    (out / ".tmp-link").symlink_to(outside)
    before = tree(outside)
    clean(str(out), yes)
    assert tree(outside) == before != {}
    assert (out / "ingest/0123456789ab").is_symlink()
    assert not (out / ".tmp-link").is_symlink()
    assert not old.exists()


def test_a_folder_in_use_is_left_alone(out: Path) -> None:
    before = tree(out)
    with files.lock(str(out)), pytest.raises(Busy):
        clean(str(out), yes)
    assert tree(out) == before


def test_what_is_no_output_folder_is_refused_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("mine")
    for target in ("mine", "nowhere"):
        with pytest.raises(BadInput):
            clean(str(tmp_path / target), yes)
    with pytest.raises(BadInput, match="local"):
        clean("memory://out", yes)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "mine"]


def test_nothing_goes_where_it_cannot_be_read_what_the_last_run_named(out: Path) -> None:
    (out / "current.json").write_bytes(b'{"ingest": ')
    before = tree(out)
    with pytest.raises(BrokenShard):
        clean(str(out), yes)
    assert tree(out) == before


def test_the_command_asks_and_nobody_there_is_a_no(out: Path) -> None:
    before = results(out)
    asked = prep("clean", str(out))
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    dry = prep("clean", str(out), "--dry-run")
    assert dry.returncode == 0
    assert "which frees" in dry.stdout
    assert results(out) == before
    assert prep("clean", str(out), "--yes").returncode == 0
    assert results(out) == set(store.current(str(out)).values())
    assert "nothing to remove" in prep("clean", str(out), "--yes").stdout
    assert prep("clean", str(out / "ingest"), "--yes").returncode == 2
