"""Characters as the scanner of byte-level BPE tells them apart: by kind, not by code point."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from prep.compiling import part

# Kinds of characters. OTHER are letters not cut between; NEUTRAL is neither letter nor mark; MARK may change the
# character before it, as may all of four bytes; WORD are letters of one and two bytes; HEAD and STOP are signs of such,
# HEAD those that added tokens begin with; SIGN and LETTER are of three bytes.
KINDS = OTHER, NEUTRAL, MARK, WORD, SPACE, NEWLINE, DIGIT, HEAD, STOP, QUOTE, SIGN, LETTER = tuple(range(12))
KEEP, CUT, ASK = range(3)  # what is done between two kinds; ASK: cut if no token joins the two characters
NEVER, LAST, TOKENS = range(3)  # where runs of spaces are cut: before the last one, or around, for they are tokens
WIDTH = 16  # of the table of that
CODES = 1 << 16  # what three bytes of UTF-8 can say
FOUR = CODES - 1  # stands for what takes four
SPACE_BYTE = ord(" ")
whole = cast(Callable[[Any], int], np.int64)  # numba makes a float of a signed and an unsigned number


@part
def _code(word: int) -> int:
    """The character of three bytes at the low end of a number."""
    return (word & 0x0F) << 12 | (word >> 2 & 0xFC0) | (word >> 16 & 0x3F)


@part
def character(word: int) -> tuple[int, int]:
    """Code point and size of the character at the low end of a number."""
    if word & 0x80 == 0:
        return word & 0x7F, 1
    if word & 0xE0 == 0xC0:
        return (word & 0x1F) << 6 | (word >> 8 & 0x3F), 2
    if word & 0xF0 == 0xE0:
        return _code(word), 3
    return FOUR, 4
