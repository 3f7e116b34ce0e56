"""The counts of a batch of documents of one language, in one reading of their bytes."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.filters.rules.lists import Lists

VERSION = f"1, Unicode {unicodedata.unidata_version}"  # rises whenever a text would be counted otherwise


@dataclass(frozen=True)
class How:
    """How documents are counted: their language, its word lists, and whether to try how well they compress."""

    language: str
    lists: Lists
    compressed: bool = False


def figures(texts: pa.Array, how: How) -> dict[str, npt.NDArray[np.uint32]]:
    """The counts that documents of this language have, by name."""
    return {
        "characters": np.asarray(pc.utf8_length(texts)).astype(np.uint32),
        "bytes": np.asarray(pc.binary_length(texts)).astype(np.uint32),
        "newlines": np.asarray(pc.count_substring(texts, "\n")).astype(np.uint32),
    }
