"""CSV and TSV with a header; a row that does not parse is rejected alone."""

from __future__ import annotations

import csv
import difflib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from prep.errors import BadSource
from prep.pipeline.sources.fields import CANONICAL, Mapper
from prep.pipeline.sources.jsonl import BOM, decoder
from prep.pipeline.sources.lines import Line, lines
from prep.pipeline.sources.piece import RAW_BOUND, Fields, Piece
from prep.pipeline.sources.rows import Row, Unfit, over_line
from prep.pipeline.sources.stream import Raw

REMEMBERED = 100_000  # lines of a row that can be read again; bounds memory where lines are short


@dataclass
class Feed:
    """Lines as the csv module wants them; remembers those of the row it is reading, to give them again."""

    lines: Iterator[Line]
    encoding: str
    waiting: deque[Line] = field(default_factory=deque)
    taken: list[Line] = field(default_factory=list)
    forgotten: bool = False  # whether the row has more lines than are remembered
    failed: int = -1  # where the last line starts that a given-back row broke at

    def next_row(self) -> None:
        """Forget the lines of the row before."""
        self.taken.clear()
        self.forgotten = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        # A row that wants a second line is inside a quote, as the row that broke was there: it would break as well, and
        # to read on each time took time of the square of the lines.
        if self.taken and self.waiting and self.waiting[0].offset <= self.failed:
            raise csv.Error("the quote closes where the row before broke")
        line = self.waiting.popleft() if self.waiting else next(self.lines)
        if len(self.taken) < REMEMBERED:
            self.taken.append(line)
        else:
            self.forgotten = True
        data = line.data if line.offset else line.data.removeprefix(BOM)
        return data.decode(self.encoding, "surrogateescape") + "\n" * (line.end - line.offset - len(line.data))

    def give_back(self) -> None:
        """All lines of the row but its first are read again: an open quote must not swallow good rows."""
        self.failed = max(self.failed, self.taken[-1].offset)
        self.waiting.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def raw(self) -> bytes:
        """The row as it stands."""
        held = bytearray()
        for line in self.taken:
            held += line.data[:RAW_BOUND] + b"\n"
            if len(held) > RAW_BOUND:
                break
        return bytes(held[:RAW_BOUND])


def rows(raw: Raw, piece: Piece, fields: Fields) -> Iterator[Row]:
    """Every row below the header."""
    encoding, recode = decoder(piece.encoding, raw.file.name)
    feed = Feed(lines(raw.chunks(), fields.line_bound), encoding if recode else "utf-8")
    csv.field_size_limit(fields.line_bound)
    tabs = ".tsv" in raw.file.name.rpartition("/")[2].lower()
    reader = csv.reader(feed, delimiter="\t" if tabs else ",", strict=True)
    header = read_header(reader, raw.file.name, fields)
    if header is None:
        return
    read = Table(raw.file.name, header, Mapper(fields), encoding)
    number = 0
    while True:
        feed.next_row()
        try:
            row = read(reader, feed)
        except StopIteration:
            return
        except Unfit as unfit:
            number += 1
            yield unfit.row(number, feed.taken[0].offset, feed.raw())
        else:
            number += 1
            yield row._replace(record=number)


@dataclass(frozen=True)
class Table:
    """Reads the rows below a header."""

    name: str
    header: list[str]
    map: Mapper
    encoding: str

    def __call__(self, reader: Iterator[list[str]], feed: Feed) -> Row:
        try:
            cells = next(reader)
        except csv.Error as error:
            if "field limit" in str(error):
                raise over_line(csv.field_size_limit()) from error
            if feed.forgotten:
                raise BadSource(
                    f"{self.name}: the quote opened in the row at byte {feed.taken[0].offset} is not closed within "
                    f"{REMEMBERED} lines; close it"
                ) from error
            feed.give_back()
            raise Unfit("not CSV") from error
        if not cells:
            raise Unfit("blank line", skipped=True)
        if any(line.over for line in feed.taken):
            raise over_line(csv.field_size_limit())
        if len(cells) != len(self.header):
            raise Unfit("wrong number of fields")
        if not all(map(_is_clean, cells)):
            raise Unfit(f"not {self.encoding}")
        values, metadata = self.map(dict(zip(self.header, cells, strict=True)))
        self.map.check(values[0] or "")
        return Row.document(0, feed.taken[0].offset, values, metadata)


def _is_clean(cell: str) -> bool:
    """Whether every byte could be decoded (`surrogateescape` leaves a mark where not)."""
    if cell.isascii():
        return True
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_header(reader: Iterator[list[str]], name: str, fields: Fields) -> list[str] | None:
    """The names of the columns, all that are needed among them; None of an empty file."""
    try:
        header = next(reader)
    except StopIteration:
        return None
    except csv.Error as error:
        raise BadSource(f"{name}: its first line is no CSV header ({error}); set `format` or repair it") from error
    if not all(map(_is_clean, header)):
        raise BadSource(f"{name}: its header is not in the source's encoding; set `encoding`")
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise BadSource(f"{name}: column {twice[0]!r} stands twice in the header; rename one")
    check_columns(header, name, fields)
    return header


def check_columns(columns: list[str], name: str, fields: Fields) -> None:
    """Complain where a column is named that the file does not have; `meta.url` needs `meta`."""
    for canonical in CANONICAL:
        wanted = getattr(fields, canonical) or ("text" if canonical == "text" else None)
        if wanted is None or wanted in columns or wanted.partition(".")[0] in columns:
            continue
        near = difflib.get_close_matches(wanted, columns, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        key = f"fields: {{{canonical}: ...}}" if canonical in {"text", "id"} else f"{canonical}: {{field: ...}}"
        raise BadSource(f"{name}: no column {wanted!r}{hint} Its columns are {', '.join(columns)}; set `{key}`")
