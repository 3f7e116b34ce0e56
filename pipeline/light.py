"""Start-up without pandas.

pyarrow imports pandas at the first `pa.array` of a Python list wherever it is installed, and `datasets` installs it:
1.2 s of CPU and 50 MB in every process, for conversions that are never asked for here. It looks once; if it finds none
then, it does without for the rest of the process. Only Hugging Face datasets need that bridge.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

from prep.hidden import hidden
from prep.pipeline.settings import Source


class Sourced(Protocol):
    """A run, or what is asked of an audit."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """By name."""


def needs_pandas(run: Sourced) -> bool:
    """Whether a source is read through `datasets`."""
    return any(source.hf is not None for source in run.sources.values())


def spare_pandas() -> None:
    """Let pyarrow look for pandas while it cannot be found, unless it is loaded already."""
    if "pandas" in sys.modules:
        return
    with hidden("pandas"):
        pa.array([0])
