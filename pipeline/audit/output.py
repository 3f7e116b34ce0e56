"""What `prep audit` does with its flags: it measures, judges, shows, and leaves behind what is asked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from prep.errors import BadSettings, FailedCheck
from prep.pipeline.audit import claims, explain, shard, verdict
from prep.pipeline.audit.asked import EXAMPLE, Asked, Flags, asked, read_tokenizer
from prep.pipeline.audit.explain import Judged
from prep.pipeline.audit.figures import Source
from prep.pipeline.audit.probes import Measure
from prep.pipeline.audit.verdict import Seen, Verdict
from prep.pipeline.numbers import parse_bytes, parse_share
from prep.pipeline.plan.output import console, dump
from prep.pipeline.settings import Tokenizer

SCHEMA = "prep-audit/1"


@dataclass(frozen=True)
class Found:
    """All that an audit came to."""

    reads: str | None
    asked: Asked | None
    sources: tuple[Source, ...]
    judged: tuple[Judged, ...]
    measures: Mapping[str, Measure]
    claims: tuple[Verdict, ...]
    notes: tuple[str, ...]


def run(flags: Mapping[str, Any]) -> None:
    """Audit what the flags say, and print it.

    Errors: BadInput of all sorts; FailedCheck, where a claim is wrong and `--strict` was given.
    """
    _must_be_possible(flags)
    read, notes = _claims(flags)
    found = _audited(flags, read, notes) if flags["paths"] else _judged_alone(flags, read, notes)
    if flags["plot"] is not None:
        from prep.pipeline.audit import plot

        plot.write(found.sources, found.judged, flags["plot"])
    if flags["out"] is not None and found.asked is not None:
        shard.write(flags["out"], found.asked.request, found.sources, found.judged)
    if flags["as_json"]:
        click.echo(dump(as_json(found)))
    else:
        _show(found)
    wrong = [each.claim.name for each in found.claims if each.verdict == "wrong"]
    if flags["strict"] and wrong:
        raise FailedCheck(f"{len(wrong)} of {len(found.claims)} claims are wrong: {', '.join(wrong[:5])}")


def _must_be_possible(flags: Mapping[str, Any]) -> None:
    """Look before anything is read whether all that is asked can be given."""
    if not (flags["paths"] or flags["claims"] or flags["claims_files"]):
        raise BadSettings(
            f'audit needs something to audit; write\n  {EXAMPLE}\nor prep audit --claim "GPT-3: 500B tokens = 750GB"'
        )
    for name in ("plot", "out"):
        if flags[name] is not None and not flags["paths"]:
            raise BadSettings(f"--{name} is about what PATHS hold; name them, or drop it")
    if flags["plot"] is not None:
        from prep.pipeline.plan.picture import must_be_drawable

        must_be_drawable(flags["plot"])
    if flags["out"] is not None:
        shard.must_be_free(flags["out"])


def _claims(flags: Mapping[str, Any]) -> tuple[list[claims.Claim], list[str]]:
    read, notes = [claims.read(text) for text in flags["claims"]], []
    for path in flags["claims_files"]:
        found, said = claims.read_file(path)
        read += found
        notes += said
    return read, notes


def _judged_alone(flags: Mapping[str, Any], read: Sequence[claims.Claim], notes: Sequence[str]) -> Found:
    """Claims without any text; a tokenizer that is given stands for all that name none."""
    measures = measured(dict(map(read_tokenizer, flags["tokenizers"])))
    return Found(None, None, (), (), measures, tuple(_verdict(each, measures, ()) for each in read), tuple(notes))


def _verdict(claim: claims.Claim, measures: Mapping[str, Measure], seen: Sequence[Seen]) -> Verdict:
    """A claim's tokenizer by its name among those given, else the only one given."""
    only = next(iter(measures.values())) if len(measures) == 1 and claim.tokenizer is None else None
    return verdict.judge(claim, measures.get(claim.tokenizer or "", only), seen)


def measured(tokenizers: Mapping[str, Tokenizer]) -> dict[str, Measure]:
    """Each tokenizer on our own sentences."""
    if not tokenizers:
        return {}
    from prep.pipeline.audit import probes
    from prep.pipeline.audit.counting import portrait

    return {name: probes.measure(name, portrait(each).tokens) for name, each in tokenizers.items()}


def _audited(flags: Mapping[str, Any], read: Sequence[claims.Claim], notes: Sequence[str]) -> Found:
    from prep.pipeline.light import needs_pandas, spare_pandas
    from prep.pipeline.spread import workers

    what = asked(flags["paths"], _flags(flags))
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        click.echo(line, err=flags["as_json"])

    begin = None if needs_pandas(what.request) else spare_pandas
    with workers(flags["workers"] or len(os.sched_getaffinity(0)), begin, "prep.pipeline.audit.reading") as spread:
        from prep.pipeline.audit.counting import learn
        from prep.pipeline.audit.measure import measure

        learn(what.request.tokenizers.values(), spread)
        measures = measured(what.request.tokenizers)
        sources = tuple(measure(what.request, spread, say))
    judged = tuple(each for source in sources for each in explain.judge(source, measures))
    verdicts = tuple(_verdict(each, measures, _seen(sources)) for each in read)
    return Found(said[0] if said else None, what, sources, judged, measures, verdicts, (*what.notes, *notes))


def _seen(sources: Sequence[Source]) -> list[Seen]:
    return [
        Seen(source.name, each.tokenizer, each.ratio.value, source.on_disk / each.total.value, source.compressed)
        for source in sources
        for each in source.tokens
        if each.total.value
    ]


def _flags(flags: Mapping[str, Any]) -> Flags:
    try:
        precision = parse_share(flags["precision"])
        most = None if flags["max_read"] is None else parse_bytes(flags["max_read"])
    except ValueError as error:
        raise BadSettings(f"--precision or --max-read: {error}") from error
    if not 0.0001 <= precision <= 0.5:
        raise BadSettings(
            f"--precision {flags['precision']}: write a share from 0.01% to 50%; --exact counts everything"
        )
    return Flags(
        flags["tokenizers"], flags["language"], flags["kind"], flags["format"], flags["encoding"], flags["fields"],
        flags["exclude"], flags["exact"], precision, most, flags["seed"],
    )  # fmt: skip


def _show(found: Found) -> None:
    from prep.pipeline.audit import screen

    out = console()
    if found.sources:
        screen.show(found.sources, found.judged, out)
    if found.claims:
        if found.sources:
            out.print()
        screen.show_claims(found.claims, out)
    for note in found.notes:
        out.print(f"\nNote: {note}.", highlight=False, markup=False)


def as_json(found: Found) -> dict[str, Any]:
    """The schema is stable: fields may be added, and none changes its meaning. See docs/audit.md."""
    from prep.pipeline.audit import ranges, totals

    request = found.asked.request if found.asked else None
    judged = {(each.source, each.tokenizer): each for each in found.judged}
    return {
        "schema": SCHEMA,
        "reads": found.reads,
        "exact": request.exact if request else None,
        "precision": request.precision if request else None,
        "seed": request.seed if request else None,
        "sources": [_source(each, judged) for each in found.sources],
        "languages": [asdict(each) for each in totals.by_language(found.sources)],
        "total": asdict(totals.total(found.sources)) if found.sources else None,
        "tokenizers": [
            {"name": name, "class": ranges.family_of(each), "bytes_per_token_on_probes": dict(each.ratios)}
            for name, each in found.measures.items()
        ],
        "claims": [asdict(each) for each in found.claims],
        "notes": list(found.notes),
    }


def _source(source: Source, judged: Mapping[tuple[str, str], Judged]) -> dict[str, Any]:
    spoken, guessed = explain.language(source)
    plain = asdict(source)
    for row, each in zip(plain["tokens"], source.tokens, strict=True):
        found = judged[source.name, each.tokenizer]
        row["range"] = asdict(found.range) if found.range else None
        row["verdict"] = found.verdict
        row["reasons"] = [asdict(reason) for reason in found.reasons]
    remarks = [asdict(each) for each in explain.remarks(source)]
    return {**plain, "language": spoken, "language_guessed": guessed, "remarks": remarks}
