"""Which files a source has, and the pieces they are read in; nothing is opened but what must be split."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prep.errors import BadSource
from prep.pipeline.sources import hub
from prep.pipeline.sources.match import Glob, excluded, has_magic, split
from prep.pipeline.sources.piece import File, Piece, Where
from prep.pipeline.sources.remote import Store, is_remote
from prep.pipeline.sources.units import units
from prep.pipeline.sources.walk import CLOSED, DENIED, Found, Walk, found


@dataclass(frozen=True)
class Listing:
    """A source's pieces; `skipped` holds name and reason of what was found and is not read."""

    pieces: list[Piece]
    excluded: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Under:
    """A found file with the folder its pattern begins in, as the run file and as the machine have it."""

    found: Found
    root: str
    written: str  # the path as the run file would spell it, for `exclude`


def pieces(where: Where, base: Path) -> list[Piece]:
    """The pieces alone."""
    return listing(where, base).pieces


def listing(where: Where, base: Path) -> Listing:
    """What the source's paths name; those that are relative begin at `base`, the run file's folder."""
    if where.hf is not None:
        return Listing([hub.piece(where, base)])
    walked = [entry for pattern in where.path for entry in below(pattern, base, where)]
    entries = list({entry.found.path: entry for entry in reversed(walked)}.values())
    good = without_links([entry for entry in entries if entry.found.skipped is None])
    skipped = [(plain(entry.written), entry.found.skipped) for entry in entries if entry.found.skipped is not None]
    there = {entry.found.path for entry in good}
    skipped += [
        (plain(entry.written), "link to a file that is listed")
        for entry in entries
        if entry.found.skipped is None and entry.found.path not in there
    ]
    named = unique(good, where)
    kept = [
        file
        for entry, file in zip(good, named, strict=True)
        if not excluded(where.exclude, (file.name, plain(entry.written), plain(entry.found.relative)))
    ]
    return Listing(units(kept, where), len(good) - len(kept), sorted(set(skipped)))


def below(pattern: str, base: Path, where: Where) -> list[Under]:
    """The files one of the source's paths names; at least one."""
    entries = list(remote(pattern) if is_remote(pattern) else local(pattern, base))
    for entry in entries:
        names = (plain(entry.found.relative), plain(entry.written))
        if entry.found.skipped in {DENIED, CLOSED} and not excluded(where.exclude, names):
            raise BadSource(
                f"source {where.name!r}: {entry.found.path!r}: {entry.found.skipped}; give it or exclude it"
            )
    if not any(entry.found.skipped is None for entry in entries):
        raise nothing(pattern, base, where, entries)
    return entries


def remote(url: str) -> Iterator[Under]:
    """The files of a url or of a pattern of urls; as locally, an object that is named so is no pattern."""
    whole = Store(url)
    if one := whole.file():
        yield Under(one, whole.root.rpartition("/")[0], one.path)
        return
    root, rest = split(url) if has_magic(url) else (url, "")
    store, glob = Store(root) if rest else whole, Glob(rest or "**")
    for entry in store.below(glob.depth):
        shown = entry if glob.hidden else visible(entry)
        if glob(shown.relative):
            yield Under(shown, store.root, shown.path)


def visible(entry: Found) -> Found:
    """The entry, or the hidden file or folder that it is or lies in, as a walk would have come to it."""
    parts = entry.relative.split("/")
    at = next((at for at, part in enumerate(parts, start=1) if part.startswith(".")), None)
    if at is None:
        return entry
    relative = "/".join(parts[:at])
    return Found(entry.path.removesuffix(entry.relative) + relative, relative, skipped="hidden")


def local(pattern: str, base: Path) -> Iterator[Under]:
    """The files of a path or pattern; a path that exists as it stands is no pattern."""
    expanded = str(Path(pattern).expanduser()) if pattern.startswith("~") else pattern
    path = Path(os.path.normpath(base / expanded))
    if lexists(path) or not has_magic(expanded):
        yield from direct(path, pattern)
        return
    start, rest = split(os.path.normpath(expanded))
    root, glob = Path(os.path.normpath(base / start)), Glob(rest)
    if not root.is_dir():
        return
    for entry in Walk(glob.depth, glob.hidden)(root):
        if glob(entry.relative) or entry.skipped == CLOSED:  # what would match below it is not known
            yield Under(entry, str(root), joined(start, entry.relative))


def lexists(path: Path) -> bool:
    """Whether there is such an entry, or may be: `os.path.lexists` says no where it may not look."""
    try:
        path.lstat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def is_dir(path: Path) -> bool:
    """Whether it is a folder; of what may not be looked at nobody knows (and Python 3.11 raises)."""
    try:
        return path.is_dir()
    except PermissionError:
        return False


def joined(folder: str, relative: str) -> str:
    """A path as the run file would spell it."""
    return f"{folder.rstrip('/')}/{relative}" if folder else relative


def direct(path: Path, pattern: str) -> Iterator[Under]:
    """A file, or everything below a folder."""
    if is_dir(path):
        for entry in Walk()(path):
            yield Under(entry, str(path), joined(pattern, entry.relative))
    elif lexists(path):
        entry = found(str(path), path.name)
        if entry.skipped and entry.skipped != DENIED:
            raise BadSource(f"{str(path)!r}: {entry.skipped}; name a file or a folder")
        yield Under(entry, str(path.parent), pattern)


def nothing(pattern: str, base: Path, where: Where, entries: list[Under]) -> BadSource:
    """The error for a path that names no file."""
    hint = ""
    if entries:
        reasons = Counter(entry.found.skipped for entry in entries)
        hint = "; what it matches is skipped: " + ", ".join(f"{reason} ({n})" for reason, n in reasons.items())
    elif not is_remote(pattern) and (near := nearest(base / Path(pattern).expanduser())):
        hint = f"; did you mean {near!r}?"
    return BadSource(f"source {where.name!r}: {pattern!r} names no file (relative paths begin at {base}){hint}")


def nearest(path: Path) -> str | None:
    """What the first part of the path that is missing could have been."""
    parent = path.parent
    wrong = path
    while not parent.is_dir() and parent != parent.parent:
        wrong, parent = parent, parent.parent
    try:
        names = [entry.name for entry in parent.iterdir()]
    except OSError:
        return None
    near = difflib.get_close_matches(wrong.name, names, n=1, cutoff=0.5)
    return plain(str(parent / near[0])) if near else None


def without_links(entries: list[Under]) -> list[Under]:
    """Without links to files that are there under their own name, or under an earlier link."""
    own = {
        entry.found.path for entry in entries if is_remote(entry.found.path) or not Path(entry.found.path).is_symlink()
    }
    real = {os.path.realpath(path) for path in own if not is_remote(path)}
    kept = []
    for entry in sorted(entries, key=lambda entry: entry.found.path):
        if entry.found.path in own:
            kept.append(entry)
        elif (target := os.path.realpath(entry.found.path)) not in real:
            real.add(target)
            kept.append(entry)
    return kept


def unique(entries: list[Under], where: Where) -> list[File]:
    """Files by their name below their pattern's root, with as many of the root's last folders as tell them apart."""
    roots = [entry.root.strip("/").split("/") for entry in entries]
    for kept in range(max(map(len, roots), default=0) + 1):
        names = [
            plain("/".join([*root[len(root) - min(kept, len(root)) :], entry.found.relative]))
            for root, entry in zip(roots, entries, strict=True)
        ]
        if len(set(names)) == len(names):
            return [
                File(entry.found.path, name, entry.found.size, entry.found.etag)
                for entry, name in zip(entries, names, strict=True)
            ]
    raise BadSource(
        f"source {where.name!r}: two files have the name {Counter(names).most_common(1)[0][0]!r}; rename one"
    )


def plain(name: str) -> str:
    """The name, with bytes that are not UTF-8 as %FF; a lone surrogate must reach neither JSON nor Arrow."""
    if name.isascii() or not any("\udc80" <= char <= "\udcff" for char in name):
        return name
    return "".join(f"%{ord(char) - 0xDC00:02X}" if "\udc80" <= char <= "\udcff" else char for char in name)
