"""Bytes of a file: hashed as they stand on disk, checked against the listing, decompressed in bounded chunks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self, cast

import xxhash
import zstandard
from isal import igzip_lib

from prep.errors import BadSource
from prep.pipeline.sources.piece import File
from prep.pipeline.sources.remote import STREAM, Access, Object, changed, is_remote

CHUNK = 1 << 20  # bytes of a read and of a decompressed chunk: what bounds memory on a file that unpacks 10,000 times
FED = 2 << 10  # bytes given to zstd at once: 4 bytes of it can stand for 128 KiB
GZIP = b"\x1f\x8b"
IsalError = cast("type[Exception]", igzip_lib.IsalError)  # its stub declares an instance
ZSTD = b"\x28\xb5\x2f\xfd"


class Cut(BadSource):
    """A file that stops, or stops making sense, before its end; `Reading` adds how far its records go."""


def is_compressed(head: bytes) -> bool:
    """By the file's first bytes; its name may say anything."""
    return head.startswith(GZIP) or is_zstd(head)


def is_zstd(head: bytes) -> bool:
    """Data frames, and the skippable frames that some writers put first."""
    return head.startswith(ZSTD) or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5)


def open_file(file: File, access: Access = STREAM) -> IO[bytes]:
    """The file open for reading and seeking, if it is still as the listing saw it."""
    if is_remote(file.url):
        return cast(IO[bytes], Object(file, access))
    try:
        handle = _open(file.url)
    except FileNotFoundError as error:
        raise BadSource(f"{file.name}: gone since it was listed ({error}); run again") from error
    except OSError as error:
        raise BadSource(f"{file.name}: cannot be opened ({error}); check its permissions or exclude it") from error
    check_same(file, handle)
    return handle


def _open(path: str) -> IO[bytes]:
    return Path(path).open("rb", buffering=0)


def check_same(file: File, handle: IO[bytes]) -> None:
    """Complain where the open file is not the one listed any more, by its size or its etag."""
    if isinstance(handle, Object):
        handle.check()
        return
    try:
        size = handle.seek(0, io.SEEK_END)
        handle.seek(0)
    except OSError as error:
        raise BadSource(f"{file.name}: cannot be read at will ({error}); copy it to disk first") from error
    if size != file.size:
        raise changed(file, f"{file.size} bytes listed, {size} found")


class Raw:
    """One file's bytes in order from `start` (or the byte before); hashes those from `start` to `stop`."""

    def __init__(self, file: File, start: int = 0, stop: int | None = None) -> None:
        self.file, self.start, self.stop = file, start, file.size if stop is None else stop
        self.handle = open_file(file)
        self.position = max(start - 1, 0)  # the byte before tells whether a line starts at `start`
        self.handle.seek(self.position)
        self._hash = xxhash.xxh3_128()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.handle.close()

    def read(self, size: int = CHUNK) -> bytes:
        """The next bytes as they stand on disk; none at the end of the file."""
        try:
            data = self.handle.read(size)
        except OSError as error:
            raise BadSource(f"{self.file.name}: reading failed at byte {self.position} ({error}); try again") from error
        first, last = max(self.start - self.position, 0), max(self.stop - self.position, 0)
        self._hash.update(memoryview(data)[first:last])
        self.position += len(data)
        return data

    def finish(self) -> str:
        """Hash what was not read, look at it once more, and give the digest."""
        while self.position < self.stop and self.read():
            pass
        check_same(self.file, self.handle)
        return self._hash.hexdigest()

    def broken(self, why: str) -> Cut:
        """The error for bytes that stop making sense."""
        check_same(self.file, self.handle)
        return Cut(f"{self.file.name}: {why}; {self.position} of {self.file.size} bytes were read")

    def chunks(self) -> Iterator[bytes]:
        """What the file holds, decompressed, at most `CHUNK` bytes at a time."""
        head = self.read()
        if head.startswith(GZIP):
            return self._gunzip(head)
        if is_zstd(head):
            return self._unzstd(head)
        return self._plain(head)

    def _plain(self, data: bytes) -> Iterator[bytes]:
        while data:
            yield data
            data = self.read()

    def _gunzip(self, data: bytes) -> Iterator[bytes]:
        while data:
            member = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
            yield from self._member(member, data)
            data = self._next_member(bytes(member.unused_data))

    def _member(self, member: igzip_lib.IgzipDecompressor, data: bytes) -> Iterator[bytes]:
        try:
            while not member.eof:
                if out := member.decompress(data, CHUNK):
                    yield out
                data = b""
                if member.needs_input and not member.eof and not (data := self.read()):
                    raise self.broken("the gzip archive is truncated")
        except IsalError as error:
            raise self.broken(f"the gzip archive is damaged ({error})") from error

    def _next_member(self, data: bytes) -> bytes:
        """Whatever follows a member: another, or zero bytes (padding of tapes), or garbage."""
        while len(data := data.lstrip(b"\0")) < len(GZIP):
            more = self.read()
            if not more and not data:
                return b""
            if not more:
                break
            data += more
        if not data.startswith(GZIP):
            raise self.broken("garbage follows the last gzip member")
        return data

    def _unzstd(self, data: bytes) -> Iterator[bytes]:
        # Not stream_reader: it ends without a word on a truncated frame (zstandard 0.25).
        frame, begun = zstandard.ZstdDecompressor().decompressobj(), True
        while data:
            for part in (data[at : at + FED] for at in range(0, len(data), FED)):
                while part:
                    try:
                        out = frame.decompress(part)
                    except zstandard.ZstdError as error:
                        raise self.broken(f"the zstd archive is damaged, or garbage follows it ({error})") from error
                    yield from (out[at : at + CHUNK] for at in range(0, len(out), CHUNK))
                    part, begun = b"", True
                    if frame.eof:
                        part, begun = frame.unused_data, False
                        frame = zstandard.ZstdDecompressor().decompressobj()
            data = self.read()
        if begun:
            raise self.broken("the zstd archive is truncated")
