"""What the parts of a run file must say about each other: references, one-of-two, shares that sum to 1.

The checks read the plain values and not the models, so that a slip in one part does not hide those in the others; what
has the wrong shape is passed over here, for the models report it. So a reference to something that may yet be there (a
source whose language is itself a slip) is not called wrong.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from prep.pipeline.findings import KEY, Finding, Keys, Known, absent, each_word, named, nearest, one_of, under
from prep.pipeline.mixing import check
from prep.pipeline.mixing.ask import REST
from prep.pipeline.settings import Quality
from prep.pipeline.sizing import check as sizing
from prep.pipeline.values import LANGUAGE, NAME


def crosscheck(data: dict[str, Any]) -> Iterator[Finding]:
    """Every disagreement between the parts."""
    yield from _budget(data)
    for name, source in under(data, "sources").items():
        if isinstance(source, dict):
            yield from _source(("sources", name), source)
    languages, kinds = Known.of(data, "language"), Known.of(data, "kind")
    yield from sizing.selection(data)
    quality = under(data, "quality")
    if quality:
        yield from _quality(quality, languages, kinds)
        yield from _keep(data, languages)
    yield from _identify(data, languages)
    yield from _rules(under(data, "rules"), languages, kinds)
    yield from check.mix(data, languages, kinds)


def _budget(data: dict[str, Any]) -> Iterator[Finding]:
    if not isinstance(data.get("budget"), dict):
        return
    budget, names = data["budget"], tuple(under(data, "tokenizers"))
    yield from one_of(("budget",), budget, ("params", "tokens"))
    meant = budget.get("in")
    if meant is None and len(names) > 1:
        yield Finding(
            ("budget",), f"`in` is missing: there are several tokenizers, say which one counts: {', '.join(names)}"
        )
    if isinstance(meant, str) and names and meant not in names:
        yield Finding(("budget", "in"), f"{meant!r} is no tokenizer of this run; {nearest(meant, names, 'there are')}")


def _source(path: Keys, source: dict[str, Any]) -> Iterator[Finding]:
    yield from one_of(path, source, ("path", "hf"))
    for what, form in (("language", LANGUAGE), ("kind", NAME)):
        for value, name in under(source, what, "values").items():
            if isinstance(name, str) and not form.fullmatch(name):
                yield Finding((*path, what, "values", value), f"{name!r} has not the form of a {what}")
    if absent(source.get("hf")):
        for key in ("name", "split", "revision"):
            if source.get(key) is not None:
                yield Finding((*path, key, KEY), "means something only beside `hf`; drop it")
    elif isinstance(source["hf"], str) and absent(source.get("revision")) and not _exists(source["hf"]):
        yield Finding(
            (*path, "hf"),
            f"{source['hf']!r} is no folder here, so a name on the hub, which changes; "
            "add `revision:` with the commit you mean",
        )


def _quality(quality: dict[str, Any], languages: Known, kinds: Known) -> Iterator[Finding]:
    yield from one_of(("quality",), quality, ("train", "model"))
    train = under(quality, "train")
    for key in ("reference", "against"):
        for place, kind in each_word(train.get(key)):
            yield from kinds.check(("quality", "train", key, *place), kind)
    reference = {kind for _, kind in each_word(train.get("reference"))}
    for place, kind in each_word(train.get("against")):
        if kind in reference:
            yield Finding(
                ("quality", "train", "against", *place), f"{kind!r} is the reference too; name it in one of them"
            )
    default = Quality.model_fields["filter"].default
    for place, kind in each_word(quality.get("filter", default)):
        given = "filter" in quality
        for found in kinds.check(("quality", "filter", *place) if given else ("quality",), kind):
            yield (
                found
                if given
                else Finding(found.keys, f"filter is {kind!r} unless you say otherwise, but {found.text}")
            )


def _keep(data: dict[str, Any], languages: Known) -> Iterator[Finding]:
    quality, sources = under(data, "quality"), under(data, "sources")
    models = under(quality, "model")
    for language in models:
        yield from languages.check(("quality", "model", language, KEY), language)
    for name in under(quality, "keep"):
        path = ("quality", "keep", name, KEY)
        if name not in sources:
            yield from named(path, name, tuple(sources), languages)
        spoken = under(sources, name).get("language") if name in sources else name
        known = isinstance(spoken, str) and (spoken in languages.names or name not in sources)
        if models and known and spoken not in models:
            yield Finding(path, f"{spoken!r} has no model; {nearest(str(spoken), tuple(models), 'there are')}")


def _identify(data: dict[str, Any], languages: Known) -> Iterator[Finding]:
    if not isinstance(data.get("identify"), dict):
        return
    yield from one_of(("identify",), data["identify"], ("by", "model"))
    for name in under(data, "identify", "keep"):
        if name != REST:
            yield from named(("identify", "keep", name, KEY), name, tuple(under(data, "sources")), languages)


def _rules(rules: dict[str, Any], languages: Known, kinds: Known) -> Iterator[Finding]:
    """Names alone; what the profiles say is checked in `profiles.py`."""
    for key in ("profiles", "words"):
        for language in under(rules, key):
            yield from languages.check(("rules", key, language, KEY), language)
    for place, kind in each_word(rules.get("filter")):
        yield from kinds.check(("rules", "filter", *place), kind)


def _exists(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110  Path.exists raises where a name is too long for the filesystem
