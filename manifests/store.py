"""Where results lie: reading and writing recipes, receipts and manifests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from prep.errors import BrokenShard
from prep.manifests import files, pages
from prep.manifests.files import RESULT
from prep.manifests.record import FORMAT, SHORT, Manifest, Receipt, Recipe, intact, readable
from prep.manifests.shapes import check, load

RECIPE, MANIFEST, CURRENT = "recipe.json", "manifest.json", "current.json"
LOG = "log.json"  # of a result: how it was made, outside the chain
_AGAIN = "delete it and run again"
_ANEW = "delete it and the manifest.json in its folder, and run again: only what is missing is made anew"


def write_recipe(folder: str, recipe: Recipe) -> None:
    """The intent, before anything else is written."""
    files.write(files.join(folder, RECIPE), readable(asdict(recipe)))


def recipe(folder: str) -> Recipe:
    """The intent of a result.

    Errors: BrokenShard, where the file is not a recipe, or not that which names the folder.
    """
    path = files.join(folder, RECIPE)
    said: Recipe = load(Recipe, path, _ANEW)
    *_, stage, name = ("", *folder.rstrip("/").rsplit("/", 2))
    if RESULT.fullmatch(f"{stage}/{name}") and _digest(said, path) != name:
        raise BrokenShard(f"{path}: was edited: its digest is {said.digest[:SHORT]}, not {name}; {_ANEW}")
    return said


def _digest(value: Recipe | Manifest, path: str) -> str:
    try:
        return value.digest[:SHORT]
    except ValueError as error:  # a number that is none
        raise BrokenShard(f"{path}: {error}; {_ANEW}") from error


def write_receipt(folder: str, receipt: Receipt) -> None:
    """One step of a unit is done."""
    files.write(files.join(folder, receipt.name), readable(asdict(receipt)))


def receipt(folder: str, part: str) -> Receipt:
    """The receipt of one step, by what names its row shard."""
    return read_receipt(files.join(folder, f"part-{part}.json"))


def read_receipt(path: str) -> Receipt:
    """A receipt by its path, `<stage>/<result>/<name>` where a stage wrote it.

    Errors: BrokenShard, where the file is not the receipt that its name says, or its ledger not of that stage.
    """
    said: Receipt = load(Receipt, path, _ANEW)
    *_, stage, _, name = ("", "", *path.rsplit("/", 3))
    if said.name != name:
        raise BrokenShard(f"{path}: is the receipt {said.name}; {_ANEW}")
    check(pages.of_receipt(stage), said.ledger, path, "ledger", _ANEW)
    check(pages.of_evidence(stage, said.evidence), said.evidence, path, "evidence", _ANEW)
    return said


def write_manifest(folder: str, manifest: Manifest) -> None:
    """The fact, after everything else is written."""
    files.write(files.join(folder, MANIFEST), readable(asdict(manifest)))


def manifest(folder: str) -> Manifest | None:
    """The manifest of a finished result; None where it is not finished.

    Errors: BrokenShard, where the file is not a manifest that this version reads.
    """
    path = files.join(folder, MANIFEST)
    if not files.exists(path):
        return None
    plain = load(dict[str, Any], path, _AGAIN)
    if plain.get("format") != FORMAT:
        raise BrokenShard(f"{path}: format is {plain.get('format')!r}, this version reads {FORMAT!r}; {_AGAIN}")
    said: Manifest = load(Manifest, path, _AGAIN)
    if not intact(said.evidence):
        raise BrokenShard(f"{path}: evidence is not what was written; {_AGAIN}")
    check(pages.of_manifest(said.stage), said.ledger, path, "ledger", _AGAIN)
    _digest(said, path)
    return said


def holders(stage_folder: str) -> Mapping[str, list[str]]:
    """By key of a unit, the folders of results that hold its first step."""
    found: dict[str, list[str]] = defaultdict(list)
    for result in files.names(stage_folder):
        folder = files.join(stage_folder, result)
        for name in files.names(folder):
            if name.startswith("part-") and name.endswith("-0000.json"):
                found[name.removeprefix("part-").removesuffix("-0000.json")].append(folder)
    return found


def parts(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Of a result, its row shards in order: what names the shard's content, and its file name."""
    for shard in manifest.shards:
        if shard.name.startswith("part-"):
            yield shard.name.removeprefix("part-").removesuffix(".arrow"), shard.name


def write_current(out: str, chain: Mapping[str, str]) -> None:
    """Name the results of the last run: stage to folder below the output folder."""
    files.write(files.join(out, CURRENT), readable(dict(chain)))


def current(out: str) -> dict[str, str]:
    """The results of the last run; empty before the first."""
    path = files.join(out, CURRENT)
    named: dict[str, str] = load(dict[str, str], path, _AGAIN) if files.exists(path) else {}
    return named
