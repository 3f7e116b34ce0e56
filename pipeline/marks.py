"""YAML as values that know their line and column.

ruamel's parser gives events with marks. The values are made here, by YAML 1.2's core rules less the octal and
hexadecimal numbers, so that a date or `no` stays a text and `1e-5` is a number. Merges (`<<: *base`) work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from prep.errors import BadSettings

DEEPEST = 32  # levels; a run file has 5
MOST = 100_000  # values after aliases are written out, so that nine lines of aliases cannot ask for 10^9

INT = re.compile(r"[-+]?[0-9]+(_[0-9]+)*")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)(e[-+]?[0-9]+)?|[-+]?\.inf|\.nan", re.IGNORECASE)
WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
LONGEST_NUMBER = 40  # characters; more digits than any number has, and Python refuses ints of more than 4,300


@dataclass(frozen=True)
class Mark:
    """A place in the file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Node:
    """A scalar, a tuple of nodes, or a mapping; `text` is the scalar as it stands, `size` counts the nodes below."""

    mark: Mark
    value: str | int | float | bool | tuple[Node, ...] | dict[str, Entry] | None
    text: str = ""
    size: int = 1


@dataclass(frozen=True)
class Entry:
    """What stands under a key, and where the key stands."""

    mark: Mark
    node: Node


class Unreadable(BadSettings):
    """The text is no YAML that a run file may be; nothing after `mark` is known."""

    def __init__(self, mark: Mark, text: str) -> None:
        super().__init__(text)
        self.mark, self.text = mark, text


def compose(text: str) -> tuple[Node | None, list[tuple[Mark, tuple[str, ...], str]]]:
    """The one document (None: an empty file), and every duplicate key as (place, keys, what is wrong)."""
    composer = _Composer(_events(text))
    return composer.document(), composer.duplicates


def plain(node: Node) -> Any:
    """The values alone; lists become tuples."""
    if isinstance(node.value, tuple):
        return tuple(plain(each) for each in node.value)
    if isinstance(node.value, dict):
        return {key: plain(entry.node) for key, entry in node.value.items()}
    return node.value


def _events(text: str) -> Iterator[Any]:
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context)
        if "'\\t'" in problem:
            problem = "a tab where YAML wants spaces; indent with spaces"
        elif problem == "mapping values are not allowed here":
            problem = "a second `key:` in one line, or a text with `: ` that needs quotes"
        where = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
        raise Unreadable(where, f"not YAML: {problem}") from error
    except ReaderError as error:
        before = text[: error.position]
        mark = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise Unreadable(
            mark, f"a character that YAML forbids (U+{ord(text[error.position]):04X}); take it out"
        ) from error


@dataclass
class _Composer:
    events: Iterator[Any]
    anchors: dict[str, Node] = field(default_factory=dict)
    duplicates: list[tuple[Mark, tuple[str, ...], str]] = field(default_factory=list)

    def document(self) -> Node | None:
        root = None
        for event in self.events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                if root is not None:
                    raise Unreadable(_mark(event), "a second document begins; a run file is one document")
                root = self.node(next(self.events), keys=())
        return root

    def node(self, event: Any, keys: tuple[str, ...]) -> Node:
        kind, mark = type(event).__name__, _mark(event)
        if len(keys) > DEEPEST:
            raise Unreadable(mark, f"more than {DEEPEST} levels deep; a run file has 5")
        if kind == "AliasEvent":
            if event.anchor not in self.anchors:
                raise Unreadable(
                    mark, f"*{event.anchor} stands before the end of what &{event.anchor} names, if anything"
                )
            return self.anchors[event.anchor]
        if event.tag is not None:
            raise Unreadable(
                mark, f"the tag {str(event.tag)!r}; a run file has none: write the value, a text in quotes"
            )
        node = self.untagged(event, kind, keys)
        if node.size > MOST:
            raise Unreadable(mark, f"more than {MOST:,} values once aliases are written out; use fewer aliases")
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def untagged(self, event: Any, kind: str, keys: tuple[str, ...]) -> Node:
        if kind == "ScalarEvent":
            value = _scalar(event.value) if event.implicit[0] else event.value
            return Node(_mark(event), value, event.value)
        if kind == "SequenceStartEvent":
            items = tuple(self.node(each, (*keys, "")) for each in self.until("SequenceEndEvent"))
            return Node(_mark(event), items, size=1 + sum(each.size for each in items))
        return self.mapping(_mark(event), keys)

    def mapping(self, mark: Mark, keys: tuple[str, ...]) -> Node:
        entries: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        size = 1
        for event in self.until("MappingEndEvent"):
            where = _mark(event)
            if type(event).__name__ != "ScalarEvent":
                raise Unreadable(where, "a list, mapping or alias as a key; a key is a word")
            key, node = event.value, self.node(next(self.events), (*keys, event.value))
            size += node.size
            if key == "<<" and event.implicit[0]:
                merged = _merged(where, node) | merged
            elif key in entries:
                first = entries[key].mark.line
                self.duplicates.append((where, (*keys, key), f"stands twice, first in line {first}; keep one"))
            else:
                entries[key] = Entry(where, node)
        return Node(mark, merged | entries, size=size)

    def until(self, end: str) -> Iterator[Any]:
        for event in self.events:
            if type(event).__name__ == end:
                return
            yield event


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _merged(where: Mark, node: Node) -> dict[str, Entry]:
    """What `<<` brings in; in a list of mappings the earlier one wins, as YAML's merge says."""
    several = node.value if isinstance(node.value, tuple) else (node,)
    found: dict[str, Entry] = {}
    for each in several:
        if not isinstance(each.value, dict):
            raise Unreadable(where, "<< brings in a mapping or a list of mappings, such as `<<: *base`")
        found = each.value | found
    return found


def _scalar(text: str) -> str | int | float | bool | None:
    if text.lower() in WORDS and text in (text.lower(), text.capitalize(), text.upper()):
        return WORDS[text.lower()]
    if len(text) > LONGEST_NUMBER:
        return text
    if INT.fullmatch(text):
        return int(text)
    return float(text.replace(".inf", "inf").replace(".nan", "nan")) if FLOAT.fullmatch(text) else text
