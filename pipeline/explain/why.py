"""Every reason against a document as a sentence, with the numbers that decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prep.pipeline.explain.cell import Cell
from prep.pipeline.explain.group import Group
from prep.pipeline.look.document import Document


@dataclass(frozen=True)
class Why:
    """A reason by its name, and what it comes from."""

    reason: str
    text: str


@dataclass(frozen=True)
class Known:
    """What the sentences are made of."""

    document: Document
    draws: Mapping[str, float]
    keep: Mapping[str, Any] | None
    group: Group | None
    cell: Cell
    listed: str | None  # how the list is known that names it


def whys(known: Known) -> tuple[Why, ...]:
    """In the order of the books: the first is the one that the ledger counts."""
    return tuple(Why(name, _sentence(name, known)) for name in known.document.reasons)


def _sentence(name: str, known: Known) -> str:
    document = known.document
    if name == "not_in_mix":
        return f"{document.language} has no share in the mix"
    if name == "quality":
        return _quality(known)
    if name == "duplicate":
        group = known.group
        return (
            f"{group.survivor} stands for its group of {group.size:,}: {group.why}"
            if group
            else "its text stands twice"
        )
    if name == "excluded":
        return f"named by the list {known.listed}" if known.listed else "it says the same as one that a list names"
    if name == "budget":
        return _budget(known)
    rule = next((rule for rule in known.document.rules if rule.name == name), None)
    return rule.words if rule is not None else SENTENCES.get(name, name)


SENTENCES = {
    "language": "it is found to be in another language than its source says",
    "rules": "it fails a rule; those that it fails follow",
    "validation": "it is held out for validation",
}


def _duplicate(group: Group | None) -> str:
    if group is None:
        return "another document says the same"
    return f"{group.survivor} stands for its group of {group.size:,}: {group.why}"


def _quality(known: Known) -> str:
    document, keep = known.document, kept_by(known.keep)
    score = "none" if document.score is None else f"{document.score:.4f}"
    if document.needed is None:
        return f"its score is {score} (keep: {keep})"
    asks = f"asks {document.needed:.4f}" if document.needed <= 1 else "is satisfied by no score"
    return f"its score is {score}, and its draw {known.draws['quality']:.4f} {asks} (keep: {keep})"


def kept_by(keep: Mapping[str, Any] | None) -> str:
    """A keep as the run file has it."""
    return ", ".join(f"{name} {value}" for name, value in (keep or {}).items()) or "none"


def _budget(known: Known) -> str:
    cell, document = known.cell, known.document
    if cell.cut is None:
        return "its cell is full before any of its documents"
    if cell.by == "quality":
        return (
            f"its cell takes the documents with the best scores, down to {cell.cut:.4f}; its score is {document.score}"
        )
    return f"its cell takes those with the lowest draws, up to {cell.cut:.4f}; its draw is {known.draws['order']:.4f}"
