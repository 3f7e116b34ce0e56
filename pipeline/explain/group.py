"""The documents that say the same: which of them stands for all, and why that one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prep.manifests.ledger import CELL
from prep.pipeline.dedup import GROUP
from prep.pipeline.explain.scan import by_group
from prep.pipeline.look.fates import Fates, terms
from prep.pipeline.look.finished import Finished
from prep.pipeline.look.named import Names
from prep.pipeline.look.rows import Place, rows
from prep.pipeline.reasons import Reason, Terms
from prep.pipeline.sizing.columns import LEFT_OUT

MOST = 1_000  # members that are looked at
SHOWN = 20


@dataclass(frozen=True)
class Member:
    """A document of the group."""

    id: str
    source: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """`survivor` stands for the others, `why` says what decided between it and the document asked for."""

    group: str
    size: int
    survivor: str | None
    why: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class _Known:
    """What decides between members: see `judge`."""

    id: str
    cell: tuple[str, str, str]
    bits: int
    id_hash: bytes

    @property
    def others(self) -> int:
        """Reasons that were there before duplicates were looked at; the budget and what is held out come after."""
        return self.bits & ~int(Reason.DUPLICATE | Reason.VALIDATION | Reason.BUDGET)


def group(finished: Finished, fates: Fates, place: Place) -> Group | None:
    """The group of a document; None where it says what no other says, or where duplicates were not looked for."""
    if not finished.has(GROUP):
        return None
    hashed = rows(finished, [place], [GROUP])[0][GROUP]
    if hashed is None:
        return None
    places = by_group(finished, GROUP, hashed, MOST)
    known = dict(zip(places, _known(finished, fates, places), strict=True))
    standing = [each for each in known.values() if not each.bits & Reason.DUPLICATE]
    survivor = standing[0] if standing else None
    names = Names.of(finished)
    told = (tuple(names.told(each.bits, each.cell[1])) for each in known.values())
    members = tuple(Member(each.id, each.cell[0], reasons) for each, reasons in zip(known.values(), told, strict=True))
    this = known.get(place) or _known(finished, fates, [place])[0]
    return Group(
        hashed.hex(),
        len(known),
        survivor.id if survivor else None,
        _why(this, survivor, terms(finished)),
        members[:SHOWN],
    )


def _known(finished: Finished, fates: Fates, places: Sequence[Place]) -> list[_Known]:
    tables = {shard: fates.of(shard)[LEFT_OUT] for shard in sorted({shard for shard, _ in places})}
    found = rows(finished, places, ["id", "id_hash", *CELL])
    return [
        _Known(
            each["id"], (each["source"], each["language"], each["kind"]), tables[shard][row].as_py(), each["id_hash"]
        )
        for (shard, row), each in zip(places, found, strict=True)
    ]


def _why(this: _Known, survivor: _Known | None, terms_: Terms) -> str:
    if survivor is None:
        return f"more than {MOST:,} documents are of the group; the one that stands for them is not among the first"
    if this.id == survivor.id:
        return "it stands for the group"
    if bool(this.others) != bool(survivor.others):
        return f"something else speaks against this one, and nothing against {survivor.id}"
    one, two = (terms_.rank(each.cell) for each in (survivor, this))
    if one[0] != two[0]:
        return f"{survivor.cell[0]} is exempt or of a reference kind, {this.cell[0]} is not"
    if one != two:
        return f"{survivor.cell[0]} has the higher priority, {-one[1]} to {-two[1]}"
    return f"both are alike in all that counts, and the id of {survivor.id} has the lower hash"
