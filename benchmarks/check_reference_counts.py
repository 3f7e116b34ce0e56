"""Count every file of the shared corpus with two processes and compare with the published counts.

`python -m benchmarks.check_reference_counts [tokenizer folder …]`; prints one line per difference, exits 1 if any.
"""

import gzip
import json
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from prep.pipeline.tokenizers import open_tokenizer
from tests.shared import CORPUS, TOKENIZERS

REFERENCE = CORPUS / "reference_counts.json"
COLUMNS = {"llm-jp-v3.1-100k": "llmjp31", "gpt2": "gpt2"}  # tokenizer folder: key in the reference


def texts(path: Path) -> pa.LargeStringArray:
    """The documents of a corpus file, read without `prep`'s own readers."""
    if path.is_dir():
        return pa.array((file.read_bytes().decode() for file in sorted(path.iterdir())), pa.large_string())
    if path.suffix == ".parquet":
        return pq.read_table(path, columns=["text"])["text"].combine_chunks().cast(pa.large_string())
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if ".warc" in path.suffixes:
        return pa.array(wet(data), pa.large_string())
    return pa.array((json.loads(line)["text"] for line in data.split(b"\n") if line), pa.large_string())


def wet(data: bytes) -> Iterator[str]:
    """The payload of each `conversion` record."""
    stream = BytesIO(data)
    while stream.readline():  # WARC/1.0
        headers = dict(line.decode().rstrip().split(": ", 1) for line in iter(stream.readline, b"\r\n"))
        payload = stream.read(int(headers["Content-Length"]))
        stream.read(len(b"\r\n\r\n"))
        if headers["WARC-Type"] == "conversion":
            yield payload.decode()


def difference(job: tuple[str, str]) -> str:
    """What differs for (tokenizer folder, corpus file), or nothing."""
    tokenizer, name = job
    documents, expected = texts(CORPUS / name), json.loads(REFERENCE.read_text())[name]
    tokens = int(open_tokenizer(str(TOKENIZERS / tokenizer)).count(documents).sum())
    found, wanted = (len(documents), tokens), (expected["docs"], expected[COLUMNS[tokenizer]])
    return "" if found == wanted else f"{tokenizer} {name}: documents and tokens {found}, reference {wanted}"


def main(tokenizers: list[str]) -> int:
    """Exit code: 1 where anything differs."""
    names = json.loads(REFERENCE.read_text())
    jobs = [(tokenizer, name) for tokenizer in tokenizers or COLUMNS for name in names]
    start = time.monotonic()
    with get_context("spawn").Pool(2) as pool:
        differences = [line for line in pool.imap_unordered(difference, jobs) if line]
    print(*differences, sep="\n", end="\n" if differences else "")
    megabytes = sum(names[name]["bytes"] for _, name in jobs) / 1e6
    print(f"{len(jobs)} files, {megabytes:.1f} MB in {time.monotonic() - start:.0f} s: {len(differences)} differ")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
