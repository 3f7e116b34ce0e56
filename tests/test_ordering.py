"""What is put in order on disk is what a sort in memory gives, however it is cut into blocks, buckets and spills."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.pipeline.ordering import buckets as on_disk
from prep.pipeline.ordering import order, placing, spill
from prep.pipeline.ordering.buckets import Rows, buckets
from prep.pipeline.ordering.merged import COPY, merged, placed
from prep.pipeline.ordering.order import DOCUMENT, PLACE, Part
from tests.tiny import cell, corpus, documents, made, prep, tree, varied_run, write_models

Document = st.tuples(
    st.integers(0, 3), st.integers(0, 5), st.integers(0, 9), st.integers(1, 3)
)  # cell, key, tokens, copies
some_documents = st.lists(Document, max_size=40)


def rows_of(given_: list[tuple[int, int, int, int]]) -> Rows:
    """Documents whose keys often are the same, spread over the whole range of keys."""
    rows = np.zeros(len(given_), dtype=DOCUMENT)
    for number, (place, key, tokens, copies) in enumerate(given_):
        for name, value in zip(("cell", "key", "tie", "tokens", "bytes", "row", "copies"),
                               (place, key << 61, number, tokens, tokens, number, copies), strict=True):  # fmt: skip
            rows[number][name] = value
    return rows


def in_blocks(rows: Rows, size: int) -> Iterator[Rows]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 99)), max_size=50), st.integers(1, 9))
def test_buckets_give_back_what_was_thrown_in_each_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, given_: list[tuple[int, int]], size: int
) -> None:
    rows = np.array([(number,) for _, number in given_], dtype=[("n", "<i8")])
    numbers = np.array([bucket for bucket, _ in given_], dtype=np.int64)
    with buckets(str(tmp_path_factory.getbasetemp()), rows.dtype, 5) as thrown:
        for start in range(0, len(rows), size):
            thrown.add(numbers[start : start + size], rows[start : start + size])
            thrown.size(0)  # writes what is held
        for bucket in range(5):
            assert thrown.rows(bucket)["n"].tolist() == [number for there, number in given_ if there == bucket]


streams = st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=12), max_size=5)


@given(streams, st.integers(1, 5))
def test_merging_is_sorting_and_does_not_see_the_blocks(given_: list[list[tuple[int, int]]], size: int) -> None:
    parts = []
    for number, each in enumerate(given_):
        rows = np.zeros(len(each), dtype=COPY)
        rows["position"] = sorted(position / 4 for position, _ in each)
        rows["key"], rows["shard"], rows["row"] = [key for _, key in each], number, range(len(each))
        parts.append(rows)
    found = list(merged([in_blocks(rows, size) for rows in parts]))
    everything = np.concatenate([np.empty(0, COPY), *parts])
    fields = ("row", "shard", "pass", "tie", "key", "position")
    expected = everything[np.lexsort([everything[name] for name in fields])]
    assert np.concatenate([np.empty(0, COPY), *found]).tolist() == expected.tolist()


@given(some_documents, st.integers(1, 50), st.booleans())
def test_the_order_is_that_of_exact_positions_cell_then_group_then_corpus(
    tmp_path_factory: pytest.TempPathFactory, given_: list[tuple[int, int, int, int]], size: int, apart: bool
) -> None:
    """Against a few lines that hold everything in memory; `apart` throws keys apart until nothing is left to throw."""
    rows, folder = rows_of(given_), str(tmp_path_factory.getbasetemp())
    with pytest.MonkeyPatch.context() as patch:
        if apart:
            patch.setattr(order, "SORTED", 1)
            patch.setattr(on_disk, "HELD", 3)
        with order.sorted_cells(in_blocks(rows, size), [len(rows)] * 4, {}, folder) as cells:
            part = Part(range(4), {0: 0, 1: 0, 2: 1, 3: 1})
            found = [row for block in order.in_corpus(cells, part) for row in block[["row", "pass"]].tolist()]
    assert found == by_hand(given_, {0: 0, 1: 0, 2: 1, 3: 1})


def by_hand(given_: list[tuple[int, int, int, int]], group: dict[int, int]) -> list[tuple[int, int]]:
    """Every copy by its position in the corpus."""
    copies: list[dict[str, Any]] = [
        {
            "cell": place,
            "group": group[place],
            "all": 0,
            "tokens": tokens,
            "sort": (key, number, pass_),
            "id": (number, pass_),
        }
        for number, (place, key, tokens, times) in enumerate(given_)
        for pass_ in range(times)
    ]
    copies.sort(key=lambda copy: (copy["id"][1], copy["sort"]))
    for level in ("cell", "group"):
        for name in {copy[level] for copy in copies}:
            here, before = [copy for copy in copies if copy[level] == name], 0
            total = sum(copy["tokens"] for copy in here)
            for copy in here:
                copy["at"] = (2 * before + copy["tokens"]) / max(2 * total, 1)
                before += copy["tokens"]
        copies.sort(key=lambda copy: (copy["at"], copy["sort"]))
    return [copy["id"] for copy in copies]


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 50), st.integers(1, 9))
def test_files_end_with_the_copy_that_fills_them_and_are_numbered_without_gaps(
    sizes: list[int], shard: int, size: int
) -> None:
    rows = np.zeros(len(sizes), dtype=COPY)
    rows["bytes"], rows["row"] = sizes, range(len(sizes))
    found = [place for places, _ in order.seated(in_blocks(rows, size), shard, 7) for place in places]
    starts = np.cumsum(sizes) - sizes
    outs: list[int] = []
    seats: list[int] = []
    for row, full in enumerate((starts // shard).tolist()):
        new = row == 0 or full != (starts // shard)[row - 1]
        outs.append((outs[-1] + new) if outs else 7)
        seats.append(0 if new else seats[-1] + 1)
    assert [place["out"] for place in found] == outs
    assert [place["seat"] for place in found] == seats


def test_positions_of_nothing_but_empty_documents_are_the_same() -> None:
    rows = np.zeros(3, dtype=COPY)
    assert np.concatenate(list(placed([rows], 0)))["position"].tolist() == [0, 0, 0]
    assert PLACE.itemsize == 16


CHANGES: list[dict[str, Any]] = [{}, {"order": "shuffle"}, {"layout": "by_cell"}]


@pytest.mark.parametrize("export", CHANGES)
def test_blocks_and_levels_of_spilling_change_no_byte(
    tmp_path: Path, export: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"export": {"shard": 3000, **export}, "budget": {"tokens": 30_000}}
    before = tree(Path(made(varied_run(tmp_path, **changes))["export"].folder))
    monkeypatch.setattr(spill, "FANOUT", 3)
    monkeypatch.setattr(spill, "HELD", 5000)
    monkeypatch.setattr(order, "STREAMED", 1)
    changes["out"] = str(tmp_path / "other")
    assert tree(Path(made(varied_run(tmp_path, **changes))["export"].folder)) == before
    assert len([name for name in before if name.startswith("data/")]) > 9


@pytest.mark.parametrize("eod", [0, 2])
def test_a_smaller_corpus_is_the_beginning_of_a_larger_one(tmp_path: Path, eod: int) -> None:
    """Up to where the first cell is short by its next document, which lies there in the larger one."""
    mix = {"max_epochs": 4, "within": "proportional"}
    runs = [
        made(varied_run(tmp_path, mix=mix, budget={"tokens": tokens, "eod": eod}))
        for tokens in (31_013, 45_001, 60_000)
    ]
    orders = [[(row["id"], row["pass"]) for row in corpus(run)] for run in runs]
    sizes = [row["n_tokens.tiny"] + eod for row in corpus(runs[0])]
    weights = [row["weight"] for row in runs[0]["mix"].manifest.ledger["targets"]]
    for smaller, larger in pairwise(orders):
        common = next((at for at, (a, b) in enumerate(zip(smaller, larger, strict=False)) if a != b), len(smaller))
        left = sum(sizes) - sum(sizes[:common]) if smaller is orders[0] else 0
        assert left <= 2 * max(sizes) / min(weights)
        assert set(smaller) <= set(larger)
        assert common > 0.8 * len(smaller)


def test_a_shuffle_holds_the_same_documents_in_another_order(tmp_path: Path) -> None:
    plain, shuffled = (
        corpus(made(varied_run(tmp_path, export={"order": name}))) for name in ("interleaved", "shuffle")
    )
    one, two = ([(row["id"], row["pass"]) for row in rows] for rows in (plain, shuffled))
    assert sorted(one) == sorted(two)
    assert one != two


def test_by_cell_each_document_stands_once_in_the_folder_of_its_cell_and_the_weights_tell_the_rest(
    tmp_path: Path,
) -> None:
    results = made(varied_run(tmp_path, export={"layout": "by_cell", "repeats": "weights"}))
    folder = Path(results["export"].folder)
    words = (folder / "weights.txt").read_text().split()
    weights = dict(zip(words[1::2], map(float, words[::2]), strict=True))
    page = results["size"].manifest.ledger["selection"]
    total = sum(row["copied_tokens"] for row in page)
    assert abs(sum(weights.values()) - 1) < 1e-6
    for row in (row for row in page if row["copies"]):
        prefix = f"data/{row['source']}+{row['language']}+{row['kind']}"
        assert abs(weights[prefix] - row["copied_tokens"] / total) < 1e-8
        assert (folder / prefix).is_dir()
    assert sum(row["documents"] for row in results["export"].manifest.ledger["cells"]) == sum(
        row["documents"] for row in page
    )
    assert prep("verify", str(folder)).returncode == 0


def test_no_two_cells_share_a_folder_whatever_dots_their_names_hold() -> None:
    assert placing.folder(("a.en", "en", "x")) != placing.folder(("a", "en", "en.x"))


def test_the_best_are_chosen_first_and_a_curriculum_rises_within_each_pass_of_a_cell(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "quality": {"model": write_models(tmp_path), "filter": ["web"], "keep": {"en": {"threshold": 0.0}}},
        "budget": {"tokens": 20_000, "choose": "quality"}, "export": {"order": "curriculum", "formats": ["parquet"]},
    }  # fmt: skip
    results = made(varied_run(tmp_path, **changes))
    last: dict[tuple[Any, ...], float] = {}
    for row in corpus(results):
        where = (*cell(row), row["pass"])
        if row["quality"] is not None:
            assert row["quality"] >= last.get(where, 0.0)
            last[where] = row["quality"]
    for place in {cell(row) for row in documents(results)}:
        here = [row for row in documents(results) if cell(row) == place and row["quality"] is not None]
        taken, passed = ([row["quality"] for row in here if row["left_out"] == reason] for reason in (0, 128))
        assert not taken or not passed or min(taken) >= max(passed)
