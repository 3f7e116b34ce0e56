"""The cache folder of this user: what may be lost at any time, and only costs seconds to make again."""

import os
from pathlib import Path


def folder(name: str) -> Path | None:
    """Below `PREP_CACHE`, or `prep` in `XDG_CACHE_HOME` or in `.cache`; None where this user has no home."""
    if own := os.environ.get("PREP_CACHE"):
        return Path(own) / name
    if cache := os.environ.get("XDG_CACHE_HOME"):
        return Path(cache) / "prep" / name
    try:
        return Path.home() / ".cache" / "prep" / name
    except RuntimeError:
        return None
