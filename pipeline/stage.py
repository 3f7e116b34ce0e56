"""The contract: what a stage is, what a unit of its work is, and what it leaves.

A stage is a frozen dataclass. Its fields are its settings, and with its name and version they name its results; a field
that changes no byte (where a file lies on this machine) is marked with `MACHINE`, one that came later, and is not told
where it says nothing, with `ADDED`: so results made before it keep their names. It has no base class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Protocol, runtime_checkable

import pyarrow as pa

from prep.manifests import files, ledger, store
from prep.manifests.record import KEY, Manifest, Receipt, Recipe, digest
from prep.manifests.shards import Columns, side_by_side
from prep.pipeline.spread import Spread

MACHINE = {"machine": True}  # metadata of a field that says where, not what
ADDED = {"added": True}  # metadata of a field that is no setting at its default


class Stage(Protocol):
    """Maps the record batches of one unit to record batches, row for row."""

    name: ClassVar[str]
    version: ClassVar[int]

    def schema(self) -> pa.Schema:
        """The columns it writes."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows it makes of the rows it is given, however these are cut into batches."""

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """The ledger's page of one shard, counted from the written files; `taken` rows were given."""


@runtime_checkable
class Telling(Protocol):
    """A stage that says how it made its rows, where another way would have made the same."""

    def evidence(self) -> dict[str, Any]:
        """Of the rows made in this process since it was last asked."""


class Unit(Protocol):
    """What one shard, or one run of shards, is made from."""

    def identity(self) -> object:
        """What it is, as plain data that holds no path of a machine: shards are named by it."""

    def open(self, skip: int) -> Opened:
        """Its rows, without the first `skip`."""

    def beside(self) -> tuple[str, ...]:
        """Shard files whose rows stand beside those that are made from it."""

    def weight(self) -> int:
        """How much work it is beside other units of its stage, for the bar that shows progress."""


class Opened(Protocol):
    """The rows of a unit, read once."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The batches."""

    @property
    def facts(self) -> dict[str, Any]:
        """What reading taught, complete after the last batch; goes into the manifest."""


@dataclass(frozen=True)
class Task:
    """One stage applied to one unit."""

    stage: Stage
    unit: Unit

    @property
    def key(self) -> str:
        """Names the shards: the same key means the same bytes, in whichever recipe."""
        return digest({"stage": described(self.stage), "unit": self.unit.identity()})[:KEY]


def described(stage: Stage) -> dict[str, Any]:
    """A stage as plain data: name, version, and the settings that change bytes."""
    plain = asdict(stage)  # type: ignore[call-overload]
    settings = {
        field.name
        for field in fields(stage)  # type: ignore[arg-type]
        if not (field.metadata.get("machine") or (field.metadata.get("added") and plain[field.name] == field.default))
    }
    return {"name": stage.name, "version": stage.version, **{name: plain[name] for name in sorted(settings)}}


@dataclass(frozen=True)
class Result:
    """A finished result: where it lies and what it is."""

    folder: str
    manifest: Manifest


@dataclass(frozen=True)
class Shards:
    """A unit made of finished shards: some of their columns, laid side by side.

    `keys` say what the shards are; `columns` where they lie. `books` are the files whose columns the ledger needs.
    """

    keys: tuple[str, ...]
    columns: tuple[Columns, ...]
    books: tuple[str, ...]

    def identity(self) -> object:
        """The keys of the shards and the columns read."""
        return [[key, columns.names] for key, columns in zip(self.keys, self.columns, strict=True)]

    def open(self, skip: int) -> Opened:
        """The rows, side by side."""
        if skip:
            raise ValueError("a unit of finished shards is one shard: there is nothing to skip")
        return _Rows(self.columns)

    def beside(self) -> tuple[str, ...]:
        """The shard files of earlier stages, for the books."""
        return self.books

    def weight(self) -> int:
        """Bytes on disk; a file that is gone is an error for the one who reads it."""
        return sum(files.size(columns.path) for columns in self.columns if files.exists(columns.path))


@dataclass(frozen=True)
class _Rows:
    columns: tuple[Columns, ...]

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return side_by_side(self.columns)

    @property
    def facts(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Job:
    """What the loop needs to make a result: its recipe, its tasks, its books.

    `tasks` is asked only where the result is not finished; what it opens (a database) it hangs on the stack, which
    lasts until the result is. `here` keeps the tasks in this process, as those that ask a database must. `balance` is
    given the receipts in the order of the tasks and returns the ledger, or raises. `finish` may add files to the folder
    before the manifest is written. `watch` passes on what each task made, and may raise where the rest is in vain.
    `again` is shown the receipts of all tasks and names those that must be made once more, and how; `evidence` sums up
    what the receipts say of how they were made. `inputs` are the results it is made from.
    """

    recipe: Recipe
    tasks: Callable[[ExitStack, Spread], Sequence[Task]]
    balance: Callable[[Sequence[Receipt]], Mapping[str, Any]]
    inputs: Mapping[str, Result]
    here: bool = False
    finish: Callable[[str, Mapping[str, Any]], None] = lambda folder, page: None
    watch: Callable[[Iterable[list[Receipt]]], Iterable[list[Receipt]]] = iter
    again: Callable[[Sequence[Sequence[Receipt]]], Mapping[int, Task]] = lambda receipts: {}
    evidence: Callable[[Sequence[Receipt]], dict[str, Any]] = lambda receipts: {}


def document_shards(ingested: Result) -> list[tuple[str, str]]:
    """Key and path of each shard of documents, in order."""
    return [(key, files.join(ingested.folder, name)) for key, name in store.parts(ingested.manifest)]


def over_documents(stage: Stage, ingested: Result, names: tuple[str, ...]) -> list[Task]:
    """A task for each shard of documents, reading some of its columns."""
    content = {shard.name: shard.sha256 for shard in ingested.manifest.shards}
    return [
        Task(stage, Shards((content_key(key, content[path.rsplit("/", 1)[-1]]),), (Columns(path, names),), (path,)))
        for key, path in document_shards(ingested)
    ]


def sources_of(ingested: Result) -> list[str]:
    """The source of each shard of documents, in order."""
    receipts = (store.receipt(ingested.folder, name) for name, _ in store.parts(ingested.manifest))
    return [receipt.ledger["intake"][0]["source"] for receipt in receipts]


def languages_of(ingested: Result) -> list[set[str]]:
    """The languages of each shard of documents, in order."""
    receipts = (store.receipt(ingested.folder, name) for name, _ in store.parts(ingested.manifest))
    return [{row["language"] for row in receipt.ledger["cells"]} for receipt in receipts]


def content_key(part: str, sha256: str) -> str:
    """What a shard of documents is to the stages after: by its content too, should its own key ever mean another."""
    return f"{part}/{sha256}"


@dataclass(frozen=True)
class Asked:
    """A unit whose rows are the answer to a question: they stand beside the rows of one shard of documents."""

    key: str
    answer: Callable[[], Iterator[pa.RecordBatch]]
    books: tuple[str, ...]

    def identity(self) -> object:
        """The recipe and the shard: the answer depends on every shard, so none is adopted by another recipe."""
        return self.key

    def open(self, skip: int) -> Opened:
        """Ask."""
        return _Answer(self.answer)

    def beside(self) -> tuple[str, ...]:
        """The shard files of earlier stages, for the books."""
        return self.books

    def weight(self) -> int:
        """One question is like another."""
        return 1


@dataclass(frozen=True)
class _Answer:
    answer: Callable[[], Iterator[pa.RecordBatch]]

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self.answer()

    @property
    def facts(self) -> dict[str, Any]:
        return {}


def cell_books(written: tuple[str, ...], beside: tuple[str, ...]) -> dict[str, Any]:
    """Books of a stage that adds columns: documents, bytes and tokens by cell."""
    return {"cells": ledger.count((*beside, *written))}


def balanced(stage: str, before: Sequence[ledger.Row]) -> Callable[[Sequence[Receipt]], dict[str, Any]]:
    """Books of a stage that adds columns: documents, bytes and tokens in = out."""

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        after = ledger.add(receipt.ledger["cells"] for receipt in receipts)
        ledger.must_balance(stage, before, after)
        return {"cells": after}

    return balance
