"""Record batches with columns of any kind to batches of `RECORDS`, by columns where there are columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from prep.errors import BadSource
from prep.pipeline.sources.csvfile import check_columns
from prep.pipeline.sources.fields import CANONICAL, as_id, dump
from prep.pipeline.sources.piece import RAW_BOUND, Fields
from prep.pipeline.sources.rows import BATCH_BYTES, BATCH_ROWS, RECORDS, Unfit, pack, too_long
from prep.pipeline.sources.times import kinds, showable

Lengths = npt.NDArray[np.int64]


def is_text(kind: pa.DataType) -> bool:
    """Strings of every layout, or bytes that may be UTF-8."""
    if pt.is_dictionary(kind):
        return is_text(kind.value_type)
    return any(test(kind) for test in (pt.is_string, pt.is_large_string, pt.is_string_view)) or is_bytes(kind)


def is_number(kind: pa.DataType) -> bool:
    """Integers and floats, each stored once or by its row."""
    if pt.is_dictionary(kind) or pt.is_run_end_encoded(kind):
        return is_number(kind.value_type)
    return bool(pt.is_integer(kind) or pt.is_floating(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Bytes of varying length."""
    return any(test(kind) for test in (pt.is_binary, pt.is_large_binary, pt.is_binary_view))


def kind_of(schema: pa.Schema, field: str) -> pa.DataType | None:
    """The type of what `find` finds."""
    if field in schema.names:
        return schema.field(field).type
    first, *path = field.split(".")
    kind = schema.field(first).type if first in schema.names else None
    for part in path:
        if kind is None or not pt.is_struct(kind) or kind.get_field_index(part) < 0:
            return None
        kind = kind.field(part).type
    return kind


def find(batch: pa.RecordBatch, field: str) -> pa.Array | None:
    """The column, or the member of a struct that `meta.url` names."""
    if field in batch.schema.names:
        return batch.column(field)
    first, *path = field.split(".")
    array = batch.column(first) if first in batch.schema.names else None
    for part in path:
        if array is None or not pt.is_struct(array.type) or array.type.get_field_index(part) < 0:
            return None
        array = pc.struct_field(array, part)
    return array


def check_schema(schema: pa.Schema, name: str, fields: Fields) -> None:
    """Complain where the columns that the run file names are not there or the text is no text."""
    check_columns(schema.names, name, fields)
    if twice := sorted({column for column in schema.names if schema.names.count(column) > 1}):
        raise BadSource(f"{name}: column {twice[0]!r} stands twice; rename one")
    for column in schema:
        if (double := doubled(column.type)) is not None:
            raise BadSource(f"{name}: column {column.name!r} holds a struct with two fields {double!r}; rename one")
    field = fields.text or "text"
    kind = kind_of(schema, field)
    if kind is None or not is_text(kind):
        found = "not there" if kind is None else f"of type {kind}, not text"
        raise BadSource(f"{name}: column {field!r} is {found}. Its columns are {', '.join(schema.names)}; set `fields`")


def doubled(kind: pa.DataType) -> str | None:
    """A name that two fields of one struct have, at any depth."""
    for each in filter(pt.is_struct, kinds(kind)):
        names: list[str] = [field.name for field in each]
        for name in names:
            if names.count(name) > 1:
                return name
    return None


class Convert:
    """Batches of one file, in order, to batches of `RECORDS`."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.text = fields.text or "text"

    def __call__(self, batch: pa.RecordBatch, first: int) -> Iterator[pa.RecordBatch]:
        """`first` is the number in its file of the batch's first row."""
        lengths = byte_lengths(find(batch, self.text))
        for start, stop in cuts(lengths, self.fields.max_document):
            if lengths[start] > self.fields.max_document:
                yield self.unfit(batch.slice(start, 1), first + start, too_long(self.fields.max_document))
            else:
                yield from self.carefully(batch.slice(start, stop - start), first + start)

    def carefully(self, batch: pa.RecordBatch, first: int) -> Iterator[pa.RecordBatch]:
        """The batch, or where it holds a row that cannot be read its halves, down to the row that is to blame."""
        try:
            made = self.convert(batch, first)
        except Unfit as unfit:
            if len(batch) == 1:
                yield self.unfit(batch, first, unfit)
                return
            half = len(batch) // 2
            yield from self.carefully(batch.slice(0, half), first)
            yield from self.carefully(batch.slice(half), first + half)
        else:
            yield made

    def unfit(self, batch: pa.RecordBatch, number: int, unfit: Unfit) -> pa.RecordBatch:
        """The one row as a rejected one."""
        return pack([unfit.row(number, -1, raw_bytes(find(batch, self.text), 0))])

    def convert(self, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        """Rows whose texts are all short enough."""
        source = find(batch, self.text)
        columns = {name: self.value(batch, name) for name in CANONICAL}
        null = pc.is_null(source)
        no_id = pc.and_(pc.is_null(columns["id"]), pc.invert(null)) if self.fields.id else pa.repeat(False, len(batch))
        bad = pc.or_(null, no_id)
        columns["metadata"] = self.metadata(batch)
        made = {name: pc.if_else(bad, _missing(name), column) for name, column in columns.items()}
        made["file"] = pa.repeat(pa.scalar(0, pa.int32()), len(batch))
        made["record"] = pa.array(np.arange(first, first + len(batch)))
        made["offset"] = pa.repeat(pa.scalar(-1, pa.int64()), len(batch))
        made["skipped"] = pc.if_else(null, "null text", pa.scalar(None, pa.string()))
        made["rejected"] = pc.if_else(no_id, "no id", pa.scalar(None, pa.string()))
        raw = [raw_bytes(source, at) if lost else None for at, lost in enumerate(no_id.to_pylist())]
        made["raw"] = pa.array(raw, pa.large_binary())
        return pa.record_batch([made[name] for name in RECORDS.names], schema=RECORDS)

    def value(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        """A canonical column; null where a value is no string (of an id: no number either)."""
        field = self.text if name == "text" else getattr(self.fields, name)
        kind = RECORDS.field(name).type
        column = None if field is None else find(batch, field)
        if column is not None and is_text(column.type):
            column = strings(column, kind)
            return pc.if_else(pc.equal(column, ""), pa.scalar(None, kind), column) if name == "id" else column
        if column is not None and name == "id" and is_number(column.type):
            return pa.array([_number(value) for value in column.to_pylist()], kind)
        return pa.nulls(len(batch), kind)

    def metadata(self, batch: pa.RecordBatch) -> pa.Array:
        """Every column that did not go whole into a canonical one, as JSON."""
        named = {self.text} | {getattr(self.fields, name) for name in CANONICAL[1:]}
        taken = {name for name in named if name in batch.schema.names and is_text(batch.schema.field(name).type)}
        rest = [name for name in batch.schema.names if name not in taken]
        if not rest:
            return pa.repeat(pa.scalar("{}", pa.large_string()), len(batch))
        values = [listed(batch.column(name), name) for name in rest]
        records = (dict(zip(rest, row, strict=True)) for row in zip(*values, strict=True))
        return pa.array([dump(record) for record in records], pa.large_string())


def _missing(name: str) -> pa.Scalar:
    return pa.scalar("{}" if name == "metadata" else None, RECORDS.field(name).type)


def _number(value: object) -> str | None:
    try:
        return as_id(value)
    except Unfit:
        return None


def strings(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Text of any layout as `kind`; what is not UTF-8, which Parquet files do not promise, is unfit."""
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return column.cast(pa.large_binary() if pt.is_large_string(kind) else pa.binary()).cast(kind)
    except pa.ArrowInvalid as error:
        raise Unfit("not UTF-8") from error


def listed(column: pa.Array, name: str) -> list[object]:
    """The column's values as Python's."""
    try:
        return list(showable(column).to_pylist())
    except UnicodeDecodeError as error:
        raise Unfit("not UTF-8") from error
    except (ValueError, OverflowError, NotImplementedError) as error:  # Arrow's own are kinds of these
        raise Unfit(f"column {name!r} of type {column.type} cannot be written as JSON") from error


def byte_lengths(column: pa.Array) -> Lengths:
    """Bytes of each text, 0 of a null; a dictionary's values are measured once."""
    if pt.is_dictionary(column.type):
        # One more value, for nulls to point at.
        each = np.append(byte_lengths(column.dictionary), 0)
        at = pc.fill_null(column.indices.cast(pa.int64()), len(each) - 1)
        taken: Lengths = each[at.to_numpy(zero_copy_only=False)]
        return taken
    if pt.is_string_view(column.type) or pt.is_binary_view(column.type):
        column = column.cast(pa.large_binary())
    lengths: Lengths = pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


def cuts(lengths: Lengths, longest: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows of at most `BATCH_ROWS` and `BATCH_BYTES`; a row longer than that or `longest` stands alone."""
    ends = np.cumsum(np.where(lengths > longest, BATCH_BYTES + 1, lengths))
    start = 0
    while start < len(lengths):
        before = ends[start - 1] if start else 0
        stop = int(np.searchsorted(ends, before + BATCH_BYTES, side="right"))
        stop = min(max(stop, start + 1), start + BATCH_ROWS, len(lengths))
        yield start, stop
        start = stop


def raw_bytes(column: pa.Array, at: int) -> bytes:
    """The beginning of a text as it stands."""
    value = column[at]
    value = value.value if isinstance(value, pa.DictionaryScalar) else value
    buffer = value.as_buffer()
    return b"" if buffer is None else bytes(memoryview(buffer)[:RAW_BOUND])
