"""JSON lines: one object a line; a line that is not one is rejected alone."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

import orjson

from prep.errors import BadSource
from prep.pipeline.sources.fields import Mapper, Values, too_deep
from prep.pipeline.sources.lines import Line, lines, lines_of_range
from prep.pipeline.sources.piece import Fields, Piece
from prep.pipeline.sources.rows import Row, Unfit, over_line, too_long
from prep.pipeline.sources.stream import Raw

BOM = codecs.BOM_UTF8
# orjson reads integers beyond 64 bits as floats without a word, and writes floats that large with an exponent; the
# standard library, for what is too deep for orjson, writes a blank before them.
LARGE = re.compile(rb"[:,\[] ?-?[0-9](?:\.[0-9]+)?e\+?[0-9]")

BACKSLASH = ord("\\")
KEY_END = re.compile(rb'"\s*:')


def rows(raw: Raw, piece: Piece, fields: Fields) -> Iterator[Row]:
    """Every line of the file or range."""
    parse = Parse(fields, piece.encoding, raw.file.name)
    bound = fields.line_bound
    found = lines_of_range(raw.chunks(), bound, raw.start, raw.stop) if piece.is_range else lines(raw.chunks(), bound)
    for number, line in enumerate(found, start=1):
        record = -1 if piece.is_range else number
        data = line.data
        try:
            if line.over:
                raise over_line(bound)
            if line.offset == 0:
                data = first_line(line, raw.file.name)
            values, metadata = parse(data)
        except Unfit as unfit:
            yield unfit.row(record, line.offset, data)
        else:
            yield Row.document(record, line.offset, values, metadata)


def first_line(line: Line, name: str) -> bytes:
    """The file's first line without its BOM, if it looks like JSON lines."""
    data = line.data.removeprefix(BOM)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadSource(f"{name}: is UTF-16; JSON lines are read as UTF-8, convert it first (iconv -t UTF-8)")
    if data.lstrip().startswith(b"["):
        raise BadSource(f"{name}: starts with '[', so it is a JSON array; write one object a line (jq -c '.[]')")
    return data


def decoder(encoding: str, name: str) -> tuple[str, Callable[[bytes], bytes] | None]:
    """The encoding's name, and what makes UTF-8 of a line in it; None for UTF-8 itself."""
    try:
        codec = codecs.lookup(encoding)
        newline = codec.encode("\n")[0]
    except LookupError as error:
        raise BadSource(f"{name}: no encoding is called {encoding!r}; set `encoding` to one Python knows") from error
    if codec.name in {"utf-8", "utf-8-sig", "ascii"}:
        return "UTF-8", None
    if newline != b"\n":
        raise BadSource(f"{name}: lines cannot be found in {encoding}; convert the file first (iconv -t UTF-8)")
    return codec.name, lambda data: codec.decode(data)[0].encode()


class Parse:
    """One line to values and metadata; a strict second look where the fast one would be wrong or says no."""

    def __init__(self, fields: Fields, encoding: str, name: str) -> None:
        self.map = Mapper(fields)
        self.max_document = fields.max_document
        names = [self.map.text, *(field for _, field in self.map.others)]
        self.names = frozenset(part for name in names for part in (name, *name.split(".")))
        self.key = orjson.dumps(self.map.text.rpartition(".")[2])
        self.keys = list({orjson.dumps(key) for name in names for key in (name, name.rpartition(".")[2])})
        # ASCII is escaped by \u00 or without a u.
        self.escape = re.compile(rb"\\(?!u(?!00))" if "".join(names).isascii() else rb"\\")
        self.encoding, self.decode = decoder(encoding, name)

    def __call__(self, data: bytes) -> tuple[Values, bytes]:
        """The values of the line's record."""
        if self.decode is not None:
            data = self._utf8(data)
        try:
            record = orjson.loads(data)
        except orjson.JSONDecodeError:
            return self._slowly(data)
        if type(record) is not dict:
            raise Unfit("not an object")
        if self._may_repeat(data, record.get(self.map.text)):
            return self._slowly(data)
        values, metadata = self.map(record)
        if LARGE.search(metadata):
            return self._slowly(data)
        return self._bounded(data, values), metadata

    def _may_repeat(self, data: bytes, text: object) -> bool:
        """Whether a name that is asked for may stand twice, as it is or with characters escaped."""
        rest = self._without(data, text) if b"\\" in data and isinstance(text, str) else data
        for key in self.keys:
            if rest.count(key) > 1:
                return True
        return b"\\" in rest and any(self._is_escaped(rest, end.start()) for end in KEY_END.finditer(rest))

    def _without(self, data: bytes, text: str) -> bytes:
        """The line without its text, where that is easily found: looking through it takes long."""
        after = data.find(self.key) + len(self.key)
        start = data.find(b'"', after)
        if data[after:start].strip() != b":":
            return data
        end = data.find(b'"', start + 1) + 1
        if data[end - 2] == BACKSLASH:
            written = orjson.dumps(text)
            if not data.startswith(written, start):
                return data
            end = start + len(written)
        return data[:after] + data[end:]

    def _is_escaped(self, data: bytes, end: int) -> bool:
        return self.escape.search(data, data.rfind(b'"', 0, end) + 1, end) is not None

    def _utf8(self, data: bytes) -> bytes:
        assert self.decode is not None
        try:
            return self.decode(data)
        except UnicodeDecodeError as error:
            raise Unfit(f"not {self.encoding}") from error

    def _bounded(self, data: bytes, values: Values) -> Values:
        if len(data) > self.max_document and len((values[0] or "").encode()) > self.max_document:
            raise too_long(self.max_document)
        return values

    def _slowly(self, data: bytes) -> tuple[Values, bytes]:
        if not data.strip():
            raise Unfit("blank line", skipped=True)
        record = exact(data, self.names)
        if not isinstance(record, dict):
            raise Unfit("not an object")
        values, metadata = self.map(record)
        return self._bounded(data, values), metadata


class Digits(str):
    """A number that no float holds, as it stands; a string for the metadata, but no text."""


def exact(data: bytes, names: Collection[str]) -> Any:
    """JSON by the standard library: integers of any length, NaN and infinities as `Digits`, none of the names twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = set[str]()
        for key, _ in pairs:
            if key in names and key in seen:
                raise Unfit(f"repeated key {key!r}")
            seen.add(key)
        return dict(pairs)

    try:
        value = json.loads(data.decode(), object_pairs_hook=once, parse_constant=Digits, parse_float=_float)
        # A lone surrogate can stand in JSON (as an escape) but not in text.
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise Unfit("not UTF-8") from error
    except UnicodeEncodeError as error:
        raise Unfit("lone surrogate") from error
    except RecursionError as error:
        raise too_deep() from error
    except ValueError as error:
        raise Unfit("not JSON") from error
    return value


def _float(digits: str) -> float | str:
    value = float(digits)
    return value if math.isfinite(value) else Digits(digits)
