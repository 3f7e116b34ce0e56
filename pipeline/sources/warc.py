"""WARC and WET: a plain-text record is a document, the rest is skipped by its type.

Our own parser, because fastwarc ends without a word where a file stops inside a record, and gives up the rest of a
file after one wrong Content-Length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from prep.errors import BadSource
from prep.pipeline.sources import text
from prep.pipeline.sources.fields import CANONICAL, Mapper
from prep.pipeline.sources.piece import RAW_BOUND, Fields, Piece
from prep.pipeline.sources.rows import Row, Unfit, too_long
from prep.pipeline.sources.stream import Raw

LINE = 64 * 1024  # bytes; a longer header line is taken for garbage
HEADERS = 1 << 20  # bytes of one record's headers
PAYLOAD = ""  # the key of the text among the headers: no header has an empty name
TARGET = "WARC-Target-URI"
LOOKED_UP = (TARGET, "WARC-Type", "Content-Type", "Content-Length")
HEAD = re.compile(rb"^WARC/1\.[0-9]\r?\n(?:[^\s:]+:[^\n]*\n)*?WARC-Type:", re.MULTILINE | re.IGNORECASE)
BLANK = re.compile(rb"\n\r?\n")
LENGTH = re.compile(rb"^Content-Length:[ \t]*([0-9]{1,18})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)


class Buffer:
    """A stream read by lines and by counted bytes."""

    def __init__(self, raw: Raw) -> None:
        self.raw, self.chunks, self.held, self.at, self.position = raw, raw.chunks(), b"", 0, 0
        self.again = 0  # the byte up to which bytes were given back

    def _more(self) -> bool:
        chunk = next(self.chunks, b"")
        self.held, self.at = self.held[self.at :] + chunk, 0
        return bool(chunk)

    def line(self) -> bytes:
        """The next line with its newline, or `LINE` bytes of it; nothing at the end of the file."""
        while (end := self.held.find(b"\n", self.at, self.at + LINE)) < 0:
            if len(self.held) - self.at >= LINE or not self._more():
                end = min(self.at + LINE, len(self.held)) - 1
                break
        data = self.held[self.at : end + 1]
        self.at, self.position = end + 1, self.position + len(data)
        return data

    def take(self, size: int, keep: int) -> bytes:
        """Go `size` bytes on; the first `keep` of them."""
        parts, kept, left = [], 0, size
        while left:
            if self.at == len(self.held) and not self._more():
                raise self.raw.broken(f"a record of {size} bytes ends after {size - left}")
            part = self.held[self.at : self.at + left]
            parts.append(part[: keep - kept])
            kept += len(parts[-1])
            self.at += len(part)
            left -= len(part)
        self.position += size
        return b"".join(parts)

    def next_byte(self) -> bytes:
        """The byte that comes next, which stays there; none at the end of the file."""
        if self.at == len(self.held):
            self._more()
        return self.held[self.at : self.at + 1]

    def give_back(self, data: bytes) -> None:
        """What was read last is read again, but none a third time: records may stand in one another by thousands."""
        start = self.position - len(data)
        if start >= self.again:
            self.again = self.position
            self.held, self.at, self.position = data + self.held[self.at :], 0, start


def rows(raw: Raw, piece: Piece, fields: Fields) -> Iterator[Row]:
    """Every record; bytes between records that belong to none are rejected as one."""
    buffer = Buffer(raw)
    reader = Records.of(buffer, piece.encoding, fields)
    number = 0
    offset, line = next_line(buffer)
    if line and not line.startswith(b"WARC/"):
        raise not_warc(raw.file.name, line)
    while line:
        number += 1
        if line.startswith(b"WARC/"):
            yield reader.row(number, offset)
            offset, line = next_line(buffer)
        else:
            held, at = bytearray(), offset
            while line and not line.startswith(b"WARC/"):
                held += line[: max(RAW_BOUND - len(held), 0)]
                offset, line = buffer.position, buffer.line()
            yield Unfit("bytes between WARC records").row(number, at, bytes(held))


def next_line(buffer: Buffer) -> tuple[int, bytes]:
    """The next line that is not blank, and where it starts."""
    while True:
        offset, line = buffer.position, buffer.line()
        if not line or line.strip():
            return offset, line


def not_warc(name: str, line: bytes) -> BadSource:
    """The error for a file that begins with something else."""
    if line.startswith(b"filedesc:"):
        return BadSource(f"{name}: is an ARC file, the form before WARC; convert it (warcio recompress)")
    return BadSource(f"{name}: starts with {line[:20]!r}, not with 'WARC/'; set the source's `format`")


@dataclass(frozen=True)
class Records:
    """Reads a record after its version line."""

    buffer: Buffer
    encoding: str
    fields: Fields
    spelled: dict[str, str]  # names in lower case to the form they are looked up by

    @classmethod
    def of(cls, buffer: Buffer, encoding: str, fields: Fields) -> Records:
        """Names of headers may be written in any case, in the file and in the run file."""
        named = [getattr(fields, name) for name in CANONICAL[1:]]
        spelled = {name.lower(): name for name in (*filter(None, named), *LOOKED_UP)}
        same = {name: spelled[field.lower()] for name, field in zip(CANONICAL[1:], named, strict=True) if field}
        return cls(buffer, encoding, replace(fields, text=PAYLOAD, **{"url": TARGET, **same}), spelled)

    def row(self, number: int, offset: int) -> Row:
        """The record as a row; the buffer stands behind it afterwards."""
        headers, block = self.headers()
        size = length(headers)
        if size is None:
            return Unfit("no Content-Length").row(number, offset, block)
        reason = unwanted(headers)
        too_large = size > self.fields.line_bound
        data = self.buffer.take(size, 0 if reason else RAW_BOUND if too_large else size)
        try:
            if reason:
                raise Unfit(reason, skipped=True)
            if too_large:
                raise too_long(self.fields.max_document)
            self.check_end(data)
            values, metadata = self.document(headers, data)
        except Unfit as unfit:
            return unfit.row(number, offset, data)
        return Row.document(number, offset, values, metadata)

    def check_end(self, data: bytes) -> None:
        """Complain of a block that is longer or shorter than its record; a whole record in it is read as the next."""
        if b"WARC/1." in data and (head := HEAD.search(data)):
            blank = BLANK.search(data, head.end())
            stated = LENGTH.search(data, head.start(), blank.end()) if blank else None
            if blank and stated and blank.end() + int(stated[1]) <= len(data):
                self.buffer.give_back(data[head.start() :])
            raise Unfit("another WARC record in its block")
        # The standard asks for two; some writers leave one, or none at the end of the file.
        if self.buffer.next_byte() not in {b"\r", b"\n", b""}:
            raise Unfit("no newline after its block")

    def headers(self) -> tuple[dict[str, Any], bytes]:
        """By name, spelled as they stand but for those that are looked up; and the bytes they were read from."""
        found: dict[str, Any] = {}
        block, name = bytearray(), ""
        while (line := self.buffer.line()).strip():
            block += line
            if len(block) > HEADERS:
                raise self.buffer.raw.broken(f"a record's headers are over {HEADERS} bytes")
            plain = text_of(line)
            if line[:1] in b" \t" and name:
                found[name] = f"{found[name]} {plain.strip()}"
                continue
            name, _, value = plain.partition(":")
            name = self.spelled.get(name.strip().lower(), name.strip()) or "?"
            value = value.strip()
            found[name] = f"{found[name]}, {value}" if name in found else value
        if not line.endswith(b"\n"):
            raise self.buffer.raw.broken("it ends inside a record's headers")
        return found, bytes(block)

    def document(self, headers: dict[str, Any], data: bytes) -> tuple[list[str | None], bytes]:
        """The canonical values of a plain-text record."""
        if (target := headers.get(TARGET, "")).startswith("<"):  # wget up to 1.20 writes <http://...>
            headers[TARGET] = target.strip("<>")
        encoding = charset(headers.get("Content-Type", "")) or self.encoding
        try:
            headers[PAYLOAD] = text.decode(data, encoding, self.buffer.raw.file.name)
        except BadSource as error:
            raise Unfit("unknown charset") from error
        mapper = Mapper(self.fields)
        values, metadata = mapper(headers)
        mapper.check(values[0] or "")
        return values, metadata


def text_of(line: bytes) -> str:
    """A header line: UTF-8, as the standard says, or Latin-1, as some crawlers write."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def length(headers: dict[str, Any]) -> int | None:
    """The bytes of the block; None where none are stated, or two numbers of them."""
    stated = {value.strip() for value in headers.get("Content-Length", "").split(",")}
    value = stated.pop()
    return int(value) if not stated and re.fullmatch("[0-9]{1,18}", value) else None


def unwanted(headers: dict[str, Any]) -> str | None:
    """Why a record is no document, or None."""
    kind = headers.get("WARC-Type", "of no type").lower()
    if kind == "response":
        return "warc response (HTML is not extracted)"
    content = headers.get("Content-Type", "text/plain" if kind == "conversion" else "").partition(";")[0]
    if kind in {"conversion", "resource"}:
        return None if content.strip().lower() == "text/plain" else f"warc {kind} (not text/plain)"
    known = {"warcinfo", "request", "metadata", "revisit", "continuation"}
    return f"warc {kind}" if kind in known else "warc record of another type"


def charset(content_type: str) -> str | None:
    """The charset parameter of a media type."""
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset" and value.strip():
            return value.strip().strip("\"'")
    return None
