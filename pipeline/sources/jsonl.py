"""JSON lines: one object a line; a line that is not one is rejected alone."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Callable, Iterator
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
        self.key = orjson.dumps(self.map.text)
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
        if data.count(self.key) > 1:
            return self._slowly(data)
        values, metadata = self.map(record)
        if LARGE.search(metadata):
            return self._slowly(data)
        return self._bounded(data, values), metadata

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
        record = exact(data, self.map.text)
        if not isinstance(record, dict):
            raise Unfit("not an object")
        values, metadata = self.map(record)
        return self._bounded(data, values), metadata


class Digits(str):
    """A number that no float holds, as it stands; a string for the metadata, but no text."""


def exact(data: bytes, text: str) -> Any:
    """JSON by the standard library: integers of any length, NaN and infinities as `Digits`, no text twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if sum(key == text for key, _ in pairs) > 1:
            raise Unfit(f"repeated key {text!r}")
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
