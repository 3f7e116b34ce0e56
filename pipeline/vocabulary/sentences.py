"""Text as sentencepiece takes it: lines, and long lines cut at the end of a sentence, so that it leaves none out.

The library drops a line of more than `max_sentence_length` bytes, and one that holds its reserved character, and says
so in its log alone.
"""

from __future__ import annotations

from collections.abc import Iterator

LONGEST = 4192  # bytes of a sentence: sentencepiece's own limit, above which it drops the line
RESERVED = "\u2585"  # sentencepiece's mark of an unknown character: a line that holds it is dropped
# Where a long line is cut: after the last mark of the first kind that stands in reach, else after a space.
MARKS = (tuple(mark.encode() for mark in ("。", "！", "？", "．", ". ", "! ", "? ")), (b" ", "、".encode(), b"\t"))


def sentences(text: str, longest: int = LONGEST) -> Iterator[str]:
    """The lines of a text without their ends, empty ones left out, each of at most `longest` bytes."""
    for line in text.replace(RESERVED, "").split("\n"):
        if len(line) * 4 <= longest or len(encoded := line.encode()) <= longest:
            if line:
                yield line
        else:
            yield from (part.decode() for part in _cut(encoded, longest))


def lost(text: str) -> int:
    """Bytes of a text that no sentence holds, its line ends apart."""
    return len(RESERVED.encode()) * text.count(RESERVED)


def _cut(line: bytes, longest: int) -> Iterator[bytes]:
    while len(line) > longest:
        place = _border(line, longest)
        yield line[:place]
        line = line[place:]
    if line:
        yield line


def _border(line: bytes, longest: int) -> int:
    """Where to cut, at most at `longest`: at the last mark in the second half of what fits, else between characters."""
    for marks in MARKS:
        found = [(line.rfind(mark, longest // 2, longest), len(mark)) for mark in marks]
        place = max((start + size for start, size in found if start >= 0), default=0)
        if place:
            return place
    return whole(line, longest)


def whole(text: bytes, most: int) -> int:
    """The most bytes, up to `most`, that end between two characters of UTF-8."""
    while 0 < most < len(text) and text[most] & 0xC0 == 0x80:
        most -= 1
    return min(most, len(text))
