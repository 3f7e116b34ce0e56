"""Which run file the last run of an output folder was of: several may share a folder."""

from __future__ import annotations

from pydantic import ValidationError

from prep.errors import BadInput, BrokenShard
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
    if not files.exists(path):
        return
    try:
        same = _same(files.read(path), run)
    except (OSError, ValidationError) as error:
        text = f"{target}: {path} does not hold the settings of the last run ({_told(error)})"
        way = f"delete it, and `prep run {target}` writes it anew; or name the folder {run.out} to mean its last run"
        raise BadInput(f"{text}; {way}") from error
    if not same:
        raise BadInput(
            f"{target}: the last run in {run.out} was of other settings ({path} has them). "
            f"`prep run {target}` makes these the last, and makes nothing anew that is there; "
            f"or name the folder {run.out} to mean its last run, whichever that was"
        )


def settings(out: str) -> Run:
    """Of the last run in an output folder.

    Errors: BrokenShard, where they cannot be read.
    """
    path = files.join(out, NAME)
    try:
        return Run.model_validate_json(files.read(path))
    except (OSError, ValidationError) as error:
        text = f"{path}: not the settings of a run ({_told(error)})"
        raise BrokenShard(f"{text}; name its run file instead, or delete it and run again") from error


def _same(said: bytes, run: Run) -> bool:
    """Whether settings are those of a run; a key that they were written without is at its default."""
    return said == canonical(run).encode() or canonical(Run.model_validate_json(said)) == canonical(run)


def _told(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    return ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
