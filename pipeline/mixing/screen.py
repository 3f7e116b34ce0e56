"""A mix for people: the table, then what a person should not overlook in it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from prep.pipeline.mixing.answer import Answer, Line
from prep.pipeline.numbers import format_bytes, format_count, format_share
from prep.pipeline.plan.repetition import FREE_EPOCHS

WIDE = 132  # columns that the whole table takes; below it kinds, counts before filters and text are left out


def show(found: Answer, console: Console) -> None:
    """Print the table and the remarks; where the corpus has phases those of each, then those of the whole."""
    for phase in found.phases:
        show(phase, console)
    console.print(_table(found, console.width))
    for line in remarks(found):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _table(found: Answer, width: int) -> Table:
    there = "after filters" if found.filtered else "after filters at most"
    heads = (
        "kind",
        "asked",
        "counted",
        there,
        "earlier",
        "tokens",
        "got",
        "documents",
        "epochs",
        "worth",
        "text",
        "in bytes",
        "to collect",
    )
    table = Table(
        title=_title(found),
        title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title_style="bold",
    )  # fmt: skip
    for head in ("source", "lang", *heads):
        table.add_column(head, justify="left" if head in ("source", "lang", "kind") else "right", no_wrap=True)
    for group in found.groups:
        lines = [line for line in found.cells if line.group == group.group]
        for line in lines:
            table.add_row(line.source or "(none)", line.language, line.kind, *_figures(line))
        if len(lines) > 1:
            table.add_row("", group.group, "", *_figures(group), style="bold")
        table.add_section()
    table.add_row("all", "", "", *_figures(found.whole), style="bold")
    left_out = {"kind", "counted", "text"} if width < WIDE else set()
    left_out |= set() if found.whole.earlier_tokens else {"earlier"}
    left_out |= {"documents"} if found.whole.written_documents is None else set()
    table.columns = [each for each in table.columns if each.header not in left_out]
    return table


def _title(found: Answer) -> str:
    name = f"Phase {found.phase}" if found.phase else "All phases" if found.phases else "Mix"
    if found.problem is not None:
        return f"{name}: {format_count(found.budget_tokens)} tokens as asked, which cannot be made"
    return f"{name}: {format_count(found.tokens)} of {format_count(found.budget_tokens)} tokens"


def _figures(line: Line) -> tuple[str, ...]:
    beyond = "!" if line.to_collect_tokens else ""
    return (
        format_share(line.asked_share),
        format_count(line.counted_tokens),
        format_count(line.available_tokens),
        format_count(line.earlier_tokens) if line.earlier_tokens else "",
        format_count(line.tokens),
        format_share(line.share),
        "" if line.written_documents is None else f"{line.written_documents:,}",
        f"{line.epochs:.2f}{beyond}",
        format_count(line.effective_tokens),
        format_bytes(line.text_bytes),
        format_share(line.share_of_bytes),
        format_count(line.to_collect_tokens) if line.to_collect_tokens else "",
    )


def remarks(found: Answer) -> Iterator[str]:
    """What the figures mean."""
    worth = found.whole.effective_tokens
    if found.loss_nats_per_token is not None and found.loss_if_all_unique is not None and worth < found.tokens:
        lost = found.loss_nats_per_token - found.loss_if_all_unique
        yield (
            f"{format_count(found.tokens)} tokens are worth {format_count(worth)} unique ones; repeating them costs a "
            f"model of {format_count(found.params)} parameters {lost:.4f} nats a token (Muennighoff et al. 2023)"
        )
    for line in found.cells:
        if line.epochs > FREE_EPOCHS:
            name = f"{line.source}/{line.language}/{line.kind}"
            yield f"! {name}: {line.epochs:.1f} epochs; up to {FREE_EPOCHS} are nearly free, beyond them less is learnt"
    for each in found.printed:
        if not each.agree:
            made = f"its weight makes {each.implied_epochs:.2f} at this budget"
            yield f"! {each.name}: {each.printed_epochs:g} epochs are printed, {made}"
    if found.tokens < found.budget_tokens:
        yield f"! shrunk to {format_share(found.tokens / found.budget_tokens)} of the budget, at the asked ratios"
    if not found.filtered and not found.phase:
        yield "! filters have not judged these documents yet: what is available after them is at most this"
    if found.problem is not None and not found.phases:  # each phase has said its own
        yield f"! {found.problem}"
