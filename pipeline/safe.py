"""What others wrote (texts, names of files, columns) on its way to a terminal or a page."""

from __future__ import annotations

import unicodedata

PLAIN = {"\n", "\t"}
# Marks that turn the direction of what follows them: a text could make a line read as what it is not.
TURNING = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\u200e", "\u200f", "\u061c"}


def safe(text: str) -> str:
    r"""A text that moves no cursor and turns no line: control characters are written out, as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(char if char in PLAIN or not _acts(char) else _written(char) for char in text)


def _acts(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") or char in TURNING or char in ("\u2028", "\u2029")


def _written(char: str) -> str:
    return char.encode("unicode_escape").decode()
