"""A look as one page of HTML that needs nothing beside it. Every text of a source is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib import resources

from prep.pipeline.look.document import Document
from prep.pipeline.look.gather import Look
from prep.pipeline.look.show import head, summary
from prep.pipeline.look.words import details, fate
from prep.pipeline.safe import safe

# Nothing is fetched and no script runs, whatever a document holds.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(found: Look) -> Iterator[str]:
    """The page, part by part."""
    style = resources.files("prep.configs").joinpath("look.css").read_text(encoding="utf-8")
    title = escape(safe(head(found)))
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
    )
    yield f"<ul>{''.join(f'<li>{escape(safe(line.strip()))}</li>' for line in summary(found))}</ul>\n"
    yield "".join(f'<p class="note">{escape(safe(note))}</p>\n' for note in found.notes)
    yield "</header>\n<main>\n"
    stratum = ""
    for number, document in enumerate(found.documents, start=1):
        if document.stratum != stratum:
            stratum = document.stratum
            yield f"<h2>{escape(safe(stratum))}</h2>\n"
        yield _article(number, document)
    yield "</main>\n</body>\n</html>\n"


def _article(number: int, document: Document) -> str:
    kind = "out" if document.reasons else "in"
    left = f'<p class="left">{document.left:,} characters more</p>\n' if document.left else ""
    said, text = escape(safe(fate(document))), escape(safe(document.text))
    facts = "".join(f"<li>{escape(each)}</li>" for each in details(document) if each != document.stratum)
    return (
        f'<article class="{kind}">\n<h3><span class="number">{number}</span> <bdi>{escape(safe(document.id))}</bdi> '
        f'<span class="fate">{said}</span></h3>\n{_bar(document)}<ul class="facts">{facts}</ul>\n'
        f'<div class="text" lang="{escape(document.language)}" dir="auto">{text}</div>\n{left}'
        "</article>\n"
    )


def _bar(document: Document) -> str:
    """The score as a bar, with a mark where the document's draw asks it to be."""
    if document.score is None:
        return ""
    asks = document.needed
    mark = "" if asks is None or asks > 1 else f'<i style="left:{100 * asks:.2f}%"></i>'
    return f'<div class="bar" aria-hidden="true"><b style="width:{100 * document.score:.2f}%"></b>{mark}</div>\n'
