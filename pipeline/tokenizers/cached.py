"""The cache folder of this user: what may be lost at any time, and only costs seconds to make again."""

import hashlib
import os
from functools import cache
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


@cache
def code() -> str:
    """Digest of the source of everything that counts: what was found with other code is not known of this."""
    here = Path(__file__).parent
    sources = sorted([*here.glob("*.py"), *here.glob("unigram/*.py")])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
