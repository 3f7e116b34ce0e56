"""What a stage leaves behind, as plain data: recipe, shards, receipts, manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Annotated, Any

from annotated_types import Ge, MinLen

FORMAT = "prep-manifest/1"
SHORT = 12  # hex digits of a digest that name a folder: 48 bits, far more than one project has results
SEAL, RECEIPTS = "sha256", "receipts"  # in evidence: a digest of it, and one of that of the receipts
KEY = 20  # hex digits of a shard's key
Number = Annotated[int, Ge(0)]


def canonical(value: object) -> bytes:
    """The one way a value is written as JSON where bytes matter: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def readable(value: object) -> bytes:
    """JSON for people and programs: sorted keys, indented, one final newline."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def digest(value: object) -> str:
    """SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical(value)).hexdigest()


@dataclass(frozen=True)
class Recipe:
    """What changes a result's bytes, and nothing else: no workers, memory, clock, host, path or licence text."""

    stage: str
    version: int
    settings: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the recipe."""
        return digest(asdict(self))

    @property
    def folder(self) -> str:
        """Where the result lies below the output folder."""
        return f"{self.stage}/{self.digest[:SHORT]}"


@dataclass(frozen=True)
class Shard:
    """One written file: its name in the result's folder, rows, bytes on disk and SHA-256."""

    name: str
    rows: Number
    bytes: Number
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """One step of one unit, done: the files it published and what they hold, recounted from those files.

    `taken` is the number of rows of the unit that this step consumed; `last` says that the unit ends here. `evidence`
    is how it was made, where another way would have made the same bytes.
    """

    key: str
    index: Number
    last: bool
    taken: Number
    shards: Annotated[tuple[Shard, ...], MinLen(1)]
    ledger: dict[str, Any]
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the receipt's file."""
        return receipt_name(self.key, self.index)


def receipt_name(key: str, index: int) -> str:
    """The file name of the receipt of step `index` of the unit `key`."""
    return f"part-{key}-{index:04d}.json"


def part_name(key: str, index: int) -> str:
    """The file name of the rows of step `index` of the unit `key`."""
    return f"part-{key}-{index:04d}.arrow"


def sealed(evidence: dict[str, Any], receipts: Sequence[Receipt]) -> dict[str, Any]:
    """Evidence with a digest over it and that of the receipts, for the manifest's own digest leaves it out."""
    if not evidence:
        return {}
    told = {name: value for name, value in evidence.items() if name != SEAL}
    told[RECEIPTS] = digest([receipt.evidence for receipt in receipts])
    return told | {SEAL: digest(told)}


def intact(evidence: dict[str, Any]) -> bool:
    """Whether evidence is what was sealed."""
    told = {name: value for name, value in evidence.items() if name != SEAL}
    return not evidence or evidence.get(SEAL) == digest(told)


@dataclass(frozen=True)
class Manifest:
    """What a finished result is. Written last: its existence means finished.

    `inputs` are the digests of the manifests it was made from, which makes the chain. `evidence` says how it was made
    where that changes no byte of the shards (which engine counted), and is no part of the digest: two machines that
    chose otherwise made the same result.
    """

    stage: str
    recipe: str
    inputs: dict[str, str]
    schema: dict[str, str]
    shards: tuple[Shard, ...]
    ledger: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)
    format: str = FORMAT

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the manifest's content but for the evidence."""
        return digest({name: value for name, value in asdict(self).items() if name != "evidence"})
