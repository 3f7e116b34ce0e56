"""One layer over local and remote paths. A file is published whole or not at all.

Local paths go through the operating system; anything with a scheme (`s3://`, `gs://`, `memory://`) through fsspec.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from prep.errors import Busy, NoSpace, Unable

TEMPORARY = ".tmp-"  # names of files that are being written; swept away under the folder's lock
RESULT = re.compile(r"[a-z_-]+/[0-9a-f]{12}")  # a result's folder below the output folder
FULL = {errno.ENOSPC, errno.EDQUOT}


def is_local(path: str) -> bool:
    """Whether the operating system serves this path."""
    return "://" not in path


def _remote(path: str) -> tuple[Any, str]:
    import fsspec

    filesystem, inner = fsspec.core.url_to_fs(path)
    return filesystem, str(inner)


def join(folder: str, *names: str) -> str:
    """The path of a file below a folder."""
    return "/".join((folder.rstrip("/"), *names))


@contextmanager
def told(path: str) -> Iterator[None]:
    """Where the block cannot write at `path`, say so in words.

    Errors: NoSpace, where the disk is full; Unable, where the machine says no for another reason.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoSpace(
                f"{path}: the disk is full; what was finished is kept: make room, or give `out:` a larger disk, "
                "and run again"
            ) from error
        raise Unable(
            f"{path}: cannot be written ({error.strerror or error}); check the folder's permissions and its disk, "
            "or give another `out:`, and run again"
        ) from error


@contextmanager
def publish(path: str) -> Iterator[IO[bytes]]:
    """A file to write that appears under its name when the block ends well, and never otherwise.

    Locally: a temporary name in the same folder, fsync, rename, fsync of the folder. Remote: one completed upload.
    Errors: NoSpace, Unable.
    """
    with told(path), _published(path) as file:
        yield file


@contextmanager
def _published(path: str) -> Iterator[IO[bytes]]:
    if not is_local(path):
        filesystem, inner = _remote(path)
        with filesystem.transaction, filesystem.open(inner, "wb") as file:
            yield file
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: str, content: bytes) -> None:
    """Publish a small file."""
    with publish(path) as file:
        file.write(content)


def read(path: str) -> bytes:
    """The whole content of a small file."""
    if is_local(path):
        return Path(path).read_bytes()
    filesystem, inner = _remote(path)
    return bytes(filesystem.cat_file(inner))


def open_random(path: str) -> pa.NativeFile:
    """A file that Arrow reads at any place. Not memory-mapped, so that only the columns asked for are read at all."""
    if is_local(path):
        return pa.OSFile(path)
    filesystem, inner = _remote(path)
    return pa.PythonFile(filesystem.open(inner, "rb"), mode="r")


def exists(path: str) -> bool:
    """Whether there is a file or folder."""
    if is_local(path):
        return Path(path).exists()
    filesystem, inner = _remote(path)
    return bool(filesystem.exists(inner))


def names(folder: str) -> list[str]:
    """Names of what lies in a folder, sorted; empty where there is no such folder."""
    if is_local(folder):
        return sorted(entry.name for entry in Path(folder).iterdir()) if Path(folder).is_dir() else []
    filesystem, inner = _remote(folder)
    if not filesystem.exists(inner):
        return []
    return sorted(Path(name).name for name in filesystem.ls(inner, detail=False))


def below(folder: str) -> Iterator[str]:
    """Names of all files below a folder, as paths from there, sorted; a link to a folder, and one that cannot
    be listed, stand for what is in it.
    """
    if not is_local(folder):
        filesystem, inner = _remote(folder)
        yield from sorted(name.removeprefix(inner.rstrip("/")).lstrip("/") for name in filesystem.find(inner))
        return
    closed: list[OSError] = []
    found: list[Path] = []
    for place, folders, plain in os.walk(folder, onerror=closed.append):
        found += [Path(place, name) for name in plain]
        found += [path for path in (Path(place, name) for name in folders) if path.is_symlink()]
    found += [Path(error.filename) for error in closed]
    yield from sorted(str(path.relative_to(folder)) for path in found)


def size(path: str) -> int:
    """Bytes of a file."""
    if is_local(path):
        return Path(path).stat().st_size
    filesystem, inner = _remote(path)
    return int(filesystem.size(inner))


def adopt(source: str, target: str) -> None:
    """Make a finished file appear under a second name: a hard link where the disk can, else a copy."""
    if is_local(source) and is_local(target):
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except FileExistsError:
            return
        except OSError:  # another disk, or one without hard links
            pass
        else:
            return
    with open_random(source) as before, publish(target) as after:
        while chunk := before.read(1 << 20):
            after.write(chunk)


def discard(path: str) -> None:
    """Remove one file, if it is there."""
    if is_local(path):
        with told(path):
            Path(path).unlink(missing_ok=True)
        return
    filesystem, inner = _remote(path)
    if filesystem.exists(inner):
        filesystem.rm_file(inner)


def remove(folder: str) -> None:
    """Remove a folder and all below it."""
    if is_local(folder):
        shutil.rmtree(folder, ignore_errors=False)
        return
    filesystem, inner = _remote(folder)
    filesystem.rm(inner, recursive=True)


def sweep(folder: str) -> None:
    """Remove what a killed run left half written in an output folder, and nothing of others. Only under its lock."""
    if not is_local(folder):
        return
    results = [place for place in Path(folder).glob("*/*") if RESULT.fullmatch("/".join(place.parts[-2:]))]
    found = [*Path(folder).glob(f"{TEMPORARY}*"), *(left for place in results for left in place.rglob(f"{TEMPORARY}*"))]
    for leftover in sorted(found):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)


def free_bytes(folder: str) -> int | None:
    """Bytes free on the disk that will hold a folder; None where that cannot be known."""
    if not is_local(folder):
        return None
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


@contextmanager
def lock(folder: str) -> Iterator[None]:
    """Hold an output folder alone. The operating system lets go when the process ends, however it ends.

    Errors: Busy, where another process holds it; NoSpace and Unable, where it cannot be made or written.
    """
    if not is_local(folder):
        yield
        return
    import fcntl

    place = Path(folder)
    with told(folder):
        place.mkdir(parents=True, exist_ok=True)
        file = (place / ".lock").open("a+b", buffering=0)
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().decode().strip() or "unknown"
            raise Busy(
                f"{folder} is in use by another run (process {holder}); wait for it, or give this run its own `out:`"
            ) from error
        with told(folder):
            file.truncate(0)
            file.write(f"{os.getpid()}\n".encode())
        yield
