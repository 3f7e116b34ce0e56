"""Laws of the pure parts that the chain stands on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.manifests import files, ledger, shards, store
from prep.manifests.record import Manifest, Receipt, Shard, part_name
from prep.pipeline import draw
from prep.pipeline.run import Order, adopt, steps, whole, work
from prep.pipeline.stage import Asked, Task

unhurried = settings(deadline=None)  # the first array that Arrow makes imports pandas
Cuts = st.lists(st.integers(0, 60), max_size=8)


def cut(batch: pa.RecordBatch, at: Sequence[int]) -> Iterator[pa.RecordBatch]:
    edges = sorted({0, batch.num_rows, *(min(each, batch.num_rows) for each in at)})
    for start, stop in pairwise(edges):
        yield batch.slice(start, stop - start)


@unhurried
@given(st.lists(st.one_of(st.none(), st.text(max_size=9)), max_size=60), Cuts, st.integers(1, 9), st.integers(1, 40))
def test_cuts_do_not_matter_to_the_batches_that_are_written(
    texts: list[str | None], at: list[int], rows: int, most: int
) -> None:
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string()), "n": range(len(texts))})
    one = list(shards.regroup([batch], rows, most))
    two = list(shards.regroup(cut(batch, at), rows, most))
    assert [each.to_pylist() for each in one] == [each.to_pylist() for each in two]
    assert [row for each in one for row in each.to_pylist()] == batch.to_pylist()
    sizes = [shards.weights(each) for each in one]
    assert all(len(size) == 1 or (len(size) <= rows and size.sum() <= most) for size in sizes)
    for size, following in pairwise(sizes):  # it ends no earlier than it must
        assert len(size) == rows or size.sum() + following[0] > most


@unhurried
@given(st.lists(st.one_of(st.none(), st.text(max_size=9)), max_size=60), Cuts)
def test_cuts_do_not_matter_to_the_bytes_of_a_shard(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str | None], at: list[int]
) -> None:
    folder = str(tmp_path_factory.mktemp("cut"))
    columns = {
        "text": pa.array(texts, pa.large_string()),
        "odd": pa.array([None if text is None else len(text) % 2 == 1 for text in texts], pa.bool_()),
        "length": pa.array([None if text is None else len(text) for text in texts], pa.int64()),
    }
    batch = pa.record_batch(columns)
    written = [
        shards.write(folder, "x.arrow", batch.schema, shards.regroup(batches)).sha256
        for batches in ([batch], cut(batch, at), cut(batch, range(60)))
    ]
    assert len(set(written)) == 1


Keys = st.lists(st.integers(0, 2**64 - 1), unique=True, min_size=1, max_size=200)


@unhurried
@given(Keys, st.integers(0, 2**63 - 1), st.sampled_from([draw.ORDER, draw.QUALITY, draw.TRAINING]))
def test_a_draw_is_of_its_document_alone_and_no_two_share_one(keys: list[int], seed: int, purpose: str) -> None:
    several = draw.draw(np.array(keys, dtype=np.uint64), seed, purpose)
    alone = [int(draw.draw(np.array([key], dtype=np.uint64), seed, purpose)[0]) for key in keys]
    assert several.tolist() == alone
    assert len(set(alone)) == len(keys)  # a bijection


@pytest.mark.parametrize("keys", ["counted", "shifted", "hashed"])
def test_draws_are_uniform_and_independent_of_seed_and_purpose(keys: str) -> None:
    """Chi-square over 256 bins, and over 16 x 16 of two draws: 255 degrees of freedom, 99.999% below 360."""
    count = 100_000
    words = np.arange(count, dtype=np.uint64)
    if keys == "shifted":
        words = words << np.uint64(40)
    if keys == "hashed":
        words = np.random.default_rng(1).integers(0, 2**64, count, dtype=np.uint64)
    for bits in (words, draw.draw(words, 3, draw.ORDER)):
        one, other, third = (
            draw.draw(bits, seed, purpose) >> np.uint64(56)
            for seed, purpose in ((1, draw.ORDER), (2, draw.ORDER), (1, draw.QUALITY))
        )
        for bins in (one, (one >> np.uint64(4)) * 16 + (other >> 4), (one >> np.uint64(4)) * 16 + (third >> 4)):
            seen = np.bincount(bins.astype(np.int64), minlength=256)
            assert ((seen - count / 256) ** 2 / (count / 256)).sum() < 360


Cell = st.fixed_dictionaries(
    {
        "source": st.sampled_from("ab"), "language": st.sampled_from(["ja", "en"]), "kind": st.just("web"),
        "documents": st.integers(0, 9), "chars": st.integers(0, 9), "bytes": st.integers(0, 10**12),
        "tokens": st.dictionaries(st.sampled_from("xy"), st.integers(0, 10**12)),
    }
)  # fmt: skip
Pages = st.lists(st.lists(Cell, max_size=4), max_size=4)


@unhurried
@given(Pages, st.integers(0, 4), st.randoms(use_true_random=False))
def test_pages_add_up_in_any_order_and_any_grouping(pages: list[list[ledger.Row]], at: int, chance: Any) -> None:
    total = ledger.add(pages)
    assert ledger.add([ledger.add(pages[:at]), ledger.add(pages[at:])]) == total
    shuffled = [row for page in pages for row in page]
    chance.shuffle(shuffled)
    assert ledger.add([shuffled]) == total
    assert ledger.add([total]) == total
    assert sum(row["documents"] for row in total) == sum(row["documents"] for page in pages for row in page)


@dataclass(frozen=True)
class Doubled:
    """A stage of a test: one column, twice what it is given."""

    name: ClassVar[str] = "doubled"
    version: ClassVar[int] = 1

    def schema(self) -> pa.Schema:
        return pa.schema([("n", pa.int64())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.record_batch({"n": pa.array(np.asarray(batch["n"]) * 2)})

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        return {"taken": taken}


def order(folder: Path, key: str = "unit", rows: int = 5) -> Order:
    batches = [pa.record_batch({"n": pa.array(range(rows), pa.int64())})]
    return Order(Task(Doubled(), Asked(key, lambda: iter(batches), ())), str(folder))


def test_a_unit_is_finished_only_with_its_receipts_and_all_their_files(tmp_path: Path) -> None:
    one = order(tmp_path)
    assert steps(str(tmp_path), one.task.key) == []
    [receipt] = work(one)
    assert whole(steps(str(tmp_path), one.task.key))
    assert work(one) == [receipt]
    shard = tmp_path / receipt.shards[0].name
    content = shard.read_bytes()
    for damage in (shard.unlink, lambda: shard.write_bytes(content[:-1])):
        damage()
        assert not whole(steps(str(tmp_path), one.task.key))
        assert work(one) == [receipt]
        assert shard.read_bytes() == content


@unhurried
@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 5))
def test_steps_go_as_far_as_nothing_is_missing(
    tmp_path_factory: pytest.TempPathFactory, count: int, gone: int, kept: int
) -> None:
    folder = str(tmp_path_factory.mktemp("steps"))
    receipts = []
    for index in range(count):
        files.write(files.join(folder, part_name("k", index)), b"x" * index)
        shard = Shard(part_name("k", index), 1, index, "")
        receipts.append(Receipt("k", index, index == count - 1, 1, (shard,), {}))
        store.write_receipt(folder, receipts[-1])
    assert steps(folder, "k") == receipts
    assert whole(steps(folder, "k"))
    if gone < count:
        Path(folder, part_name("k", gone)).unlink()
        assert steps(folder, "k") == receipts[:gone]
        assert not whole(steps(folder, "k"))


def test_adopting_gives_hard_links_of_whole_units_only_and_never_overwrites(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    [kept], [cut_] = work(order(old, "kept")), work(order(old, "cut"))
    (old / cut_.shards[0].name).unlink()
    orders = [order(new, key) for key in ("kept", "cut", "never made")]
    standing = adopt(orders, str(tmp_path))
    assert (standing.finished, standing.adopted, standing.to_make) == (0, 1, 2)
    assert (new / kept.shards[0].name).stat().st_ino == (old / kept.shards[0].name).stat().st_ino
    assert steps(str(new), orders[0].task.key) == [kept]
    again = adopt(orders, str(tmp_path))
    assert (again.finished, again.adopted, again.to_make) == (1, 0, 2)


def test_records_of_results_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    shard = Shard("part-k-0000.arrow", 3, 10, "ab")
    receipt = Receipt("k", 0, True, 3, (shard,), {"cells": []}, {"digests": {"a": "b"}})
    manifest = Manifest("count", "ab", {"ingest": "cd"}, {"n": "int64"}, (shard,), {"cells": []})
    store.write_receipt(str(tmp_path), receipt)
    store.write_manifest(str(tmp_path), manifest)
    assert store.receipt(str(tmp_path), "k-0000") == receipt
    assert store.manifest(str(tmp_path)) == manifest
    assert replace(manifest, recipe="other").digest != manifest.digest


@pytest.mark.parametrize("scheme", ["local", "memory"])
@pytest.mark.parametrize("before", [None, b"what was there"])
def test_a_file_is_published_whole_or_not_at_all(tmp_path: Path, scheme: str, before: bytes | None) -> None:
    folder = str(tmp_path / "below/it") if scheme == "local" else f"memory://{tmp_path}"
    path = files.join(folder, "file")
    if before is not None:
        files.write(path, before)
    with pytest.raises(KeyError):
        half_publish(path)
    assert files.names(folder) == ([] if before is None else ["file"])
    if before is not None:
        assert files.read(path) == before
    with files.publish(path) as file:
        file.write(b"the whole")
        assert not files.exists(path) if before is None else files.read(path) == before
    assert files.read(path) == b"the whole"
    assert files.names(folder) == ["file"]


def half_publish(path: str) -> None:
    with files.publish(path) as file:
        file.write(b"half of ")
        raise KeyError
