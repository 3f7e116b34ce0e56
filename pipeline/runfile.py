"""A run file read, with every error at once: file, line, column, dotted key, the value, and what is accepted."""

from __future__ import annotations

from pathlib import Path

from prep.errors import BadSettings
from prep.pipeline import profiles
from prep.pipeline.crosscheck import crosscheck
from prep.pipeline.findings import near
from prep.pipeline.marks import Unreadable, compose, plain
from prep.pipeline.mistakes import corrected, dotted, placed, shown, validated
from prep.pipeline.mixing.ask import CODE_SHARE, REST, Parting, Phase
from prep.pipeline.mixing.phases import parted
from prep.pipeline.plan.budget import tokens
from prep.pipeline.settings import Run
from prep.pipeline.values import DETECT, FromField

MAX_FILE = 1_000_000  # bytes: some 10,000 sources of a line each; ruamel reads 0.4 MB/s


def load(path: str) -> Run:
    """The run file at `path`; paths in it are relative to the working directory, not to the file."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise BadSettings(f"{path}: {_why(Path(path), error)}") from error
    if len(raw) > MAX_FILE:
        raise BadSettings(f"{path}: more than {MAX_FILE:,} bytes; this is no run file")
    try:
        return loads(raw.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        line, byte = error.object.count(b"\n", 0, error.start) + 1, error.object[error.start]
        raise BadSettings(
            f"{path}:{line}: not UTF-8 (byte 0x{byte:02X} in this line); save the file as UTF-8"
        ) from error


def loads(text: str, name: str) -> Run:
    """The run file whose content is `text`; errors call it `name`."""
    if len(text) > MAX_FILE:
        raise BadSettings(f"{name}: more than {MAX_FILE:,} characters; this is no run file")
    try:
        root, duplicates = compose(text)
    except Unreadable as error:
        raise BadSettings(f"{name}:{error.mark.line}:{error.mark.column}: {error.text}") from error
    if root is None or root.value is None:
        raise BadSettings(f"{name}: empty; `prep init` writes a run file to start from")
    if not isinstance(root.value, dict):
        raise BadSettings(
            f"{name}:{root.mark.line}:{root.mark.column}: {shown(root)} where a mapping belongs; "
            "a run file begins with keys such as `out:` and `sources:`"
        )
    problems = [(mark, f"{dotted(keys)}: {wrong}") for mark, keys, wrong in duplicates]
    root, unknown = corrected(root)
    run, wrong = validated(root)
    data = plain(root)
    problems += unknown + [placed(root, each) for each in (*wrong, *crosscheck(data), *profiles.check(data))]
    if problems or run is None:
        lines = sorted(set(problems), key=lambda each: (each[0].line, each[0].column, each[1]))
        raise BadSettings("\n".join(f"{name}:{mark.line}:{mark.column}: {text}" for mark, text in lines))
    run = resolve(run)
    try:
        parted(run.mix, run.phases, tokens(run.budget))
    except BadSettings as error:
        raise BadSettings(f"{name}: {error}") from error
    return run


def resolve(run: Run) -> Run:
    """The same run with nothing left to guess: `budget.in`, `mix.code`, and `values` of languages and kinds.

    `{field: lang}` without `values` keeps, under their own names, the languages that the run file names anywhere else:
    of other sources, in their `values`, in the mix and in `quality`; every other value becomes `other`. Kinds likewise.
    """
    mix, phases = run.mix.model_copy(update=_coded(run.mix)), run.phases and tuple(map(_phase, run.phases))
    run = run.model_copy(update={"mix": mix, "phases": phases})
    languages, kinds = _languages_named(run), _kinds_named(run)
    sources = {
        name: source.model_copy(
            update={"language": _named(source.language, languages), "kind": _named(source.kind, kinds)}
        )
        for name, source in run.sources.items()
    }
    only = next(iter(run.tokenizers)) if len(run.tokenizers) == 1 else None
    budget = run.budget.model_copy(update={"in_": run.budget.in_ or only})
    return run.model_copy(update={"sources": sources, "budget": budget})


def _coded(mix: Parting) -> dict[str, float | None]:
    return {"code": CODE_SHARE if mix.preset is not None and mix.code is None else mix.code}


def _phase(phase: Phase) -> Phase:
    mix = phase.mix and phase.mix.model_copy(update=_coded(phase.mix))
    return phase.model_copy(update={"mix": mix})


def canonical(run: Run) -> str:
    """The settings as JSON that `Run.model_validate_json` reads back."""
    return run.model_dump_json(by_alias=True)


def _languages_named(run: Run) -> set[str]:
    named: set[str] = set()
    for mix in (run.mix, *(phase.mix for phase in run.phases or () if phase.mix)):
        levels = [each for each in (mix.shares, mix.within) if not isinstance(each, str)]
        named |= {*(mix.pair or ()), *(name for level in levels for name in level)} | ({"code"} if mix.code else set())
    named -= {*run.mix.groups, REST}
    if run.quality is not None:
        named |= {*run.quality.keep, *run.quality.model} - run.sources.keys()
    if run.rules is not None:
        named |= {*run.rules.profiles}
    return named.union(*(_said(source.language) for source in run.sources.values())) - {DETECT}


def _kinds_named(run: Run) -> set[str]:
    named: set[str] = set()
    if run.quality is not None:
        named |= {*run.quality.filter}
        if run.quality.train is not None:
            named |= {*run.quality.train.reference, *run.quality.train.against}
    if run.rules is not None:
        named |= {*run.rules.filter}
    return named.union(*(_said(source.kind) for source in run.sources.values()))


def _said(value: str | FromField) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple((value.values or {}).values())


def _named(value: str | FromField, names: set[str]) -> str | FromField:
    if isinstance(value, str) or value.values is not None:
        return value
    return value.model_copy(update={"values": {name: name for name in sorted(names - {"other"})}})


def _why(path: Path, error: OSError | ValueError) -> str:
    """Why it cannot be read, and the run file that was probably meant."""
    if isinstance(error, IsADirectoryError):
        return "is a folder; name the run file in it" + _meant(path, "")
    if isinstance(error, FileNotFoundError):
        return "no such file; `prep init` writes a run file to start from" + _meant(path.parent, path.name)
    return str(getattr(error, "strerror", None) or error)


def _meant(folder: Path, given: str) -> str:
    names = tuple(sorted(each.name for each in folder.glob("*.y*ml"))) if folder.is_dir() else ()
    close = near(given, names) or (names[0] if len(names) == 1 else None)
    return f"; nearest: {folder / close}" if close else ""
