"""The one loop: name the result, keep what is there, make what is missing, balance the books, manifest last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Protocol, runtime_checkable

import pyarrow as pa

from prep.manifests import files, store
from prep.manifests.record import Manifest, Receipt, Shard, part_name, receipt_name
from prep.manifests.shards import ROWS, Sink, Writer, publish, regroup, weights
from prep.pipeline import meter
from prep.pipeline.spread import Spread
from prep.pipeline.stage import Job, Result, Stage, Task

PART = "part"  # what a stage that writes one Arrow file a shard calls its rows


class RowWriter(Protocol):
    """Writes rows to one file, whatever its format."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""

    def close(self) -> int:
        """End the file; the number of rows written."""


@dataclass(frozen=True)
class Output:
    """One file of a shard: its name below the result's folder, and how rows are written to it."""

    name: str
    open: Callable[[Sink], RowWriter]


@runtime_checkable
class Outputs(Protocol):
    """A stage that writes more than one file a shard, or another format than Arrow."""

    shard_bytes: ClassVar[int]  # text at which a run of shards goes on in the next one

    def outputs(self, key: str, index: int) -> dict[str, Output]:
        """The files of one shard, by what `split` calls their rows."""

    def split(self, batch: pa.RecordBatch) -> dict[str, pa.RecordBatch]:
        """The rows for each file."""


@dataclass(frozen=True)
class Order:
    """What a worker is told: the task, where its files go, and how many rows to hand the stage at once."""

    task: Task
    folder: str
    batch_rows: int = ROWS


@dataclass(frozen=True)
class Standing:
    """What a result still needs: units found finished, adopted from an earlier result, to be made, and their weight."""

    finished: int = 0
    adopted: int = 0
    to_make: int = 0
    weight: int = 0


Watch = Callable[[Standing], None]  # told how a stage stands, once the loop knows what is to be made


def finished(out: str, job: Job) -> Result | None:
    """The result of a job, where it is there already."""
    folder = files.join(out, job.recipe.folder)
    manifest = store.manifest(folder)
    return None if manifest is None else Result(folder, manifest)


def perform(job: Job, out: str, spread: Spread, watch: Watch, batch_rows: int = ROWS) -> Result:
    """Make a job's result, or find it made. What earlier results share with it is adopted, not made again."""
    if done := finished(out, job):
        return done
    folder = files.join(out, job.recipe.folder)
    store.write_recipe(folder, job.recipe)
    with ExitStack() as stack:
        orders = [Order(task, folder, batch_rows) for task in job.tasks(stack, spread)]
        watch(adopt(orders, files.join(out, job.recipe.stage)))
        made = job.watch((map if job.here else spread)(work, orders))
        receipts = [receipt for steps in made for receipt in steps]
    page = dict(job.balance(receipts))
    job.finish(folder, page)
    schema = orders[0].task.stage.schema() if orders else pa.schema([])
    manifest = Manifest(
        stage=job.recipe.stage,
        recipe=job.recipe.digest,
        inputs={name: result.manifest.digest for name, result in sorted(job.inputs.items())},
        schema={field.name: str(field.type) for field in schema},
        shards=tuple(shard for receipt in receipts for shard in receipt.shards),
        ledger=page,
        facts=_merged(receipt.facts for receipt in receipts),
    )
    store.write_manifest(folder, manifest)
    return Result(folder, manifest)


def _merged(facts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for fact in facts:
        for name, value in fact.items():
            merged.setdefault(name, {}).update(value)
    return merged


def adopt(orders: Sequence[Order], stage_folder: str) -> Standing:
    """Give a new result every shard that an earlier result of the same stage has under the same key."""
    holders = store.holders(stage_folder)
    counts: Counter[str] = Counter()
    for order in orders:
        key = order.task.key
        if whole(steps(order.folder, key)):
            counts["finished"] += 1
        elif any(_adopted(order, holder) for holder in holders.get(key, ())):
            counts["adopted"] += 1
        else:
            counts["to_make"] += 1
            counts["weight"] += order.task.unit.weight()
    return Standing(**counts)


def _adopted(order: Order, holder: str) -> bool:
    """Link the shards of one unit from another result, its receipts last; False where that result has not all of it."""
    if holder == order.folder or not whole(found := steps(holder, order.task.key)):
        return False
    for name in (*(shard.name for step in found for shard in step.shards), *(step.name for step in found)):
        files.adopt(files.join(holder, name), files.join(order.folder, name))
    return True


def steps(folder: str, key: str) -> list[Receipt]:
    """The finished steps of a unit, in order, as far as they and their files are there."""
    found: list[Receipt] = []
    while files.exists(path := files.join(folder, receipt_name(key, len(found)))):
        receipt = store.read_receipt(path)
        if not all(_there(folder, shard) for shard in receipt.shards):
            break
        found.append(receipt)
        if receipt.last:
            break
    return found


def _there(folder: str, shard: Shard) -> bool:
    if ".." in shard.name.split("/") or shard.name.startswith("/"):
        return False  # a receipt is read, not trusted: nothing outside the folder is adopted by it
    path = files.join(folder, shard.name)
    return files.exists(path) and files.size(path) == shard.bytes


def whole(found: Sequence[Receipt]) -> bool:
    """Whether the steps reach the end of their unit."""
    return bool(found) and found[-1].last


def work(order: Order) -> list[Receipt]:
    """Make the shards of one unit, from where an earlier attempt stopped. Runs in a worker."""
    task = order.task
    done = steps(order.folder, task.key)
    if whole(done):
        return done
    opened = task.unit.open(sum(step.taken for step in done))
    rows = regroup(task.stage(_counted(opened, order.batch_rows)))
    ahead = next(rows, None)
    while not whole(done):
        receipt, ahead = _step(order, len(done), ahead, rows)
        if receipt.last:
            receipt = replace(receipt, facts=opened.facts)
        store.write_receipt(order.folder, receipt)
        done.append(receipt)
    meter.unit(task.unit.weight())
    return done


def _counted(batches: Iterable[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    """The batches in slices of at most so many rows, on the meter."""
    for batch in batches:
        for start in range(0, batch.num_rows, most):
            part = batch.slice(start, most)
            yield part
            meter.add(int(weights(part).sum()), part.num_rows)


def _step(
    order: Order, index: int, ahead: pa.RecordBatch | None, rows: Iterator[pa.RecordBatch]
) -> tuple[Receipt, pa.RecordBatch | None]:
    """Write the next shard of a unit, every file of it; gives the first batch after it."""
    stage, key = order.task.stage, order.task.key
    outputs = stage.outputs(key, index) if isinstance(stage, Outputs) else _single(stage, key, index)
    most = stage.shard_bytes if isinstance(stage, Outputs) else None
    taken = text = 0
    with ExitStack() as stack:
        sinks = {name: stack.enter_context(publish(order.folder, output.name)) for name, output in outputs.items()}
        writers = {name: output.open(sinks[name]) for name, output in outputs.items()}
        while ahead is not None and (most is None or text < most):
            split = stage.split(ahead) if isinstance(stage, Outputs) else {PART: ahead}
            for name, batch in split.items():
                writers[name].write(batch)
            taken, text = taken + ahead.num_rows, text + int(weights(ahead).sum())
            ahead = next(rows, None)
        shards = tuple(sinks[name].shard(writer.close()) for name, writer in writers.items())
    written = tuple(files.join(order.folder, output.name) for output in outputs.values())
    books = stage.books(written, order.task.unit.beside(), taken)
    return Receipt(key, index, ahead is None, taken, shards, books), ahead


def _single(stage: Stage, key: str, index: int) -> dict[str, Output]:
    return {PART: Output(part_name(key, index), partial(Writer, schema=stage.schema()))}
