"""The fields of a protobuf message, read by hand: protobuf itself is not a dependency of sentencepiece."""

from collections.abc import Iterator

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5  # wire types; 3 and 4, the ends of groups, hold fields of their own
LONGEST_VARINT = 10  # bytes, for 64 bits in groups of 7


class Truncated(ValueError):
    """A message ends inside a field; the text says where."""


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field: an int for a varint, else bytes, that of fixed width little end first."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        match tag & 7:
            case 0:
                value, position = _varint(message, position)
                yield tag >> 3, value
                continue
            case 1:
                size = 8
            case 2:
                size, position = _varint(message, position)
            case 5:
                size = 4
            case 3 | 4:
                size = 0
            case wire:
                raise Truncated(f"byte {position}: no protobuf field has wire type {wire}")
        if size > len(message) - position:
            raise Truncated(f"byte {position}: field {tag >> 3} takes {size} bytes, {len(message) - position} are left")
        yield tag >> 3, message[position : position + size]
        position += size


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """A base-128 number, lowest group first, and the position after it. Most have one byte."""
    if position < len(message) and message[position] < 0x80:
        return message[position], position + 1
    value = 0
    for shift, byte in enumerate(message[position : position + LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, position + shift + 1
    raise Truncated(f"byte {position}: a number has no end")
