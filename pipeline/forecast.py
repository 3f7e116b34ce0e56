"""What the mix of a run file will come to, told before any of it is made, by the counts and columns that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from prep.errors import BadInput, Short
from prep.manifests import ledger
from prep.pipeline import chain, intake, mix, query
from prep.pipeline.chain import Machine
from prep.pipeline.judge import available, judge
from prep.pipeline.mixing import tree
from prep.pipeline.mixing.answer import Answer, Supply, answers
from prep.pipeline.plan import budget, published
from prep.pipeline.preview import Preview, preview
from prep.pipeline.reasons import Terms
from prep.pipeline.settings import Run

STAGE = "mix"


@dataclass(frozen=True)
class Available:
    """What each cell has, before filters and after; `filtered` is False where the filters have not judged yet."""

    rows: Sequence[ledger.Row]  # documents, bytes and tokens after filters
    counted: dict[tree.Place, int]  # tokens before
    filtered: bool

    def supplies(self, eod: int) -> list[Supply]:
        """The same as a mix sees it."""
        cells = mix.cells(self.rows, eod)
        return [
            Supply(cell, self.counted[cell.place], row["bytes"]) for cell, row in zip(cells, self.rows, strict=True)
        ]


def forecast(run: Run, machine: Machine) -> Answer:
    """The table of the mix.

    Errors: BadInput, where nothing has been counted yet; it says what to do. Short.
    """
    total = budget.tokens(run.budget)
    there = of_run(run, machine)
    params = run.budget.params or published.law(run.budget.law).params(total)
    found = answers(mix.phases(run), there.supplies(run.budget.eod), params, there.filtered)
    if found.problem is None or not there.filtered:
        return found
    return replace(found, problem="\n".join((found.problem, *mix.held_whole(there.rows))))


def of_run(run: Run, machine: Machine) -> Available:
    """What is there for the mix of a run: exactly, where all before it is finished, else before filters.

    Errors: BadInput, where nothing has been counted yet.
    """
    run = chain.pinned(run)
    look = preview(run, intake.listed(run, Path.cwd()), machine, STAGE)
    counted = look.found.get(f"count.{chain.budgeted(run)}")
    if counted is None:
        raise BadInput(
            "the tokens of this run's documents are not counted yet, so that nothing is known of the mix; "
            "`prep count` counts them exactly, `prep audit` estimates them from a sample"
        )
    cells = counted.manifest.ledger["cells"]
    tokens = {mix.place(row): row["tokens"][chain.budgeted(run)] for row in cells}
    if STAGE in look.found:
        return Available(look.found[STAGE].manifest.ledger["available"], tokens, filtered=True)
    if look.lines[-1][0] != STAGE:
        return Available([{**row, "tokens": tokens[mix.place(row)]} for row in cells], tokens, filtered=False)
    return Available(_judged(run, look, machine), tokens, filtered=True)


def _judged(run: Run, look: Preview, machine: Machine) -> Sequence[ledger.Row]:
    """As `mix` would judge, in a scratch folder of its own."""
    columned = chain.columns(run, look.found)
    terms = Terms.of(run, mix.groups(run, columned.cells))
    with TemporaryDirectory() as scratch, query.database(machine.limits, scratch) as connection:
        kept = mix.decided(run, columned, terms, connection).keeps
        judge(connection, columned, replace(terms, kept=kept))
        return available(connection, columned.cells)


def missing(found: Answer) -> None:
    """A mix that cannot be made is an error after its table is shown.

    Errors: Short.
    """
    if found.problem is not None:
        raise Short("the mix cannot be made as asked: the table and what it says below it tell why")
