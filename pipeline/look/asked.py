"""What a person asked to see: flags as they came, checked against what there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prep.errors import BadInput, BadSettings
from prep.manifests.ledger import CELL
from prep.pipeline.findings import nearest
from prep.pipeline.look.finished import Finished
from prep.pipeline.look.named import Masks, Names
from prep.pipeline.score import QUALITY

CHARS = 1_000  # of a text that is shown, where nothing else is said: about what a screen holds
NUMBER = 50  # documents
A_DECILE = 5  # documents of each


@dataclass(frozen=True)
class Asked:
    """The flags of `prep look` that say which documents, and how much of each."""

    left_out: str | None = None
    kept: bool = False
    source: str | None = None
    language: str | None = None
    near_threshold: bool = False
    deciles: bool = False
    number: int | None = None
    seed: int = 0
    chars: int = CHARS
    changes: Sequence[str] = ()

    @property
    def most(self) -> int:
        """Documents to show, in all or of each decile."""
        return self.number or (A_DECILE if self.deciles else NUMBER)


@dataclass(frozen=True)
class Wanted:
    """The same, as what is compared with columns: a document has one of the bits; `kept`: it has none."""

    masks: Masks | None
    kept: bool
    source: str | None
    language: str | None

    @property
    def words(self) -> str:
        """For a heading."""
        return ", ".join(filter(None, (self.source, self.language)))


def wanted(finished: Finished, asked: Asked, *, sized: bool) -> Wanted:
    """Check the flags against the run.

    Errors: BadSettings, BadInput, with the nearest name.
    """
    if asked.left_out and asked.kept:
        raise BadSettings("--left-out and --kept exclude each other; give one")
    if asked.near_threshold and asked.deciles:
        raise BadSettings("--near-threshold and --deciles exclude each other; give one")
    if asked.near_threshold or asked.deciles:
        flag = "--near-threshold" if asked.near_threshold else "--deciles"
        if not finished.has(QUALITY):
            raise BadInput(f"{flag} needs scores, and there are none yet; first: prep score {finished.target}")
    for flag, name, place in (("source", asked.source, 0), ("language", asked.language, 1)):
        there = sorted({row[CELL[place]] for row in finished.results["ingest"].manifest.ledger["cells"]})
        if name is not None and name not in there:
            raise BadInput(f"--{flag} {name}: no document is of it; {nearest(name, tuple(there), 'there are')}")
    masks = Names.of(finished).masks(asked.left_out) if asked.left_out else None
    if masks is not None and asked.left_out == "budget" and not sized:
        raise BadInput(f"--left-out budget: nothing is sized yet; first: prep size {finished.target}")
    return Wanted(masks, asked.kept, asked.source, asked.language)
