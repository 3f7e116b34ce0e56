"""The figures of a source, out of what was read and counted of it, with the limits of each in words."""

from __future__ import annotations

from collections import Counter

import numpy as np

from prep.pipeline.audit.clusters import FEWEST
from prep.pipeline.audit.counting import Counting
from prep.pipeline.audit.estimate import around, exactly
from prep.pipeline.audit.figures import Estimate, Source, Tokens, Traits
from prep.pipeline.audit.population import Population
from prep.pipeline.audit.request import Request
from prep.pipeline.rejects import bound

NOTHING = Estimate(0.0, 0.0, 0.0)


def gathered(each: Population, counting: Counting, looks: Traits, request: Request) -> Source:
    """The figures."""
    declared = each.name not in request.undeclared
    return Source(
        name=each.name,
        language=each.source.language if declared and isinstance(each.source.language, str) else None,
        kind=each.source.kind if isinstance(each.source.kind, str) else None,
        files=each.files,
        files_read=len({file.name for piece in each.chosen.pieces for file in piece.files}),
        on_disk=each.on_disk,
        read=each.chosen.size,
        compressed=any(one.compressed for one in each.found),
        method=method(each),
        documents=total(each, "documents"),
        text=total(each, "bytes"),
        chars=total(each, "chars"),
        traits=looks,
        tokens=tuple(tokens(each, name, counting) for name in counting.tokenizers) if each.documents else (),
        rejected=each.rejected.total(),
        notes=tuple(notes(each)),
    )


def method(each: Population) -> str:
    """What was drawn."""
    if each.chosen.drawn is not None:
        return "blocks" if each.chosen.cut else "files"
    return "exact" if each.exhausted or not each.documents else "documents"


def total(each: Population, name: str) -> Estimate:
    """Documents, bytes or characters of the whole source."""
    column = each.column(name)
    drawn = each.chosen.drawn
    return exactly(float(column.sum())) if drawn is None else drawn.total(column)


def tokens(each: Population, name: str, counting: Counting) -> Tokens:
    """One tokenizer's figures."""
    described = counting.described(name, each.name)
    ratio, chars, whole = by_clusters(each, name) if each.chosen.drawn is not None else by_documents(each, name)
    counted = each.counted
    return Tokens(
        tokenizer=name,
        family=described.family,
        vocabulary=described.vocabulary,
        engine=described.engine,
        ratio=ratio,
        chars=chars,
        total=whole,
        documents=each.documents if each.passed else int(counted.sum()),
        bytes=int(each.column("bytes").sum()) if each.passed else int(each.n_bytes[counted].sum()),
    )


def by_documents(each: Population, name: str) -> tuple[Estimate, Estimate, Estimate]:
    """Bytes per token, characters per token and tokens; bytes and characters are known, so one interval serves all."""
    n_bytes, n_chars = each.column("bytes").sum(), each.column("chars").sum()
    if each.exhausted:
        whole = float(each.of_pieces(name).sum())
        known = (n_bytes / whole, n_chars / whole, whole) if whole else (0.0, 0.0, 0.0)
        return exactly(float(known[0])), exactly(float(known[1])), exactly(known[2])
    sample = each.sample(name)
    whole = sample.total
    if not whole:
        return NOTHING, NOTHING, NOTHING
    relative = sample.relative
    return around(n_bytes / whole, relative), around(n_chars / whole, relative), around(whole, relative)


def by_clusters(each: Population, name: str) -> tuple[Estimate, Estimate, Estimate]:
    """The same from clusters."""
    drawn = each.chosen.drawn
    assert drawn is not None
    counts = each.of_pieces(name)
    return (
        drawn.ratio(each.column("bytes"), counts),
        drawn.ratio(each.column("chars"), counts),
        drawn.total(counts),
    )


def notes(each: Population) -> list[str]:
    """The limits of the figures."""
    if not each.documents:
        return [nothing(each)]
    said = [drawn_of(each)] if not each.exhausted else []
    if not isinstance(each.source.language, str):
        said.append("the language is carried by a field of the records: these figures are of all languages together")
    records = sum(one.records for one in each.found)
    if (bad := each.rejected.total()) > (allowed := bound(each.source, []).allowed(records)):
        said.append(
            f"{bad:,} of {records:,} records read are rejected, {allowed:,} are allowed: `prep ingest` would refuse "
            f"this source; for one, {first_example(each)}"
        )
    return said


def drawn_of(each: Population) -> str:
    """What the interval rests on, in a sentence or two."""
    drawn = each.chosen.drawn
    if drawn is None:
        said = f"{int(each.counted.sum()):,} of {each.documents:,} documents counted, drawn at random (ratio estimator)"
        if sure := int(each.sure.sum()):
            said += f", the {sure:,} longest in any case"
        capped = each.level >= each.bound
        return said + ("; more were not kept, so the interval is wider than asked" if capped else "")
    count, of = len(drawn.size), int(np.sum(drawn.members))
    formats = {piece.format for piece in each.chosen.pieces}
    what = "files" if not each.chosen.cut else "row groups" if formats == {"parquet"} else "blocks"
    said = (
        f"{count:,} of {of:,} {what} read, drawn with probability proportional to size on disk; the interval is that "
        f"between {what} (Rao-Hartley-Cochran, t with {drawn.freedom} degree{'s' * (drawn.freedom != 1)} of freedom)"
    )
    few = count < FEWEST and count < of
    return said + (f"; fewer than {FEWEST} {what}: a wide interval, and normal only by assumption" if few else "")


def nothing(each: Population) -> str:
    """Why there is no document."""
    reasons = sum((each.skipped, each.rejected), Counter[str]())
    records = sum(one.records for one in each.found)
    shown = ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common(5))
    name = each.chosen.pieces[0].files[0].name if each.chosen.pieces else "no file"
    for_one = f"; for one, {first_example(each)}" if each.rejected else ""
    return (
        f"no document in {records:,} records of {each.files:,} files ({name} ...): "
        f"{shown or 'nothing in it'}{for_one}; "
        "check `path`, `format`, `encoding` and `fields`"
    )


def first_example(each: Population) -> str:
    """A rejected record."""
    return next((one.example for one in each.found if one.example), "none is at hand")
