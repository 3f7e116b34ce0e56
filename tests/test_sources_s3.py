"""Object stores: what is read from them is what is read from the same files on disk; what fails is told by name."""

import gzip
import json
import pickle
import random
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from prep.errors import BadSource
from prep.pipeline.sources import units
from prep.pipeline.sources.listing import Listing, listing
from prep.pipeline.sources.piece import Fields, Piece, Where
from prep.pipeline.sources.reading import Reading
from prep.pipeline.sources.remote import HEAD, RANDOM, STREAM, Object
from tests.s3 import BUCKET, Google, Server, gs, s3, s3_server

__all__ = ["gs", "s3", "s3_server"]  # fixtures

Records = list[dict[str, Any]]
ODD = [
    "a b.txt",
    "名前/本.txt",
    "a#1.txt",
    "b?c=d.txt",
    "50%.txt",
    "%41.txt",
    "x+y&z.txt",
    "a::b.txt",
    "[1]*?.txt",
    "~é'.txt",
]


def look(url: str | Path, **where: Any) -> Listing:
    return listing(Where("src", (str(url),), **where), Path("/"))


def names(found: Listing) -> list[str]:
    return sorted(file.name for piece in found.pieces for file in piece.files)


def read(piece: Piece) -> tuple[Records, dict[str, str]]:
    reading = Reading(piece, Fields())
    return [row for batch in reading for row in batch.to_pylist()], reading.digests


def every_format(folder: Path) -> Path:
    """A file of each format, and texts in folders."""
    rows = [{"text": f"{n} 東京の歴史 {'word ' * (n % 40)}", "n": n} for n in range(300)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode() + b"{broken\n"
    folder.mkdir()
    (folder / "plain.jsonl").write_bytes(lines)
    (folder / "packed.jsonl.gz").write_bytes(gzip.compress(lines[:9000]) + gzip.compress(lines[9000:]))
    (folder / "packed.jsonl.zst").write_bytes(zstandard.compress(lines))
    (folder / "table.csv").write_text("text,n\n" + "".join(f'"{row["text"]}",{row["n"]}\n' for row in rows))
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, folder / "groups.parquet", row_group_size=50)
    with pa.ipc.new_file(str(folder / "file.arrow"), table.schema) as writer:
        writer.write_table(table, 70)
    with pa.ipc.new_stream(str(folder / "stream.arrows"), table.schema) as writer:
        writer.write_table(table, 70)
    record = "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 5\r\n\r\nhello\r\n\r\n"
    (folder / "crawl.warc.wet.gz").write_bytes(b"".join(gzip.compress(record.encode()) for _ in range(5)))
    for name in ("t/a.txt", "t/deep/er/b.md", "t/empty.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("" if "empty" in name else f"text of {name}\n")
    return folder


def same(there: Listing, here: Listing) -> None:
    """The same pieces give the same records and digests; only url and etag differ."""
    assert len(there.pieces) == len(here.pieces) > 0
    for far, near in zip(there.pieces, here.pieces, strict=True):
        assert [(file.name, file.size) for file in far.files] == [(file.name, file.size) for file in near.files]
        assert (far.format, far.start, far.stop) == (near.format, near.start, near.stop)
        assert read(far) == read(near)
        assert all(file.etag for file in far.files)


def test_every_format_is_read_as_from_disk(s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "SPLIT", 5000)  # plain JSON lines and Parquet come in several pieces
    folder = every_format(tmp_path / "d")
    url = s3.upload(folder, "some/where")
    for pattern in ("", "/", "/**", "/*.jsonl", "/*.jsonl.zst", "/*/*.txt", "/**/*.{}".format("md"), "/plain.jsonl"):
        same(look(url + pattern), look(f"{folder}{pattern}"))
    assert sum(piece.is_range for piece in look(f"{url}/*.jsonl").pieces) > 2
    assert sum(piece.is_range for piece in look(f"{url}/*.parquet").pieces) > 2


@pytest.mark.parametrize("access", [STREAM, RANDOM, HEAD])
def test_any_reads_in_any_order_give_the_bytes(s3: Server, access: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(access.cache)
    data = chance.randbytes(300_000)
    s3.put("blob.txt", data)
    (file,) = look(f"s3://{BUCKET}/blob.txt").pieces[0].files
    small = type(access)(access.cache, 4096, access.blocks and 3)
    with Object(file, small) as handle:
        for _ in range(30):
            at, size = chance.randrange(310_000), chance.randrange(50_000)
            handle.seek(at)
            assert handle.read(size) == data[at : at + size]
        handle.seek(0)
        assert handle.read() == data


def test_names_with_any_character_are_found_by_glob_and_by_name(s3: Server) -> None:
    for name in ODD:
        s3.put(f"odd/{name}", name.encode())
    found = look(f"s3://{BUCKET}/odd")
    assert names(found) == names(look(f"s3://{BUCKET}/odd/**/*.txt")) == sorted(ODD)
    assert sorted(row["text"] for piece in found.pieces for row in read(piece)[0]) == sorted(ODD)
    for name in ODD:
        (piece,) = look(f"s3://{BUCKET}/odd/{name}").pieces
        assert [row["text"] for row in read(piece)[0]] == [name]


def test_folders_made_in_a_console_are_no_files_and_empty_objects_are_empty(s3: Server, tmp_path: Path) -> None:
    for key in ("c/", "c/sub/", "c/.hidden/", "c/zero.jsonl", "c/.hidden/x.txt", "c/sub/.y.txt", "c/zero.parquet"):
        s3.put(key, b"")
    s3.put("c/a.txt", b"a")
    s3.put("c/zero.txt", b"")
    s3.put("c/full/", b"a folder with content")
    found = look(f"s3://{BUCKET}/c")
    assert names(found) == ["a.txt", "zero.jsonl", "zero.parquet", "zero.txt"]
    assert [reason for _, reason in found.skipped][1:] == [
        "its name ends in '/' or holds '?versionId=': it cannot be asked for",
        "hidden",
    ]
    assert dict(found.skipped)[f"s3://{BUCKET}/c/.hidden"] == "hidden"
    assert names(look(f"s3://{BUCKET}/c/*.txt")) == ["a.txt", "zero.txt"]
    assert names(look(f"s3://{BUCKET}/c/.h*/*")) == [".hidden/x.txt"]
    assert [row["text"] for piece in found.pieces for row in read(piece)[0]] == ["a", ""]


def test_exclude_and_double_slashes_work(s3: Server) -> None:
    for key in ("e/a.txt", "e/lib/b.txt", "e/lib//b.txt", "f.txt"):
        s3.put(key, key.encode())
    url = f"s3://{BUCKET}/e"
    assert names(look(url)) == ["/b.txt", "lib/b.txt"] or names(look(url)) == ["a.txt", "lib//b.txt", "lib/b.txt"]
    assert names(look(url, exclude=("lib/**",))) == ["a.txt"]
    assert names(look(f"s3://{BUCKET}", exclude=(f"{url}/**",))) == ["f.txt"]
    assert look(url, exclude=("b.txt",)).excluded == 2


def test_a_thousand_objects_come_in_pages(s3: Server) -> None:
    s3.put_many([f"many/{n:04}.txt" for n in range(1005)])
    assert len(names(look(f"s3://{BUCKET}/many"))) == len(names(look(f"s3://{BUCKET}/many/*.txt"))) == 1005


def test_another_content_of_the_same_size_is_another_source(s3: Server) -> None:
    s3.put("a.jsonl", b'{"text": "a"}')
    before = look(f"s3://{BUCKET}/a.jsonl").pieces[0].identity()
    assert look(f"s3://{BUCKET}/a.jsonl").pieces[0].identity() == before
    s3.put("a.jsonl", b'{"text": "b"}')
    assert look(f"s3://{BUCKET}/a.jsonl").pieces[0].identity() != before


def test_spawned_workers_read_and_fail_as_this_process_does(s3: Server, tmp_path: Path) -> None:
    url = s3.upload(every_format(tmp_path / "d"), "d")
    pieces = look(url).pieces
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        assert list(pool.map(read, pieces)) == [read(piece) for piece in pieces]
        s3.put("d/plain.jsonl", b"other")
        with pytest.raises(BadSource, match=r"^plain\.jsonl: changed"):
            pool.submit(read, next(piece for piece in pieces if piece.files[0].name == "plain.jsonl")).result()
    assert pickle.loads(pickle.dumps(pieces)) == pieces


def resident(code: str, *arguments: str) -> int:
    """The most memory a process had, in bytes, above what it had before it read."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout)


MEASURED = """
import sys
from pathlib import Path
from prep.pipeline.sources import tables
from prep.pipeline.sources.listing import listing
from prep.pipeline.sources.piece import Fields, Where
from prep.pipeline.sources.reading import Reading
def read(url):
    for piece in listing(Where("src", (url,)), Path("/")).pieces:
        for batch in Reading(piece, Fields()): pass
def peak():  # ru_maxrss would be that of the process which started this one
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
read(sys.argv[1])
before = peak()
read(sys.argv[2])
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_an_object_is_never_whole_in_memory(s3: Server) -> None:
    lines = [json.dumps({"text": random.Random(n).randbytes(50_000).hex()}) + "\n" for n in range(1500)]
    for name, part in (("small", lines[:3]), ("large", lines)):
        s3.put(f"{name}.jsonl", "".join(part).encode())
    grown = resident(MEASURED, *(f"s3://{BUCKET}/{name}.jsonl" for name in ("small", "large")))
    assert grown < 90e6 < 150e6 < len("".join(lines))


def test_google_is_read_as_the_disk_is(gs: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "SPLIT", 5000)
    folder = every_format(tmp_path / "d")
    for path in folder.rglob("*"):
        if path.is_file():
            gs.objects[f"some/{path.relative_to(folder)}"] = path.read_bytes()
    gs.objects["some/"] = b""
    for pattern in ("", "/*.jsonl", "/**/*.txt", "/plain.jsonl"):
        same(look(f"gs://{BUCKET}/some{pattern}"), look(f"{folder}{pattern}"))
    gs.objects |= {f"odd/{name}": name.encode() for name in ODD}
    assert sorted(row["text"] for piece in look(f"gs://{BUCKET}/odd").pieces for row in read(piece)[0]) == sorted(ODD)
    for name in ODD:
        assert names(look(f"gs://{BUCKET}/odd/{name}")) == [name.rpartition("/")[2]]
