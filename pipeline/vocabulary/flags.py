"""The command line of `prep train-tokenizer`. Only click at the top: `prep --help` must be quick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from prep.pipeline.chain import Machine

FLAGS = (
    click.option(
        "--model", type=click.Choice(["unigram", "bpe", "byte-bpe"]), default="unigram", show_default=True,
        help="unigram and bpe by sentencepiece, byte-bpe by tokenizers.",
    ),
    click.option("--vocab-size", required=True, metavar="COUNT", help="Tokens, specials included: 50k."),
    click.option("--sample", default="200MB", show_default=True, metavar="SIZE", help="Text to learn from."),
    click.option("--held-out", default="2MB", show_default=True, metavar="SIZE",
                 help="Most text of a source to compare on; at most a tenth of it."),
    click.option("--name", default="mine", show_default=True, help="What to call it."),
    click.option("--share-by", metavar="NAME", help="The run file's tokenizer whose counts turn the mix's shares into "
                 "bytes, or `bytes`.  [default: the budget's, if it has counted]"),
    click.option("--byte-fallback/--no-byte-fallback", default=True, show_default=True,
                 help="Unknown characters become bytes; sentencepiece only."),
    click.option("--character-coverage", type=click.FloatRange(0.9, 1.0), default=0.9995, show_default=True,
                 help="Of the sample's characters, the share with a piece of their own; sentencepiece only."),
    click.option("--split-digits/--no-split-digits", default=True, show_default=True,
                 help="Each digit alone; else runs of digits (byte-bpe: up to three)."),
    click.option("--split-by-whitespace/--no-split-by-whitespace", default=True, show_default=True,
                 help="No piece reaches over a space; sentencepiece only."),
    click.option("--user-symbols", metavar="FILE", help="Symbols that are always one token, a line each."),
    click.option("--normalization", type=click.Choice(["identity", "nfkc", "nmt_nfkc"]), default="identity",
                 show_default=True, help="What the tokenizer does to text before it splits it."),
    click.option("--against", multiple=True, metavar="NAME=PATH",
                 help="Compare with this one too; ranks as NAME=PATH:PATTERN. Those of the run file always are."),
    click.option("--plot", metavar="FILE", help="Draw the comparison: .svg, .png or .html."),
    click.option("--json", "as_json", is_flag=True, help="Print figures as JSON."),
)  # fmt: skip

Flagged = Callable[[Callable[..., Any]], Callable[..., Any]]


def command(machine_flags: Flagged, machine: Callable[[dict[str, Any]], Machine]) -> click.Command:
    """The command. `machine_flags` adds what concerns the machine, `machine` reads it."""

    @click.command("train-tokenizer")
    @click.argument("config", type=click.Path())
    @_with_flags
    @machine_flags
    def train_tokenizer(config: str, **flags: Any) -> None:
        """Train a tokenizer on a drawn sample of CONFIG's mix, and compare it with others on text that it never saw.

        What is drawn, and what is held out, hangs on the run file's seed. Nothing is filtered by quality; copies of a
        text within a source are learnt once.

        \b
          prep train-tokenizer run.yaml --vocab-size 50k --sample 200MB
          prep train-tokenizer run.yaml --model byte-bpe --vocab-size 64k --against llama=llama/tokenizer.json
        """
        from prep.pipeline.vocabulary import command as work

        names = {field.name for field in fields(work.Flags)}
        given = work.Flags(**{name: value for name, value in flags.items() if name in names})
        work.run(config, given, machine({name: value for name, value in flags.items() if name not in names}))

    return train_tokenizer


def _with_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    for flag in reversed(FLAGS):
        function = flag(function)
    return function
