"""Is there room? What a run will write, estimated from the listing and the budget before it begins."""

from __future__ import annotations

from collections.abc import Mapping

from prep.errors import NoSpace
from prep.manifests import files
from prep.pipeline.numbers import format_bytes, format_count
from prep.pipeline.plan import budget
from prep.pipeline.settings import Run
from prep.pipeline.sources.listing import Listing

UNPACKED = 1.6  # bytes that a run writes per byte of packed input: text packed again, its hashes, thin columns
PLAIN = 0.8  # the same per byte of input that lies unpacked
TEXT = 4.5  # bytes of text for a token, which lie as scratch while the corpus is put in order
PER_TOKEN = TEXT + 2.5  # bytes that export needs for a token: the scratch, and the text packed
MODEL = 25_000_000  # bytes of a trained model
PACKED = (".gz", ".zst", ".parquet", ".arrow", ".feather")


def needed(run: Run, listings: Mapping[str, Listing]) -> int:
    """Bytes that a run writes, scratch included; `listings` are those of the sources that are still to be ingested."""
    read = 0.0
    for found in listings.values():
        for piece in found.pieces:
            packed = any(file.name.endswith(PACKED) for file in piece.files)
            read += piece.size * (UNPACKED if packed else PLAIN)
    models = MODEL * len(run.quality.keep or run.mix.shares or (1, 2)) if run.quality and run.quality.train else 0
    return int(read + models + budget.tokens(run.budget) * PER_TOKEN)


def scratch(run: Run) -> int:
    """Bytes of `needed` that lie in the scratch folder while export puts the corpus in order, and are gone after."""
    return int(budget.tokens(run.budget) * TEXT)


def must_fit(run: Run, listings: Mapping[str, Listing]) -> None:
    """The disk of the output folder can hold the run.

    Errors: NoSpace, with both figures.
    """
    free = files.free_bytes(run.out)
    if free is not None and (most := needed(run, listings)) > free:
        raise NoSpace(
            f"{run.out}: a corpus of {format_count(budget.tokens(run.budget))} tokens needs about "
            f"{format_bytes(most)}, {format_bytes(free)} are free; "
            "give `out:` a larger disk, lower the budget, or pass --no-space-check"
        )
