"""Where results lie: reading and writing recipes, receipts and manifests."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from prep.errors import BrokenShard
from prep.manifests import files
from prep.manifests.record import FORMAT, Manifest, Receipt, Recipe, readable

RECIPE, MANIFEST, CURRENT = "recipe.json", "manifest.json", "current.json"
LOG = "log.json"  # of a result: how it was made, outside the chain
_ANEW = "delete it and the manifest.json in its folder, and run again: only what is missing is made anew"


def write_recipe(folder: str, recipe: Recipe) -> None:
    """The intent, before anything else is written."""
    files.write(files.join(folder, RECIPE), readable(asdict(recipe)))


def recipe(folder: str) -> Recipe:
    """The intent of a result."""
    path = files.join(folder, RECIPE)
    try:
        return Recipe(**_json(path))
    except TypeError as error:
        raise BrokenShard(f"{path}: not a recipe ({error}); delete it and run again") from error


def write_receipt(folder: str, receipt: Receipt) -> None:
    """One step of a unit is done."""
    files.write(files.join(folder, receipt.name), readable(asdict(receipt)))


def receipt(folder: str, part: str) -> Receipt:
    """The receipt of one step, by what names its row shard."""
    return read_receipt(files.join(folder, f"part-{part}.json"))


def read_receipt(path: str) -> Receipt:
    """A receipt by its path.

    Errors: BrokenShard, where the file is not a receipt.
    """
    try:
        return Receipt.parse(files.read(path))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BrokenShard(f"{path}: not a receipt ({error!r}); {_ANEW}") from error


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
    plain = _json(path)
    if plain.get("format") != FORMAT:
        raise BrokenShard(f"{path}: format is {plain.get('format')!r}, this version reads {FORMAT!r}")
    try:
        return Manifest.parse(files.read(path))
    except (KeyError, TypeError) as error:
        raise BrokenShard(f"{path}: not a manifest ({error!r}); delete it and run again") from error


def _json(path: str) -> dict[str, Any]:
    try:
        plain = json.loads(files.read(path))
    except (ValueError, OSError) as error:
        raise BrokenShard(f"{path}: cannot be read: {error}; delete it and run again") from error
    if not isinstance(plain, dict):
        raise BrokenShard(f"{path}: holds {type(plain).__name__}, not an object")
    return plain


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
    return _json(path) if files.exists(path) else {}
