"""Files below a folder, each real folder once, links followed, nothing opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DENIED = "no permission to read the file"
CLOSED = "no permission to list the folder"


@dataclass(frozen=True)
class Found:
    """An entry of the file system; `skipped` is why it cannot be a file of the source."""

    path: str
    relative: str  # to the folder the walk began in
    size: int = 0
    skipped: str | None = None
    etag: str | None = None


@dataclass
class Walk:
    """One walk; `seen` holds the real folders visited, over several walks of one source."""

    depth: int | None = None  # levels that are looked at; None: all
    hidden: bool = False  # whether names that begin with a dot count
    seen: set[tuple[int, int]] = field(default_factory=set)

    def __call__(self, root: Path) -> Iterator[Found]:
        """Everything below `root`, folders that are links last, so that a file goes by its own name."""
        waiting = [(str(root), "")]
        links: list[tuple[str, str]] = []
        while waiting or links:
            folder, relative = waiting.pop() if waiting else links.pop(0)
            info = Path(folder).stat()
            if (info.st_dev, info.st_ino) in self.seen:
                yield Found(folder, relative.rstrip("/"), skipped="folder seen under another name")
                continue
            self.seen.add((info.st_dev, info.st_ino))
            try:
                entries = listed(folder)
            except PermissionError:
                yield Found(folder, relative.rstrip("/"), skipped=CLOSED)
                continue
            for entry in entries:
                yield from self.entry(entry, relative, waiting, links)

    def entry(
        self,
        entry: os.DirEntry[str],
        below: str,
        waiting: list[tuple[str, str]],
        links: list[tuple[str, str]],
    ) -> Iterator[Found]:
        """One entry: a folder is put on a list, anything else is found."""
        relative = below + entry.name
        if entry.name.startswith(".") and not self.hidden:
            yield Found(entry.path, relative, skipped="hidden")
        elif not is_folder(entry):
            yield found(entry.path, relative)
        elif self.depth is None or relative.count("/") + 1 < self.depth:
            (links if entry.is_symlink() else waiting).append((entry.path, relative + "/"))
        else:
            yield Found(entry.path, relative, skipped="folder (end the pattern with /** to read what is below)")


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it leads to a folder; a loop of links leads nowhere."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def listed(folder: str) -> list[os.DirEntry[str]]:
    """The folder's entries by name."""
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def found(path: str, relative: str) -> Found:
    """A file, or why it is none."""
    try:
        info = Path(path).stat()
    except FileNotFoundError:
        return Found(path, relative, skipped="dangling link")
    except PermissionError:
        return Found(path, relative, skipped=DENIED)
    except OSError:  # ELOOP
        return Found(path, relative, skipped="link to itself")
    if not stat.S_ISREG(info.st_mode):
        return Found(path, relative, skipped="not a regular file")
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        return Found(path, relative, skipped=DENIED)
    return Found(path, relative, info.st_size)
