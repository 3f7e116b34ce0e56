"""Remove what no chain names: results of earlier runs, results that were never finished, files half written."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from prep.errors import BadInput, BrokenShard, Unable
from prep.manifests import files, lineage
from prep.manifests.files import RESULT
from prep.manifests.lineage import Finding
from prep.manifests.store import CURRENT, MANIFEST, RECIPE
from prep.pipeline import lastrun, runfile
from prep.pipeline.numbers import format_bytes


@dataclass(frozen=True)
class Item:
    """A folder or file to remove, and why; `bytes` are what it holds, shared or not."""

    path: str
    why: str
    bytes: int


@dataclass(frozen=True)
class Plan:
    """What is to go, and the bytes that the disk gets back: a file that a kept result shares gives none."""

    out: str
    items: tuple[Item, ...]
    frees: int

    def text(self) -> str:
        """A line each, and what it comes to."""
        if not self.items:
            return f"{self.out}: nothing to remove; every result is of the last run"
        lines = [f"{item.path}  {format_bytes(item.bytes)}  {item.why}" for item in self.items]
        return "\n".join([*lines, f"{len(self.items)} to remove, which frees {format_bytes(self.frees)}"])


def clean(target: str, agree: Callable[[Plan], bool], *, dry_run: bool = False) -> Plan:
    """Remove what the last run's chain does not name, if `agree` says so. Nobody else uses the folder meanwhile.

    Errors: BadInput, where the target is no run file and no output folder.
    """
    out = aim(target)
    with nullcontext() if dry_run else files.lock(out):
        plan = planned(out)
        if not dry_run and plan.items and agree(plan):
            for item in plan.items:
                remove(Path(out), Path(item.path))
    return plan


def aim(target: str) -> str:
    """The output folder that is meant, once it is sure to be one."""
    out = target
    if files.is_local(target) and Path(target).is_file():
        run = runfile.load(target)
        lastrun.must_be(run, target)
        out = run.out
    if not files.is_local(out):
        raise BadInput(f"{out} is no local folder; remove its results with the tools of its store")
    if not (Path(out) / CURRENT).is_file() and not any(results(Path(out))):
        raise BadInput(f"{out} is no output folder: it holds neither {CURRENT} nor a result with {RECIPE}")
    return out


def results(out: Path) -> Iterator[Path]:
    """The result folders; a link is none, wherever it leads."""
    for stage in sorted(_folders(out)):
        for folder in sorted(_folders(stage)):
            if RESULT.fullmatch(f"{stage.name}/{folder.name}") and (folder / RECIPE).is_file():
                yield folder


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (Path(entry.path) for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))


def planned(out: str) -> Plan:
    """What no chain names, and what it frees."""
    keep, going = kept(out), list[tuple[Path, str]]()
    for folder in results(Path(out)):
        if str(folder.relative_to(out)) not in keep:
            done = (folder / MANIFEST).is_file()
            going.append((folder, "of an earlier run" if done else "never finished"))
    gone = {folder for folder, _ in going}
    for path in _leftovers(Path(out)):
        if gone.isdisjoint(path.parents):
            going.append((path, "left by a run that was stopped"))
    links: Counter[tuple[int, int]] = Counter()
    stats: dict[tuple[int, int], os.stat_result] = {}
    items = []
    for path, why in going:
        found = [file.lstat() for file in _below(path)]
        for stat in found:
            inode = (stat.st_dev, stat.st_ino)
            links[inode] += 1
            stats[inode] = stat
        items.append(Item(str(path), why, sum(stat.st_size for stat in found)))
    frees = sum(stat.st_size for inode, stat in stats.items() if links[inode] >= stat.st_nlink)
    return Plan(out, tuple(items), frees)


def kept(out: str) -> set[str]:
    """The results that the last run named, and those that they were made from, as folders below `out`.

    Errors: BrokenShard, where it cannot be read what that run named.
    """
    if not files.exists(files.join(out, CURRENT)):
        return set()
    found: list[Finding] = []
    chain = lineage.of_output(out, found)
    wrong = next((one for one in found if one.file == files.join(out, CURRENT) and one.check == "unreadable"), None)
    if wrong is not None:
        raise BrokenShard(f"{wrong.file}: {wrong.text}; `prep run` writes it anew, then clean")
    return {"/".join(result.folder.rsplit("/", 2)[-2:]) for result in chain.results} | _tokenizers(out)


def _tokenizers(out: str) -> set[str]:
    """The tokenizers trained in this folder that the last run's file names by their path."""
    path = files.join(out, lastrun.NAME)
    if not files.exists(path):
        return set()
    try:
        named = json.loads(files.read(path))["tokenizers"].values()
        folders = [Path(each["path"]).absolute().parent for each in named]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenShard(f"{path} cannot be read: {error!r}; delete it, run again, then clean") from error
    base = Path(out).absolute()
    below = {str(folder.relative_to(base)) for folder in folders if folder.is_relative_to(base)}
    return {folder for folder in below if RESULT.fullmatch(folder)}


def _leftovers(out: Path) -> Iterator[Path]:
    """What was being written when a run was stopped: in the output folder itself, and in results."""
    yield from sorted(out.glob(f"{files.TEMPORARY}*"))
    for result in results(out):
        for folder, names, plain in os.walk(result):
            yield from (Path(folder) / name for name in sorted([*names, *plain]) if name.startswith(files.TEMPORARY))
            names[:] = [name for name in names if not name.startswith(files.TEMPORARY)]


def _below(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
    else:
        yield from (Path(folder) / name for folder, _, names in os.walk(path) for name in names)


def remove(out: Path, path: Path) -> None:
    """Take a result away whole: half of one with its manifest would pass for finished. Nothing is followed out."""
    doomed = out / f"{files.TEMPORARY}{secrets.token_hex(8)}"
    try:
        path.rename(doomed)
        if doomed.is_symlink() or not doomed.is_dir():
            doomed.unlink()
        else:
            shutil.rmtree(doomed)
    except OSError as error:
        raise Unable(f"{path} cannot be removed: {error}; what was removed before it is gone, clean again") from error
