"""`prep train-tokenizer`: its flags into a tokenizer, a comparison, and what is printed of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from prep.errors import BadSettings
from prep.manifests import files, store
from prep.manifests.ledger import CELL, Row
from prep.pipeline import commands, runfile
from prep.pipeline.chain import Machine
from prep.pipeline.light import needs_pandas, spare_pandas
from prep.pipeline.numbers import format_bytes, parse_bytes, parse_count
from prep.pipeline.plan import budget
from prep.pipeline.progress import Screen, console
from prep.pipeline.run import finished
from prep.pipeline.settings import Run, Tokenizer
from prep.pipeline.spread import Spread, workers
from prep.pipeline.stage import Job, Result
from prep.pipeline.tokenizers.patterns import PATTERNS
from prep.pipeline.values import name_checked
from prep.pipeline.vocabulary import compare, learn, screen
from prep.pipeline.vocabulary.broken import opened
from prep.pipeline.vocabulary.compare import Compared, HeldOut
from prep.pipeline.vocabulary.shares import Quota, Shares, quotas, said_of, shares
from prep.pipeline.vocabulary.trainers import Model, Normalization, Wanted

SCHEMA = "prep-train-tokenizer/1"
LARGEST = 1 << 24  # tokens; the largest published vocabulary has 262,144
PIECES_ONLY = ("byte_fallback", "character_coverage", "split_by_whitespace")  # say nothing to byte-level BPE


@dataclass(frozen=True)
class Flags:
    """The flags as they were typed."""

    vocab_size: str
    model: Model = "unigram"
    sample: str = "200MB"
    held_out: str = "2MB"
    name: str = "mine"
    share_by: str | None = None
    byte_fallback: bool = True
    character_coverage: float = 0.9995
    split_digits: bool = True
    split_by_whitespace: bool = True
    user_symbols: str | None = None
    normalization: Normalization = "identity"
    against: tuple[str, ...] = ()
    plot: str | None = None
    as_json: bool = False


@dataclass(frozen=True)
class Made:
    """What a run of the command comes to."""

    path: str  # of the tokenizer's file
    name: str
    drawn: list[Row]
    quotas: tuple[Quota, ...]
    shares: Shares
    budget: int  # tokens
    compared: list[Compared]

    def remarks(self) -> list[str]:
        """What a person should not overlook."""
        by_cell = {tuple(row[name] for name in CELL): row for row in self.drawn}
        none: dict[str, Any] = {"sample": {"bytes": 0, "documents": 0}, "held_out": {"documents": 0}}
        got = [(quota, by_cell.get(quota.cell, none)) for quota in self.quotas]
        said = [self.shares.said(), *filter(None, (said_of(*each) for each in got))]
        return said + [
            f"{'/'.join(quota.cell)}: nothing is held out of a single text, so it is not in the comparison"
            for quota, row in got
            if not row["held_out"]["documents"]
        ]

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "tokenizer": self.path,
            "share_by": self.shares.by,
            "drawn": self.drawn,
            "budget": self.budget,
            "compared": screen.as_json(self.compared),
            "remarks": self.remarks(),
        }


def run(config: str, flags: Flags, machine: Machine) -> None:
    """Train, compare, and print."""
    if flags.plot is not None:
        from prep.pipeline.plan.plot import must_be_drawable

        must_be_drawable(flags.plot)
    made = make(runfile.load(config), flags, machine)
    if flags.plot is not None and made.compared:
        from prep.pipeline.vocabulary import plot

        plot.write(made.compared, flags.plot)
    if flags.as_json:
        click.echo(commands.dump(made.plain()))
    else:
        show(made)


def make(settings: Run, flags: Flags, machine: Machine) -> Made:
    """The tokenizer that the flags ask for, trained or found trained, and the comparison."""
    wanted, sample, apart = wanted_of(flags), _bytes("--sample", flags.sample), _bytes("--held-out", flags.held_out)
    others = {**settings.tokenizers, **against(flags, settings)}
    ingested = commands.run(settings, machine, "ingest")["ingest"]
    with ExitStack() as stack:
        stack.enter_context(files.lock(settings.out))
        spread = stack.enter_context(workers(machine.workers, None if needs_pandas(settings) else spare_pandas))
        list(spread(_opened, others.values()))  # a wrong one is told before training takes its time
        parts = shares(settings, ingested, flags.share_by)
        drawn = quotas(ingested, parts, sample, apart)
        job = learn.job(settings, learn.Ask(wanted, drawn, machine.scratch), ingested)
        path = files.join(settings.out, job.recipe.folder, wanted.file)
        others = _without(others, flags.name, path)
        watched = stack.enter_context(Screen(console()))
        result = trained(settings, flags.name, job, commands.Making(settings, machine, spread, watched))
        texts = compare.held_out(spread, result, ingested)
        total = budget.tokens(settings.budget)
        found = _compared(spread, {flags.name: Tokenizer(path=path), **others}, texts, parts, total, watched)
    return Made(path, flags.name, result.manifest.ledger["drawn"], drawn, parts, total, found)


def trained(settings: Run, name: str, job: Job, making: commands.Making) -> Result:
    """The result of a training; the last one of its name is kept by `clean` and looked at by `verify`."""
    if finished(settings.out, job):
        console().print(f"{learn.Learn.name:<16} reuse  {job.recipe.folder}", highlight=False, markup=False)
    result = making({learn.Learn.name: job})[learn.Learn.name]
    named = {f"{learn.Learn.name}.{name}": job.recipe.folder}
    store.write_current(settings.out, store.current(settings.out) | named)
    return result


def _compared(
    spread: Spread, tokenizers: Mapping[str, Tokenizer], texts: Sequence[HeldOut], parts: Shares, total: int,
    watched: Screen,
) -> list[Compared]:  # fmt: skip
    if not texts:
        return []
    with watched.stage("compare"):
        return compare.compare(spread, tokenizers, texts, parts, total)


def show(made: Made) -> None:
    """The tables, and what to write into the run file."""
    out = console(error=False)
    out.print(screen.drawn(made.drawn, made.shares))
    if made.compared:
        out.print(screen.by_source(made.compared))
        out.print(screen.by_tokenizer(made.compared, made.budget))
        out.print(screen.sentence(made.compared, made.budget), highlight=False, markup=False, soft_wrap=True)
    for remark in made.remarks():
        out.print(f"! {remark}", highlight=False, markup=False, soft_wrap=True)
    out.print(f"tokenizer: {made.path}", highlight=False, markup=False, soft_wrap=True)
    line = f"tokenizers: {{{made.name}: {made.path}}}"
    out.print(f"in the run file: {line}", highlight=False, markup=False, soft_wrap=True)


def wanted_of(flags: Flags) -> Wanted:
    """What is to be trained.

    Errors: BadSettings, where a flag's value cannot be, or says nothing to this model.
    """
    try:
        size = parse_count(flags.vocab_size)
        name_checked(flags.name)
    except ValueError as error:
        raise BadSettings(f"--vocab-size or --name: {error}") from error
    if not 1 < size <= LARGEST:
        raise BadSettings(f"--vocab-size {size:,}: a vocabulary has 2 to {LARGEST:,} tokens; common are 32k to 256k")
    given = Wanted(
        flags.model, size, flags.byte_fallback, flags.character_coverage, flags.split_digits,
        flags.split_by_whitespace, flags.normalization, symbols(flags.user_symbols),
    )  # fmt: skip
    if not given.pieces:
        plain = Wanted(flags.model, size)
        odd = [name for name in PIECES_ONLY if getattr(given, name) != getattr(plain, name)]
        odd += ["normalization"] if given.normalization == "nmt_nfkc" else []
        if odd:
            flag = odd[0].replace("_", "-")
            raise BadSettings(f"--{flag} is for sentencepiece, not for byte-bpe; drop it, or train unigram or bpe")
    return given


def symbols(path: str | None) -> tuple[str, ...]:
    """The symbols of a file, a line each.

    Errors: BadSettings, where it cannot be read, or a symbol stands twice.
    """
    if path is None:
        return ()
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"--user-symbols {path}: {error}; give a UTF-8 file with a symbol a line") from error
    found = [line.rstrip("\r") for line in lines if line.strip()]
    if twice := [one for place, one in enumerate(found) if one in found[:place]]:
        raise BadSettings(f"--user-symbols {path}: {twice[0]!r} stands twice; name it once")
    return tuple(found)


def against(flags: Flags, settings: Run) -> dict[str, Tokenizer]:
    """The tokenizers to compare with beside those of the run file."""
    found: dict[str, Tokenizer] = {}
    for given in flags.against:
        name, equals, path = given.partition("=")
        if not (equals and name and path):
            raise BadSettings(f"--against {given!r}: write NAME=PATH, such as gpt2=tokenizers/gpt2")
        if name in (*settings.tokenizers, *found, flags.name):
            raise BadSettings(f"--against {given!r}: {name!r} names another tokenizer already; give another name")
        file, colon, pattern = path.rpartition(":")
        with_pattern = bool(colon) and pattern in PATTERNS
        found[name] = Tokenizer(path=file, pattern=pattern) if with_pattern else Tokenizer(path=path)
    return found


def _without(others: Mapping[str, Tokenizer], name: str, path: str) -> dict[str, Tokenizer]:
    """The others, without the run file's own entry for what is trained here.

    Errors: BadSettings, where the run file calls another tokenizer so.
    """
    same = name in others and Path(others[name].path).absolute() == Path(path).absolute()
    if name in others and not same:
        raise BadSettings(
            f"--name {name}: the run file calls {others[name].path} so, and this makes another; give a new --name"
        )
    return {other: tokenizer for other, tokenizer in others.items() if other != name}


def _opened(given: Tokenizer) -> None:
    opened(given)


def _bytes(flag: str, text: str) -> int:
    try:
        number = parse_bytes(text)
    except ValueError as error:
        raise BadSettings(f"{flag}: {error}") from error
    if number <= 0:
        raise BadSettings(f"{flag} {format_bytes(number)}: nothing; write a size such as 200MB")
    return number
