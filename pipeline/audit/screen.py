"""An audit for people: what there is, what a token holds of it, which tokenizer is best, what is odd and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from prep.pipeline.audit import explain, totals
from prep.pipeline.audit.asked import UNDECLARED_KIND
from prep.pipeline.audit.explain import Judged
from prep.pipeline.audit.figures import Estimate, Source, Tokens
from prep.pipeline.audit.totals import Total
from prep.pipeline.audit.verdict import Verdict, in_binary
from prep.pipeline.numbers import format_bytes, format_count
from prep.pipeline.plan.screen import table

STYLES = {"fits": "green", "unlikely": "yellow", "wrong": "red", "below": "red", "above": "red"}
BEST = 1.005  # ratios nearer than this to the best are as good
METHODS = {
    "documents": "a random sample of documents",
    "blocks": "blocks drawn over all files, the interval from what blocks differ",
    "files": "whole files drawn by size, the interval from what files differ",
    "exact": "everything",
}


def show(sources: Sequence[Source], judged: Sequence[Judged], console: Console) -> None:
    """Print an audit."""
    whole = totals.total(sources)
    for part in _parts(sources, judged, whole):
        console.print()
        console.print(part, highlight=False)


def _parts(sources: Sequence[Source], judged: Sequence[Judged], whole: Total) -> Iterator[RenderableType]:
    yield _sizes(sources, whole)
    yield Text(_said(whole))
    yield _ratios(sources, judged, whole)
    yield Text("\n".join(_legend([each for each in sources if each.tokens])))
    if len(whole.ratios) > 1:
        yield _compared(sources)
    odd = [*_odd(judged), *_remarks(sources, judged), *_notes(sources)]
    if odd:
        yield from odd
    elif judged and all(each.verdict == "in range" for each in judged):
        yield Text("All ratios are in the range that is known for language, kind and tokenizer.")


def _sizes(sources: Sequence[Source], whole: Total) -> Table:
    declared = any(each.kind not in (None, UNDECLARED_KIND) for each in sources)
    made = table("source", "language", *(["kind"] if declared else []), "documents", "text", "on disk", "files read")
    for each in sources:
        spoken, guessed = explain.language(each)
        shown = f"({spoken})" if guessed and spoken else spoken or "?"
        made.add_row(
            escape(each.name), escape(shown), *([escape(each.kind or "?")] if declared else []), _count(each.documents),
            _size(each.text), format_bytes(each.on_disk), f"{each.files_read:,}/{each.files:,}",
        )  # fmt: skip
    if len(sources) > 1:
        made.add_section()
        made.add_row(
            "all", "", *([""] if declared else []), _count(whole.documents), _size(whole.text),
            format_bytes(whole.on_disk), f"{sum(each.files_read for each in sources):,}/{whole.files:,}",
        )  # fmt: skip
    return made


def _said(whole: Total) -> str:
    """Which size is meant."""
    text, disk = f"{format_bytes(whole.text.value)} ({in_binary(whole.text.value)})", format_bytes(whole.on_disk)
    return (
        f"Text is {text} of UTF-8; tokens and ratios are of it, not of the {disk} ({in_binary(whole.on_disk)}) on "
        "disk, which may be compressed, and holds markup and other fields."
    )


def _count(figure: Estimate) -> str:
    return f"{round(figure.value):,}" if figure.exact else f"~{format_count(figure.value)}"


def _size(figure: Estimate) -> str:
    return format_bytes(figure.value) if figure.exact else f"~{format_bytes(figure.value)}"


def _ratios(sources: Sequence[Source], judged: Sequence[Judged], whole: Total) -> Table:
    made = table("source", "tokenizer", "bytes/token", "chars/token", "tokens", "known")
    made.columns[1].justify = "left"
    verdicts = {(each.source, each.tokenizer): each for each in judged}
    for source in sources:
        for place, each in enumerate(source.tokens):
            name = "" if place else escape(_short(source.name, 18))
            made.add_row(name, *_ratio(each, verdicts.get((source.name, each.tokenizer))))
    if len(sources) > 1:
        made.add_section()
        for place, ratio in enumerate(whole.ratios):
            made.add_row(
                "" if place else "all", escape(_short(ratio.tokenizer, 18)), f"{ratio.bytes_per_token:.3f}",
                f"{ratio.chars_per_token:.3f}", _tokens(ratio.tokens), "",
            )  # fmt: skip
    return made


def _ratio(tokens: Tokens, judged: Judged | None) -> tuple[str | Text, ...]:
    known: str | Text = "?"
    if judged is not None and judged.range is not None:
        known = Text(f"{judged.range.low:.1f}-{judged.range.high:.1f}")
        if judged.verdict != "in range":
            known = Text.assemble((f"{judged.verdict} ", STYLES.get(judged.verdict, "")), known)
    half = "" if tokens.ratio.exact else f" ±{100 * tokens.ratio.half_width:.2f}%"
    return (
        escape(_short(tokens.tokenizer, 18)), f"{tokens.ratio.value:.3f}{half}", f"{tokens.chars.value:.3f}",
        _tokens(tokens.total), known,
    )  # fmt: skip


def _tokens(figure: Estimate) -> str:
    return f"{'' if figure.exact else '~'}{format_count(figure.value)}"


def _legend(sources: Sequence[Source]) -> Iterator[str]:
    """What the intervals are."""
    open_ones = sorted({each.method for each in sources if any(not one.ratio.exact for one in each.tokens)})
    if not open_ones:
        yield "Every document was counted: ratios and tokens are exact."
    else:
        how = "; ".join(METHODS.get(each, each) for each in open_ones)
        yield f"± is half of the 95% interval over the value, of total tokens over total bytes ({how})."
    if any(explain.language(each)[1] and explain.language(each)[0] for each in sources):
        yield "(xx): no language was declared; it is a guess from the text, --language says it."


def _compared(sources: Sequence[Source]) -> Table:
    sources = [each for each in sources if each.tokens]
    names = [each.tokenizer for each in sources[0].tokens]
    made = table("bytes (chars) a token", *(escape(_short(name, 18)) for name in names))
    languages = totals.by_language(sources)
    groups = [(each.name, totals.total([each])) for each in sources]
    for title, total in groups:
        made.add_row(escape(_short(title, 18)), *_marked(total))
    if 1 < len(languages) < len(sources):
        made.add_section()
        for total in languages:
            made.add_row(escape(f"all {total.language or '?'}"), *_marked(total))
    made.caption, made.caption_justify = "Best in bold, marked *: fewest tokens for the same text.", "left"
    return made


def _marked(total: Total) -> Iterator[Text]:
    """The tokenizers' ratios, and the best of them."""
    best = max((each.bytes_per_token for each in total.ratios), default=0.0)
    for each in total.ratios:
        first = each.bytes_per_token * BEST >= best
        shown = f"{each.bytes_per_token:.2f} ({each.chars_per_token:.2f}){'*' if first else ' '}"
        yield Text(shown, style="bold" if first else "")


def _odd(judged: Sequence[Judged]) -> Iterator[RenderableType]:
    """What is out of its range, sources with the same tokenizer and cause together."""
    groups: dict[tuple[str, ...], list[Judged]] = {}
    for each in judged:
        if each.verdict in ("below", "above"):
            key = (each.tokenizer, each.verdict, *(reason.text for reason in each.reasons))
            groups.setdefault(key, []).append(each)
    for listed in groups.values():
        first = listed[0]
        names = ", ".join(each.source for each in listed)
        known = first.range.shown() if first.range else ""
        yield Text.assemble((f"{names} by {first.tokenizer}: {first.verdict} {known} bytes a token", "bold"))
        for reason in first.reasons:
            yield Padding(Text(f"{reason.cause}: {reason.text}."), (0, 0, 0, 2))


def _remarks(sources: Sequence[Source], judged: Sequence[Judged]) -> Iterator[RenderableType]:
    """What should be known, unless a ratio was explained with it."""
    told = {(each.source, reason.text) for each in judged for reason in each.reasons}
    for source in sources:
        for reason in explain.remarks(source):
            if (source.name, reason.text) not in told:
                yield Text(f"{source.name}: {reason.text}.")


def _notes(sources: Sequence[Source]) -> Iterator[RenderableType]:
    groups: dict[str, list[str]] = {}
    for source in sources:
        said = [f"{source.rejected:,} records read were no documents"] if source.rejected else []
        for note in chain(source.notes, said):
            groups.setdefault(note, []).append(source.name)
    for note, names in groups.items():
        yield Text(f"{', '.join(names)}: {note.rstrip('.')}.")


def show_claims(verdicts: Sequence[Verdict], console: Console) -> None:
    """Print what is made of claims: a table, then why."""
    made = table("claim", "bytes", "tokens", "bytes/token", "verdict", "tokens it can be")
    for each in verdicts:
        claim, right = each.claim, each.right_tokens
        size = format_bytes(claim.bytes) + (f" {claim.compressed}" if claim.compressed else "")
        made.add_row(
            escape(_short(claim.name)), size, format_count(claim.tokens), f"{each.ratio:.3g}",
            Text(each.verdict, style=STYLES[each.verdict]),
            f"{format_count(right.low)} to {format_count(right.high)}" if right else "?",
        )  # fmt: skip
    console.print(made, highlight=False)
    for each in verdicts:
        console.print()
        console.print(Text(f"{each.claim.name}: {each.verdict}", style="bold"))
        for reason in each.reasons:
            console.print(Padding(Text(f"{reason[:1].upper()}{reason[1:]}."), (0, 0, 0, 2)), highlight=False)


def _short(name: str, most: int = 30) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
