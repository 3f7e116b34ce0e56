"""Text files: each is one document, as it stands."""

from __future__ import annotations

import codecs
import io
import tokenize
from pathlib import PurePosixPath

from prep.errors import BadSource
from prep.pipeline.sources.piece import RAW_BOUND, Fields, Piece
from prep.pipeline.sources.rows import Row, Unfit, check_length, too_long
from prep.pipeline.sources.stream import Raw

# The longest first: the mark of UTF-16 begins the one of UTF-32.
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def row(raw: Raw, index: int, piece: Piece, fields: Fields) -> Row:
    """The file as a row; `index` is its place in the piece."""
    data, over = read(raw, fields.line_bound)
    try:
        if over:
            raise too_long(fields.max_document)
        text = decode(data, encoding_of(data, raw.file.name, piece.encoding), raw.file.name)
        check_length(text, fields.max_document)
    except Unfit as unfit:
        return unfit.row(1, 0, data)._replace(file=index)
    return Row(index, 1, 0, text)


def read(raw: Raw, bound: int) -> tuple[bytes, bool]:
    """The unpacked file, or only its beginning where it is longer than the bound; the rest is read and let go."""
    held, over = bytearray(), False
    for chunk in raw.chunks():
        if not over:
            held += chunk
        if len(held) > bound:
            over = True
            del held[RAW_BOUND:]
    return bytes(held), over


def encoding_of(data: bytes, name: str, default: str) -> str:
    """A Python file's own declaration (PEP 263), else the source's; a BOM goes before both, see `decode`."""
    if ".py" not in PurePosixPath(name).suffixes:
        return default
    try:
        declared, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        "".encode(declared)
    # An unknown encoding, or bytes before any declaration that are not UTF-8; a codec of no text (rot13, hex).
    except (SyntaxError, LookupError, UnicodeError):
        return default
    return default if declared in {"utf-8", "utf-8-sig"} else declared


def decode(data: bytes, encoding: str, name: str) -> str:
    """The text without its BOM; nothing else is changed, neither newlines nor NULs."""
    for mark, marked in BOMS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], marked
            break
    try:
        text = data.decode(encoding)
        text.encode()  # utf-7 and a few others decode to lone surrogates
    except UnicodeError as error:
        raise Unfit(f"not {encoding.upper()}") from error
    except (LookupError, ValueError) as error:  # ValueError of a name with a NUL
        raise BadSource(f"{name}: no encoding is called {encoding!r}; set `encoding` to one Python knows") from error
    return text
