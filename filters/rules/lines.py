"""Lines and paragraphs of one text: how many there are of each kind, and how many came before."""

from __future__ import annotations

import numba
import numpy as np

from prep.compiling import lean
from prep.filters.rules.characters import BREAK, SPACE, TERMINAL
from prep.filters.rules.units import Points, Sets, Text, cleared, digest, seen

NEWLINE, RETURN, DOT, ELLIPSIS, HASH, BULLET, DASH = 0x0A, 0x0D, 0x2E, 0x2026, 0x23, 0x2022, 0x2D
SHORT, BRIEF = 30, 10  # characters: FineWeb's and HojiChar's short lines


@numba.njit(inline="always")
def dotted(codes: Points, start: int, stop: int) -> bool:
    """Whether a piece ends in an ellipsis."""
    if stop <= start:
        return False
    if codes[stop - 1] == ELLIPSIS:
        return True
    return stop - start >= 3 and codes[stop - 1] == DOT and codes[stop - 2] == DOT and codes[stop - 3] == DOT


@numba.njit(inline="always")
def left(flags: Points, start: int, stop: int) -> int:
    """Where a piece begins without the white space before it."""
    while start < stop and flags[start] & SPACE:
        start += 1
    return start


@numba.njit(inline="always")
def right(flags: Points, start: int, stop: int) -> int:
    """Where a piece ends without the white space after it."""
    while stop > start and flags[stop - 1] & SPACE:
        stop -= 1
    return stop


@lean
def signs(codes: Points, count: int, into: Points) -> None:
    """Newlines, `#`, and ellipses as str.count("...") finds them, from the left and without overlap."""
    newlines = hashes = ellipses = run = 0
    for place in range(count):
        code = codes[place]
        newlines += code == NEWLINE
        hashes += code == HASH
        ellipses += code == ELLIPSIS
        run = run + 1 if code == DOT else 0
        if run == 3:
            ellipses, run = ellipses + 1, 0
    into[0], into[1], into[2] = newlines, hashes, ellipses


@lean
def line_end(codes: Points, flags: Points, place: int, count: int) -> tuple[int, int]:
    """Where the line that begins at a place ends, and where the next one begins, as str.splitlines sees it."""
    while place < count and not flags[place] & BREAK:
        place += 1
    both = place + 1 < count and codes[place] == RETURN and codes[place + 1] == NEWLINE
    return place, place + (2 if both else 1)


@lean
def split_lines(text: Text, count: int, into: Points) -> None:
    """Of str.splitlines: lines, their characters, the longest, those that begin with a bullet or end in an ellipsis."""
    codes, flags = text
    start = np.int64(0)
    lines = characters = longest = bullets = ellipses = 0
    while start < count:
        stop, after = line_end(codes, flags, start, count)
        first = left(flags, start, stop)
        bullets += first < stop and (codes[first] == BULLET or codes[first] == DASH)
        ellipses += dotted(codes, start, right(flags, start, stop))
        lines, characters, longest = lines + 1, characters + stop - start, max(longest, stop - start)
        start = after
    into[0], into[1], into[2], into[3], into[4] = lines, characters, longest, bullets, ellipses


@lean
def paragraphs(text: Text, count: int, newlines: int, sets: Sets, into: Points) -> None:
    """Of the stripped text, split at two newlines and more: paragraphs, those that came before, their characters."""
    codes, flags = text
    start = left(flags, 0, count)
    end = right(flags, start, count)
    mask = cleared(sets, newlines + 2)
    many = repeated = characters = 0
    place = start
    while True:
        run = 0
        while place + run < end and codes[place + run] == NEWLINE:
            run += 1
        if place >= end or run >= 2:
            many += 1
            if seen(sets.keys, mask, digest(codes, start, place)):
                repeated, characters = repeated + 1, characters + place - start
            if place >= end:
                break
            start = place + run
        place += max(run, 1)
    into[0], into[1], into[2] = many, repeated, characters


@lean
def newline_lines(text: Text, count: int, newlines: int, sets: Sets, runs: Points, into: Points) -> None:
    """Of lines between newlines, and of those between runs of newlines; see `figures.LINES`."""
    codes, flags = text
    mask = cleared(sets, newlines + 2)
    broken = repeated = characters = lines = terminal = short = again = brief = dots = 0
    first = second = third = start = 0
    while start <= count:
        stop = start
        while stop < count and codes[stop] != NEWLINE:
            stop += 1
        size = stop - start
        brief += size <= BRIEF
        dots += stop < count and dotted(codes, start, stop)
        if size > third:
            third = size
            if third > second:
                second, third = third, second
            if second > first:
                first, second = second, first
        if size:
            blank = left(flags, start, stop) == stop
            broken += 1
            if seen(sets.keys, mask, digest(codes, start, stop)):
                repeated, characters = repeated + 1, characters + size
                again += 0 if blank else size
            if not blank:
                lines += 1
                terminal += (flags[stop - 1] & TERMINAL) != 0
                short += size <= SHORT
        start = stop + 1
    # Split at runs of newlines, a text that begins or ends with one has an empty line there.
    edges = 0 if count == 0 else (codes[0] == NEWLINE) + (codes[count - 1] == NEWLINE)
    broken += 1 if count == 0 else edges
    repeated += edges == 2
    if newlines == count and count > 0:
        broken, repeated = 2, 1
    runs[0], runs[1], runs[2] = broken, repeated, characters
    into[0], into[1], into[2], into[3] = lines, terminal, short, again
    into[4], into[5], into[6] = brief, dots, third


@lean
def count_lines(text: Text, count: int, sets: Sets, into: Points) -> None:
    """All of `figures.LINES` after characters and bytes."""
    signs(text.codes, count, into[0:3])
    newlines = np.int64(into[0])
    split_lines(text, count, into[3:8])
    newline_lines(text, count, newlines, sets, into[8:11], into[14:21])
    paragraphs(text, count, newlines, sets, into[11:14])
