"""One command per verb: it reads its arguments, calls one function, prints. Heavy modules are imported inside."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from prep import __version__
from prep.errors import PrepError

if TYPE_CHECKING:
    from prep.pipeline.chain import Machine

STAGES = ("ingest", "count", "train", "score", "dedup", "mix", "size", "export")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="prep")
def cli() -> None:
    """Plan, measure and build the training corpus of a language model.

    \b
      prep plan --params 10e9        how many tokens a 10B model needs
      prep init > run.yaml           a run file to fill in
      prep run run.yaml              from the sources to a corpus of that many tokens
      prep verify run.yaml           check every shard, checksum and ledger again
    """


def machine_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Flags for what concerns the machine and changes no byte of the result."""
    for flag in (
        click.option("--batch-rows", type=click.IntRange(1), default=4096, hidden=True),
        click.option("--space-check/--no-space-check", default=True, help="Look first whether the disk has room."),
        click.option("--scratch", type=click.Path(file_okay=False), help="Folder for what does not fit in memory."),
        click.option("--memory", default="1GB", show_default=True, help="For questions over thin columns."),
        click.option("--workers", "-j", type=click.IntRange(1), help="Processes.  [default: one per core]"),
    ):
        command = flag(command)
    return command


def _machine(flags: dict[str, Any]) -> Machine:
    from prep.errors import BadSettings
    from prep.pipeline.chain import Machine
    from prep.pipeline.numbers import parse_bytes

    try:
        given = {**flags, "memory": parse_bytes(flags["memory"])}
    except ValueError as error:
        raise BadSettings(f"--memory: {error}") from error
    return Machine(**{name: value for name, value in given.items() if value is not None})


def _chain_command(name: str, until: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @click.argument("config", type=click.Path())
    @click.option("--dry-run", is_flag=True, help="Say what would be reused and what is new; make nothing.")
    @click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
    @machine_flags
    def command(config: str, dry_run: bool, as_json: bool, **flags: Any) -> None:
        from prep.pipeline import commands, runfile

        if dry_run:
            commands.dry_run(runfile.load(config), _machine(flags), until)
            return
        results = commands.run(runfile.load(config), _machine(flags), until)
        if as_json:
            click.echo(commands.dump(commands.as_json(results)))
        else:
            commands.tables(results)

    return command


_RUN = """Run the whole chain of CONFIG, from sources to a corpus of the asked number of tokens.

It says first what it reuses and what is new, and why. A killed run goes on where it stopped.

\b
  prep run run.yaml --dry-run
  prep run run.yaml --workers 8
"""
cli.add_command(_chain_command("run", "export", _RUN))
for _stage in STAGES:
    cli.add_command(_chain_command(_stage, _stage, f"Run the chain of CONFIG up to `{_stage}`."))


@cli.command()
@click.option("--params", required=True, help="Parameters of the model, embeddings included: 10e9, 10B.")
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def plan(params: str, as_json: bool) -> None:
    """Tokens that a model needs, and the compute to train it.

    \b
      prep plan --params 10e9
      prep plan --params 7B --json
    """
    import json
    from dataclasses import asdict

    from prep.errors import BadSettings
    from prep.pipeline.numbers import parse_count
    from prep.pipeline.plan.answer import answers, lines

    try:
        parameters = parse_count(params)
    except ValueError as error:
        raise BadSettings(f"--params: {error}") from error
    if parameters < 1:
        raise BadSettings(f"--params: {params}: a model has at least one parameter")
    found = answers(parameters)
    click.echo(json.dumps([asdict(each) for each in found], indent=1) if as_json else "\n".join(lines(found)))


@cli.command()
@click.option("--out", default="demo-run", show_default=True, type=click.Path(file_okay=False), help="Output folder.")
@machine_flags
def demo(out: str, **flags: Any) -> None:
    """Run the whole chain on a small embedded corpus, with a tokenizer trained from it. No network."""
    from prep.pipeline import commands
    from prep.pipeline.demo import prepare

    settings, path = prepare(out)
    commands.tables(commands.run(settings, _machine(flags), "export"))
    click.echo(f"run file: {path}   (change it, then: prep run {path})")


@cli.command()
@click.option("--output", "-o", default="-", help="File to write; standard output by default.")
def init(output: str) -> None:
    """Write a commented run file to fill in.

    \b
      prep init > run.yaml
    """
    from importlib import resources

    text = resources.files("prep.configs").joinpath("template.yaml").read_text(encoding="utf-8")
    with click.open_file(output, "w", encoding="utf-8") as file:
        file.write(text)


def main() -> None:
    """The console script: errors on purpose are one clear text, and an exit code."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped; what was finished is kept, run again to go on", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PrepError as error:
        click.echo(f"prep: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(0)
