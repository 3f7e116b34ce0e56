"""Files of an object store or a web server, through fsspec: what there is, and one file open for reading."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import fsspec
from fsspec.spec import AbstractBufferedFile

from prep.errors import BadSource
from prep.pipeline.sources.failing import VERSION, refuse, store_of, told
from prep.pipeline.sources.match import has_magic
from prep.pipeline.sources.piece import File
from prep.pipeline.sources.walk import Found

CONNECT, ANSWER = 4, 60  # seconds to connect and between two bytes of an answer
# s3fs asks 3 times for what botocore asked for 3 times: 9 connections of 4 s, then the network is said to be gone.
ASKED, RETRIED = 3, 3


@dataclass(frozen=True)
class Access:
    """How a file will be read: what one request asks for, and how many of those are kept."""

    cache: str
    block: int  # bytes
    blocks: int | None = None

    def options(self) -> dict[str, Any]:
        """As fsspec's `open` wants them."""
        kept = {} if self.blocks is None else {"maxblocks": self.blocks}
        return {"cache_type": self.cache, "block_size": self.block, "cache_options": kept}


HEAD = Access("none", 1 << 16)  # a few bytes; nothing beyond them is asked for
# 9 MiB a request: at 80 MB/s and 50 ms before the first byte a third of the time is lost; of 1 MiB, four fifths.
STREAM = Access("readahead", 8 << 20)
RANDOM = Access("blockcache", 2 << 20, 8)  # pages of several columns in turn; 16 MiB are kept


def is_remote(path: str) -> bool:
    """Whether it is a url; `file://` too goes through fsspec."""
    return "://" in path


def system(url: str) -> tuple[Any, str]:
    """The file system of a url, and the path in it. Listings are not cached: a file may have changed since."""
    store = store_of(url)
    if store == "s3":
        given = dict(fsspec.config.conf.get("s3", {}).get("config_kwargs", {}))
        config = {"connect_timeout": CONNECT, "read_timeout": ANSWER,
                  "retries": {"mode": "standard", "total_max_attempts": ASKED}, **given}  # fmt: skip
        found = fsspec.filesystem("s3", use_listings_cache=False, config_kwargs=config)
        found.retries = RETRIED
    elif store == "gs":
        found = google()
    else:
        found, path = fsspec.core.url_to_fs(url)
        found.invalidate_cache()
        return found, str(path)
    # Not by `url_to_fs`: it takes `::` in a key for a chain, `?versionId=` and `#` for a version.
    return found, str(found._strip_protocol(url))


def google() -> Any:
    """Google's JSON API alone: the class that gcsfs registers asks by gRPC, too, which kind of bucket it is."""
    import logging

    from aiohttp import ClientTimeout
    from gcsfs.core import GCSFileSystem

    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # it logs a traceback of what it raises
    waiting = ClientTimeout(total=None, sock_connect=CONNECT, sock_read=ANSWER)
    project = os.environ.get("GOOGLE_CLOUD_PROJECT", "")  # it warns of None; reading needs none
    return GCSFileSystem(project=project, use_listings_cache=False, session_kwargs={"timeout": waiting})


def etag(info: dict[str, Any]) -> str | None:
    """What changes with a file's content; Google's own etag changes with its permissions, too."""
    for key in ("ETag", "md5Hash", "generation", "etag"):
        if info.get(key):
            return str(info[key]).strip('"')
    return None


class Store:
    """The file system a url belongs to."""

    def __init__(self, url: str) -> None:
        refuse(url)
        self.url = url
        with told(url, url, "cannot be opened"):
            self.fs, self.root = system(url)
        bucket = self.root.partition("/")[0]
        if store_of(url) in {"s3", "gs"} and (not bucket or has_magic(bucket)):
            raise BadSource(f"{url}: names no bucket; a bucket's name is written out, without * ? [")

    def file(self) -> Found | None:
        """The url's own file; None where it is a folder, or nothing."""
        if self.url.endswith("/"):
            return None
        with told(self.url, self.url, "cannot be looked at"), suppress(FileNotFoundError):
            info = self.fs.info(self.root)
            if info["type"] == "file":
                return self._found(info, self.root.rpartition("/")[2])
        return None

    def below(self, depth: int | None) -> Iterator[Found]:
        """Every file below the url; one level is asked for alone, of more a store lists all at once."""
        with told(self.url, self.url, "cannot be listed"):
            if depth == 1:
                entries = self.fs.ls(self.root, detail=True)
            else:
                entries = list(self.fs.find(self.root, maxdepth=None, detail=True).values())
        root = self.root.rstrip("/") + "/"
        for info in sorted(entries, key=lambda info: str(info["name"])):
            relative = info["name"].removeprefix(root)
            if info["type"] != "directory" and relative and not is_folder(info):
                yield self._found(info, relative)

    def _found(self, info: dict[str, Any], relative: str) -> Found:
        url = self.fs.unstrip_protocol(info["name"])
        if info.get("size") is None:
            raise BadSource(f"{url}: the server does not tell its size; copy it to disk first")
        odd = relative.endswith("/") or (VERSION in relative and store_of(url) == "s3")
        skipped = f"its name ends in '/' or holds {VERSION!r}: it cannot be asked for" if odd else None
        return Found(url, relative, int(info["size"]), skipped, etag(info))


def is_folder(info: dict[str, Any]) -> bool:
    """Whether it is the empty object that stands for a folder in a web console."""
    return bool(info["name"].endswith("/") and not info["size"])


class Object(io.RawIOBase):
    """A remote file open for reading, as the listing saw it; every failure is told with its name."""

    def __init__(self, file: File, access: Access) -> None:
        self.file = file
        with self._told("cannot be opened"):
            self.fs, self.path = system(file.url)
            known = store_of(file.url) in {"s3", "gs", "http", "https"}
            self.handle = self.fs.open(self.path, "rb", **(access.options() if known else {}))
            self._compare(self.handle.details if isinstance(self.handle, AbstractBufferedFile) else self._info())

    def _told(self, doing: str) -> Any:
        return told(self.file.url, self.file.name, doing)

    def _info(self) -> dict[str, Any]:
        self.fs.invalidate_cache()
        return dict(self.fs.info(self.path))

    def _compare(self, info: dict[str, Any]) -> None:
        size, found = info.get("size"), etag(info)
        if size != self.file.size:
            raise changed(self.file, f"{self.file.size} bytes listed, {size} found")
        if found != self.file.etag and None not in (found, self.file.etag):
            raise changed(self.file, f"etag {self.file.etag} listed, {found} found")

    def check(self) -> None:
        """Complain where the file is another one by now."""
        with self._told("is gone, or cannot be looked at any more"):
            self._compare(self._info())

    def read(self, size: int = -1) -> bytes:
        """The next bytes; fewer than asked for at the end alone."""
        with self._told(f"reading failed at byte {self.handle.tell()}"):
            return bytes(self.handle.read(size))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; nothing is read."""
        return int(self.handle.seek(offset, whence))

    def tell(self) -> int:
        """The place."""
        return int(self.handle.tell())

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Let go of what was read ahead."""
        if not self.closed:
            if hasattr(self, "handle"):
                self.handle.close()
            super().close()


def changed(file: File, how: str) -> BadSource:
    """The error for a file that is no longer the one that was listed."""
    return BadSource(f"{file.name}: changed while it was read ({how}); wait until nobody writes it, and run again")
