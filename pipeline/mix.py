"""How many tokens each source gives: shares of tokens by language, then by source, cut to what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, ClassVar

import pyarrow as pa

from prep.errors import BadSettings, Short
from prep.manifests import ledger
from prep.manifests.ledger import CELL
from prep.manifests.record import Receipt, Recipe
from prep.pipeline import query
from prep.pipeline.judge import Columned, available, judge
from prep.pipeline.numbers import format_count
from prep.pipeline.plan import budget
from prep.pipeline.query import Limits
from prep.pipeline.reasons import Terms
from prep.pipeline.settings import Mix, Run
from prep.pipeline.spread import Spread
from prep.pipeline.stage import Asked, Job, Task

CODE = "code"
CODE_SHARE = Fraction(1, 5)  # of the presets: equal 40/40/20, frplus and enplus 60/20/20
PLUS = Fraction(3, 4)  # of what is not code, to the language that a preset favours

TARGETS = pa.schema(
    [
        *((name, pa.string()) for name in CELL),
        ("documents", pa.int64()),  # that may be in
        ("available", pa.int64()),  # their tokens
        ("share", pa.float64()),  # of the corpus's tokens
        ("tokens", pa.int64()),  # asked
        ("epochs", pa.float64()),  # tokens / available
    ]
)


def shares(mix: Mix) -> dict[str, Fraction]:
    """The share of each language, summing to 1."""
    if mix.shares:
        exact = {name: _exact(share) for name, share in mix.shares.items()}
        return {name: share / sum(exact.values()) for name, share in exact.items()}  # 33.3% thrice is a third each
    if mix.pair is None or mix.preset is None:
        raise BadSettings("mix: give `preset` and `pair`, or `shares`")
    one, two = mix.pair
    code = CODE_SHARE if mix.code is None else _exact(mix.code)
    rest = 1 - code
    if mix.preset == "equal":
        found = {one: rest / 2, two: rest / 2}
    else:
        favoured = mix.preset.removesuffix("plus")
        found = {name: rest * (PLUS if name == favoured else 1 - PLUS) for name in (one, two)}
    return {**found, CODE: code} if code else found


def _exact(share: float) -> Fraction:
    """The decimal that a person wrote: 0.1 is a tenth, not the nearest binary fraction."""
    return Fraction(repr(share))


def apportion(total: int, wanted: Mapping[Any, Fraction]) -> dict[Any, int]:
    """Whole tokens that sum to `total`, each within one of its exact share (largest remainder, ties in given order)."""
    exact = {name: total * share for name, share in wanted.items()}
    whole = {name: int(value) for name, value in exact.items()}
    left = total - sum(whole.values())
    for name in sorted(exact, key=lambda name: whole[name] - exact[name])[:left]:
        whole[name] += 1
    return whole


def within(mix: Mix, language: str, cells: Sequence[ledger.Row]) -> dict[tuple[str, ...], Fraction]:
    """The share of each cell in its language: as the run file names its source's, else by the tokens left.

    Errors: Short, where a source with a share has nothing left.
    """
    named = {} if isinstance(mix.within, str) else mix.within.get(language, {})
    tokens = Counter[str]()
    for row in cells:
        tokens[row["source"]] += row["tokens"]
    if named:
        exact = {source: _exact(share) for source, share in named.items()}
        part = {source: share / sum(exact.values()) for source, share in exact.items()}
    else:
        part = {source: Fraction(number, tokens.total() or 1) for source, number in tokens.items()}
    if short := [source for source, share in part.items() if share and not tokens[source]]:
        raise Short(f"mix: {language}: nothing is left of {', '.join(short)}; lower the share in `mix.within` to 0%")
    return {
        tuple(row[name] for name in CELL): part.get(row["source"], Fraction(0))
        * Fraction(row["tokens"], tokens[row["source"]] or 1)
        for row in cells
    }


def targets(run: Run, total: int, cells: Sequence[ledger.Row]) -> list[ledger.Row]:
    """What each cell is asked for, of a corpus of `total` tokens.

    Errors: Short, with the table of what is missing, where a cell has not enough for `max_epochs` passes.
    """
    wanted: dict[tuple[str, ...], Fraction] = {}
    for language, share in sorted(shares(run.mix).items()):  # as the recipe has them, not as they are written
        here = [row for row in cells if row["language"] == language]
        if share and not sum(row["tokens"] for row in here):
            raise Short(f"mix: {language} is asked {float(share):.1%} of the corpus, and no source has any of it left")
        wanted |= {place: share * part for place, part in within(run.mix, language, here).items()}
    by_place = {tuple(row[name] for name in CELL): row for row in cells}
    fed = {place: by_place[place] for place in wanted}
    feasible = most(wanted, fed, run.mix.max_epochs)
    if feasible < total and run.mix.when_short == "fail":
        raise Short(_missing(total, feasible, wanted, fed, run.mix.max_epochs))
    tokens = apportion(min(total, feasible), wanted)
    return [
        {
            **dict(zip(CELL, place, strict=True)),
            "documents": row["documents"],
            "available": row["tokens"],
            "share": float(wanted[place]),
            "tokens": tokens[place],
            "epochs": tokens[place] / row["tokens"] if row["tokens"] else 0.0,
        }
        for place, row in fed.items()
    ]


def most(wanted: Mapping[Any, Fraction], cells: Mapping[Any, ledger.Row], max_epochs: float) -> int:
    """The largest corpus that the cells can feed at these shares, in at most `max_epochs` passes."""
    limits = [cells[place]["tokens"] * _exact(max_epochs) / share for place, share in wanted.items() if share]
    return int(min(limits, default=Fraction(0)))


def _missing(
    total: int, feasible: int, wanted: Mapping[Any, Fraction], cells: Mapping[Any, ledger.Row], max_epochs: float
) -> str:
    there_is = f"the sources feed {format_count(feasible)} at these shares in {max_epochs:g} epochs:"
    lines = [f"mix: {format_count(total)} tokens are asked, and {there_is}"]
    for place, share in wanted.items():
        asked, there = total * share, cells[place]["tokens"]
        if asked > there * _exact(max_epochs):
            lines.append(
                f"  {'/'.join(place)}: asked {format_count(int(asked))}, {format_count(there)} are left after filters "
                f"= {float(asked) / there if there else float('inf'):.2f} epochs"
            )
    lines.append(
        "raise `mix.max_epochs`, lower the budget, loosen `quality.keep`, set `mix.when_short: shrink`, or collect more"
    )
    return "\n".join(lines)


@dataclass(frozen=True)
class Mixed:
    """Writes the targets."""

    name: ClassVar[str] = "mix"
    version: ClassVar[int] = 1

    def schema(self) -> pa.Schema:
        """One row a cell."""
        return TARGETS

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The answers are the rows."""
        return batches

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """The targets themselves are the page."""
        return {}


def job(run: Run, columned: Columned, limits: Limits) -> Job:
    """Judge every document, and ask each cell for its part of the budget."""
    total = budget.tokens(run.budget)
    terms = Terms.of(run, tuple(sorted(shares(run.mix))))
    settings = {"terms": asdict(terms), "mix": run.mix.model_dump(mode="json"), "tokens": total}
    inputs = {name: result.manifest.digest for name, result in columned.inputs.items()}
    recipe = Recipe(Mixed.name, Mixed.version, settings, inputs)
    page: dict[str, Any] = {"asked": total}

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        connection = stack.enter_context(query.database(limits, run.out))
        judge(connection, columned, terms)
        page["available"] = available(connection, columned.cells)
        page["targets"] = targets(run, total, page["available"])
        rows = pa.RecordBatch.from_pylist(page["targets"], TARGETS)
        return [Task(Mixed(), Asked(f"{recipe.digest}/targets", lambda: iter([rows]), ()))]

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        ledger.must_balance_selection(Mixed.name, columned.counted.manifest.ledger["cells"], page["available"])
        return page

    return Job(recipe, tasks, balance, columned.inputs, here=True)
