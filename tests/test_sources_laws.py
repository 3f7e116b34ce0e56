"""Laws of reading: ranges, resuming and batches change nothing; digests are of the bytes; a changed file fails."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.errors import BadSource
from prep.pipeline.sources import rows, units
from prep.pipeline.sources.lines import lines, lines_of_range
from prep.pipeline.sources.piece import Fields, File, Piece
from prep.pipeline.sources.reading import Reading
from tests.test_sources_formats import pieces, read, write

Record = tuple[int, str | None, str | None]
contents = st.lists(
    st.sampled_from([b"\n", b"a", "é".encode(), b'{"text": "x"}', b'{"text": "yy"}\n', b"\r\n", b"b" * 30]), max_size=30
).map(b"".join)


def piece(path: Path, kind: str = "jsonl", start: int = 0, stop: int | None = None) -> Piece:
    return Piece("s", kind, "utf-8", (File(str(path), path.name, path.stat().st_size),), start, stop)


def records(piece: Piece, skip: int = 0) -> list[dict[str, Any]]:
    return [row for batch in Reading(piece, Fields(max_document=20), skip) for row in batch.to_pylist()]


def split(path: Path, size: int) -> list[Piece]:
    whole = path.stat().st_size
    return [piece(path, start=at, stop=min(at + size, whole)) for at in range(0, whole, size)]


@given(contents, st.integers(1, 40))
@settings(deadline=None)
def test_splitting_json_lines_anywhere_gives_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int
) -> None:
    path = write(tmp_path_factory.mktemp("law") / "x.jsonl", data)
    whole = [row | {"record": -1} for row in records(piece(path))]
    assert [row for part in split(path, size) for row in records(part)] == whole


@given(contents, st.integers(1, 40), st.integers(1, 20), st.integers(1, 9))
def test_lines_do_not_depend_on_chunks_nor_ranges(data: bytes, size: int, chunk: int, bound: int) -> None:
    whole = list(lines([data], bound))
    cut = [data[at : at + chunk] for at in range(0, len(data), chunk)]
    assert list(lines(cut, bound)) == whole
    assert [line.data for line in whole] == [
        line if len(line) <= bound else line[:bound] for line in data.split(b"\n")[: len(whole)]
    ]
    found = []
    for start in range(0, len(data), size):
        seen = data[max(start - 1, 0) :]
        parts = [seen[at : at + chunk] for at in range(0, len(seen), chunk)]
        found += list(lines_of_range(parts, bound, start, min(start + size, len(data))))
    assert found == whole


FORMS = ("jsonl", "jsonl.gz", "jsonl.zst", "csv", "parquet", "arrow", "txt")


def made(folder: Path, form: str, count: int) -> Path:
    table = pa.table({"text": [f"text {n}" * n if n % 5 else None for n in range(count)], "n": range(count)})
    path = folder / f"x.{form}"
    if form == "parquet":
        pq.write_table(table, path, row_group_size=7)
    elif form == "arrow":
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, 7)
    elif form == "txt":
        for n in range(count):
            write(folder / f"x{n:03}.txt", f"text {n}")
        return folder
    else:
        data = "".join(json.dumps(row) + "\n" for row in table.to_pylist()).encode()
        if form == "csv":
            data = b"text,n\n" + b"".join(f"t{n},{n}\n".encode() for n in range(count))
        packed = {"jsonl.gz": gzip.compress(data), "jsonl.zst": zstandard.compress(data)}
        write(path, packed.get(form, data))
    return path


@pytest.mark.parametrize("form", FORMS)
def test_skipping_gives_the_rest_and_the_same_digests(tmp_path: Path, form: str) -> None:
    (one,) = pieces(made(tmp_path, form, 50))
    full = Reading(one, Fields())
    every = [row for batch in full for row in batch.to_pylist()]
    assert len(every) == 50
    for skip in (0, 1, 7, 49, 50, 60):
        rest = Reading(one, Fields(), skip)
        assert [row for batch in rest for row in batch.to_pylist()] == every[skip:]
        assert rest.digests == full.digests
    assert full.digests == {file.name: xxhash.xxh3_128_hexdigest(Path(file.url).read_bytes()) for file in one.files}


@pytest.mark.parametrize("form", FORMS)
def test_batches_keep_their_bounds(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from prep.pipeline.sources import columns

    for module in (rows, columns):
        monkeypatch.setattr(module, "BATCH_BYTES", 900)
        monkeypatch.setattr(module, "BATCH_ROWS", 6)
    for part in pieces(made(tmp_path, form, 50)):
        for batch in Reading(part, Fields()):
            size = sum(len(text.encode()) for text in batch["text"].to_pylist() if text)
            assert len(batch) == 1 or (len(batch) <= 6 and size <= 900)


@pytest.mark.parametrize("size", [1, 100, 333, 1000, 10**6])
def test_ranges_of_parquet_hold_every_row_once_with_its_number(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path, "parquet", 50)
    monkeypatch.setattr(units, "SPLIT", max(size, path.stat().st_size // 40))
    parts = pieces(path)
    assert sum(part.size for part in parts) == path.stat().st_size
    found = [row for part in parts for batch in Reading(part, Fields()) for row in batch.to_pylist()]
    assert [row["record"] for row in found] == list(range(1, 51))
    assert found == [row for batch in Reading(piece(path, "parquet"), Fields()) for row in batch.to_pylist()]


def test_digests_of_ranges_are_of_their_own_bytes(tmp_path: Path) -> None:
    path = made(tmp_path, "jsonl", 50)
    for part in split(path, 500):
        reading = Reading(part, Fields())
        assert len(list(reading)) <= 1
        data = path.read_bytes()[part.start : part.stop]
        assert reading.digests == {f"x.jsonl[{part.start}:{part.stop}]": xxhash.xxh3_128_hexdigest(data)}


@pytest.mark.parametrize("form", FORMS[:-1])
def test_a_file_that_is_not_as_it_was_listed_is_an_error(tmp_path: Path, form: str) -> None:
    path = made(tmp_path, form, 50)
    (one,) = pieces(path)
    before = path.read_bytes()
    for after in (before + b"x", before[:-1]):
        path.write_bytes(after)
        with pytest.raises(BadSource, match=rf"{path.name}: changed while it was read \({len(before)} bytes listed"):
            list(Reading(one, Fields()))
    path.unlink()
    with pytest.raises(BadSource, match="gone since it was listed"):
        list(Reading(one, Fields()))


def test_a_file_that_grows_under_the_reader_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", b'{"text": "abc"}\n' * 300_000)
    (one,) = pieces(path)
    reading = iter(Reading(one, Fields()))
    next(reading)
    with path.open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(BadSource, match="changed while it was read"):
        list(reading)


@pytest.mark.parametrize("form", ["jsonl.gz", "jsonl.zst"])
def test_a_truncated_archive_gives_its_whole_records_and_then_an_error(tmp_path: Path, form: str) -> None:
    path = made(tmp_path, form, 50)
    data = path.read_bytes()
    for end in {1, 5, len(data) // 2, len(data) - 9, len(data) - 1}:
        write(path, data[:end])
        if end == 1:
            assert [row["rejected"] for row in read(path)] == ["not JSON"]
            continue
        with pytest.raises(BadSource, match=rf"truncated; {end} of {end} bytes were read; \d+ records before"):
            read(path)
