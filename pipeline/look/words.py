"""The words by which a look is shown, on a terminal and on a page alike."""

from __future__ import annotations

from typing import Any

from prep.filters.rules.figures import PREFIX
from prep.manifests.ledger import CELL, TOKENS
from prep.pipeline.language import SCALE, SECOND_SHARE, SHARE
from prep.pipeline.look.counts import ENTERS, KEPT, LEAVES, STAYS
from prep.pipeline.look.document import Document
from prep.pipeline.numbers import format_share
from prep.pipeline.safe import safe
from prep.pipeline.sizing.columns import KEPT_BYTES, KEPT_TOKENS

SIZES = {
    "n_bytes": "bytes", "n_chars": "characters",
    KEPT_TOKENS: "tokens of its last copy, which is cut", KEPT_BYTES: "bytes of that",
}  # fmt: skip


def spoken(reasons: tuple[str, ...]) -> str:
    """Reasons for a person."""
    return ", ".join(name if "." in name else name.replace("_", " ") for name in reasons)  # rules by their own names


def fate(document: Document) -> str:
    """What becomes of a document, and what would."""
    now = _fate(document.reasons, document.copies)
    if document.then is None:
        return f"left out: {now}" if document.reasons else now
    word = ENTERS if not document.then else LEAVES if not document.reasons else STAYS
    return f"{word}: {now} → {_fate(document.then, document.copies_then)}"


def _fate(reasons: tuple[str, ...], copies: int | None) -> str:
    return spoken(reasons) or (f"{KEPT}, {copies} times" if copies and copies > 1 else KEPT)


def scored(document: Document) -> str:
    """The score, beside the one that the document's draw asks for."""
    if document.score is None:
        return ""
    said = f"score {document.score:.4f}"
    if document.needed is None:
        return f"{said} (not judged by it)"
    return f"{said}, its draw asks {document.needed:.4f}" if document.needed <= 1 else f"{said}, no score would do"


def told(name: str) -> bool:
    """Whether a person wants to see a column: what rules count is told by the rules that a document fails."""
    return name not in CELL and not name.startswith(PREFIX)


def figure(name: str, value: Any) -> str:
    """A column's value for a person."""
    if name in SIZES:
        return f"{value:,} {SIZES[name]}"
    if name.startswith(TOKENS):
        return f"{value:,} tokens ({name.removeprefix(TOKENS)})"
    if name in (SHARE, SECOND_SHARE):
        return f"{name} {format_share(value / SCALE)}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{name} {value:,}" if isinstance(value, int) else f"{name} {value:.4g}"
    return f"{name} {value}"


def details(document: Document) -> list[str]:
    """What is known of a document beside its text, most telling first."""
    place = f"{document.source}/{document.language}/{document.kind}"
    stratum = document.stratum if document.then is None else ""  # of a change, the fate says it
    known = [stratum, place, scored(document)]
    known += [f"{rule.name}: {rule.words}" for rule in document.rules if rule.failed]
    known += [figure(name, value) for name, value in document.figures.items() if told(name)]
    return [safe(each) for each in (*known, document.licence or "", document.url or "") if each]
