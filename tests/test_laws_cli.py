"""The command: quick help, exit codes, errors that name the next step; and one run at a time in a folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pyarrow as pa
import pytest

from prep.errors import BrokenShard
from prep.pipeline.cli import main
from prep.pipeline.stage import Result
from tests.tiny import made, prep, tiny_run, tree, write_text

HEAVY = ("numpy", "pyarrow", "duckdb", "pydantic", "rich", "fasttext", "tokenizers", "datasets", "ruamel")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    seen = f"""
import sys
sys.argv = ["prep", *{arguments!r}]
from prep.pipeline.cli import main
try:
    main()
finally:
    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "[]")


def test_right_usage_is_0(tmp_path: Path) -> None:
    for arguments in (["--help"], ["--version"], ["run", "-h"]):
        assert prep(*arguments).returncode == 0
    done = prep("mix", tiny_run(tmp_path), "--json", "-j", "1")
    assert done.returncode == 0
    assert {"ingest", "count.tiny", "dedup", "mix"} == json.loads(done.stdout).keys()


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["run"], ["run", "x.yaml", "--nonsense"], ["run", "no/file.yaml"], ["run", "X", "-j", "0"]],
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert here(arguments, capsys)[0] == 2


def test_an_error_has_no_traceback_and_prints_nothing_where_figures_go() -> None:
    done = prep("run", "no/such/file.yaml", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("prep: no/such/file.yaml: ")
    assert "Traceback" not in done.stderr


def here(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """The exit code and standard error of the console script, run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["prep", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    return ended.value.code, capsys.readouterr().err


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "unknown key": ({"bugdet": 3}, "nearest: budget"),
    "no such file": ({"sources": {"wiki_ja": {"path": "nowhere/*.jsonl", "language": "ja", "kind": "x"}}}, "nowhere"),
    "no such tokenizer": ({"tokenizers": {"tiny": "nowhere.json"}}, "nowhere.json"),
    "wrong field": ({"sources": {"python": {"path": "X", "language": "code", "kind": "x"}}}, "python"),
    "short": ({"budget": {"tokens": "10B"}}, "max_epochs"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_input_is_2_and_says_where(tmp_path: Path, wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    changes, said = WRONG[wrong]
    code, error = here(["size", tiny_run(tmp_path, **changes), "-j", "1", "--no-space-check"], capsys)
    assert code == 2
    assert said in error


def shard_gone(result: Result) -> None:
    next(Path(result.folder).glob("part-*.arrow")).unlink()


def shard_cut(result: Result) -> None:
    path = next(Path(result.folder).glob("part-*.arrow"))
    path.write_bytes(path.read_bytes()[:200])


def shard_garbled(result: Result) -> None:
    path = next(Path(result.folder).glob("part-*.arrow"))
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 50] = b"x" * 50
    path.write_bytes(data)


def letters_changed(result: Result) -> None:
    """As a disk may: the file is whole to Arrow."""
    path = min(Path(result.folder).glob("part-*.arrow"))
    with pa.ipc.open_file(path.read_bytes()) as reader:
        table = reader.read_all()
    changed = [chr(ord(text[0]) ^ 1) + text[1:] for text in table["text"].to_pylist()]
    text = pa.chunked_array([changed], table["text"].type)
    table = table.set_column(table.schema.get_field_index("text"), "text", text)
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def manifest_cut(result: Result) -> None:
    path = Path(result.folder) / "manifest.json"
    path.write_bytes(path.read_bytes()[:50])


def manifest_emptied(result: Result) -> None:
    (Path(result.folder) / "manifest.json").write_text('{"format": "prep-manifest/1"}')


def receipt_cut(result: Result) -> None:
    (Path(result.folder) / "manifest.json").unlink()
    path = next(Path(result.folder).glob("part-*.json"))
    path.write_bytes(path.read_bytes()[:50])


def memory_cut(result: Result) -> None:
    (Path(result.folder).parents[1] / "seen.json").write_text('{"a')


DAMAGES = [shard_gone, shard_cut, shard_garbled, manifest_cut, manifest_emptied, receipt_cut, memory_cut]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run."""
    folder = tmp_path_factory.mktemp("finished")
    made(tiny_run(folder))
    return folder


@pytest.mark.parametrize(
    ("damage", "stage"), [*product(DAMAGES, ["ingest", "count.tiny"]), (letters_changed, "ingest")]
)
def test_damage_is_named_and_the_advice_of_the_error_mends_it(
    finished: Path, tmp_path: Path, damage: Callable[[Result], None], stage: str
) -> None:
    whole, out = tree(finished / "out"), tmp_path / "out"
    shutil.copytree(finished / "out", out)
    config = tiny_run(finished, out=str(out))
    damage(made(config)[stage])
    for name in ("mix", "size", "export"):
        shutil.rmtree(out / name)
    with pytest.raises(BrokenShard) as error:
        made(config)
    broken = Path(str(error.value).partition(": ")[0])
    assert str(broken).startswith(str(out))
    assert "delete" in str(error.value)
    broken.unlink(missing_ok=True)  # as it says
    if "manifest.json in its folder" in str(error.value):
        (broken.parent / "manifest.json").unlink(missing_ok=True)
    made(config)
    assert tree(out) == whole


def test_an_error_moves_no_cursor(tmp_path: Path) -> None:
    """A terminal would obey what a file's name holds."""
    write_text(tmp_path / "a\x1b]0;b\x07.jsonl", "[1]\n")
    config = tiny_run(tmp_path, sources={"odd": {"path": str(tmp_path / "a*.jsonl"), "language": "ja", "kind": "web"}})
    leader, follower = os.openpty()
    command = [sys.executable, "-m", "prep", "ingest", config, "-j", "1"]
    code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=follower, timeout=120, check=False).returncode
    said = os.read(leader, 1 << 16).decode()
    assert code
    assert "a\\x1b]0;b\\x07.jsonl" in said
    assert "\x1b]" not in said


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_an_output_folder_that_cannot_be_is_1(tmp_path: Path, out: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("not a folder")
    code, error = here(["run", tiny_run(tmp_path, out=str(tmp_path / out)), "-j", "1"], capsys)
    assert code == 1
    assert str(tmp_path / out) in error


def test_a_second_run_in_the_folder_names_the_first_and_leaves_it_alone(tmp_path: Path) -> None:
    config, lock = tiny_run(tmp_path), tmp_path / "out/.lock"
    first = subprocess.Popen([sys.executable, "-m", "prep", "run", config, "-j", "1"], stdout=subprocess.DEVNULL)
    while not (lock.exists() and lock.read_text().strip()):
        assert first.poll() is None
        time.sleep(0.005)
    first.send_signal(signal.SIGSTOP)
    before = set(tree(tmp_path / "out"))
    try:
        second = prep("run", config, "-j", "1")
    finally:
        first.send_signal(signal.SIGCONT)
    assert second.returncode == 1
    assert f"process {first.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert before <= set(tree(tmp_path / "out"))
    assert first.wait(60) == 0
    made(tiny_run(tmp_path, out=str(tmp_path / "other")))
    assert tree(tmp_path / "out") == tree(tmp_path / "other")


def test_two_runs_in_two_folders_do_not_meet(tmp_path: Path) -> None:
    configs = [shutil.copy(tiny_run(tmp_path, out=str(tmp_path / name)), tmp_path / f"{name}.yaml") for name in "ab"]
    commands = [[sys.executable, "-m", "prep", "run", str(config), "-j", "1"] for config in configs]
    quiet = subprocess.DEVNULL
    assert [each.wait(60) for each in [subprocess.Popen(command, stdout=quiet) for command in commands]] == [0, 0]
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
