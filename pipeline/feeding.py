"""`prep plan --from RUN`: the largest model that the sources of a run feed, at the ratios of its mix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from prep.errors import BadInput, BadSettings
from prep.manifests import files, store
from prep.pipeline import lastrun, mix
from prep.pipeline.chain import Machine
from prep.pipeline.forecast import Available, of_run
from prep.pipeline.mixing.phases import most, parted, together
from prep.pipeline.numbers import format_count
from prep.pipeline.plan import output, published, repetition
from prep.pipeline.settings import Run

SCHEMA = "prep-plan-fed/1"


@dataclass(frozen=True)
class FedByLaw:
    """The model whose tokens a law puts at the corpus, and the one at what the corpus is worth unrepeated."""

    law: str
    title: str
    params: float
    params_by_effective_tokens: float


@dataclass(frozen=True)
class Feeding:
    """The largest corpus at the asked ratios within `mix.max_epochs`, and what a law makes of it."""

    tokens: int
    effective_tokens: float
    epochs: float
    filtered: bool  # False: filters have not been asked, and all of it is an upper bound
    ended_by: tuple[str, ...]  # cells that have no more
    laws: tuple[FedByLaw, ...]  # the one asked for first


def feeding(run: Run, there: Available, law: str) -> Feeding:
    """What these sources feed.

    Errors: Short, BadSettings.
    """
    cells = mix.cells(there.rows, run.budget.eod)
    found, ends = most(lambda total: parted(run.mix, run.phases, total), cells)
    total, tokens = sum(each.total for each in found), together(each.tokens for each in found)
    pairs = [(tokens[cell.place], cell.tokens) for cell in cells if cell.tokens]
    effective = sum(repetition.worth(number, unique) for number, unique in pairs)
    if not total:
        raise BadInput(f"these sources feed no corpus at the ratios of the mix: nothing is left of {', '.join(ends)}")
    chosen = published.law(law)
    return Feeding(
        tokens=total,
        effective_tokens=effective,
        epochs=max(number / unique for number, unique in pairs),
        filtered=there.filtered,
        ended_by=ends,
        laws=tuple(
            FedByLaw(each.name, each.title, each.params(total), each.params(effective))
            for each in (chosen, *(each for each in published.LAWS.values() if each.name != chosen.name))
        ),
    )


def read(target: str) -> tuple[Run, Available]:
    """The settings of a run file, or of the last run in an output folder, and what is there for its mix.

    Errors: BadInput, where nothing is counted there.
    """
    if not Path(target).is_dir():
        from prep.pipeline import runfile

        run = runfile.load(target)
        return run, of_run(run, Machine())
    path = files.join(target, lastrun.NAME)
    if not files.exists(path):
        raise BadSettings(
            f"--from {target}: no run has ended here, so its mix is not known; name a run file, or say what is known "
            "beside: --params 10B, --tokens 1T, --flops 1e22"
        )
    run = lastrun.settings(target)
    return run, _of_folder(run, target)


def _of_folder(run: Run, folder: str) -> Available:
    results, name = store.current(folder), f"count.{run.budgeted}"
    found = {each: store.manifest(files.join(folder, results[each])) for each in (name, "mix") if each in results}
    counted, mixed = found.get(name), found.get("mix")
    if counted is None:
        raise BadInput(f"--from {folder}: tokens are not counted here yet; run `prep count` with its run file")
    rows = counted.ledger["cells"]
    tokens = {mix.place(row): row["tokens"][run.budgeted] for row in rows}
    if mixed is not None:
        return Available(mixed.ledger["available"], tokens, filtered=True)
    return Available([{**row, "tokens": tokens[mix.place(row)]} for row in rows], tokens, filtered=False)


def show(target: str, law: str, plain: bool) -> None:
    """Print the answer."""
    found = feeding(*read(target), law)
    if plain:
        click.echo(output.dump({"schema": SCHEMA, **asdict(found)}))
        return
    for line in _said(found):
        click.echo(line)


def _said(found: Feeding) -> Iterator[str]:
    first = found.laws[0]
    at_most = "" if found.filtered else "at most "
    yield (
        f"These sources feed {at_most}{format_count(found.tokens)} tokens at the ratios of the mix: a model of "
        f"{format_count(first.params)} parameters ({first.title})"
    )
    yield (
        f"up to {found.epochs:.2f} epochs, worth {format_count(found.effective_tokens)} unique tokens: "
        f"{format_count(first.params_by_effective_tokens)} parameters by these (Muennighoff et al. 2023)"
    )
    yield f"what ends it: {', '.join(found.ended_by)}"
    others = [each.params for each in found.laws[1:] if not published.LAWS[each.law].warning]
    yield f"other laws: {format_count(min(others))} to {format_count(max(others))} parameters"
    if not found.filtered:
        yield "filters have not judged these documents yet; `prep mix` with the run file tells what they leave"
