"""The commands of docs/looking.md are commands."""

import re
import shlex
from pathlib import Path

import pytest

from prep.pipeline.cli import cli

DOCS = (Path(__file__).resolve().parents[1] / "docs/looking.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", DOCS, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_flag_of_the_docs_is_there(line: str) -> None:
    program, name, *arguments = shlex.split(line)
    assert program == "prep"
    cli.commands[name].make_context(name, arguments)


def test_every_flag_is_in_the_docs() -> None:
    flags = {flag for name in ("look", "explain") for each in cli.commands[name].params for flag in each.opts}
    machine = {"--memory", "--scratch", "--number"}  # the last by its short name
    assert {flag for flag in flags if flag.startswith("--") and flag not in DOCS} <= machine
