"""Which files of a corpus are of which split, as the header of its card tells `datasets`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from prep.pipeline.formats import FORMATS
from prep.pipeline.ordering.placing import TRAIN, VALIDATION
from prep.pipeline.recount import part_of

BY_CELL = "by_cell"


def configs(formats: Sequence[str], layout: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """What `load_dataset` follows: the first format alone, for it reads all configs of a folder as the first."""
    return [{"config_name": formats[0], "default": True, "data_files": splits(formats[0], layout, names)}]


def splits(format_: str, layout: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """The files of each split of one format, as patterns; of phases those of the first come first.

    `names` are those of the corpus's files, in their order and of any format.
    """
    parts = dict.fromkeys(part_of(name)[0] for name in names)
    train = dict.fromkeys(_any_cell(part) if layout == BY_CELL else part for part in parts if part != VALIDATION)
    found = {TRAIN: list(train) or [_any_cell(f"/{TRAIN}") if layout == BY_CELL else TRAIN]}
    if VALIDATION in parts:
        found[VALIDATION] = [VALIDATION]
    paths = {split: [FORMATS[format_].glob.format(part=part) for part in each] for split, each in found.items()}
    return [{"split": split, "path": each if len(each) > 1 else each[0]} for split, each in paths.items()]


def _any_cell(part: str) -> str:
    """The part in the folder of whatever cell, where the cell's is the last."""
    *phase, _, train = part.split("/")
    return "/".join([*phase, "*", train])
