"""What pydantic finds wrong in a run file, said in the file's own words and places.

A key that is unknown but near a known one is read as that one from there on, so that a misspelt key is one error and
what stands under it is still checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from prep.pipeline.findings import KEY, Finding, Keys, near, nearest
from prep.pipeline.marks import Entry, Mark, Node, plain
from prep.pipeline.settings import Run
from prep.pipeline.values import MAPPING, WORD, Settings

SHOWN = 80  # characters of a value in an error
PER_RECORD = ("language", "kind", "licence", "url")  # `fields: {url: link}` is `url: {field: link}`

BELONGS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
EXAMPLES = {
    "out": "out: runs/first",
    "budget": "budget: {tokens: 10M}",
    "tokenizers": "tokenizers: {name: path/of/tokenizer.model}",
    "sources": "sources: {wiki: {path: wiki/*.jsonl, language: ja, kind: encyclopedia}}",
    "mix": "mix: {shares: {ja: 50%, en: 50%}}",
    "language": "language: ja",
    "kind": "kind: web",
    "path": "path: some/file",
    "field": "field: lang",
    "reference": "reference: [encyclopedia]",
    "against": "against: [web]",
    "profiles": "profiles: {en: [gopher_quality, c4]}",
    "lists": "lists: [{by: domain, values: [example.org], reason: opted out}]",
    "by": "by: domain",
    "reason": "reason: opted out",
    "name": "name: anneal",
}


def corrected(root: Node) -> tuple[Node, list[tuple[Mark, str]]]:
    """The tree with every unknown key renamed or dropped, and what to say of each."""
    found: list[tuple[Mark, str]] = []
    while True:  # what stands under a renamed key is looked at in the next round
        root = _spelled_out(root)
        unknown = [error["loc"] for error in _errors(root) if _is_unknown_key(error)]
        if not unknown:
            return root, found
        for loc in unknown:
            keys = tuple(step for step in loc if step not in (KEY, WORD, MAPPING))
            text, name = _unknown(root, keys)
            found.append(placed(root, Finding((*keys, KEY), text)))
            root = _renamed(root, keys, name)


def validated(root: Node) -> tuple[Run | None, list[Finding]]:
    """The settings, or everything that is wrong with single values."""
    try:
        return Run.model_validate(plain(root)), []
    except ValidationError as error:
        found = [(each, locate(root, each["loc"])[2]) for each in error.errors()]
    # A list whose every item is wrong counts as too short as well; that is one mistake, not two.
    real = [(each, node) for each, node in found if each["type"] != "too_short" or not node.value]
    return None, [Finding(each["loc"], _message(each, node)) for each, node in real]


def placed(root: Node, finding: Finding) -> tuple[Mark, str]:
    """Where a finding is, and its dotted key before its text."""
    mark, keys, _ = locate(root, finding.keys)
    return mark, f"{dotted(keys)}: {finding.text}" if keys else finding.text


def dotted(keys: Iterable[str]) -> str:
    """`sources.wiki_ja.language`, safe to print."""
    return ".".join(key if key.isprintable() else repr(key)[1:-1] for key in keys if key)[:SHOWN]


def locate(root: Node, path: Keys) -> tuple[Mark, list[str], Node]:
    """The place of what `path` leads to, or of the last thing on the way to it that is there."""
    mark = key_mark = root.mark
    node, keys = root, list[str]()
    for step in path:
        if isinstance(node.value, dict) and step in node.value:
            key_mark, node = node.value[str(step)].mark, node.value[str(step)].node
            mark = node.mark if node.text else key_mark  # a mapping is best found by its key
            keys.append(str(step))
        elif isinstance(node.value, tuple) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            mark = node.mark
        elif step == KEY:
            mark = key_mark
        elif isinstance(step, str) and step not in (WORD, MAPPING):
            keys.append(step)
    return mark, keys, node


def shown(node: Node) -> str:
    """A value as the file has it."""
    if isinstance(node.value, tuple | dict):
        return "a list" if isinstance(node.value, tuple) else "a mapping"
    text = repr(node.value) if isinstance(node.value, str) else node.text or "nothing"
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def names_at(kind: Any, path: Keys) -> tuple[str, ...]:
    """The keys that settings of the type `kind` have where `path` leads; none where any name will do."""
    if isinstance(kind, type) and issubclass(kind, Settings):
        fields = {each.alias or name: each.annotation for name, each in kind.model_fields.items()}
        return names_at(fields.get(str(path[0])), path[1:]) if path else tuple(fields)
    if get_origin(kind) is dict:
        key, value = get_args(kind)
        return names_at(value, path[1:]) if path else tuple(get_args(key)) if get_origin(key) is Literal else ()
    if get_origin(kind) is tuple:
        return names_at(get_args(kind)[0], path[1:]) if path else ()
    return next(filter(None, (names_at(arm, path) for arm in get_args(kind))), ()) if get_origin(kind) else ()


def _errors(root: Node) -> list[Any]:
    try:
        Run.model_validate(plain(root))
    except ValidationError as error:
        return error.errors()
    return []


def _is_unknown_key(error: Any) -> bool:
    return bool(error["type"] == "extra_forbidden" or (error["type"] == "literal_error" and error["loc"][-1] == KEY))


def _unknown(root: Node, keys: Keys) -> tuple[str, str | None]:
    """What to say of an unknown key, and the key to read it as, where that one is not there already."""
    names, key = names_at(Run, keys[:-1]), str(keys[-1])
    if keys[0] == "sources" and keys[2:-1] == ("fields",):
        names += PER_RECORD
    if key in names:
        return f"stands beside `{key}:`, which says the same; keep one", None
    around, close = locate(root, keys[:-1])[2].value, near(key, names)
    taken = isinstance(around, dict) and close in around
    return f"unknown key; {nearest(key, names)}", None if taken else close


def _renamed(node: Node, keys: Keys, name: str | None) -> Node:
    if isinstance(node.value, tuple):
        place = int(keys[0])
        items = (_renamed(each, keys[1:], name) if at == place else each for at, each in enumerate(node.value))
        return replace(node, value=tuple(items))
    if not isinstance(node.value, dict):
        return node
    first, rest, entries = str(keys[0]), keys[1:], dict(node.value)
    entry = entries.pop(first)
    if rest:
        entries[first] = Entry(entry.mark, _renamed(entry.node, rest, name))
    elif name is not None:
        entries[name] = entry
    return replace(node, value=entries)


def _spelled_out(root: Node) -> Node:
    """What a record carries may stand under `fields` with the rest: `fields: {url: link}` is `url: {field: link}`."""
    sources = root.value.get("sources") if isinstance(root.value, dict) else None
    if not isinstance(root.value, dict) or sources is None or not isinstance(sources.node.value, dict):
        return root
    whole = {name: Entry(each.mark, _fields_moved(each.node)) for name, each in sources.node.value.items()}
    return replace(root, value=root.value | {"sources": Entry(sources.mark, replace(sources.node, value=whole))})


def _fields_moved(source: Node) -> Node:
    fields = source.value.get("fields") if isinstance(source.value, dict) else None
    if not isinstance(source.value, dict) or fields is None or not isinstance(fields.node.value, dict):
        return source
    moved = {key: each for key, each in fields.node.value.items() if key in PER_RECORD and key not in source.value}
    rest = {key: each for key, each in fields.node.value.items() if key not in moved}
    new = {key: Entry(each.mark, Node(each.mark, {"field": each})) for key, each in moved.items()}
    return replace(source, value=source.value | new | {"fields": Entry(fields.mark, replace(fields.node, value=rest))})


def _message(error: Any, node: Node) -> str:
    kind, loc = error["type"], error["loc"]
    if kind == "missing":
        few = isinstance(loc[-1], int)
        return f"{shown(node)} of too few; name two" if few else f"missing; write such as `{EXAMPLES[loc[-1]]}`"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "literal_error":
        names = tuple(re.findall(r"'([^']*)'", error["ctx"]["expected"]))
        return f"{shown(node)} is not accepted; {nearest(str(node.value), names)}"
    if kind in BELONGS:
        quotes = f'; write it in quotes: "{node.text}"' if kind == "string_type" and node.text else ""
        return f"{shown(node)} where {BELONGS[kind]} belongs{quotes}"
    if kind == "too_short":
        return "is empty; name at least one"
    if kind == "too_long":
        return f"names {error['ctx']['actual_length']} where {error['ctx']['max_length']} belong"
    return f"{shown(node)} {error['msg'].replace('Input should', 'must')}"
