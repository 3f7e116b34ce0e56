"""What travels with an exported corpus: every recipe and manifest it came from, and a data card."""

from __future__ import annotations

from collections.abc import Mapping

from prep.manifests import files
from prep.manifests.store import MANIFEST, RECIPE
from prep.pipeline.stage import Result

FOLDER = "provenance"


def copy(folder: str, results: Mapping[str, Result]) -> None:
    """Copy the recipe and the manifest of every stage, so that the exported folder can be verified alone."""
    for name, result in sorted(results.items()):
        for file in (RECIPE, MANIFEST):
            files.write(files.join(folder, FOLDER, name, file), files.read(files.join(result.folder, file)))
