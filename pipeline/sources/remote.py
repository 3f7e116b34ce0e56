"""Files of an object store or a web server, through fsspec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fsspec

from prep.errors import BadSource
from prep.pipeline.sources.walk import Found


def is_remote(path: str) -> bool:
    """Whether it is a url; `file://` too goes through fsspec."""
    return "://" in path


class Store:
    """The file system a url belongs to; errors are told with the url and without credentials' details."""

    def __init__(self, url: str) -> None:
        try:
            self.fs, self.root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise BadSource(
                f"{url}: {error}; install what the protocol needs (s3fs, gcsfs) or copy the files"
            ) from error
        self.url = url

    def find(self, depth: int | None) -> Iterator[Found]:
        """Everything below the url; the url itself if it is a file."""
        try:
            if self.fs.isfile(self.root):
                yield self.found(self.fs.info(self.root), self.root.rpartition("/")[2])
                return
            entries = self.fs.find(self.root, maxdepth=depth, detail=True)
        except OSError as error:
            raise BadSource(f"{self.url}: cannot be listed ({error}); check the address and the network") from error
        for path, info in sorted(entries.items()):
            yield self.found(info, path.removeprefix(self.root).lstrip("/"))

    def is_file(self) -> bool:
        """Whether the url names one file."""
        return bool(self.fs.isfile(self.root))

    def found(self, info: dict[str, Any], relative: str) -> Found:
        """One entry."""
        url = self.fs.unstrip_protocol(info["name"])
        if info.get("size") is None:
            raise BadSource(f"{url}: the server does not tell its size; copy it to disk first")
        etag = info.get("ETag") or info.get("etag")
        return Found(url, relative, int(info["size"]), None, str(etag).strip('"') if etag else None)
