"""What the run file says of selection, and must not say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prep.pipeline.findings import KEY, Finding, Keys, each_word, nearest, one_of, under


def selection(data: dict[str, Any]) -> Iterator[Finding]:
    """What is excluded, held out, cut, put in order."""
    sources = tuple(under(data, "sources"))
    lists = under(data, "exclude").get("lists")
    for place, each in enumerate(lists if isinstance(lists, tuple | list) else ()):
        if isinstance(each, dict):
            yield from one_of(("exclude", "lists", place), each, ("values", "file"))
            yield from _values(("exclude", "lists", place, "values"), each, sources)
    held = under(data, "validation")
    if held:
        yield from one_of(("validation",), held, ("tokens", "shares"))
        if under(data, "dedup").get("exact") is False:
            said = "copies of a text that is held out would stay in training; drop `dedup: {exact: false}`"
            yield Finding(("validation", KEY), said)
    for name in under(held, "shares"):
        if name not in sources:
            yield Finding(
                ("validation", "shares", name, KEY), f"{name!r} is no source; {nearest(name, sources, 'there are')}"
            )
    written = under(data, "export")
    if written.get("repeats") == "weights":
        if written.get("layout") != "by_cell":
            yield Finding(("export", "repeats"), "weights are told of each cell's own files; add `layout: by_cell`")
        if under(data, "budget").get("exact"):
            said = "a trainer that repeats by weights decides how much it reads; drop `budget.exact`"
            yield Finding(("export", "repeats"), said)
    for path, word in ((("budget", "choose"), "quality"), (("export", "order"), "curriculum")):
        if under(data, path[0]).get(path[1]) == word and not under(data, "quality"):
            yield Finding(path, f"{word!r} goes by the score of documents; add `quality:`")


def _values(path: Keys, asked: dict[str, Any], sources: tuple[str, ...]) -> Iterator[Finding]:
    """Values that would name nothing: a source that is none, an address where a domain is meant."""
    for place, value in each_word(asked.get("values")):
        if asked.get("by") == "source" and value not in sources:
            yield Finding((*path, *place), f"{value!r} is no source; {nearest(value, sources, 'there are')}")
        if asked.get("by") == "domain" and set(value) & set("/:@*"):
            yield Finding((*path, *place), f"{value!r} is no domain; write it alone, such as example.org: it names "
                          "its subdomains too")  # fmt: skip
