"""Results that are made together read each unit once, and are the results that each alone would be."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.manifests import files, store
from prep.manifests.record import Receipt, Recipe, part_name
from prep.manifests.shards import Columns, table
from prep.pipeline.run import Order, perform, together, work
from prep.pipeline.spread import serial
from prep.pipeline.stage import MACHINE, Job, Task
from tests.tiny import tree


@dataclass(frozen=True)
class Times:
    """A stage of a test: one column, so many times what it is given; `wrong` as a faulty engine would."""

    name: ClassVar[str] = "times"
    version: ClassVar[int] = 1

    factor: int
    wrong: bool = field(default=False, metadata=MACHINE)

    def schema(self) -> pa.Schema:
        return pa.schema([(f"n{self.factor}", pa.int64())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.record_batch([pa.array(np.asarray(batch["n"]) * self.factor + self.wrong)], schema=self.schema())

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        return {"taken": taken}

    def evidence(self) -> dict[str, Any]:
        return {"wrong": self.wrong}


@dataclass
class Numbers:
    """A unit that counts how often it is opened, and how far its reader has run ahead of what is made of it."""

    key: str
    sizes: tuple[int, ...]
    opened: int = 0

    def identity(self) -> object:
        return self.key

    def open(self, skip: int) -> "Numbers":
        assert skip == 0
        self.opened += 1
        return self

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        start = 0
        for size in self.sizes:
            yield pa.record_batch({"n": pa.array(range(start, start + size), pa.int64())})
            start += size

    @property
    def facts(self) -> dict[str, Any]:
        return {}

    def beside(self) -> tuple[str, ...]:
        return ()

    def weight(self) -> int:
        return 1


def job(factor: int, units: Sequence[Numbers], *, wrong: bool = False) -> Job:
    def tasks(*_: ExitStack | object) -> list[Task]:
        return [Task(Times(factor, wrong), unit) for unit in units]

    def again(receipts: Sequence[Sequence[Receipt]]) -> dict[int, Task]:
        doubtful = [number for number, steps in enumerate(receipts) if steps[-1].evidence["wrong"]]
        return {number: Task(Times(factor), units[number]) for number in doubtful}

    return Job(
        Recipe("times", 1, {"factor": factor, "units": [unit.key for unit in units]}),
        tasks,
        lambda receipts: {"taken": sum(receipt.taken for receipt in receipts)},
        {},
        again=again,
        evidence=lambda receipts: {"wrong": any(receipt.evidence["wrong"] for receipt in receipts)},
    )


sizes = st.lists(st.lists(st.integers(0, 5000), max_size=4).map(tuple), max_size=3)


@given(sizes, st.sets(st.integers(1, 9), min_size=1, max_size=3))
def test_together_is_as_each_alone_and_reads_each_unit_once(
    tmp_path_factory: pytest.TempPathFactory, cut: list[tuple[int, ...]], factors: set[int]
) -> None:
    alone, beside = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("together")
    units = [Numbers(f"unit-{number}", each) for number, each in enumerate(cut)]
    ordered = sorted(factors)
    single = [perform([job(factor, units)], str(alone), serial, lambda _: None)[0] for factor in ordered]
    assert [unit.opened for unit in units] == [len(ordered)] * len(units)
    both = perform([job(factor, units) for factor in ordered], str(beside), serial, lambda _: None)
    assert [unit.opened for unit in units] == [len(ordered) + 1] * len(units)
    assert [one.manifest for one in single] == [one.manifest for one in both]
    assert tree(alone) == tree(beside)


def test_what_one_result_has_already_is_not_made_again_for_the_other(tmp_path: Path) -> None:
    units = [Numbers("a", (3, 4)), Numbers("b", (5,))]
    perform([job(2, units)], str(tmp_path), serial, lambda _: None)
    first, second = perform([job(2, units), job(3, units)], str(tmp_path), serial, lambda _: None)
    assert [unit.opened for unit in units] == [2, 2]
    assert (first.manifest.ledger, second.manifest.ledger) == ({"taken": 12}, {"taken": 12})


def test_a_pass_that_was_killed_between_two_results_reads_again_for_what_is_missing(tmp_path: Path) -> None:
    unit = Numbers("a", (3, 4))
    orders = [Order(Task(Times(factor), unit), str(tmp_path / str(factor))) for factor in (2, 3)]
    one = work(orders[0])
    assert together(orders) == [one, work(orders[1])]
    assert unit.opened == 2
    shard = files.join(str(tmp_path / "3"), part_name(orders[1].task.key, 0))
    assert table([Columns(shard)])["n3"].to_pylist() == [3 * number for number in range(7)]


def test_what_the_job_doubts_is_made_again_and_takes_the_place_of_what_was_made(tmp_path: Path) -> None:
    units = [Numbers("a", (3,)), Numbers("b", (5,))]
    [wrong] = perform([job(2, units, wrong=True)], str(tmp_path / "x"), serial, lambda _: None)
    [right] = perform([job(2, units)], str(tmp_path / "y"), serial, lambda _: None)
    assert wrong.manifest == right.manifest
    assert tree(tmp_path / "x") == tree(tmp_path / "y")
    assert [unit.opened for unit in units] == [3, 3]


def test_how_a_result_was_made_is_told_and_does_not_name_it(tmp_path: Path) -> None:
    [result] = perform([job(2, [Numbers("a", (3,))])], str(tmp_path), serial, lambda _: None)
    told = store.manifest(result.folder)
    assert told is not None
    assert told.evidence["wrong"] is False
    other = replace(told, evidence={"wrong": "perhaps"})
    assert other.digest == told.digest
