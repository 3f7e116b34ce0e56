"""Runs over nasty sources: how they are set up, how they end, and what the whole process tree takes meanwhile."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import psutil
import pytest

from prep.errors import PrepError
from prep.manifests.shards import Columns, table
from prep.pipeline.stage import Result, document_shards
from tests.tiny import DOCUMENTS, made, write_run, write_source, write_tokenizer

TIMEOUT = 60  # seconds that any process may take
NOBODY = 65534


def nasty_run(folder: Path, sources: dict[str, Any], **changes: Any) -> str:
    """A run file of English sources, each a path or its settings; the tiny tokenizer; any corpus will do."""
    folder.mkdir(parents=True, exist_ok=True)
    given = {
        name: {"language": "en", "kind": "web", **(source if isinstance(source, dict) else {"path": source})}
        for name, source in sources.items()
    }
    plain = {
        "out": str(folder / "out"),
        "budget": {"tokens": 2000},
        "tokenizers": {"tiny": write_tokenizer(folder / "tok")},
        "sources": given,
        "mix": {"shares": {"en": 1.0}, "max_epochs": 100},
    }
    return write_run(folder / "run.yaml", plain, changes)


def good(path: Path) -> str:
    """A good file of `DOCUMENTS` documents, different ones for different names; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_source(path, "python")
    lines = [json.dumps({"text": f"{path.name} {row}", "id": f"{path.name}-{row}"}) for row in range(DOCUMENTS)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def good_texts(*paths: str) -> set[str]:
    """What `good` wrote."""
    return {f"{Path(path).name} {row}" for path in paths for row in range(DOCUMENTS)}


def texts(ingested: Result, source: str) -> list[str]:
    """The documents of a source."""
    found: list[str] = []
    for _, path in document_shards(ingested):
        rows = table([Columns(path, ("text", "source"))]).to_pylist()
        found += [row["text"] for row in rows if row["source"] == source]
    return found


def intake(results: dict[str, Result], source: str) -> dict[str, Any]:
    """What became of the records of a source."""
    (row,) = [row for row in results["ingest"].manifest.ledger["intake"] if row["source"] == source]
    return dict(row)


class Gives(NamedTuple):
    """What a file holds: documents, and the other records by reason."""

    documents: int
    skipped: Mapping[str, int] = MappingProxyType({})
    rejected: Mapping[str, int] = MappingProxyType({})


def must_give(results: dict[str, Result], source: str, expected: Gives) -> None:
    """The books and the shards of a source say that it gave just this."""
    row = intake(results, source)
    assert Gives(row["documents"], row["skipped"], row["rejected"]) == expected
    assert row["read"] == row["documents"] + sum(expected.skipped.values()) + sum(expected.rejected.values())
    assert len(texts(results["ingest"], source)) == expected.documents
    cells = results["count.tiny"].manifest.ledger["cells"]
    assert sum(cell["documents"] for cell in cells if cell["source"] == source) == expected.documents


def refusal(config: str, until: str = "count") -> str:
    """What a run that ends with an error on purpose says."""
    with pytest.raises(PrepError) as told:
        made(config, until)
    assert told.value.exit_code in (1, 2)
    must_be_clear(str(told.value))
    return str(told.value)


def must_be_clear(text: str) -> None:
    """One to a few lines, and no more than a person reads."""
    assert 0 < len(text.splitlines()) <= 3, text
    assert len(text) < 1200, text
    assert "Traceback" not in text


@dataclass(frozen=True)
class Ended:
    """How a process ended, and the most memory that it and its children held at once, in MB (proportional set size)."""

    code: int
    out: str
    error: str
    peak: float

    @property
    def refusal(self) -> str:
        """What it says last: `prep: ...`, and nothing after it but that message."""
        assert "Traceback" not in self.out + self.error, self.error
        assert self.code in (1, 2), (self.code, self.error)
        at = self.error.index("prep: ")
        assert at == 0 or self.error[at - 1] == "\n"
        must_be_clear(self.error[at:])
        return self.error[at:].removeprefix("prep: ").strip()


def started(*arguments: str) -> subprocess.Popen[str]:
    """`prep` in a process group of its own, as a shell starts it."""
    command = [sys.executable, "-m", "prep", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )  # fmt: skip


def ended(*arguments: str, when: Callable[[psutil.Process], bool] | None = None) -> Ended:
    """Run `prep`. `when` is asked while it runs, until it says that it has done what it wants; else memory is measured.

    (Measuring walks all pages of all processes: it slows them down.)
    """
    process = started(*arguments)
    whole, peak, until = psutil.Process(process.pid), 0.0, time.monotonic() + TIMEOUT
    measured = when is None
    try:
        while process.poll() is None and time.monotonic() < until:
            peak = max(peak, held(whole)) if measured else peak
            if when is not None and when(whole):
                when = None
            time.sleep(0.05 if measured else 0.01)
        out, error = process.communicate(timeout=max(until - time.monotonic(), 0.1))
    finally:
        process.kill()
    return Ended(process.returncode, out, error, peak)


def held(process: psutil.Process) -> float:
    """MB that a process and all below it hold; pages that they share count once."""
    total = 0
    for each in family(process):
        try:
            total += each.memory_full_info().pss
        except psutil.Error:  # ended meanwhile
            continue
    return total / 1e6


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and all below it."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def workers(process: psutil.Process) -> list[psutil.Process]:
    """The workers of a run; not the process by which Python keeps track of shared memory."""
    found = []
    for each in family(process)[1:]:
        try:
            if "spawn_main" in " ".join(each.cmdline()):
                found.append(each)
        except psutil.Error:
            continue
    return found


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that everybody may reach: `tmp_path` lies in one that only its owner may enter."""
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def nobody() -> Iterator[None]:
    """Root reads everything: be nobody meanwhile. What is to be imported must have been."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[bool]:
    """A disk of its own at `folder`; False where none can be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = shutil.which("mount") is not None and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
