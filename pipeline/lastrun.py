"""Which run file the last run of an output folder was of: several may share a folder."""

from __future__ import annotations

from pydantic import ValidationError

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
    if files.exists(path) and not _same(files.read(path).decode(), run):
        raise BadInput(
            f"{target}: the last run in {run.out} was of other settings ({path} has them). "
            f"`prep run {target}` makes these the last, and makes nothing anew that is there; "
            f"or name the folder {run.out} to mean its last run, whichever that was"
        )


def _same(said: str, run: Run) -> bool:
    """Whether settings are those of a run; a key that they were written without is at its default."""
    if said == canonical(run):
        return True
    try:
        return canonical(Run.model_validate_json(said)) == canonical(run)
    except ValidationError:
        return False
