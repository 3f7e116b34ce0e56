"""Choosing rows of a table of runs: `--where dataset=c4`, and a word where several data sets are mixed."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from prep.errors import BadSettings, BadSource

CONDITION = re.compile(r"(?P<column>.+?)\s*(?P<sign><=|>=|!=|=|<|>)\s*(?P<value>.*)")
SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
    "!=": operator.ne,
}
FEW = 12  # different values that a column of data sets may have


class Row(NamedTuple):
    """The cells of one line of the file."""

    line: int
    cells: list[str]


class Test(NamedTuple):
    """One condition; `other` is the column that stands on the right, if one does."""

    text: str
    at: int
    sign: str
    value: str
    other: int | None


def keep(path: str, header: list[str], rows: list[Row], where: tuple[str, ...]) -> list[Row]:
    """Rows that pass every condition; none at all is an error that shows the values there are."""
    for text in where:
        test = _test(path, header, text)
        kept = [row for row in rows if _passes(test, row)]
        if not kept:
            there = sorted({row.cells[test.at] for row in rows if len(row.cells) > test.at})
            shown = ", ".join(there[:FEW]) + (" ..." if len(there) > FEW else "")
            raise BadSource(f"{path}: --where {text}: no row is left; {header[test.at]} is one of: {shown}")
        rows = kept
    return rows


def _test(path: str, header: list[str], text: str) -> Test:
    found = CONDITION.fullmatch(text.strip())
    if found is None:
        raise BadSettings(f"--where {text}: write COLUMN=VALUE, or != < <= > >=, such as --where dataset=c4")
    column, sign, value = found["column"].strip(), found["sign"], found["value"].strip()
    if column not in header:
        near = difflib.get_close_matches(column, header, 3, 0.4) or header
        raise BadSettings(f"--where {text}: {path} has no column {column!r}; nearest: {', '.join(near)}")
    other = header.index(value) if value in header else None
    if sign[0] in "<>" and other is None and _float(value) is None:
        raise BadSettings(f"--where {text}: {value!r} is neither a number nor a column, so nothing is more or less")
    return Test(text, header.index(column), sign, value, other)


def _passes(test: Test, row: Row) -> bool:
    if len(row.cells) <= max(test.at, test.other or 0):
        return True  # a line too short is named later, with all that is wrong
    left = row.cells[test.at]
    right = test.value if test.other is None else row.cells[test.other]
    numbers = _float(left), _float(right)
    if numbers[0] is not None and numbers[1] is not None:
        return SIGNS[test.sign](numbers[0], numbers[1])
    return (left == right) if test.sign == "=" else (left != right) if test.sign == "!=" else False


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def mixed(header: list[str], rows: list[Row], keys: NDArray[np.floating]) -> tuple[str, ...]:
    """A note where many rows have the keys (N, D, curve) of another, with the column that may tell them apart."""
    again = len(keys) - len(np.unique(keys, axis=0))
    if again <= len(keys) // 10:
        return ()
    found = f"{again} of {len(keys)} rows have the params and tokens of another and another loss: several data sets?"
    return (found + _hint(header, rows),)


def _hint(header: list[str], rows: list[Row]) -> str:
    for index, name in enumerate(header):
        values = sorted({row.cells[index] for row in rows})
        if 1 < len(values) <= FEW and not any(_float(value) is not None for value in values):
            return f" {name} is one of {', '.join(values)}; choose with --where {name}={values[0]}"
    return " Choose rows with --where COLUMN=VALUE"
