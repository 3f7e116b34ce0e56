"""What can be asked of the selection, as settings: documents to exclude, what to hold out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from prep.pipeline.values import Count, Name, Settings, Share, Text, Words


class ExcludeList(Settings):
    """Documents to be left out: the values stand here, or in a file, one a line; `duplicates` of them go too."""

    by: Literal["id", "url", "domain", "text_hash", "source"]
    values: Words = ()
    file: Text | None = None
    reason: Text
    duplicates: bool = True


class Exclude(Settings):
    """Lists of documents to be left out, and whether others of their cell move in."""

    lists: Annotated[tuple[ExcludeList, ...], Field(min_length=1)]
    refill: Literal["none", "same_cell"] = "same_cell"


class Validation(Settings):
    """What is held out of training: so many tokens of everything, or a share of each source's texts."""

    tokens: Count | None = None
    shares: dict[Name, Share] = {}
