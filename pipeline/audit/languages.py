"""The language of a source, from what is found of its documents; it is named only where that is plain."""

from __future__ import annotations

from prep.pipeline.audit.figures import Traits

MOST = 0.6  # of the bytes; below, several languages are mixed, or much cannot be told


def language_of(traits: Traits) -> str | None:
    """The language that most of the text is in, or `code`; None where that is not plain."""
    best = max(traits.languages, key=lambda name: traits.languages[name], default=None)
    return best if best is not None and traits.languages[best] >= MOST else None
