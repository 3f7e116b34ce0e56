"""The tables that a run ends with: what came in, what was left out, what share was asked and what was got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from prep.manifests import store
from prep.manifests.ledger import CELL, PHASE
from prep.pipeline import mix, score
from prep.pipeline.numbers import format_bytes, format_count, format_share
from prep.pipeline.reasons import Reason
from prep.pipeline.stage import Result
from prep.pipeline.tables import table as _table
from prep.pipeline.tokenizers.selfcheck import Refusal

Row = dict[str, Any]
HARSH = 0.9  # of a source left out by score: worth a word
WIDE = 104  # columns that the whole table of a corpus takes


def intake(results: Mapping[str, Result]) -> Table:
    """Of each source: records read, documents, and what was skipped, rejected and edited."""
    table = _table("Read", "source", "records", "documents", "bytes", "skipped", "rejected", "removed by edits")
    page = results["ingest"].manifest.ledger
    for row in page["intake"]:
        n_bytes = sum(cell["bytes"] for cell in page["cells"] if cell["source"] == row["source"])
        table.add_row(
            row["source"], f"{row['read']:,}", f"{row['documents']:,}", format_bytes(n_bytes),
            _reasons(row["skipped"]), _reasons(row["rejected"]),
            ", ".join(f"{name} {number:,} B" for name, number in row["edited"].items()),
        )  # fmt: skip
    return table


def tokens(results: Mapping[str, Result]) -> Table:
    """Of each source and language: documents, bytes, tokens by each tokenizer, and bytes and characters per token."""
    counted = {name.removeprefix("count."): result for name, result in results.items() if name.startswith("count.")}
    heads = [head for name in counted for head in (f"tokens ({name})", "b/token", "c/token")]
    table = _table("Counted", "source", "language", "kind", "documents", "bytes", *heads)
    pages = {name: {_place(row): row for row in result.manifest.ledger["cells"]} for name, result in counted.items()}
    for place, row in next(iter(pages.values()), {}).items():
        figures = []
        for name, page in pages.items():
            number = page[place]["tokens"][name]
            ratios = [f"{row[size] / number:.2f}" if number else "" for size in ("bytes", "chars")]
            figures += [format_count(number), *ratios]
        table.add_row(*place, f"{row['documents']:,}", format_bytes(row["bytes"]), *figures)
    return table


def engines(results: Mapping[str, Result]) -> list[str]:
    """What counted with each tokenizer, and which engines were refused or caught."""
    said = []
    for name, result in results.items():
        if not name.startswith("count.") or not (evidence := result.manifest.evidence):
            continue
        counted: dict[str, list[str]] = {}
        for source, row in evidence["counted"].items():
            counted.setdefault(row["engine"], []).append(source)
            if row["recounted"]:
                said.append(f"{name}: {source} was counted again by the reference: {row['recounted']}")
        said += [f"{name}: {Refusal(**refusal)}" for refusal in evidence["check"]["refusals"]]
        alone = len(counted) == 1
        by = "; ".join(
            engine if alone else f"{engine} ({', '.join(there)})" for engine, there in sorted(counted.items())
        )
        said.append(f"{name}: counted by {by}; evidence in its manifest")
    return said


def corpus(results: Mapping[str, Result], width: int = WIDE) -> Table:
    """Of each cell and each language: what is in the corpus, what share was asked and what was got.

    In a terminal of fewer than `WIDE` columns without kinds, bytes a token, and shares of bytes.
    """
    page = results["size"].manifest.ledger
    asked = {_place(row): row for row in mix.whole(page)}
    total = _sums(page["selection"])
    table = _table(
        f"Corpus: {_of_asked(total, page['asked'], _eod(results['size']))} tokens asked",
        "source", "language", "kind", "documents", "bytes", "tokens", "b/token", "epochs", "asked", "got", "in bytes",
    )  # fmt: skip
    languages: dict[str, list[Row]] = {}
    for row in page["selection"]:
        target = asked.get(_place(row))
        if target is not None:
            languages.setdefault(row["language"], []).append(row)
            table.add_row(*_place(row), *_got(row, f"{target['epochs']:.2f}", target["share"], total))
    table.add_section()
    for language, rows in sorted(languages.items()):
        share = sum(asked[_place(row)]["share"] for row in rows)
        table.add_row("", language, "", *_got(_sums(rows), "", share, total), style="bold")
    table.add_section()
    table.add_row("all", "", "", *_got(total, "", 1.0, total), style="bold")
    if width < WIDE:
        table.columns = [column for column in table.columns if column.header not in ("kind", "b/token", "in bytes")]
    return table


def _eod(sized: Result) -> int:
    """Tokens that the trainer puts at the end of each document, which the budget holds too."""
    return int(store.recipe(sized.folder).settings["eod"])


def _of_asked(total: Row, asked: int, eod: int) -> str:
    tokens, ends = total["copied_tokens"], eod * total["copies"]
    whole = f"{tokens:,} and {ends:,} for the ends of documents, {tokens + ends:,}" if eod else f"{tokens:,}"
    return f"{whole} of {asked:,}"


def phases(results: Mapping[str, Result]) -> Table | None:
    """Of each phase, as they follow each other, and of each language in it: what share was asked and what was got."""
    page = results["size"].manifest.ledger
    table = _table("Phases", "phase", "language", "documents", "bytes", "tokens", "b/token", "asked", "got", "in bytes")
    for each in page.get("phases", ()):
        total, cells = _sums(each["cells"]), each["cells"]
        targets = [row for row in page["targets"] if row[PHASE] == each[PHASE]]
        for language in sorted({row["language"] for row in (*targets, *cells)}):
            share = sum(row["share"] for row in targets if row["language"] == language)
            here = [row for row in cells if row["language"] == language]
            table.add_row(each[PHASE], language, *_got(_sums(here), None, share, total))
        table.add_row(each[PHASE], "", *_got(total, None, 1.0, total), style="bold")
        table.add_section()
    return table if table.row_count else None


def left_out(results: Mapping[str, Result]) -> Table:
    """Of each cell: how many documents and tokens are not in the corpus, by the first reason that applies."""
    selection = results["size"].manifest.ledger["selection"]
    reasons = [reason.name for reason in Reason if any(reason.name in row["left_out"] for row in selection)]
    heads = [str(reason).lower().replace("_", " ") for reason in reasons]
    table = _table("Left out: documents (tokens)", "source", "language", "kind", *heads)
    for row in selection:
        if row["left_out"]:
            found = [row["left_out"].get(reason) for reason in reasons]
            figures = [f"{each['documents']:,} ({format_count(each['tokens'])})" if each else "" for each in found]
            table.add_row(*_place(row), *figures)
    return table


def remarks(results: Mapping[str, Result]) -> list[str]:
    """What a person should not overlook in the tables."""
    page = results["size"].manifest.ledger
    asked = {_place(row): row for row in mix.whole(page)}
    said = []
    for row in page["selection"]:
        name, out = "/".join(_place(row)), row["left_out"]
        whole = row["documents"] + sum(counts["documents"] for counts in out.values())
        if Reason.NOT_IN_MIX.name in out:
            said.append(f"{name}: no share in `mix`; none of its {whole:,} documents is in the corpus")
        if (lost := out.get(Reason.QUALITY.name)) and lost["documents"] > HARSH * whole:
            left = whole - lost["documents"]
            said.append(f"{name}: the keep by score leaves {left:,} of {whole:,} documents; loosen `quality.keep`")
        if _place(row) in asked and whole and not row["copies"]:
            said.append(f"{name}: no document is in the corpus; {_why_none(out, whole)}")
    said += _newer(results)
    total = sum(row["tokens"] for row in asked.values())
    if total < page["asked"]:
        most = max(asked.values(), key=lambda row: row["epochs"])
        said.append(
            f"shrunk from {page['asked']:,} to {total:,} tokens: {'/'.join(_place(most))} has no more in "
            f"{most['epochs']:.2f} epochs"
        )
    said += [
        f"{'/'.join(_place(row))}: asked {row['asked']:,} tokens, has {row['cap']:,} in its epochs; others fill up"
        for row in asked.values()
        if total == page["asked"] and row["asked"] > row["cap"]
    ]
    return said


def _why_none(left_out: Mapping[str, Row], documents: int) -> str:
    """Why no document of a cell is in the corpus, though the mix asks for it."""
    if left_out.get(Reason.EXCLUDED.name, {}).get("documents") == documents:
        return "lists name all of it"
    if Reason.BUDGET.name in left_out:
        return "its part of the budget is below its next document"
    held = left_out.get(Reason.VALIDATION.name)
    if held:
        return f"`validation` holds out all that is left of it ({held['documents']:,} documents)"
    return "nothing is left of it after filters"


def _newer(results: Mapping[str, Result]) -> list[str]:
    """Of named models: which sources hold other text than they learnt from."""
    scored = results.get(score.NAME)
    return [
        f"quality: the model of {language} is kept as it is, and learnt from other text: "
        + ", ".join(f"{source} ({what})" for source, what in newer.items())
        for language, newer in (scored.manifest.ledger.get(score.NEWER, {}) if scored else {}).items()
    ]


def _got(row: Mapping[str, Any], epochs: str | None, share: float, total: Mapping[str, int]) -> list[str]:
    tokens, n_bytes = row["copied_tokens"], row["copied_bytes"]
    return [
        f"{row['copies']:,}",
        format_bytes(n_bytes),
        format_count(tokens),
        f"{n_bytes / tokens:.2f}" if tokens else "",
        *([] if epochs is None else [epochs]),
        format_share(share),
        format_share(tokens / total["copied_tokens"] if total["copied_tokens"] else 0.0),
        format_share(n_bytes / total["copied_bytes"] if total["copied_bytes"] else 0.0),
    ]


def _sums(rows: Iterable[Row]) -> dict[str, int]:
    rows = list(rows)
    return {name: sum(row[name] for row in rows) for name in ("copies", "copied_bytes", "copied_tokens")}


def _reasons(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in reasons.items())


def _place(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in CELL)
