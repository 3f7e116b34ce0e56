"""What the ledger of each stage holds at least: later stages count on these keys, and on what stands there."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from annotated_types import MinLen
from typing_extensions import TypedDict  # pydantic takes that of `typing` from Python 3.12 on

Numbers = dict[str, int]


class Place(TypedDict):
    """What a row of the books is about."""

    source: str
    language: str
    kind: str


class Cell(Place):
    """Documents of one cell; `tokens` by tokenizer."""

    documents: int
    bytes: int
    chars: int
    tokens: Numbers


class Intake(TypedDict):
    """What became of the records of one source."""

    source: str
    read: int
    documents: int
    skipped: Numbers
    rejected: Numbers
    edited: Numbers


class Copied(Place):
    """What of one cell is in the corpus."""

    copies: int
    copied_bytes: int
    copied_tokens: int


class Figures(TypedDict):
    """Of some documents; `tokens` of the one tokenizer that sizes the corpus."""

    documents: int
    bytes: int
    tokens: int


class Available(Place, Figures):
    """What of one cell may be in the corpus, and what may not, by reason."""

    left_out: dict[str, Figures]


class Selected(Copied, Figures):
    """What of one cell is in the corpus, once and with its copies, and what is left out, by reason."""

    left_out: dict[str, Figures]


class Target(Place):
    """What a cell was asked for, in one phase where there are several."""

    group: str
    share: float
    weight: float
    epochs: float
    tokens: int
    asked: int
    available: int
    documents: int
    cap: int
    floor: int
    phase: NotRequired[str]
    earlier: NotRequired[int]


class Failed(Place):
    """What fails one rule, and is left out for it first."""

    documents: int
    tokens: int
    first_documents: int
    first_tokens: int


class Phase(TypedDict):
    """What of each cell is in one phase."""

    phase: str
    cells: list[Copied]


class Columns(TypedDict):
    """Of a stage that adds columns."""

    cells: list[Cell]


class Ingested(Columns):
    """Of ingest."""

    intake: Annotated[list[Intake], MinLen(1)]


class Mixed(TypedDict):
    """Of mix."""

    asked: int
    available: list[Available]
    targets: list[Target]
    keeps: list[dict[str, Any]]


class Chosen(TypedDict):
    """Of a shard of size."""

    selection: list[Selected]
    failed: list[Failed]
    phases: NotRequired[list[Phase]]


class Sized(Chosen):
    """Of size."""

    asked: int
    targets: list[Target]


class Counted(TypedDict):
    """How count made a shard."""

    source: str
    engine: str
    documents: int
    by_reference: int
    rechecked: int
    longest: int
    mismatches: list[dict[str, Any]]
    recounted: dict[str, Any]


ANY = dict[str, Any]
_OF_BOTH: dict[str, Any] = {"ingest": Ingested, **dict.fromkeys(("count", "score", "dedup", "export"), Columns)}
_OF_MANIFESTS: dict[str, Any] = {**_OF_BOTH, "mix": Mixed, "size": Sized}
_OF_RECEIPTS: dict[str, Any] = {**_OF_BOTH, "size": Chosen}


def of_manifest(stage: str) -> Any:
    """The kind of a stage's ledger."""
    return _OF_MANIFESTS.get(stage, ANY)


def of_receipt(stage: str) -> Any:
    """The kind of the ledger of one shard."""
    return _OF_RECEIPTS.get(stage, ANY)


def of_evidence(stage: str, evidence: ANY) -> Any:
    """The kind of what a receipt says of how a shard was made, where it says anything."""
    return Counted if evidence and stage == "count" else ANY
