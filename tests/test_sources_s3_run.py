"""A whole run over a bucket, and what it leaves behind."""

from pathlib import Path

import pytest

from prep.errors import BadSource
from tests.s3 import SECRET, Server, s3, s3_server
from tests.test_sources_s3 import look
from tests.tiny import LANGUAGES, WORDS, documents, made, prep, tiny_run

__all__ = ["s3", "s3_server"]  # fixtures


@pytest.mark.parametrize(
    "url",
    [
        f"s3://key:{SECRET}@corpus/x", f"s3://key:{SECRET}", f"gs://me@{SECRET}/x", f"https://me:{SECRET}@h.org/x.txt",
        f"https://h.org/x.txt?X-Amz-Signature={SECRET}", f"s3a://key:{SECRET}@corpus/*.txt",
    ],
)  # fmt: skip
def test_a_url_with_a_secret_is_refused_and_kept_nowhere(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadSource, match=r"\*\*\*: (holds a login|is a signed url)") as caught:
        look(url)
    config = tiny_run(tmp_path, sources={"web_en": {"path": url, **LANGUAGES["web_en"]}})
    done = prep("ingest", config)
    assert done.returncode == 2
    left = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    for text in (str(caught.value), done.stdout, done.stderr, *(str(data) for data in left)):
        assert SECRET.partition("/")[0] not in text
        assert SECRET.partition("/")[2] not in text


def test_a_run_over_a_bucket_gives_the_documents_of_the_run_over_the_files(s3: Server, tmp_path: Path) -> None:
    near = documents(made(tiny_run(tmp_path / "near"), until="count"))
    url = s3.upload(tmp_path / "near/corpus", "corpus")
    sources = {name: {"path": f"{url}/{name}.jsonl", **LANGUAGES[name]} for name in WORDS}
    config = tiny_run(tmp_path / "far", sources=sources)
    for command in ("ingest", "count"):
        done = prep(command, config, "--workers", "2")
        assert done.returncode == 0, done.stderr
    results = made(config, until="count")
    assert documents(results) == near
    before = results["ingest"].folder
    kept = b"".join(path.read_bytes() for path in (tmp_path / "far/out").rglob("*") if path.is_file())
    assert SECRET.encode() not in kept
    lines = (tmp_path / "near/corpus/python.jsonl").read_bytes()
    s3.put("corpus/python.jsonl", lines.replace(b"return", b"retorn"))  # of the same size
    assert made(config, until="ingest")["ingest"].folder != before
