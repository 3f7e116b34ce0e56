"""A fastText model file of the labels good and rest, read with suspicion: nothing in it is taken on trust."""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from prep.errors import BadModel

GOOD, REST = "__label__good", "__label__rest"

# The file, little-endian: magic number and version; 12 settings and a double; size, words and labels of the
# dictionary, its tokens, pruned entries; each entry's text with NUL, count and type; then the two matrices, each with
# a byte for "quantized", rows and columns before its float32s (fastText's fasttext.cc, args.cc, dictionary.cc,
# densematrix.cc).
HEAD = struct.Struct("<2i 12i d 3i 2q")
SHAPE = struct.Struct("<?2q")
MAGIC = (793712314, 12)
MOST_NGRAMS = 8  # tokens of a run; `prep train` asks for 2
SUPERVISED, SOFTMAX, WORD, LABEL = 3, 3, 0, 1

Matrix = tuple[int, int, int]  # where its numbers begin, rows, columns


@dataclass(frozen=True)
class Layout:
    """What a file says of itself."""

    words: list[bytes]  # in the order of their rows
    labels: list[str]
    ngrams: int  # tokens of the longest run that is a feature
    bucket: int  # rows for runs of tokens
    into: Matrix  # a row for each word, then the bucket
    out: Matrix  # a row for each label


def check(path: Path, named: Path | None = None) -> Layout:
    """Refuse what fastText would crash on or ask absurd memory for.

    Errors: BadModel.
    """
    named = named or path
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = _layout(data)
    except OSError as error:
        raise BadModel(f"{named}: cannot be read ({error.strerror}); name a fastText model file") from error
    except (ValueError, struct.error) as error:
        raise BadModel(f"{named}: {error}; name a model that `prep train` wrote, or train it again") from error
    for matrix in (found.into, found.out):
        with np.errstate(invalid="ignore"):  # infinity minus infinity
            total = rows_of(path, matrix).sum(dtype=np.float64)
        if not np.isfinite(total):
            raise BadModel(f"{named}: holds weights that are no numbers; train it again")
    return found


def rows_of(path: Path, matrix: Matrix) -> npt.NDArray[np.float32]:
    """One of the two matrices, mapped."""
    at, rows, columns = matrix
    return np.memmap(path, "<f4", "r", at, (rows, columns))


def _layout(data: mmap.mmap) -> Layout:
    """ValueError where the file is not what it should be."""
    if len(data) < HEAD.size or HEAD.unpack_from(data)[:2] != MAGIC:
        raise ValueError("is not a fastText model file of version 12")
    (_, _, dim, _, _, _, _, ngrams, loss, kind, bucket, minn, maxn, _, _, size, words, labels, _, pruned) = (
        HEAD.unpack_from(data)
    )
    if (kind, loss) != (SUPERVISED, SOFTMAX):
        raise ValueError("is not a supervised model with softmax")
    if min(dim, ngrams, words) < 1 or min(bucket, minn, maxn) < 0 or (ngrams > 1 and not bucket) or pruned != -1:
        raise ValueError("has settings that cannot be")
    if maxn or ngrams > MOST_NGRAMS:
        raise ValueError(f"learns from parts of words (maxn {maxn}) or runs of {ngrams} words, which is not read here")
    at, entries = _entries(data, size, words)
    found = [entry.decode(errors="replace") for entry in entries[words:]]
    if size != words + labels or sorted(found) != sorted((GOOD, REST)):
        raise ValueError(f"has the labels {', '.join(found[:5])} instead of {GOOD} and {REST}")
    matrices = []
    for rows in (words + bucket, labels):
        quantized, *shape = SHAPE.unpack_from(data, at)
        if quantized or shape != [rows, dim]:
            raise ValueError("is quantized or its matrices do not fit its dictionary")
        matrices.append((at + SHAPE.size, rows, dim))
        at += SHAPE.size + rows * dim * 4
    if at != len(data):
        raise ValueError(f"has {len(data):,} bytes instead of {at:,}: it was cut or added to")
    return Layout(entries[:words], found, ngrams, bucket, *matrices)


def _entries(data: mmap.mmap, size: int, words: int) -> tuple[int, list[bytes]]:
    """Where the dictionary ends, and its entries."""
    at, found = HEAD.size, []
    for index in range(size):
        end = data.find(b"\0", at)
        if end < 0 or end + 10 > len(data) or data[end + 9] != (WORD if index < words else LABEL):
            raise ValueError(f"has a broken dictionary at entry {index}")
        found.append(data[at:end])
        at = end + 10
    return at, found
