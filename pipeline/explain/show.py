"""An answer as plain text."""

from __future__ import annotations

from collections.abc import Iterator

from prep.filters.telling import END, Feature
from prep.pipeline.explain.about import Explained
from prep.pipeline.explain.answer import Answer
from prep.pipeline.explain.aside import Aside
from prep.pipeline.explain.cell import Cell
from prep.pipeline.explain.group import Group
from prep.pipeline.look.words import details, fate, spoken
from prep.pipeline.numbers import format_count, format_share
from prep.pipeline.safe import safe

COLUMN = 14  # characters of what a line is about


def text(found: Answer) -> Iterator[str]:
    """Line after line."""
    if found.found > len(found.documents):
        yield f"{found.found:,} documents or more; the first {len(found.documents)} are explained"
    elif found.found > 1:
        yield f"{found.found:,} documents"
    for one in found.documents:
        yield from (safe(line) for line in _document(one))
        yield ""
    for record in found.asides:
        yield from (safe(line) for line in _aside(record))
        yield ""
    if not found.seen:
        yield f"never seen: {safe(found.question)} is in no shard of the run, nor among what was skipped or rejected"
        yield from (f"  nearest: {safe(name)}" for name in found.nearest)
    yield from (f"! {safe(note)}" for note in found.notes)


def _document(one: Explained) -> Iterator[str]:
    document = one.document
    yield document.id
    yield _line("fate", fate(document))
    yield from (_line(f"  {spoken((why.reason,))}", why.text) for why in one.why)
    yield _line("figures", " · ".join(details(document)))
    if one.quantile is not None:
        yield _line("", f"{format_share(one.quantile)} of held-out reference text scores lower")
    if one.removed:
        yield _line("edits", ", ".join(f"{name} removed {number:,} bytes" for name, number in one.removed.items()))
    yield _line("draws", ", ".join(f"{purpose} {value:.4f}" for purpose, value in one.draws.items()))
    yield from _score(one.features)
    yield from _group(one.group)
    yield from _cell(one.cell)
    yield from _corpus(one)
    yield _line("text", document.text.replace("\n", f"\n{' ' * COLUMN}"))
    if document.left:
        yield _line("", f"[{document.left:,} characters more]")


def _line(about: str, said: str) -> str:
    return f"{about:<{COLUMN}}{said}" if len(about) < COLUMN else f"{about} {said}"


def _score(features: tuple[Feature, ...]) -> Iterator[str]:
    """What moved the score, by side; a feature's part is in log-odds."""
    for about, sides in (("score up", True), ("score down", False)):
        parts = [_feature(each) for each in features if (each.adds > 0) is sides]
        if parts:
            yield _line(about, ", ".join(parts))


def _feature(each: Feature) -> str:
    name = "(end)" if each.name == END else each.name
    return f"{name}{f' (×{each.times})' if each.times > 1 else ''} {each.adds:+.3f}"


def _group(group: Group | None) -> Iterator[str]:
    if group is None:
        return
    yield _line("duplicates", f"{group.size:,} documents say the same; {group.survivor} stands for them: {group.why}")
    for member in group.members:
        yield _line("", f"{member.id} ({member.source}): {spoken(member.reasons) or 'kept'}")


def _cell(cell: Cell) -> Iterator[str]:
    if (row := cell.asked) is not None:
        yield _line(
            "mix asked",
            f"{format_count(row['tokens'])} tokens of its cell, {format_share(row['share'])} of the corpus; "
            f"{row['documents']:,} documents with {format_count(row['available'])} tokens may be in: "
            f"{row['epochs']:.2f} epochs",
        )
    if (row := cell.got) is not None:
        tokens, copies = format_count(row["copied_tokens"]), f"{row['copies']:,} copies"
        yield _line("got", f"{tokens} tokens in {copies} of {row['documents']:,} documents")
    if cell.copies is not None:
        cut = cell.cut or 0.0
        edge = f"scores from {cut:.4f} up" if cell.by == "quality" else f"draws up to {cut:.4f}"
        which = "all of them" if cell.cut is None else f"those with {edge}"
        yield _line("cut", f"{which} are in {'once' if cell.copies == 1 else f'{cell.copies} times'}")


def _corpus(one: Explained) -> Iterator[str]:
    if one.corpus is None or not (one.corpus or one.document.copies):
        return
    for standing in one.corpus:
        of = "" if standing.pass_ is None else f", pass {standing.pass_ + 1}"
        yield _line("corpus", f"{standing.file}, row {standing.row:,}{of}")


def _aside(record: Aside) -> Iterator[str]:
    yield record.place
    yield _line("fate", f"skipped: {record.skipped}" if record.skipped else f"rejected: {record.rejected}")
    at = f"record {record.record:,}" if record.record > 0 else "record of unknown number"
    byte = f", at byte {record.offset:,}" if record.offset >= 0 else ""
    yield _line("file", f"{record.file} of {record.source}, {at}{byte}")
    if record.raw:
        yield _line("raw", record.raw)
    if record.raw_left:
        yield _line("", f"[{record.raw_left:,} bytes more]")
