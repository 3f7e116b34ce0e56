"""What goes wrong with object stores is told by name, with the reason and the next step, and never with a secret."""

import gzip
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prep.errors import BadSource
from prep.pipeline.sources import stream
from prep.pipeline.sources.failing import masked, refuse
from prep.pipeline.sources.remote import HEAD, RANDOM
from tests.s3 import BUCKET, SECRET, Google, Server, forget, gs, s3, s3_server
from tests.test_sources_s3 import every_format, look, read

__all__ = ["gs", "s3", "s3_server"]  # fixtures


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_object_overwritten_before_or_while_it_is_read_fails_by_name(
    s3: Server, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHUNK", 1000)
    monkeypatch.setattr(stream, "STREAM", type(HEAD)("readahead", 1000))
    folder = every_format(tmp_path / "d")
    data = (folder / ("plain.jsonl" if form == "jsonl" else "groups.parquet")).read_bytes()
    other = data[:-1] + bytes([data[-1] ^ 1])
    s3.put(f"x.{form}", data)
    (piece,) = look(f"s3://{BUCKET}/x.{form}").pieces
    s3.put(f"x.{form}", other)
    with pytest.raises(BadSource, match=rf"^x\.{form}: changed while it was read \(etag"):
        read(piece)
    s3.put(f"x.{form}", data)
    with stream.Raw(piece.files[0]) as raw:
        assert raw.read(1000)
        s3.put(f"x.{form}", other)
        with pytest.raises(BadSource, match=rf"^x\.{form}: .*changed while it was read"):
            raw.finish()
    s3.put(f"x.{form}", data)
    with stream.Raw(piece.files[0]) as raw:
        while raw.read(1000):  # read whole; then overwritten
            pass
        s3.put(f"x.{form}", other)
        with pytest.raises(BadSource, match=rf"^x\.{form}: changed while it was read"):
            raw.finish()
    s3.send("DELETE", f"{BUCKET}/x.{form}")
    with pytest.raises(BadSource, match=rf"^x\.{form}: .*(gone|opened).*FileNotFound"):
        read(piece)


def test_a_table_that_changes_between_hashing_and_reading_is_not_called_damaged(s3: Server, tmp_path: Path) -> None:
    data = (every_format(tmp_path / "d") / "groups.parquet").read_bytes()
    s3.put("x.parquet", data)
    (piece,) = look(f"s3://{BUCKET}/x.parquet").pieces
    with stream.open_file(piece.files[0], type(RANDOM)("blockcache", 500, 1)) as handle:
        file = pq.ParquetFile(pa.PythonFile(handle, mode="r"), pre_buffer=False)
        s3.put("x.parquet", data[:-1] + b"?")
        with pytest.raises(BadSource, match=r"^x\.parquet: .*changed while it was read"):
            file.read_row_group(0, use_threads=False)


def test_a_truncated_archive_says_so(s3: Server) -> None:
    s3.put("x.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 1000)[:-20])
    with pytest.raises(BadSource, match=r"x\.jsonl\.gz: the gzip archive is truncated; (\d+) of \1 bytes"):
        read(look(f"s3://{BUCKET}/x.jsonl.gz").pieces[0])


def refused(url: str, words: str) -> str:
    """What the listing says no with: the url, the reason, and no secret."""
    with pytest.raises(BadSource, match=words) as caught:
        look(url)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_what_is_not_there_is_named(s3: Server) -> None:
    s3.put("a.txt", b"a")
    for url, words in {
        "s3://nowhere": "s3://nowhere: cannot be .*check the spelling",
        "s3://nowhere/x.jsonl": "nowhere/x.jsonl.*check the spelling",
        "s3://nowhere/*.jsonl": "s3://nowhere: .*bucket does not exist.*check the spelling",
        "s3://nowhere/**/*.jsonl": "s3://nowhere: .*bucket does not exist.*check the spelling",
        f"s3://{BUCKET}/b.txt": f"s3://{BUCKET}/b.txt.*names no file|s3://{BUCKET}/b.txt: .*check the spelling",
        f"s3://{BUCKET}/*.md": r"s3://corpus/\*\.md' names no file",
        f"s3://{BUCKET}/b/*": "s3://corpus/b: .*(names no file|check the spelling)",
        "s3://": "names no bucket",
        "s3://*/x": "names no bucket",
        "s3://Not_A Bucket!/x": "Not_A Bucket!/x: .*check the spelling",
        f"s3://{BUCKET}/a.txt?versionId=1": "a version cannot be named",
    }.items():
        refused(url, words)


def test_denied_and_without_credentials_say_what_to_give(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put("a.txt", b"a")
    (piece,) = look(f"s3://{BUCKET}/a.txt").pieces
    s3.send("POST", "moto-api/reset-auth", b"0")  # from now on the server looks at credentials
    try:
        for url in (f"s3://{BUCKET}", f"s3://{BUCKET}/*.txt", f"s3://{BUCKET}/a.txt"):
            refused(url, f"s3://{BUCKET}.*(Forbidden|does not exist in our records).*s3:ListBucket")
        with pytest.raises(BadSource, match=r"^a\.txt: cannot be opened .*s3:GetObject"):
            read(piece)
    finally:
        s3.send("POST", "moto-api/reset-auth", b"inf")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    forget()
    refused(f"s3://{BUCKET}/*", "NoCredentials.*AWS_ACCESS_KEY_ID.*FSSPEC_S3_ANON")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    forget()
    refused(f"s3://{BUCKET}/*", "ProfileNotFound.*AWS_PROFILE")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://nowhere.invalid", "not an address"])
def test_a_server_that_is_not_there_is_given_up_soon(s3: Server, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    forget()
    refused(f"s3://{BUCKET}/*.txt", rf"s3://{BUCKET}.*AWS_ENDPOINT_URL")


def test_urls_that_hold_no_secret_are_left_alone() -> None:
    for url in (
        "s3://bucket/a@b:c.txt",
        "github://org:repo@main/x",
        "http://h:80/a@b",
        "http://[::1]:80/a",
        "memory://r[ab]/*",
        "s3://bucket/a?key=b",
    ):
        refuse(url)
    assert masked("cannot connect to http://me:pw@proxy:1/") == "cannot connect to http://***@proxy:1/"


@pytest.mark.parametrize(("store", "library"), [("s3", "s3fs"), ("gs", "gcsfs")])
def test_a_library_that_is_not_installed_is_named(store: str, library: str) -> None:
    code = f"""
import sys
from pathlib import Path
sys.modules[{library!r}] = None
from prep.pipeline.sources.listing import listing
from prep.pipeline.sources.piece import Where
listing(Where("src", ("{store}://corpus/*.txt",)), Path("/"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert re.search(rf"BadSource: {store}://corpus.*install prep-corpus\[{store}\]", done.stderr), done.stderr


def test_google_says_what_fails(gs: Google) -> None:
    gs.objects["a.jsonl"] = b'{"text": "a"}\n'
    (piece,) = look(f"gs://{BUCKET}/a.jsonl").pieces
    gs.overwrite = {"a.jsonl": b'{"text": "b"}\n'}
    with pytest.raises(BadSource, match=r"^a\.jsonl: changed while it was read \(etag"):
        read(piece)
    for url in ("gs://nowhere/*.txt", "gs://nowhere", f"gs://{BUCKET}/b.txt", f"gs://{BUCKET}/*.txt"):
        refused(url, re.escape(url.partition("/*")[0]) + ".*(names no file|check the spelling)")
    gs.forbidden = True
    for url in (f"gs://{BUCKET}/*.jsonl", f"gs://{BUCKET}/a.jsonl"):
        refused(url, f"gs://{BUCKET}.*storage.objectViewer.*gcloud auth")
