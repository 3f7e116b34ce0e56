"""The calibration report as one HTML file: figures, pictures and texts inline, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from prep.pipeline.training import svg

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#1a1a1a}
h1{font-size:1.5em} h2{margin-top:2.2em;border-bottom:1px solid #ccc} h3{margin:1.6em 0 .4em;font-size:1em}
table{border-collapse:collapse;margin:.5em 0} td,th{padding:.2em .8em .2em 0;text-align:right;vertical-align:top}
td:first-child,th:first-child{text-align:left} th{font-weight:600;border-bottom:1px solid #ccc}
.texts td{text-align:left;border-bottom:1px solid #eee;font-size:.85em} .texts td.n{white-space:nowrap}
.note{color:#555;max-width:46em} .low{color:#b00020;font-weight:600}
svg{font:10px system-ui,sans-serif;margin:0 1em 1em 0}
code{font-size:.85em}
"""
POOR = 0.82  # an area under this for a whole source unseen is marked
SPACES = " \n\t\r"


def page(title: str, model: str, languages: dict[str, dict[str, Any]]) -> str:
    """The whole file."""
    body = "".join(_language(name, each) for name, each in languages.items())
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1>"
        f'<p class="note">How well the classifier tells reference text from the rest, on documents and on whole '
        f"sources that it did not learn from. Whether a text reads like the reference is a matter of "
        f"register, not of its worth: look at the texts below before you choose a keep.</p>"
        f"<p><code>sha256 {escape(model)}</code></p>"
        f"{body}</body></html>\n"
    )


def _language(name: str, found: dict[str, Any]) -> str:
    held = found["held_out"]
    calibrated = "" if held["calibrated"] else (
        '<p class="low">Too few documents were held out to calibrate: scores are as learnt, and quantiles coarse.</p>'
    )  # fmt: skip
    return (
        f"<h2>{escape(name)}</h2><h3>Held-out documents</h3>{calibrated}"
        + _table(
            ("reference", "rest", "ROC AUC", "average precision"),
            [(f"{held['good']:,}", f"{held['rest']:,}", _area(held["auc"]), _area(held["average_precision"]))],
        )
        + _unseen(found["unseen"])
        + "<h3>Scores of held-out documents, by source</h3><p class=note>Blue is reference, orange the rest.</p>"
        + "".join(_histogram(each) for each in found["histograms"])
        + "<h3>Reliability</h3><p class=note>Of documents with a score, the share that is reference, at even odds of "
        "both sides; on the dashed line a score is that chance. A point has the area of its documents.</p>"
        + svg.curve(found["reliability"], name, "score", "reference")
        + _kept(found["kept"])
        + _texts("The rest that scores highest", found["highest"])
        + _texts("The rest that scores lowest", found["lowest"])
    )


def _unseen(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "<h3>Unseen sources</h3><p class=note>No side has two sources, so none can be left out of training.</p>"
    areas = [row["auc"] for row in rows if row["auc"] is not None]
    body = [
        (escape(row["source"]), "reference" if row["good"] else "rest", f"{row['documents']:,}", _area(row["auc"]),
         _area(row["average_precision"]))
        for row in rows
    ]  # fmt: skip
    if areas:
        body.append(("<b>mean</b>", "", "", _area(sum(areas) / len(areas)), ""))
    return (
        "<h3>Unseen sources</h3><p class=note>Each source left out of training whole, then scored beside held-out "
        "documents of the other side: what a new crawl looks like.</p>"
        + _table(("source", "side", "documents", "ROC AUC", "average precision"), body)
    )


def _histogram(row: dict[str, Any]) -> str:
    title = f"{row['source']} ({row['documents']:,})"
    return svg.histogram(row["counts"], title, svg.GOOD if row["good"] else svg.REST)


def _kept(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return ""
    body = [
        (f"{row['alpha']:g}", f"{row['by_score']:.2%}", f"{row['by_score_text']:.2%}", f"{row['floor']:.1%}",
         f"{row['by_quantile']:.2%}", f"{row['by_quantile_text']:.2%}")
        for row in rows
    ]  # fmt: skip
    return (
        "<h3>What Pareto would keep of the rest</h3><p class=note>Expected shares. By score: P = (2 - score)^-α; of "
        "what that keeps, a part would be kept at any score. By reference quantile: the same formula on the share of "
        "held-out reference text that scores lower.</p>"
        + _table(("α", "by score", "of its text", "kept at any score", "by quantile", "of its text"), body)
    )


def _texts(title: str, rows: Sequence[dict[str, Any]]) -> str:
    body = "".join(
        f'<tr><td class="n">{row["score"]:.3f}<br>q {row["quantile"]:.3f}</td><td class="n">{escape(row["source"])}'
        f"<br><code>{escape(row['id'][:40])}</code></td><td>{_shown(row['text'])}</td></tr>"
        for row in rows
    )
    return f'<h3>{escape(title)}</h3><table class="texts">{body}</table>'


def _shown(text: str) -> str:
    """One paragraph; what is not to be seen (control characters, marks that turn the line round) is a dot."""
    flat = "".join(char if char.isprintable() else " " if char in SPACES else "·" for char in text)
    return escape(" ".join(flat.split())) + " …"


def _area(value: float | None) -> str:
    if value is None:
        return "–"
    return f'<span class="low">{value:.3f}</span>' if value < POOR else f"{value:.4f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"
