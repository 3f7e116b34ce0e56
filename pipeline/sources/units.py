"""Pieces of a listing: large files split by bytes, small texts grouped; a new file changes its own group only."""

from __future__ import annotations

from collections.abc import Iterator

import xxhash

from prep.pipeline.sources.piece import File, Piece, Where
from prep.pipeline.sources.remote import HEAD
from prep.pipeline.sources.stream import is_compressed, open_file

SPLIT = 64 << 20  # bytes of a range: about a shard's worth of text, and seconds of work
GROUP_BYTES = 32 << 20  # bytes of text files that a group holds on average
LEAST = 32 << 10  # bytes a small text file counts as, so that a group of tiny files ends after about 1,000

SUFFIXES = {
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl"),
    ".parquet": "parquet",
    **dict.fromkeys((".arrow", ".arrows", ".feather", ".ipc"), "arrow"),
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    **dict.fromkeys((".warc", ".wet", ".wat", ".arc"), "warc"),
}


def format_of(name: str) -> str:
    """By the last suffix that is not one of compression; text where it says nothing."""
    lower = name.lower()
    for packed in (".gz", ".zst", ".zstd"):
        lower = lower.removesuffix(packed)
    dot = lower.rfind(".", lower.rfind("/") + 1)
    return SUFFIXES.get(lower[dot:], "text") if dot >= 0 else "text"


def units(files: list[File], where: Where) -> list[Piece]:
    """The pieces, in order of their first file's name."""
    texts, made = list[File](), list[Piece]()
    for file in sorted(files, key=lambda file: file.name):
        kind = where.format or format_of(file.name)
        if kind == "text":
            texts.append(file)
        else:
            made += ranges(file, kind, where)
    made += [Piece(where.name, "text", where.encoding, group) for group in groups(texts)]
    return sorted(made, key=lambda piece: (piece.files[0].name, piece.start))


def ranges(file: File, kind: str, where: Where) -> list[Piece]:
    """The file in ranges of `SPLIT` bytes, if its format can be entered in the middle."""
    whole = Piece(where.name, kind, where.encoding, (file,))
    if file.size <= SPLIT or kind not in {"jsonl", "parquet"}:
        return [whole]
    with open_file(file, HEAD) as handle:
        if is_compressed(handle.read(8)):
            return [whole]
    starts = range(0, file.size, SPLIT)
    return [Piece(where.name, kind, where.encoding, (file,), at, min(at + SPLIT, file.size)) for at in starts]


def groups(files: list[File]) -> Iterator[tuple[File, ...]]:
    """Files in order of name; whether a group ends after a file hangs on that file alone."""
    held: list[File] = []
    for file in files:
        held.append(file)
        draw = xxhash.xxh3_64_intdigest(file.name.encode()) / 2**64
        if draw < max(file.size, LEAST) / GROUP_BYTES:
            yield tuple(held)
            held = []
    if held:
        yield tuple(held)
