"""The page on planning: what it shows is what is printed, and what it offers in Python runs."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from prep.pipeline.cli import cli
from prep.pipeline.plan import published

PAGE = Path(__file__).resolve().parents[1] / "docs" / "planning.md"
TEXT = PAGE.read_text(encoding="utf-8")
SHOWN = re.findall(r"```console\n\$ prep (.*)\n([^`]*)```", TEXT)


@pytest.mark.parametrize(("words", "lines"), SHOWN, ids=[words for words, _ in SHOWN])
def test_the_page_shows_what_is_printed(words: str, lines: str) -> None:
    result = CliRunner().invoke(cli, shlex.split(words), env={"COLUMNS": "100"})
    assert result.exception is None
    printed = "\n".join(line.rstrip() for line in result.output.splitlines())
    assert lines.strip() in printed


def test_the_python_of_the_page_runs() -> None:
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(block, names)
    assert round(names["plan"].tokens / 1e9, 1) == 205.7


def test_every_law_and_every_picture_of_the_page_is_there() -> None:
    assert all(f"`{name}`" in TEXT or name == "ratio-20" for name in published.names())
    for picture in re.findall(r"\]\((img/[^)]+)\)", TEXT):
        content = (PAGE.parent / picture).read_bytes()
        assert len(content) < 150_000
        assert b"Chinchilla, approach 1" in content
