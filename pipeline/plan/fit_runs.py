"""The runs that a law is fitted to: a CSV into arrays, every bad row named with its line, column and value."""

from __future__ import annotations

import csv
import difflib
import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from prep.errors import BadSettings, BadSource
from prep.pipeline.numbers import parse_count
from prep.pipeline.plan import fit_filter
from prep.pipeline.plan.laws import FLOPS_PER_PARAMETER_TOKEN

Array = NDArray[np.float64]

# Names seen in published tables of runs, compared without case, spaces, dashes and underscores; first match wins.
GUESSES = {
    "params": ("params", "parameters", "n", "nparams", "numparams", "paramcount", "modelsize", "modelparams", "size"),
    "tokens": ("tokens", "d", "ntokens", "numtokens", "trainingtokens", "traintokens", "totaltokens", "data"),
    "loss": ("loss", "valloss", "validationloss", "evalloss", "testloss", "finalloss", "l"),
    "flops": ("flops", "flop", "c", "compute", "trainingflops", "trainflops", "totalflops", "budget"),
    "curve": ("curve", "curveid", "runid", "run"),
}
ARRAYS = ("params", "tokens", "loss", "flops", "curve", "line")
SHOWN = 10  # bad rows named in one error; the rest are counted


@dataclass(frozen=True)
class Columns:
    """Which column holds what, as the user says; None is guessed. `size*1e6` reads a column in millions."""

    params: str | None = None
    tokens: str | None = None
    loss: str | None = None
    flops: str | None = None
    curve: str | None = None
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class Runs:
    """One row a run, or a checkpoint of a run where `curve` says which; `line` is where it stands in the file."""

    params: Array
    tokens: Array
    loss: Array
    flops: Array
    curve: NDArray[np.int64]
    line: NDArray[np.int64]
    path: str = "runs"
    read_as: dict[str, str] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    left_out: int = 0  # rows that --where left out
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.params)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Runs:
        """These rows of it."""
        return replace(self, **{name: getattr(self, name)[rows] for name in ARRAYS})

    def finals(self) -> Runs:
        """The last row of every curve; the paper fits approach 3 to final losses only (Hoffmann et al. 2022, 3.3).

        Before its end a run on a decaying learning rate lies above the loss that a shorter run would have had.
        """
        if "curve" not in self.read_as:
            return self
        order = np.lexsort((self.tokens, self.curve))
        last = np.append(np.diff(self.curve[order]) != 0, True)
        return self.take(np.sort(order[last]))


def of_arrays(params: Array, tokens: Array, loss: Array, flops: Array | None = None, path: str = "runs") -> Runs:
    """Runs that are in memory already; rows of the same size are one curve."""
    flops = FLOPS_PER_PARAMETER_TOKEN * params * tokens if flops is None else flops
    curve = np.unique(params, return_inverse=True)[1].astype(np.int64)
    return Runs(params, tokens, loss, flops, curve, np.arange(2, len(params) + 2, dtype=np.int64), path)


class Cell(NamedTuple):
    """Where a number stands and how it is scaled."""

    name: str
    at: int
    scale: float


def read(path: str | Path, columns: Columns | None = None) -> Runs:
    """The runs of a CSV file (comma, semicolon or tab), or an error that names all that is wrong with it."""
    columns = columns or Columns()
    header, rows = _table(Path(path))
    cells = _cells(str(path), header, columns)
    kept = fit_filter.keep(str(path), header, rows, columns.where)
    curve = _curve(str(path), header, columns.curve, kept)
    runs = _numbers(str(path), kept, cells, curve)
    keys = np.stack([runs.params, runs.tokens, runs.params if curve is None else runs.curve.astype(float)], axis=1)
    read_as = {what: cell.name for what, cell in cells.items()}
    if curve is not None:
        read_as["curve"] = header[curve]
    notes = fit_filter.mixed(header, kept, keys)
    runs = replace(runs, path=str(path), read_as=read_as, notes=notes)
    return replace(runs, where=columns.where, left_out=len(rows) - len(kept))


def _table(path: Path) -> tuple[list[str], list[fit_filter.Row]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadSource(f"{path}: cannot be read ({error.strerror}); name a CSV file of runs") from error
    except UnicodeDecodeError as error:
        raise BadSource(f"{path}: byte {error.start} is not UTF-8; save the table as UTF-8 CSV") from error
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    reader = csv.reader(lines, delimiter=max(",;\t", key=first.count), strict=True)
    try:
        rows = [
            fit_filter.Row(reader.line_num, [cell.strip() for cell in row])
            for row in reader
            if any(map(str.strip, row))
        ]
    except csv.Error as error:
        raise BadSource(f"{path}: line {reader.line_num}: {error}; correct the quotes of that line") from error
    if not rows:
        raise BadSource(f"{path}: is empty; a table of runs has a header line such as params,tokens,loss")
    if len(rows) == 1:
        raise BadSource(f"{path}: has a header and no runs; a fit takes at least a dozen")
    header = rows[0].cells
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice:
        raise BadSource(f"{path}: line {rows[0].line}: column {twice!r} is there twice; rename one of them")
    return header, rows[1:]


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]", "", name).lower()


def _cells(path: str, header: list[str], columns: Columns) -> dict[str, Cell]:
    given = {"params": columns.params, "tokens": columns.tokens, "loss": columns.loss, "flops": columns.flops}
    found = {what: _named(path, header, what, name) if name else _guess(header, what) for what, name in given.items()}
    for what in ("params", "tokens", "loss"):
        if found[what] is None:
            raise _missing(path, header, what)
    return {what: cell for what, cell in found.items() if cell is not None}


def _named(path: str, header: list[str], what: str, name: str) -> Cell:
    column, star, scale = name.rpartition("*")
    if name in header or not star:
        column, scale = name, "1"
    if column.strip() not in header:
        near = ", ".join(_near(header, [column]))
        raise BadSource(f"{path}: no column {column!r} for --{what}; nearest: {near}")
    factor = _number(scale)
    if factor is None or not 0 < factor < math.inf:
        raise BadSettings(f"--{what} {name}: {scale!r} is no factor; write for example --{what} '{column}*1e6'")
    return Cell(column.strip(), header.index(column.strip()), factor)


def _guess(header: list[str], what: str) -> Cell | None:
    plain = [_plain(name) for name in header]
    match = next((name for name in GUESSES[what] if name in plain), None)
    if match is None and what == "loss":
        losses = [name for name in plain if "loss" in name]
        match = losses[0] if len(losses) == 1 else None
    return None if match is None else Cell(header[plain.index(match)], plain.index(match), 1.0)


def _missing(path: str, header: list[str], what: str) -> BadSource:
    near = ", ".join(_near(header, [what, what.rstrip("s"), *(guess for guess in GUESSES[what] if len(guess) > 1)]))
    return BadSource(f"{path}: which column is the {what}? nearest: {near}; say --{what} COLUMN")


def _near(header: list[str], names: list[str]) -> list[str]:
    """Columns that hold one of the names, else those spelt much alike, else all."""
    plain = {name: _plain(name) for name in header}
    within = [name for name in header if any(_plain(each) in plain[name] for each in names)]
    return within or difflib.get_close_matches(names[0], header, 3) or header


def _curve(path: str, header: list[str], name: str | None, rows: list[fit_filter.Row]) -> int | None:
    """Column of the curve id; a guessed one where no two rows share a curve is only a name of the run."""
    cell = _named(path, header, "curve", name) if name else _guess(header, "curve")
    if cell is None or name:
        return cell and cell.at
    ids = [row.cells[cell.at] for row in rows if len(row.cells) > cell.at]
    return cell.at if len(set(ids)) < len(ids) else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(parse_count(text))
    except ValueError:
        return None


def _wrong(text: str) -> str | None:
    """What is wrong with a cell, or None."""
    number = _number(text)
    if not text:
        return "is empty"
    if number is None:
        return "is not a number such as 3.02, 7e9 or 1.4T"
    if not math.isfinite(number):
        return "is not finite"
    if number <= 0:
        return "is not above zero"
    return None


def _numbers(path: str, rows: list[fit_filter.Row], cells: dict[str, Cell], curve: int | None) -> Runs:
    width = 1 + max([cell.at for cell in cells.values()] + ([] if curve is None else [curve]))
    bad = [f"line {row.line}: {len(row.cells)} columns, needs {width}" for row in rows if len(row.cells) < width]
    full = [row for row in rows if len(row.cells) >= width]
    bad += [
        f"line {row.line}: {cell.name} {row.cells[cell.at]!r} {wrong}"
        for row in full
        for cell in cells.values()
        if (wrong := _wrong(row.cells[cell.at]))
    ]
    if bad:
        raise _refused(path, bad)
    values = {what: np.array([_scaled(row, cell) for row in full]) for what, cell in cells.items()}
    runs = of_arrays(values["params"], values["tokens"], values["loss"], values.get("flops"))
    runs = replace(runs, line=np.array([row.line for row in full]))
    if curve is not None:
        ids = np.unique([row.cells[curve] for row in full], return_inverse=True)[1].astype(np.int64)
        runs = replace(runs, curve=ids)
    repeats = _repeats(runs)
    if repeats:
        raise _refused(path, repeats)
    return runs


def _scaled(row: fit_filter.Row, cell: Cell) -> float:
    return cell.scale * (_number(row.cells[cell.at]) or 0.0)


def _repeats(runs: Runs) -> list[str]:
    seen: dict[tuple[float, ...], int] = {}
    found = []
    for each in zip(runs.params, runs.tokens, runs.loss, runs.curve, runs.line, strict=True):
        key, line = tuple(map(float, each[:4])), int(each[4])
        if key in seen:
            found.append(f"line {line}: the same params, tokens and loss as line {seen[key]}")
        seen.setdefault(key, line)
    return found


def _refused(path: str, bad: list[str]) -> BadSource:
    more = [f"and {len(bad) - SHOWN} more"] if len(bad) > SHOWN else []
    rows = "".join(f"\n  {each}" for each in [*bad[:SHOWN], *more])
    return BadSource(f"{path}: {len(bad)} bad rows:{rows}\ncorrect or delete them, or leave them out with --where")
