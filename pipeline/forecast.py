"""What the mix of a run file will come to, told before any of it is made, by the counts and columns that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from prep.errors import BadInput, Short
from prep.manifests import ledger
from prep.pipeline import chain, intake, mix, size
from prep.pipeline.chain import Machine
from prep.pipeline.judge import Columned, Thin, available
from prep.pipeline.keeping.kept import Kept
from prep.pipeline.mixing import tree
from prep.pipeline.mixing.answer import Answer, Supply, answers, with_documents
from prep.pipeline.plan import budget, published
from prep.pipeline.preview import preview
from prep.pipeline.reasons import Terms
from prep.pipeline.settings import Run
from prep.pipeline.stage import Result

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
    params = run.budget.params or published.law(run.budget.law).params(total)
    with _looked(run, machine) as there:
        found = answers(mix.phases(run), there.available.supplies(run.budget.eod), params, there.available.filtered)
        if there.available.filtered and found.problem is not None:
            return replace(found, problem="\n".join((found.problem, *mix.held_whole(there.available.rows))))
        return with_documents(found, there.documents()) if there.available.filtered else found


def of_run(run: Run, machine: Machine) -> Available:
    """What is there for the mix of a run: exactly, where all before it is finished, else before filters.

    Errors: BadInput, where nothing has been counted yet.
    """
    with _looked(run, machine) as there:
        return there.available


@dataclass(frozen=True)
class _Looked:
    """What is there, and how the corpus would be cut from it."""

    available: Available
    documents: Callable[[], dict[tuple[str, tree.Place], int]] = dict


@contextmanager
def _looked(run: Run, machine: Machine) -> Iterator[_Looked]:
    """Thin columns are loaded into the scratch folder where they must be, and are gone when the block ends."""
    run = chain.pinned(run)
    look = preview(run, intake.listed(run, Path.cwd()), machine, STAGE)
    counted = look.found.get(f"count.{run.budgeted}")
    if counted is None:
        raise BadInput(
            "the tokens of this run's documents are not counted yet, so that nothing is known of the mix; "
            "`prep count` counts them exactly, `prep audit` estimates them from a sample"
        )
    cells = counted.manifest.ledger["cells"]
    tokens = {mix.place(row): row["tokens"][run.budgeted] for row in cells}
    if STAGE not in look.found and look.lines[-1][0] != STAGE:
        yield _Looked(Available([{**row, "tokens": tokens[mix.place(row)]} for row in cells], tokens, filtered=False))
        return
    columned = chain.columns(run, look.found)
    with Thin(run, machine.limits) as thin:
        rows, kept = _made(look.found[STAGE]) if STAGE in look.found else _judged(run, columned, thin)
        terms = replace(Terms.of(run, mix.groups(run, columned.cells)), kept=kept)

        def documents() -> dict[tuple[str, tree.Place], int]:
            return size.foretold(run, columned, terms, mix.targets(run, rows), thin)

        yield _Looked(Available(rows, tokens, filtered=True), documents)


def _made(mixed: Result) -> tuple[Sequence[ledger.Row], tuple[Kept, ...]]:
    """What a finished mix found."""
    page = mixed.manifest.ledger
    return page["available"], tuple(Kept.read(row) for row in page["keeps"])


def _judged(run: Run, columned: Columned, thin: Thin) -> tuple[Sequence[ledger.Row], tuple[Kept, ...]]:
    """What `mix` would find; where it would end for want of text, what there is."""
    try:
        found = mix.judged(run, columned, thin)
        return found.available, found.kept.keeps
    except Short:
        terms = Terms.of(run, mix.groups(run, columned.cells))
        with thin.database() as connection:
            kept = mix.decided(run, columned, terms, connection).keeps
        return available(thin.judged(columned, replace(terms, kept=kept)), columned.cells), kept


def missing(found: Answer) -> None:
    """A mix that cannot be made is an error after its table is shown.

    Errors: Short.
    """
    if found.problem is not None:
        raise Short("the mix cannot be made as asked: the table and what it says below it tell why")
