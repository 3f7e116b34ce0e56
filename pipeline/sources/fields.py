"""From a record's own fields to the canonical ones; what is left is metadata."""

from __future__ import annotations

import base64
import json
from typing import Any

import orjson

from prep.pipeline.sources.piece import Fields
from prep.pipeline.sources.rows import Unfit, check_length

CANONICAL = ("text", "id", "language", "kind", "licence", "url")

DEEPEST = 500  # levels of nesting; half of what Python's stack holds, for what is left of it differs

Values = list[str | None]


def dump(value: object) -> bytes:
    """JSON; integers beyond 64 bits and nesting beyond 254 levels are more than orjson writes."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        if is_deep(value):
            raise too_deep() from None
        return json.dumps(value, ensure_ascii=False, default=_plain).encode()


def is_deep(value: object) -> bool:
    """Whether it is nested deeper than `DEEPEST`."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for several in inner for each in several if isinstance(each, dict | list | tuple)]
    return bool(level)


def too_deep() -> Unfit:
    """For a record whose nesting Python may not be able to follow."""
    return Unfit("too deep nesting")


def _plain(value: object) -> str:
    """What JSON has no form for: bytes in base64, decimals, times and the rest as Python prints them."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def look(record: dict[str, Any], field: str) -> tuple[bool, Any]:
    """Whether the record has the field, and its value; `meta.url` looks into `meta` where no such key is."""
    if field in record:
        return True, record[field]
    value: Any = record
    for part in field.split("."):
        if not isinstance(value, dict) or part not in value:
            return False, None
        value = value[part]
    return True, value


class Mapper:
    """Takes the canonical values out of records that are Python dictionaries."""

    def __init__(self, fields: Fields) -> None:
        self.text = "text" if fields.text is None else fields.text
        self.max_document = fields.max_document
        named = [getattr(fields, name) for name in CANONICAL[1:]]
        self.others = [(at, field) for at, field in enumerate(named, start=1) if field is not None]

    def __call__(self, record: dict[str, Any]) -> tuple[Values, bytes]:
        """The canonical values and the metadata. Fields that are not strings stay in the metadata too."""
        text = record.get(self.text)
        if type(text) is not str:
            text = self._nested_text(record)
        values: Values = [text, None, None, None, None, None]
        for at, field in self.others:
            value = record.get(field)
            values[at] = value if type(value) is str and value else self._odd(at, field, record)
        record.pop(self.text, None)
        for _, field in self.others:
            if type(record.get(field)) is str:
                del record[field]
        return values, dump(record) if record else b"{}"

    def _nested_text(self, record: dict[str, Any]) -> str:
        there, text = look(record, self.text)
        if not there:
            raise Unfit(f"no field {self.text!r}")
        if text is None:
            raise Unfit("null text", skipped=True)
        if type(text) is not str:  # nor `jsonl.Digits`
            raise Unfit("text is not a string")
        return text

    def _odd(self, at: int, field: str, record: dict[str, Any]) -> str | None:
        """A value that is nested, missing, empty or no string."""
        _, value = look(record, field)
        if at == 1:
            return as_id(value)
        return value if isinstance(value, str) else None

    def check(self, text: str) -> None:
        """Complain where the text is longer than a document may be."""
        check_length(text, self.max_document)


def as_id(value: object) -> str:
    """A string or a number as an id; anything else is none."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise Unfit("no id")
