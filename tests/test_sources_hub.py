"""Datasets of Hugging Face's library, from local folders: no network is needed, nor is any touched."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prep.errors import BadSource
from prep.pipeline.sources.listing import listing, pieces
from prep.pipeline.sources.piece import Fields, Piece, Where
from prep.pipeline.sources.reading import Reading


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))


def dataset(folder: Path) -> Piece:
    (piece,) = pieces(Where("s", hf="data"), folder)
    return piece


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_local_folder_streams_as_records(tmp_path: Path, form: str) -> None:
    rows = [{"text": f"t{n}" if n else None, "id": n, "meta": {"k": n}} for n in range(5)]
    (tmp_path / "data").mkdir()
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data/train.parquet")
    else:
        (tmp_path / "data/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for skip in (0, 2):
        found = [row for batch in Reading(dataset(tmp_path), Fields(id="id"), skip) for row in batch.to_pylist()]
        assert [row["text"] for row in found] == [None, "t1", "t2", "t3", "t4"][skip:]
        assert [row["record"] for row in found] == [1, 2, 3, 4, 5][skip:]
    assert (found[0]["id"], json.loads(found[0]["metadata"])) == ("2", {"id": 2, "meta": {"k": 2}})


def test_a_local_dataset_is_another_one_when_its_files_change(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train.jsonl").write_text('{"text": "a"}\n')
    before = dataset(tmp_path).identity()
    assert str(tmp_path) not in json.dumps(before)
    (tmp_path / "data/more.jsonl").write_text('{"text": "b"}\n')
    assert dataset(tmp_path).identity() != before


def test_a_dataset_of_the_hub_must_be_pinned(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"'org/name'.*pin it with `revision"):
        listing(Where("s", hf="org/name"), tmp_path)
    (one,) = pieces(Where("s", hf="org/name", revision="3f2c1ab"), tmp_path)
    (two,) = pieces(Where("s", hf="org/name", revision="3f2c1ab", config="ja", split="test"), tmp_path)
    assert one.files[0].name == "org/name@3f2c1ab"
    assert two.files[0].name == "org/name@3f2c1ab:ja:test"


def test_a_dataset_that_cannot_be_fetched_says_so(tmp_path: Path) -> None:
    (one,) = pieces(Where("s", hf="org/name", revision="3f2c1ab"), tmp_path)
    with pytest.raises(BadSource, match=r"org/name@3f2c1ab: `datasets` cannot stream it.*network"):
        list(Reading(one, Fields()))


def test_a_wrong_column_of_a_dataset_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train.jsonl").write_text('{"body": "a"}\n')
    with pytest.raises(BadSource, match=r"no column 'text'.*body"):
        list(Reading(dataset(tmp_path), Fields()))
