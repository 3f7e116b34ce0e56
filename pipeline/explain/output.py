"""What `prep explain` does with its flags: it answers, and prints."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click
import orjson

from prep.pipeline.explain.answer import Question, answer
from prep.pipeline.explain.show import text
from prep.pipeline.light import spare_pandas
from prep.pipeline.look import finished
from prep.pipeline.look.output import machine

NEVER_SEEN = 1  # exit code


def run(config: str, id_: str | None, flags: Mapping[str, Any]) -> None:
    """Answer, and end with `NEVER_SEEN` where there is nothing to tell.

    Errors: BadSettings, BadInput.
    """
    spare_pandas()
    question = Question(id_, flags["url"], flags["text"], flags["row"], flags["chars"])
    found = answer(finished.load(config), question, machine(flags["memory"], flags["scratch"]))
    if flags["as_json"]:
        click.echo(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())
    else:
        for line in text(found):
            click.echo(line)
    if not found.seen:
        sys.exit(NEVER_SEEN)
