"""What `prep look` does with its flags: it looks, and shows what it found where it is asked to."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from prep.errors import BadSettings
from prep.manifests import files
from prep.pipeline.chain import Machine
from prep.pipeline.light import spare_pandas
from prep.pipeline.look import finished, page, show
from prep.pipeline.look.asked import Asked
from prep.pipeline.look.gather import look
from prep.pipeline.numbers import parse_bytes

SHOWING = ("html", "jsonl", "memory", "scratch")


def run(config: str, flags: Mapping[str, Any]) -> None:
    """Look, and show: in a pager on a terminal, plainly elsewhere.

    Errors: BadSettings, BadInput.
    """
    if flags["html"] and flags["jsonl"]:
        raise BadSettings("--html and --jsonl exclude each other; give one")
    spare_pandas()
    asked = Asked(**{name: value for name, value in flags.items() if name not in SHOWING})
    found = look(finished.load(config), asked, machine(flags["memory"], flags["scratch"]))
    if flags["html"]:
        files.write(flags["html"], "".join(page.page(found)).encode())
        click.echo(f"{show.head(found)}: {flags['html']}")
    elif flags["jsonl"]:
        for line in show.lines(found):
            click.echo(line, nl=False)
    elif sys.stdout.isatty():
        click.echo_via_pager(show.text(found))
    else:
        click.echo("".join(show.text(found)), nl=False)


def machine(memory: str, scratch: str | None) -> Machine:
    """What judging may take of this machine.

    Errors: BadSettings.
    """
    try:
        return Machine(memory=parse_bytes(memory), scratch=scratch)
    except ValueError as error:
        raise BadSettings(f"--memory: {error}") from error
