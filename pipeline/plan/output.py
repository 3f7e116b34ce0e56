"""What `prep plan` prints and leaves behind."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from prep.errors import BadSettings
from prep.pipeline.numbers import format_count
from prep.pipeline.plan.answer import Answer, answer, as_json
from prep.pipeline.plan.question import Question

WIDTH = 100  # columns where there is no terminal
MOST = 120  # more does not read better


def plan(question: Question, plain: bool, picture: str | None, block: str | None) -> None:
    """Answer a question on the terminal, and in the files that are asked for."""
    if block is not None and Path(block).exists():
        raise BadSettings(f"--write {block}: is there already; name a new file")
    if picture is not None:
        from prep.pipeline.plan import plot
        from prep.pipeline.plan.picture import must_be_drawable

        must_be_drawable(picture)
    found = answer(question)
    if plain:
        click.echo(dump(as_json(found)))
    else:
        from prep.pipeline.plan import screen

        screen.show(found, console())
    if picture is not None:
        plot.write(found, question, picture)
    if block is not None:
        write(block, budget_block(found, question))


def check_or_compare(claim: str | None, plain: bool) -> None:
    """Judge a claim, or show the known models."""
    from prep.pipeline.plan import compare
    from prep.pipeline.plan.check import check

    if claim is None:
        rows = compare.rows()
        if plain:
            click.echo(dump(compare.as_json(rows)))
        else:
            compare.show(rows, console())
        return
    verdict = check(claim)
    if plain:
        click.echo(dump({"schema": "prep-plan-check/1", **asdict(verdict)}))
    else:
        compare.show_verdict(verdict, console())


def budget_block(found: Answer, question: Question) -> str:
    """The `budget:` of a run file: by law where the law decides, else the tokens themselves."""
    flops = f"{found.flops:.2e}".replace("e+", "e")
    said = f"# {format_count(found.params)} parameters, {format_count(found.tokens)} tokens, {flops} FLOPs"
    by_law = found.asked == "params" and question.active_params is None and not Path(question.law).is_file()
    lines = [f"  params: {round(found.params):_}", f"  law: {question.law}"] if by_law else []
    lines = lines or [f"  tokens: {round(found.tokens):_}"]
    return "\n".join((f"{said} ({found.chosen.title})", "budget:", *lines, ""))


def write(path: str, text: str) -> None:
    """Write a small file.

    Errors: BadSettings, where it cannot be written.
    """
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadSettings(
            f"{path}: cannot be written: {error.strerror}; name a file in a folder that is there"
        ) from error


def console() -> Any:
    """A terminal of its own width, or of a hundred columns where there is none."""
    from rich.console import Console

    return Console(width=min(shutil.get_terminal_size((WIDTH, 24)).columns, MOST))


def dump(value: object) -> str:
    """JSON for a terminal or a pipe."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
