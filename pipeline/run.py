"""The one loop: name the result, keep what is there, make what is missing, balance the books, manifest last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, replace
from functools import partial
from itertools import tee
from operator import itemgetter
from typing import Any, ClassVar, Protocol, runtime_checkable

import pyarrow as pa

from prep.errors import BrokenShard
from prep.manifests import files, record, store
from prep.manifests.record import Manifest, Receipt, Shard, part_name, receipt_name
from prep.manifests.shards import ROWS, Sink, Writer, publish, regroup, weights
from prep.pipeline import meter
from prep.pipeline.spread import Spread
from prep.pipeline.stage import Job, Opened, Result, Stage, Task, Telling

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

    def __add__(self, other: Standing) -> Standing:
        return Standing(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))


Watch = Callable[[Standing], None]  # told how a stage stands, once the loop knows what is to be made


def finished(out: str, job: Job) -> Result | None:
    """The result of a job, where it is there already.

    Errors: BrokenShard, where what lies there is of another job, or is no manifest.
    """
    folder = files.join(out, job.recipe.folder)
    manifest = store.manifest(folder)
    if manifest is None:
        return None
    if (manifest.stage, manifest.recipe) != (job.recipe.stage, job.recipe.digest):
        path = files.join(folder, store.MANIFEST)
        raise BrokenShard(f"{path}: recipe: is not that which names its folder; delete it and run again")
    return Result(folder, manifest)


def perform(jobs: Sequence[Job], out: str, spread: Spread, watch: Watch, batch_rows: int = ROWS) -> list[Result]:
    """Make the results of jobs, or find them made. What earlier results share with one is adopted, not made again.

    Several jobs are of one stage and have the same units: each unit is read once for all of them.
    """
    there = [finished(out, job) for job in jobs]
    missing = [job for job, result in zip(jobs, there, strict=True) if result is None]
    made = iter(_make(missing, out, spread, watch, batch_rows) if missing else ())
    return [next(made) if result is None else result for result in there]


def _make(jobs: Sequence[Job], out: str, spread: Spread, watch: Watch, batch_rows: int) -> list[Result]:
    folders = [files.join(out, job.recipe.folder) for job in jobs]
    for job, folder in zip(jobs, folders, strict=True):
        store.write_recipe(folder, job.recipe)
    with ExitStack() as stack:
        orders = [
            [Order(task, folder, batch_rows) for task in job.tasks(stack, spread)]
            for job, folder in zip(jobs, folders, strict=True)
        ]
        stage_folder = files.join(out, jobs[0].recipe.stage)
        watch(sum((adopt(each, stage_folder) for each in orders), Standing()))
        here = map if jobs[0].here else spread
        made = list(_watched(jobs, here(together, zip(*orders, strict=True))))
        units = [[pass_[number] for pass_ in made] for number in range(len(jobs))]
        for job, each, receipts in zip(jobs, orders, units, strict=True):
            _made_again(job, each, receipts, spread)
    return [
        _finish(job, folder, each[0].task.stage.schema() if each else pa.schema([]), receipts)
        for job, folder, each, receipts in zip(jobs, folders, orders, units, strict=True)
    ]


def _watched(jobs: Sequence[Job], made: Iterable[list[list[Receipt]]]) -> Iterable[list[list[Receipt]]]:
    """What each pass made, past the watch of a job that is alone."""
    if len(jobs) > 1:
        return made
    return ([receipts] for receipts in jobs[0].watch(receipts for [receipts] in made))


def _made_again(job: Job, orders: Sequence[Order], units: list[list[Receipt]], spread: Spread) -> None:
    """Make once more what the job says must be, in place of what was made."""
    wrong = job.again(units)
    for index in wrong:
        for step in units[index]:
            for name in (step.name, *(shard.name for shard in step.shards)):  # the receipt first: it says "finished"
                files.discard(files.join(orders[index].folder, name))
    anew = [replace(orders[index], task=task) for index, task in wrong.items()]
    for index, receipts in zip(wrong, spread(work, anew), strict=True):
        units[index] = receipts


def _finish(job: Job, folder: str, schema: pa.Schema, units: Sequence[Sequence[Receipt]]) -> Result:
    """Balance the books and write the manifest."""
    receipts = [receipt for steps in units for receipt in steps]
    page = dict(job.balance(receipts))
    job.finish(folder, page)
    manifest = Manifest(
        stage=job.recipe.stage,
        recipe=job.recipe.digest,
        inputs={name: result.manifest.digest for name, result in sorted(job.inputs.items())},
        schema={field.name: str(field.type) for field in schema},
        shards=tuple(shard for receipt in receipts for shard in receipt.shards),
        ledger=page,
        facts=_merged(receipt.facts for receipt in receipts),
        evidence=record.sealed(job.evidence(receipts), receipts),
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
    [receipts] = together((order,))
    return receipts


def together(orders: Sequence[Order]) -> list[list[Receipt]]:
    """Make the shards of one unit for several results, reading it once. Runs in a worker.

    Alone, a stage may cut its rows as it likes, and goes on where an earlier attempt stopped; beside others it gives a
    batch for each batch, and one shard.
    """
    done = [steps(order.folder, order.task.key) for order in orders]
    missing = [number for number, found in enumerate(done) if not whole(found)]
    if missing:
        skip = sum(step.taken for step in done[missing[0]]) if len(missing) == 1 else 0
        opened = orders[missing[0]].task.unit.open(skip)
        feeds = tee(_counted(opened, orders[0].batch_rows), len(missing))
        streams = [orders[number].task.stage(feed) for number, feed in zip(missing, feeds, strict=True)]
        for number, rows in zip(missing, _in_step(streams), strict=True):
            _steps(orders[number], done[number], regroup(rows), opened)
    return done


def _in_step(streams: Sequence[Iterator[pa.RecordBatch]]) -> list[Iterator[pa.RecordBatch]]:
    """The streams, drawn from in turn however each is read, so that what feeds them holds one batch and not all."""
    if len(streams) == 1:
        return list(streams)
    lines = tee(zip(*streams, strict=True), len(streams))
    return [map(itemgetter(number), line) for number, line in enumerate(lines)]


def _steps(order: Order, done: list[Receipt], rows: Iterator[pa.RecordBatch], opened: Opened) -> None:
    """Write the shards of a unit that are not there yet, a receipt after each."""
    stage = order.task.stage
    ahead = next(rows, None)
    while not whole(done):
        receipt, ahead = _step(order, len(done), ahead, rows)
        if receipt.last:
            told = stage.evidence() if isinstance(stage, Telling) else {}
            receipt = replace(receipt, facts=opened.facts, evidence=told)
        store.write_receipt(order.folder, receipt)
        done.append(receipt)
    meter.unit(order.task.unit.weight())


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
