"""JSON that `prep` wrote, read back: of the shape that was written, down to every type, or told where it is not."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from prep.errors import BrokenShard
from prep.manifests import files


def load(kind: Any, path: str, way: str) -> Any:
    """The value of a JSON file, of a kind that pydantic knows; `way` is what to do where it is not.

    Errors: BrokenShard.
    """
    try:
        return _adapter(kind).validate_json(files.read(path), strict=True, extra="forbid")
    except OSError as error:
        raise BrokenShard(f"{path}: cannot be read: {error.strerror or error}; {way}") from error
    except ValidationError as error:
        raise BrokenShard(f"{path}: {where(error)}; {way}") from error


def check(kind: Any, value: object, path: str, place: str, way: str) -> None:
    """What was read as whatever JSON is of a kind; keys that the kind does not name may stand beside.

    Errors: BrokenShard.
    """
    try:
        _adapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        raise BrokenShard(f"{path}: {where(error, place)}; {way}") from error


def where(error: ValidationError, place: str = "") -> str:
    """The first key that is wrong, how, and what stands there."""
    first = error.errors(include_url=False)[0]
    key = ".".join(filter(None, [place, *map(str, first["loc"])]))
    said = "" if first["type"] in ("missing", "json_invalid") else f", not {_short(first['input'])}"
    return ": ".join(filter(None, [key, first["msg"] + said]))


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str | int | float | None) else f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
