"""Known models side by side: what they were trained on, what it took, and how far each is from each law's optimum."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from prep.pipeline.numbers import format_count
from prep.pipeline.plan import published, screen, tables
from prep.pipeline.plan.check import Verdict

SCHEMA = "prep-plan-compare/1"
SHOWN = {"chinchilla-1": "appr. 1", "besiroglu": "replic.", "chinchilla-3": "appr. 3"}


@dataclass(frozen=True)
class Row:
    """A known model. `tokens_over_optimum` by law, under which N is the parameters that compute."""

    name: str
    year: int
    params: float
    active_params: float | None
    tokens: float | None
    tokens_also: tuple[float, ...]
    tokens_per_param: float | None
    flops: float | None
    accelerator: str | None
    accelerator_hours: float | None
    implied_mfu: float | None
    reported_mfu: float | None
    tokens_over_optimum: dict[str, float]
    source: str
    note: str


def rows() -> list[Row]:
    """Every known model."""
    return [_row(each) for each in tables.models()]


def _row(model: tables.Model) -> Row:
    tokens, size = model.tokens, model.computing_params
    over = {} if tokens is None else {law.name: tokens / law.tokens(size) for law in published.LAWS.values()}
    return Row(
        name=model.name,
        year=model.year,
        params=model.params,
        active_params=model.active_params,
        tokens=tokens,
        tokens_also=model.tokens_also,
        tokens_per_param=None if tokens is None else tokens / size,
        flops=model.flops,
        accelerator=model.accelerator,
        accelerator_hours=model.hours,
        implied_mfu=model.mfu,
        reported_mfu=model.mfu_reported,
        tokens_over_optimum=over,
        source=model.source,
        note=model.note,
    )


def as_json(found: list[Row]) -> dict[str, Any]:
    """The table for programs."""
    return {"schema": SCHEMA, "models": [asdict(row) for row in found]}


def show(found: list[Row], console: Console) -> None:
    """The table for people."""
    console.print(
        "Known models, and their tokens over the compute optimum of three laws", style="bold", highlight=False
    )
    table = screen.table("model", "year", "N", "D", "D/N", "FLOPs", "hours", "MFU", *SHOWN.values())
    for row in found:
        over = [row.tokens_over_optimum.get(name) for name in SHOWN]
        table.add_row(
            row.name, str(row.year), _count(row.active_params or row.params), _count(row.tokens),
            _figure(row.tokens_per_param), screen.power(row.flops) if row.flops else "", _count(row.accelerator_hours),
            f"{row.implied_mfu:.2f}" if row.implied_mfu else "", *map(_figure, over),
        )  # fmt: skip
    console.print(table, highlight=False)
    console.print(
        "N of GLaM and DeepSeek-V3: active parameters. MFU: 6ND over the hours of the whole run. Sources: --json.",
        style="dim", highlight=False,
    )  # fmt: skip


def _count(number: float | None) -> str:
    return "" if number is None else format_count(float(f"{number:.3g}"))


def _figure(number: float | None) -> str:
    return "" if number is None else screen.figure(number) if number >= 0.1 else f"{number:.2f}"


def show_verdict(verdict: Verdict, console: Console) -> None:
    """A judged claim: the judgement in the first line, its reasons below."""
    console.print(f"{verdict.claim}: {verdict.judgement}", style="bold", highlight=False)
    for reason in verdict.reasons:
        console.print(f"- {reason}", highlight=False)
