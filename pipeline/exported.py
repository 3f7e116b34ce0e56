"""An exported folder as those who open it meet it: no file but its own, and a header that leads to these."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from prep.manifests import files
from prep.manifests.lineage import PROVENANCE, Finding, Made
from prep.manifests.record import Manifest, Recipe
from prep.manifests.store import LOG, MANIFEST, RECIPE
from prep.manifests.verify import RECEIPT
from prep.pipeline import card, export, splits

HUB = re.compile(r"\.gitattributes|\.(git|cache)/.+")  # what the hub and its tools add, and readers pass over
HEADER = re.compile(r"\s*---(?:\r\n|\r|\n)([\s\S]*?)(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|$)")  # as the hub finds it
_TRAVELS = re.compile(rf"{PROVENANCE}/[^/.][^/]*/({re.escape(RECIPE)}|{re.escape(MANIFEST)})")
_ANEW = f"delete it, and `prep run` with the run file of this corpus writes {card.NAME} anew"


def strays(result: Made, recipe: Recipe, manifest: Manifest) -> Iterator[Finding]:
    """What lies in the folder or below and is not the corpus's, whatever it is called."""
    listed = {shard.name for shard in manifest.shards}
    own = {*listed, RECIPE, MANIFEST, LOG, card.NAME}
    if recipe.settings.get("layout") == splits.BY_CELL:
        own |= {f"{export.WEIGHTS}.txt", f"{export.WEIGHTS}.json"}
    for name in files.below(result.folder):
        if name not in own and not any(others.fullmatch(name) for others in (RECEIPT, _TRAVELS, HUB)):
            text = "is no file of this corpus, and readers may take it for one; move it out of the folder"
            yield Finding(files.join(result.folder, name), "extra", text)


def header(result: Made, recipe: Recipe, manifest: Manifest) -> Iterator[Finding]:
    """Whether the card leads `load_dataset` to the files that are listed; its prose, and other keys, are free."""
    path = files.join(result.folder, card.NAME)
    settings, names = recipe.settings, [shard.name for shard in manifest.shards]
    asked = splits.configs(settings["formats"], settings["layout"], names)
    try:
        said = _configs(files.read(path))
    except FileNotFoundError:
        yield Finding(path, "missing", "is gone, and `load_dataset` follows it; `prep run` writes it anew")
    except (OSError, ValueError, YAMLError, RecursionError) as error:
        yield Finding(path, "unreadable", f"has no header that can be read: {' '.join(str(error).split())}; {_ANEW}")
    else:
        if said != asked:
            text = f"`configs` of its header leads `load_dataset` elsewhere: it must be {json.dumps(asked)}; or {_ANEW}"
            yield Finding(path, "header", text)


def _configs(content: bytes) -> Any:
    found = HEADER.match(content.decode())
    if found is None:
        raise ValueError("it does not begin with `---`, YAML and `---`")
    head = YAML(typ="safe", pure=True).load(io.StringIO(found[1]))
    return head.get("configs") if isinstance(head, dict) else None
