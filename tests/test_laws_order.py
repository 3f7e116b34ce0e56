"""The order of the corpus: every stretch has the asked ratio, copies lie a pass apart, shards hold whole documents."""

from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from prep.pipeline import draw
from prep.pipeline.stage import Result
from tests.tiny import Row, cell, corpus, documents, made, varied_run

CHANGES: dict[str, dict[str, Any]] = {
    "equal": {},
    "enplus": {"mix": {"preset": "enplus"}, "budget": {"tokens": 40_000}},
    "by hand": {
        "mix": {"within": {"ja": {"wiki_ja": 0.9, "web": 0.1}, "en": {"books_en": 0.5, "web": 0.5}}},
        "budget": {"tokens": 25_000},
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("order")


@pytest.fixture(scope="module", params=CHANGES)
def results(request: pytest.FixtureRequest, folder: Path) -> dict[str, Result]:
    return made(varied_run(folder, **CHANGES[request.param]))


def tokens(rows: list[Row], **where: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Of every prefix, the tokens that are of a language (or a source of it)."""
    here = (row["n_tokens.tiny"] * all(row[key] == value for key, value in where.items()) for row in rows)
    return np.array(list(accumulate(here)), dtype=np.int64)


def test_every_prefix_holds_each_language_in_proportion_within_two_documents(results: dict[str, Result]) -> None:
    rows = corpus(results)
    whole, longest = tokens(rows), max(row["n_tokens.tiny"] for row in rows)
    for language in ("ja", "en", "code"):
        here = tokens(rows, language=language)
        assert np.abs(here - whole * (here[-1] / whole[-1])).max() <= 2 * longest


def test_every_prefix_of_a_language_holds_each_source_in_proportion_within_two_documents(
    results: dict[str, Result],
) -> None:
    every = corpus(results)
    longest = max(row["n_tokens.tiny"] for row in every)
    for language in ("ja", "en"):
        rows = [row for row in every if row["language"] == language]
        whole = tokens(rows)
        for source in {row["source"] for row in rows}:
            here = tokens(rows, source=source)
            assert np.abs(here - whole * (here[-1] / whole[-1])).max() <= 2 * longest


def test_a_cell_goes_through_its_documents_in_order_of_draw_one_pass_after_another(results: dict[str, Result]) -> None:
    """So the copies of a document are a whole pass apart: every other document of the cell lies between them once."""
    keys = {row["id"]: row["draw_key"] for row in documents(results)}
    copies = {row["id"]: row["copies"] for row in documents(results)}
    rows = corpus(results)
    for place in {cell(row) for row in rows}:
        here = [row for row in rows if cell(row) == place]
        draws = draw.draw(np.array([keys[row["id"]] for row in here], dtype=np.uint64), 7, draw.ORDER)
        order = [(row["pass"], number) for row, number in zip(here, draws.tolist(), strict=True)]
        assert order == sorted(order)
        for row in here:
            assert row["pass"] < copies[row["id"]]
        whole = {row["id"] for row in here if row["pass"] == 0}
        for number in range(max(row["pass"] for row in here)):
            assert {row["id"] for row in here if row["pass"] == number} == whole


def test_at_equal_ratios_every_cell_of_the_smaller_corpus_begins_the_cell_of_the_larger(folder: Path) -> None:
    """The whole corpus is no prefix: where a cell ends moves the places of its documents by a little."""
    for mix in ({}, {"preset": "japlus"}):
        small, large = (
            corpus(made(varied_run(folder, mix=mix, budget={"tokens": tokens}))) for tokens in (9_000, 35_000)
        )
        for place in {cell(row) for row in large}:
            one, two = ([(row["id"], row["pass"]) for row in rows if cell(row) == place] for rows in (small, large))
            assert two[: len(one)] == one
            assert 0 < len(one) < len(two)


@pytest.mark.parametrize("shard", [1, 300, 5_000, 10_000_000])
def test_shards_are_full_and_none_is_empty(folder: Path, shard: int) -> None:
    """A shard ends with the document that reaches its size, also where one document is larger than a shard."""
    export = {"shard": shard, "formats": ["parquet"]}
    results = made(varied_run(folder, budget={"tokens": 9_000}, export=export))
    paths = sorted(Path(results["export"].folder).glob("data/*"))
    held = [pq.read_table(path, columns=["n_bytes"])["n_bytes"].to_pylist() for path in paths]
    assert [path.name for path in paths] == [f"train-{n:05d}-of-{len(paths):05d}.parquet" for n in range(len(paths))]
    assert all(held)
    starts = np.array([0, *accumulate(size for sizes in held for size in sizes)][:-1]) // shard
    assert np.diff(starts).astype(bool).sum() + 1 == len(paths)  # a new shard where a multiple of its size is passed
    longest = max(size for sizes in held for size in sizes)
    assert all(sum(sizes) < shard + longest for sizes in held)
