"""A library's tokenizer whose cache only grows, made anew when this process has grown too much with it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

# gigatoken keeps each new word: 0.6 bytes for a byte of English with its letters swapped every 20 MB, 3.6 of Japanese
# (sixteen times 20 MB, gpt2: 324 and 1,275 MB, and no end; fastokens 362 and 319, and slowing).
GROWTH_BYTES = 400_000_000
FALLBACK_SIZE = 128_000_000  # bytes or characters of text, where the system does not tell what a process holds
MEMORY = Path("/proc/self/statm")

Made = TypeVar("Made")


class Renewed(Generic[Made]):
    """Call `get` for each batch with its size."""

    def __init__(self, make: Callable[[], Made], growth: int = GROWTH_BYTES) -> None:
        self.make, self.growth = make, growth
        self.made, self.start, self.seen = make(), resident(), 0

    def get(self, size: int) -> Made:
        """The tokenizer, for a text of `size` bytes or characters, as it takes them."""
        self.seen += size
        now = resident()
        self.start = min(self.start, now)  # what was needed to open it may be given back only later: 130 MB of 480
        grown = now - self.start if self.start else self.seen * self.growth // FALLBACK_SIZE
        if grown > self.growth and self.seen > size:
            del self.made  # before the next is made: not both at once
            self.made, self.start, self.seen = self.make(), resident(), size
        return self.made


def resident() -> int:
    """Bytes of memory that this process holds; 0 where it cannot be asked."""
    try:
        return int(MEMORY.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 0
