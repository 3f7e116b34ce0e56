"""A fastText model file of many labels, plain or quantized, read with suspicion before fastText sees it.

fastText trusts its files: a size that is wrong is memory asked for or a read past the end. Here every size is computed
from the settings and must meet the end of the file to the byte. Weights are not looked at: a model that says nonsense
is the user's to judge, one that crashes the process is ours.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from prep.errors import BadModel

# The file, little-endian (fastText's fasttext.cc, args.cc, dictionary.cc, densematrix.cc, quantmatrix.cc): magic number
# and version; 12 settings and a double; size, words and labels of the dictionary, its tokens, pruned entries; each
# entry's text with NUL, count and type; the pruned entries; the input matrix after a byte for "quantized"; the output
# matrix after another.
_HEAD = struct.Struct("<2i 12i d 3i 2q")
_MAGIC = (793712314, 12)
_SUPERVISED, _WORD, _LABEL = 3, 0, 1
_LOSSES = {1: "hierarchical softmax", 2: "negative sampling", 3: "softmax", 4: "one vs all"}
_DENSE = struct.Struct("<2q")
_QUANTIZED = struct.Struct("<?2qi")
_QUANTIZER = struct.Struct("<4i")
_CENTROIDS = 256  # of each part of a vector, which is a byte
_MOST_DIM = 10_000
_MOST_COUNT = 10**15  # the label tree of hierarchical softmax takes it for "none"


@dataclass(frozen=True)
class _Head:
    dim: int
    loss: int
    bucket: int
    maxn: int
    ngrams: int
    size: int
    words: int
    labels: int
    pruned: int


def labels_of(path: Path) -> list[str]:
    """The labels of a model that fastText can load.

    Errors: BadModel.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _labels(data)
    except OSError as error:
        raise BadModel(f"{path}: cannot be read ({error.strerror}); name a fastText model file") from error
    except (ValueError, struct.error) as error:
        raise BadModel(
            f"{path}: {error}; name a fastText model that identifies languages, such as lid.176.bin, or `by: cld2`"
        ) from error


def _labels(data: mmap.mmap) -> list[str]:
    head = _head(data)
    at, labels = _entries(data, head)
    if head.pruned > 0:
        at = _pruned(data, at, head)
    quantized, at = _flag(data, at)
    if head.pruned >= 0 and not quantized:
        raise ValueError("is pruned and not quantized")
    rows = head.words + (max(head.pruned, 0) if head.pruned >= 0 else head.bucket)
    at = _quantized(data, at, rows, head.dim) if quantized else _dense(data, at, rows, head.dim)
    also, at = _flag(data, at)
    whole = _quantized if quantized and also else _dense
    at = whole(data, at, head.labels, head.dim)
    if at != len(data):
        raise ValueError(f"has {len(data):,} bytes instead of {at:,}: it was cut or added to")
    return labels


def _head(data: mmap.mmap) -> _Head:
    if len(data) < _HEAD.size or _HEAD.unpack_from(data)[:2] != _MAGIC:
        raise ValueError("is not a fastText model file of version 12")
    (_, _, dim, _, _, _, _, ngrams, loss, kind, bucket, minn, maxn, _, _, size, words, labels, _, pruned) = (
        _HEAD.unpack_from(data)
    )
    if kind != _SUPERVISED or loss not in _LOSSES:
        raise ValueError("is not a supervised model")
    hashes = ngrams > 1 or maxn > 0
    if not 0 < dim <= _MOST_DIM or min(ngrams, words) < 1 or min(bucket, minn, maxn) < 0 or (hashes and not bucket):
        raise ValueError("has settings that cannot be")
    if labels < 2 or size != words + labels or size > len(data) or pruned < -1 or pruned > len(data):
        raise ValueError("has a dictionary that cannot be")
    return _Head(dim, loss, bucket, maxn, ngrams, size, words, labels, pruned)


def _entries(data: mmap.mmap, head: _Head) -> tuple[int, list[str]]:
    """Where the dictionary ends, and its labels."""
    at, labels = _HEAD.size, []
    for index in range(head.size):
        end = data.find(b"\0", at)
        if end < 0 or end + 10 > len(data) or data[end + 9] != (_WORD if index < head.words else _LABEL):
            raise ValueError(f"has a broken dictionary at entry {index}")
        if not 0 <= int.from_bytes(data[end + 1 : end + 9], "little", signed=True) < _MOST_COUNT:
            raise ValueError(f"has a count that cannot be at entry {index}")
        if index >= head.words:
            labels.append(data[at:end].decode())
        at = end + 10
    return at, labels


def _pruned(data: mmap.mmap, at: int, head: _Head) -> int:
    """Past the table of the hashed features that are left; each must lead to a row."""
    stop = at + 8 * head.pruned
    if stop > len(data):
        raise ValueError("ends in its table of pruned entries")
    for bucket, row in struct.iter_unpack("<2i", data[at:stop]):
        if not (0 <= bucket < max(head.bucket, 1) and 0 <= row < head.pruned):
            raise ValueError("has a table of pruned entries that cannot be")
    return stop


def _flag(data: mmap.mmap, at: int) -> tuple[bool, int]:
    if at >= len(data) or data[at] > 1:
        raise ValueError("has no matrix where it should be")
    return bool(data[at]), at + 1


def _dense(data: mmap.mmap, at: int, rows: int, dim: int) -> int:
    if _DENSE.unpack_from(data, at) != (rows, dim):
        raise ValueError("has a matrix that does not fit its dictionary")
    return at + _DENSE.size + 4 * rows * dim


def _quantized(data: mmap.mmap, at: int, rows: int, dim: int) -> int:
    normed, *shape, codes = _QUANTIZED.unpack_from(data, at)
    at += _QUANTIZED.size + codes
    if shape != [rows, dim] or codes < 0 or at > len(data):
        raise ValueError("has a quantized matrix that does not fit its dictionary")
    at, parts = _quantizer(data, at, dim)
    if codes != rows * parts:
        raise ValueError("has codes that do not fit its quantizer")
    return _quantizer(data, at + rows, 1)[0] if normed else at


def _quantizer(data: mmap.mmap, at: int, dim: int) -> tuple[int, int]:
    """Past the centroids, and how many parts a vector has."""
    whole, parts, width, last = _QUANTIZER.unpack_from(data, at)
    fits = whole == dim and parts > 0 and 0 < last <= width and (parts - 1) * width + last == dim
    if not fits:
        raise ValueError("has a quantizer that does not fit its vectors")
    return at + _QUANTIZER.size + 4 * dim * _CENTROIDS, parts
