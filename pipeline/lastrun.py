"""Which run file the last run of an output folder was of: several may share a folder."""

from __future__ import annotations

from prep.errors import BadInput
from prep.manifests import files
from prep.pipeline.runfile import canonical
from prep.pipeline.settings import Run

NAME = "last-run.json"  # its settings as they were read, outside the chain


def remember(run: Run) -> None:
    """Keep the settings of a run that ended well."""
    files.write(files.join(run.out, NAME), canonical(run).encode())


def must_be(run: Run, target: str) -> None:
    """The results that `current.json` names are those of this run file.

    Errors: BadInput, where the last run was of other settings.
    """
    path = files.join(run.out, NAME)
    if files.exists(path) and files.read(path).decode() != canonical(run):
        raise BadInput(
            f"{target}: the last run in {run.out} was of other settings ({path} has them). "
            f"`prep run {target}` makes these the last, and makes nothing anew that is there; "
            f"or name the folder {run.out} to mean its last run, whichever that was"
        )
