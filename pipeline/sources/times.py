"""Columns whose times, at any depth, are text: Python's have no nanoseconds and end in the year 9999."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

LISTS = (pt.is_list, pt.is_large_list, pt.is_fixed_size_list, pt.is_list_view, pt.is_large_list_view)


def showable(column: pa.Array) -> pa.Array:
    """The column with times written by Arrow; one without times as it stands."""
    kind = column.type
    if not any(map(is_time, kinds(kind))):
        return column
    if is_time(kind):
        return _written(column)
    if isinstance(kind, pa.BaseExtensionType):
        return showable(column.storage)
    if pt.is_dictionary(kind):
        return showable(column.dictionary_decode())
    if pt.is_run_end_encoded(kind):
        return _runs(column)
    if pt.is_struct(kind):
        members = [showable(column.field(at)) for at in range(kind.num_fields)]
        return pa.StructArray.from_arrays(members, [field.name for field in kind], mask=column.is_null())
    if pt.is_map(kind):
        return _map(column)
    return _list(column) if any(test(kind) for test in LISTS) else _union(column)


def kinds(kind: pa.DataType) -> Iterator[pa.DataType]:
    """The type and all those within it."""
    yield kind
    if isinstance(kind, pa.BaseExtensionType):
        yield from kinds(kind.storage_type)
    elif pt.is_dictionary(kind):
        yield from kinds(kind.value_type)
    else:
        for at in range(kind.num_fields):
            yield from kinds(kind.field(at).type)


def is_time(kind: pa.DataType) -> bool:
    """Points in time, times of day and spans."""
    return any(test(kind) for test in (pt.is_timestamp, pt.is_date, pt.is_time, pt.is_duration))


def _written(column: pa.Array) -> pa.Array:
    kind = column.type
    if pt.is_timestamp(kind):
        plain = column.cast(pa.timestamp(kind.unit)).cast(pa.string())
        if pc.any(pc.starts_with(plain, "<")).as_py():  # <value out of range: 1000000000000000>
            return column.cast(pa.int64())
        return pc.binary_join_element_wise(plain, "Z", "") if kind.tz else plain
    return column.cast(pa.int64() if pt.is_duration(kind) else pa.string())


def _list(column: pa.Array) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    ends = pa.array(np.append(0, np.cumsum(lengths)), pa.int64())
    return pa.LargeListArray.from_arrays(ends, showable(column.flatten()), mask=column.is_null())


def _map(column: pa.Array) -> pa.Array:
    ends = pa.array(column.offsets.to_numpy())  # made anew, for Arrow takes no mask beside a slice
    return pa.MapArray.from_arrays(ends, showable(column.keys), showable(column.items), mask=column.is_null())


def _runs(column: pa.Array) -> pa.Array:
    rows = np.arange(column.offset, column.offset + len(column))
    return showable(column.values).take(pa.array(np.searchsorted(column.run_ends.to_numpy(), rows, side="right")))


def _union(column: pa.Array) -> pa.Array:
    """As a sparse one; read from the buffers, for `type_codes` and `offsets` are wrong for a slice (pyarrow 26)."""
    kind, part = column.type, slice(column.offset, column.offset + len(column))
    _, codes, *places = column.buffers()
    chosen = np.frombuffer(codes, np.int8)[part]
    members = [column.field(at) for at in range(kind.num_fields)]
    if kind.mode == "dense":
        at = np.frombuffer(places[0], np.int32)[part]
        each = zip(members, kind.type_codes, strict=True)
        members = [member.take(pa.array(at, mask=chosen != code)) for member, code in each]
    names = [kind.field(at).name for at in range(kind.num_fields)]
    return pa.UnionArray.from_sparse(pa.array(chosen), [showable(each) for each in members], names, kind.type_codes)
