"""Bytes a token and unique tokens from a finished `count`, by language or source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from prep.errors import BadSettings
from prep.manifests import files, store
from prep.manifests.record import Manifest
from prep.pipeline.plan.question import Supply, Text

By = Literal["language", "source"]


@dataclass(frozen=True)
class Counted:
    """Cells of the books of a count: source, language, kind, bytes, and tokens by one tokenizer."""

    folder: str
    tokenizer: str
    cells: tuple[dict[str, Any], ...]

    def sums(self, by: By, what: str) -> dict[str, int]:
        """Bytes or tokens, added up by language or source; what has none is left out."""
        total: dict[str, int] = defaultdict(int)
        for cell in self.cells:
            total[cell[by]] += cell[what]
        return {name: number for name, number in sorted(total.items()) if number}

    def text(self) -> Text:
        """Bytes a token of each language."""
        sizes, tokens = self.sums("language", "bytes"), self.sums("language", "tokens")
        ratios = {name: sizes[name] / number for name, number in tokens.items() if name in sizes}
        return Text(self.folder, self.tokenizer, ratios)

    def supply(self, by: By, shares: dict[str, float]) -> Supply:
        """The tokens there are, duplicates not yet taken out.

        Errors: BadSettings, where a share is of something that is not there.
        """
        unique = self.sums(by, "tokens")
        missing = next((name for name in shares if name not in unique), None)
        if missing is not None:
            raise BadSettings(f"--shares {missing}: {self.folder} has no such {by}; it has {', '.join(unique)}")
        return Supply(dict(unique), shares)


def read(path: str, tokenizer: str | None = None) -> Counted:
    """The books of a finished count: its folder, its manifest, the `out` folder of a run, or the file of a run.

    Errors: BadSettings, where there is none, or several tokenizers and none is named.
    """
    found = {name: cells for folder in _folders(_out(path)) for name, cells in _counts(folder).items()}
    if not found:
        raise BadSettings(
            f"{path}: no finished `count` here; name a run file or its `out:` folder, or run `prep count` first"
        )
    if tokenizer is None and len(found) > 1:
        raise BadSettings(f"{path}: counted by several tokenizers; add --tokenizer {' or '.join(sorted(found))}")
    name = next(iter(found)) if tokenizer is None else tokenizer
    if name not in found:
        raise BadSettings(f"--tokenizer {name}: {path} was counted by {', '.join(sorted(found))}")
    return Counted(path, name, tuple(found[name]))


def _out(path: str) -> str:
    """What a run file names; another path as it is."""
    if path.endswith(store.MANIFEST) or not Path(path).is_file():
        return path
    from prep.pipeline import runfile

    return runfile.load(path).out


def _folders(path: str) -> Iterable[str]:
    """Where manifests of counts may lie."""
    if path.endswith(store.MANIFEST):
        return [str(Path(path).parent)]
    if files.exists(files.join(path, store.MANIFEST)):
        return [path]
    named = [folder for name, folder in store.current(path).items() if name.split(".")[0] == "count"]
    return [files.join(path, folder) for folder in named]


def _counts(folder: str) -> dict[str, list[dict[str, Any]]]:
    found: Manifest | None = store.manifest(folder)
    if found is None or found.stage != "count":
        return {}
    cells: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for cell in found.ledger["cells"]:
        for name, tokens in cell["tokens"].items():
            cells[name].append({**cell, "tokens": tokens})
    return cells
