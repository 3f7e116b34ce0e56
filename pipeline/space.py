"""Is there room? What a run will write, estimated from the listing and the budget before it begins."""

from __future__ import annotations

from collections.abc import Mapping

from prep.errors import NoSpace
from prep.manifests import files
from prep.pipeline.numbers import format_bytes
from prep.pipeline.plan import budget
from prep.pipeline.settings import Run
from prep.pipeline.sources.listing import Listing

UNPACKED = 1.2  # bytes that a run writes per byte of packed input: text packed again, its hashes, thin columns
PLAIN = 0.6  # the same per byte of input that lies unpacked
PER_TOKEN = 7.0  # bytes that export needs for a token: 4 to 5 of text as scratch, and as much packed by half
PACKED = (".gz", ".zst", ".parquet", ".arrow", ".feather")


def needed(run: Run, listings: Mapping[str, Listing]) -> int:
    """Bytes that a run writes, scratch included; `listings` are those of the sources that are still to be ingested."""
    read = 0.0
    for found in listings.values():
        for piece in found.pieces:
            packed = any(file.name.endswith(PACKED) for file in piece.files)
            read += piece.size * (UNPACKED if packed else PLAIN)
    return int(read + budget.tokens(run.budget) * PER_TOKEN)


def must_fit(run: Run, listings: Mapping[str, Listing]) -> None:
    """The disk of the output folder can hold the run.

    Errors: NoSpace, with both figures.
    """
    free = files.free_bytes(run.out)
    if free is not None and (most := needed(run, listings)) > free:
        raise NoSpace(
            f"{run.out}: the run needs about {format_bytes(most)}, {format_bytes(free)} are free; "
            "give `out:` a larger disk, lower the budget, or pass --no-space-check"
        )
