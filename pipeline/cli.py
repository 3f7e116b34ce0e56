"""One command per verb: it reads its arguments, calls one function, prints. Heavy modules are imported inside."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

import click

from prep import __version__
from prep.errors import PrepError
from prep.pipeline.audit.command import audit
from prep.pipeline.explain.command import explain
from prep.pipeline.look.command import look
from prep.pipeline.plan.command import plan
from prep.pipeline.safe import safe
from prep.pipeline.vocabulary import flags as vocabulary

if TYPE_CHECKING:
    from prep.pipeline.chain import Machine

STAGES = ("ingest", "count", "train", "score", "dedup", "mix", "size", "export")


STAGE_HELP = {
    "ingest": "Read the sources into documents; skipped and rejected records are kept, with their reason.",
    "count": "Count the tokens of every document, by every tokenizer of the run file.",
    "train": "Train the quality classifier of each language.",
    "score": "Score every document: how much it reads like the reference text.",
    "dedup": "Find the documents that say the same.",
    "mix": "Ask each source for its part of the budget.",
    "size": "Choose the documents, up to the budget.",
    "export": "Write the corpus.",
}


class InOrder(click.Group):
    """Lists its commands in the order in which they are of use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Planning, the chain and its stages, then what looks after results."""
        wanted = [
            "plan",
            "fit",
            "audit",
            "init",
            "demo",
            "run",
            *STAGES,
            "train-tokenizer",
            "look",
            "explain",
            "verify",
            "clean",
        ]
        return [name for name in wanted if name in self.commands] + sorted(self.commands.keys() - set(wanted))


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="prep")
def cli() -> None:
    """Plan, measure and build the training corpus of a language model.

    \b
      prep plan --params 10e9        how many tokens a 10B model needs
      prep audit data/ -t T.json     how many tokens there are, by sampling
      prep init > run.yaml           a run file to fill in
      prep run run.yaml              from the sources to a corpus of that many tokens
      prep verify run.yaml           check every shard, checksum and ledger again
    """


def machine_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Flags for what concerns the machine and changes no byte of the result."""
    for flag in (
        click.option("--batch-rows", type=click.IntRange(1), default=4096, hidden=True),
        click.option("--space-check/--no-space-check", default=True, help="Look first whether the disk has room."),
        click.option(
            "--scratch",
            type=click.Path(file_okay=False),
            help="Folder for what does not fit in memory.  [default: `out`]",
        ),
        click.option(
            "--memory", default="1GB", show_default=True, help="For sorting and grouping, of all documents at once."
        ),
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
    shown = ", and what each source would give" if until == "mix" else ""

    @click.command(name, help=text)
    @click.argument("config", type=click.Path())
    @click.option("--dry-run", is_flag=True, help=f"Say what would be reused and what is new{shown}; make nothing.")
    @click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
    @machine_flags
    def command(config: str, dry_run: bool, as_json: bool, **flags: Any) -> None:
        from prep.pipeline import commands, runfile

        if dry_run:
            if not (until == "mix" and as_json):
                commands.dry_run(runfile.load(config), _machine(flags), until)
            if until == "mix":
                commands.forecast(runfile.load(config), _machine(flags), as_json)
            return
        results = commands.run(runfile.load(config), _machine(flags), until)
        if as_json:
            click.echo(commands.dump(commands.as_json(results)))
        else:
            commands.tables(results)

    return command


_RUN = """Run the whole chain of CONFIG, from sources to corpus.

It says first what it reuses and what is new, and why. A killed run goes on where it stopped.

\b
  prep run run.yaml --dry-run
  prep run run.yaml --workers 8
"""
cli.add_command(_chain_command("run", "export", _RUN))
for _stage in STAGES:
    cli.add_command(_chain_command(_stage, _stage, f"{STAGE_HELP[_stage]}\n\nRuns the chain of CONFIG up to here."))


cli.add_command(plan)
cli.add_command(audit)
cli.add_command(look)
cli.add_command(explain)
cli.add_command(vocabulary.command(machine_flags, _machine))


@cli.command()
@click.argument("runs", type=click.Path())
@click.option("--params", help="Column of parameters; size*1e6 reads millions.  [default: guessed, as all columns]")
@click.option("--tokens", help="Column of training tokens.")
@click.option("--loss", help="Column of the loss.")
@click.option("--flops", help="Column of training FLOPs.  [default: a column of that name, else 6*N*D]")
@click.option("--curve", help="Column that tells training curves apart.")
@click.option("--where", multiple=True, help="Only rows such as dataset=c4, tokens>=1e9 or tokens=unique_tokens.")
@click.option("--approach", type=click.Choice(["1", "2", "3", "all"]), default="all", show_default=True)
@click.option("--at", help="FLOPs to answer for: 1e22.  [default: the largest run]")
@click.option("--tolerance", default="10%", show_default=True, help="Runs so near in FLOPs are one budget.")
@click.option("--all-points", is_flag=True, help="Take checkpoints as runs too (constant learning rate).")
@click.option("--resamples", type=click.IntRange(0, 10_000), default=200, show_default=True, help="Of the bootstrap.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the bootstrap.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Picture to write: .svg, .png or .html.")
@click.option("--write", type=click.Path(dir_okay=False), help="Law file to write, for prep plan --law FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def fit(runs: str, **flags: Any) -> None:
    """Fit a scaling law to RUNS, a CSV file of your own training runs.

    \b
      prep fit runs.csv
      prep fit runs.csv --where dataset=c4 --loss val_loss --at 1e22
      prep fit runs.csv --write law.json --plot fit.png
      prep plan --params 10e9 --law law.json
    """
    from prep.pipeline.plan import fit_command

    click.echo(fit_command.run(runs, fit_command.Flags(**flags)))


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
@click.option(
    "--output", "-o", default="-", type=click.File("w", "utf-8"), help="File to write; standard output by default."
)
def init(output: IO[str]) -> None:
    """Write a commented run file to fill in.

    \b
      prep init > run.yaml
    """
    from importlib import resources

    text = resources.files("prep.configs").joinpath("template.yaml").read_text(encoding="utf-8")
    output.write(text)


@cli.command()
@click.argument("target", type=click.Path())
@click.option("--sources", is_flag=True, help="Hash the source files again too; TARGET is a run file then.")
@click.option("--workers", "-j", type=click.IntRange(1), help="Processes.  [default: one per core]")
@click.option("--json", "as_json", is_flag=True, help="Print what differs as JSON.")
def verify(target: str, sources: bool, workers: int | None, as_json: bool) -> None:
    """Read every shard of TARGET again: its bytes, checksums, schemas, ledgers, and what was made from what.

    TARGET is a run file, an output folder, or an exported corpus alone. Every difference is listed.
    """
    from prep.pipeline import commands
    from prep.pipeline import verify as verifying

    report = verifying.verify(target, workers, sources=sources)
    click.echo(commands.dump(report.plain()) if as_json else safe(report.text()))
    report.must_be_clean()


@cli.command()
@click.argument("target", type=click.Path())
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def clean(target: str, dry_run: bool, yes: bool) -> None:
    """Remove the results of TARGET, a run file or an output folder, that its last run does not name."""
    from prep.errors import BadSettings
    from prep.pipeline import clean as cleaning

    if not (dry_run or yes or sys.stdin.isatty()):
        raise BadSettings("clean asks before it removes, and nobody is there to answer: say --yes, or --dry-run")

    def agree(plan: cleaning.Plan) -> bool:
        click.echo(plan.text())
        return yes or click.confirm("remove them?")

    plan = cleaning.clean(target, agree, dry_run=dry_run)
    if dry_run or not plan.items:
        click.echo(plan.text())


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
        click.echo(f"prep: {safe(str(error))}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        what = safe(str(error.filename)) if error.filename else "output"
        click.echo(f"prep: {what} cannot be read or written: {error.strerror or error}", err=True)
        sys.exit(1)
    sys.exit(0)
