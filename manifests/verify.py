"""Checks of one result: files against receipts, receipts against the manifest, books against those before."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from prep.errors import Unbalanced
from prep.manifests import files, ledger
from prep.manifests.ledger import CELL, PHASE, Row
from prep.manifests.lineage import Finding, Made, parsed
from prep.manifests.record import Manifest, Receipt, Shard, sealed

DATA = (".arrow", ".parquet", ".jsonl", ".zst", ".bin")  # a file that ends so is a shard, or should not be there
RECEIPT = re.compile(r"part-[0-9a-f]+-\d+\.json")
_CHUNK = 1 << 20
COUNTS = ("documents", "bytes", "tokens")


def shard(folder: str, said: Shard, others: Collection[str] = ()) -> tuple[list[Finding], bool]:
    """Read a file once: its bytes and SHA-256 against the manifest, and whether it is safe to open.

    It is where its SHA-256 is that of the manifest or one of `others`: what a damaged file decodes to may reach outside
    its buffers.
    """
    path = files.join(folder, said.name)
    if said.name.startswith("/") or ".." in said.name.split("/"):
        return [Finding(path, "missing", "a shard's name that leads out of its folder")], False
    try:
        n_bytes, sha256 = hashed(path)
    except FileNotFoundError:
        return [Finding(path, "missing", "the manifest names it, and it is gone")], False
    except OSError as error:
        return [Finding(path, "unreadable", str(error))], False
    found = []
    if n_bytes != said.bytes:
        found.append(Finding(path, "bytes", f"has {n_bytes:,} bytes, the manifest says {said.bytes:,}"))
    elif sha256 != said.sha256:
        found.append(Finding(path, "sha256", f"is {sha256}, the manifest says {said.sha256}"))
    return found, sha256 in (said.sha256, *others)


def hashed(path: str) -> tuple[int, str]:
    """Bytes and SHA-256 of a file."""
    sha256, n_bytes = hashlib.sha256(), 0
    with files.open_random(path) as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            n_bytes += len(chunk)
    return n_bytes, sha256.hexdigest()


def receipts(result: Made, manifest: Manifest, found: list[Finding]) -> list[Receipt]:
    """The receipts of a result in the order of its manifest's shards; what they say otherwise is found."""
    held = _held(result.folder, found)
    owner = {shard.name: receipt for receipt in held for shard in receipt.shards}
    for part in manifest.shards:
        if part.name not in owner:
            found.append(Finding(files.join(result.folder, part.name), "receipt", "has no receipt"))
        elif part not in owner[part.name].shards:
            path = files.join(result.folder, owner[part.name].name)
            found.append(Finding(path, "receipt", f"does not say of {part.name} what the manifest says"))
    ordered = list({owner[part.name].name: owner[part.name] for part in manifest.shards if part.name in owner}.values())
    listed = {part.name for part in manifest.shards}
    for receipt in held:
        for part in receipt.shards:
            if part.name not in listed:
                text = f"{receipt.name} is the receipt of {part.name}, which the manifest does not list"
                found.append(Finding(result.path, "receipt", text))
    if listed <= owner.keys():
        found += _order(result, manifest, ordered)
    return ordered


def _held(folder: str, found: list[Finding]) -> list[Receipt]:
    held = []
    for name in filter(RECEIPT.fullmatch, files.names(folder)):
        receipt = parsed(Receipt, files.join(folder, name), found)
        if receipt is not None and receipt.name != name:
            found.append(Finding(files.join(folder, name), "receipt", f"is the receipt {receipt.name}"))
        elif receipt is not None:
            held.append(receipt)
    return held


def _order(result: Made, manifest: Manifest, ordered: Sequence[Receipt]) -> Iterator[Finding]:
    """Whether the manifest's shards and facts are those of its receipts, one after another."""
    steps: dict[str, list[Receipt]] = {}
    for receipt in ordered:
        steps.setdefault(receipt.key, []).append(receipt)
    if [part.name for part in manifest.shards] != [part.name for one in ordered for part in one.shards]:
        yield Finding(result.path, "order", "its shards do not stand in the order of their receipts")
    for key, run in steps.items():
        if [one.index for one in run] != list(range(len(run))) or [one.last for one in run] != (
            [False] * (len(run) - 1) + [True]
        ):
            yield Finding(result.path, "order", f"the steps of unit {key} are not whole, or not in order")
    facts: dict[str, Any] = {}
    for receipt in ordered:
        for name, value in receipt.facts.items():
            before = facts.get(name, {})
            facts[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    yield from differ(result.path, "facts", manifest.facts, facts, "the receipts")
    if manifest.evidence != sealed(manifest.evidence, ordered):
        yield Finding(result.path, "evidence", "how it was made, here or in a receipt, is not what was written")


def strays(result: Made, manifest: Manifest) -> Iterator[Finding]:
    """Files that look like shards, and that the manifest does not list."""
    listed = {part.name for part in manifest.shards}
    folders = {name.rpartition("/")[0] for name in listed} | {""}
    for folder in sorted(folders):
        for name in files.names(files.join(result.folder, folder) if folder else result.folder):
            below = f"{folder}/{name}" if folder else name
            if below not in listed and name.endswith(DATA):
                yield Finding(files.join(result.folder, below), "extra", "is no shard of the manifest")


def differences(said: Any, counted: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two pages of a ledger differ: the place, and the two values. Rows are matched by what they are about."""
    if isinstance(said, list) and isinstance(counted, list) and all(isinstance(row, dict) for row in said + counted):
        said, counted = _by_name(said), _by_name(counted)
    if isinstance(said, dict) and isinstance(counted, dict):
        for name in [*said, *(name for name in counted if name not in said)]:
            yield from differences(said.get(name), counted.get(name), f"{place}.{name}" if place else str(name))
    elif type(said) is not type(counted) or said != counted:
        yield place, said, counted


def _by_name(rows: Sequence[Row]) -> dict[str, Row]:
    named: dict[str, Row] = {}
    for row in rows:
        name = "/".join(str(row[part]) for part in (PHASE, *CELL) if part in row)
        while name in named:  # a row that stands twice
            name += "'"
        named[name] = row
    return named


def differ(path: str, check: str, said: Any, counted: Any, who: str) -> Iterator[Finding]:
    """Every place where two pages differ, as findings."""
    for place, one, two in differences(said, counted):
        yield Finding(path, check, f"{place}: {_short(one)} here, {_short(two)} by {who}")


def _short(value: Any) -> str:
    text = "nothing" if value is None else f"{value:,}" if type(value) is int else str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def page(path: str, said: Mapping[str, Any], counted: Mapping[str, Any], who: str) -> Iterator[Finding]:
    """A ledger's page against what was counted elsewhere; what was not counted is not looked at."""
    yield from differ(path, "ledger", {name: said.get(name) for name in counted}, dict(counted), who)


def balanced(path: str, stage: str, before: Iterable[Row], after: Iterable[Row]) -> Iterator[Finding]:
    """Documents, bytes and tokens in = out, for every cell."""
    for one, two in _paired(before, after):
        yield from _holds(path, ledger.must_balance, stage, one, two)


def balanced_intake(path: str, intake: Iterable[Row], cells: Iterable[Row]) -> Iterator[Finding]:
    """Records read = documents + skipped + rejected, and the documents are those of the cells, for every source."""
    cells = list(cells)
    for row in intake:
        yield from _holds(path, ledger.must_balance_intake, [row])
        documents = sum(cell["documents"] for cell in cells if cell["source"] == row["source"])
        if documents != row["documents"]:
            text = f"source {row['source']}: {row['documents']:,} documents taken in, {documents:,} in its cells"
            yield Finding(path, "balance", text)


def balanced_selection(path: str, stage: str, before: Iterable[Row], after: Iterable[Row]) -> Iterator[Finding]:
    """Documents, bytes and tokens in = selected + left out, for every cell."""
    for one, two in _paired(before, after):
        yield from _holds(path, ledger.must_balance_selection, stage, one, two)


def _paired(before: Iterable[Row], after: Iterable[Row]) -> Iterator[tuple[list[Row], list[Row]]]:
    """The rows of each cell, of either side."""
    sides = [{tuple(row[name] for name in CELL): row for row in rows} for rows in (before, after)]
    for place in sorted(sides[0].keys() | sides[1].keys()):
        one, two = ([side[place]] if place in side else [] for side in sides)
        yield one, two


def _holds(path: str, law: Callable[..., None], *pages: Any) -> Iterator[Finding]:
    try:
        law(*pages)
    except Unbalanced as error:
        yield Finding(path, "balance", str(error))


def shaped(path: str, checks: Iterator[Finding]) -> Iterator[Finding]:
    """The same findings; books that are not of the shape that the checks know are one more."""
    try:
        yield from checks
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        yield Finding(path, "ledger", f"is not of the shape that this version writes: {error!r}")
