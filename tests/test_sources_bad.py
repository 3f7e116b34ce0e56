"""Every nasty file alone: what comes of it, and that nothing takes much memory."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from prep.errors import BadSource
from prep.pipeline.sources.piece import Fields
from prep.pipeline.sources.reading import Reading
from tests.shared import BAD, needs_shared
from tests.test_sources_formats import pieces, read, reasons

Expected = tuple[int, dict[str, int]]

# File: documents, and the other records by reason; or words of the error.
TABLE: dict[str, Expected | str] = {
    "array_not_lines.json": "JSON array",
    "bad.csv": (2, {"not CSV": 1, "wrong number of fields": 2}),
    "base64_4mb_line.txt": (1, {}),
    "binary_sjis_text.parquet": (0, {"not UTF-8": 2}),
    "bom.jsonl": (3, {}),
    "bom.txt": (1, {}),
    "bomb_500mb.jsonl.gz": (55348, {}),
    "bomb_500mb_one_line.jsonl.gz": (0, {"line over 32000000 bytes": 1}),
    "broken_line_middle.jsonl": (3, {"not JSON": 2, "blank line": 1, "not an object": 3}),
    "cr_only.txt": (1, {}),
    "crlf.jsonl": (4, {}),
    "crlf.txt": (1, {}),
    "deep_nesting.jsonl": (1, {"too deep nesting": 1}),
    "duplicate_ids.jsonl": (8, {}),
    "duplicate_json_keys.jsonl": (0, {"repeated key 'text'": 1, "no field 'text'": 1}),
    "empty.jsonl": (0, {}),
    "empty.jsonl.gz": (0, {}),
    "empty.parquet": (0, {}),
    "empty.txt": (1, {}),
    "eucjp_txt/*": (0, {"not UTF-8": 3}),
    "gz_crc_wrong.jsonl.gz": "checksum",
    "gz_multi_member.jsonl.gz": (12, {}),
    "gz_of_nothing.jsonl.gz": (0, {}),
    "gz_trailing_garbage.jsonl.gz": "garbage follows the last gzip member.*12 records",
    "gzip_named_jsonl.jsonl": (12, {}),
    "huge_field.csv": (1, {}),
    "id_not_string.jsonl": (4, {}),
    "int_text.parquet": "int64.*text, id",
    "invalid_utf8.jsonl": (2, {"not UTF-8": 1}),
    "large_string.parquet": (12, {}),
    "last_line_cut.jsonl": (3, {"not UTF-8": 1}),
    "latin1_bytes.jsonl": (2, {"not UTF-8": 1}),
    "lone_surrogates.jsonl": (2, {"lone surrogate": 3}),
    "missing_text.jsonl": (1, {"no field 'text'": 2}),
    "no_final_newline.jsonl": (3, {}),
    "no_space_5mb.txt": (1, {}),
    "not_gzip.jsonl.gz": (12, {}),
    "nul_bytes.jsonl": (3, {"not JSON": 2}),
    "nul_bytes.txt": (1, {}),
    "null_text.jsonl": (3, {"null text": 1}),
    "null_text.parquet": (2, {"null text": 1}),
    "ok.parquet": (12, {}),
    "one_char_repeat_ja_3mb.txt": (1, {}),
    "only_newlines.jsonl": (0, {"blank line": 1000}),
    "only_spaces.txt": (1, {}),
    "other_column.parquet": "did you mean 'content'.*content, doc_id",
    "path_traversal_ids.jsonl": (7, {}),
    "single_line_30mb.jsonl": (0, {"line over 32000000 bytes": 1}),
    "sjis_inside.jsonl": (2, {"not UTF-8": 1}),
    "sjis_txt/*": (0, {"not UTF-8": 6}),
    "symlink_loop": (1, {}),
    "text_not_string.jsonl": (1, {"text is not a string": 6}),
    "truncated.jsonl.gz": "gzip archive is truncated; 22944 of 22944 bytes were read; 7 records",
    "truncated.jsonl.zst": "zstd archive is truncated; 24438 of 24438 bytes were read; 0 records",
    "truncated.parquet": "truncated",
    "ungoliant_garbage.txt": (1, {}),
    "unicode_oddities.jsonl": (12, {}),
    "utf16.txt": (1, {}),
    "warc/example-bad-non-chunked.warc.gz": (0, {"response": 1, "request": 2, "warcinfo": 2, "revisit": 1}),
    "warc/example-digest.warc": (0, {"request": 4}),
    "warc/example-iana.org-chunked.warc": (0, {"warcinfo": 1, "response": 1, "request": 1}),
    "warc/example-resource.warc.gz": (0, {"warcinfo": 2, "resource": 1}),
    "warc/example-space-in-target-uri.warc.gz": (0, {"warcinfo": 1, "resource": 1}),
    "warc/example-trunc.warc": (
        0,
        {"warcinfo": 2, "response": 1, "request": 1, "bytes between WARC records": 1},
    ),
    "warc/example-wget-bad-target-uri.warc.gz": (2, {"warcinfo": 1, "request": 1, "response": 1, "metadata": 1}),
    "warc/example-wrong-chunks.warc.gz": (0, {"response": 1, "request": 1}),
    "warc/example.arc.gz": "is an ARC file",
    "warc/example.warc": (0, {"response": 1, "request": 2, "warcinfo": 2, "revisit": 1}),
    "warc/example.warc.gz": (0, {"response": 1, "request": 2, "warcinfo": 2, "revisit": 1}),
    "warc/post-test.warc.gz": (0, {"response": 3, "request": 3}),
    "zero_rows.parquet": (0, {}),
    "zst_multi_frame.jsonl.zst": (12, {}),
    "名前 with space\tand tab.jsonl": (1, {}),
}


def counted(path: Path, **where: Any) -> Expected:
    documents, found = 0, Counter[str]()
    for piece in pieces(path, **where):
        for batch in Reading(piece, Fields()):
            documents += len(batch) - batch["text"].null_count
            found.update(reason for reason in batch["skipped"].to_pylist() + batch["rejected"].to_pylist() if reason)
    return documents, {re.sub(r"^warc (\w+).*", r"\1", reason): n for reason, n in found.items()}


@needs_shared
@pytest.mark.parametrize("name", TABLE)
def test_a_nasty_file_gives_just_this(name: str) -> None:
    expected = TABLE[name]
    if isinstance(expected, str):
        with pytest.raises(BadSource, match=expected) as error:
            counted(BAD / name)
        assert Path(name).name in str(error.value)
    else:
        assert counted(BAD / name) == expected


@needs_shared
def test_the_table_names_every_nasty_file() -> None:
    there = {path.relative_to(BAD) for path in BAD.rglob("*") if path.is_file()} - {Path("README.md")}
    named = {path.relative_to(BAD) for name in TABLE for path in BAD.glob(name)}
    assert there - named == {Path("symlink_loop/real.jsonl")}


@needs_shared
@pytest.mark.parametrize(
    ("name", "encoding", "documents"),
    [("sjis_txt", "shift_jis", 6), ("eucjp_txt", "euc_jp", 3), ("binary_sjis_text.parquet", "utf-8", 0)],
)
def test_old_encodings_are_read_when_named(name: str, encoding: str, documents: int) -> None:
    assert counted(BAD / name, encoding=encoding)[0] == documents


@needs_shared
def test_ids_that_are_no_strings() -> None:
    rows = read(BAD / "id_not_string.jsonl", Fields(id="id"))
    assert [row["id"] for row in rows] == ["1", None, None, None]
    assert reasons(rows) == [None, "no id", "no id", "no id"]


PEAK = """
import sys
from pathlib import Path
from prep.pipeline.sources.listing import pieces
from prep.pipeline.sources.piece import Fields, Where
from prep.pipeline.sources.reading import Reading
(piece,) = pieces(Where("s", (sys.argv[1],)), Path("/"))
rows = sum(len(batch) for batch in Reading(piece, Fields()))
# Not getrusage: its figure starts from that of the process that forked this one.
high = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(rows, int(high.split()[1]) // 1024)
"""


def peak(path: Path) -> tuple[int, int]:
    """Rows and peak MiB of a process that reads the file."""
    done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
    rows, megabytes = map(int, done.stdout.split())
    return rows, megabytes


@needs_shared
@pytest.mark.parametrize("name", ["bomb_500mb.jsonl.gz", "bomb_500mb_one_line.jsonl.gz", "single_line_30mb.jsonl"])
def test_bombs_stay_small(name: str) -> None:
    assert peak(BAD / name)[1] < 400


def test_bombs_of_other_formats_stay_small(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import zstandard

    (tmp_path / "x.txt").write_bytes(zstandard.compress(bytes(1_000_000_000)))
    (tmp_path / "x.csv").write_bytes(zstandard.compress(b'text\n"' + b"0123456789abcdefghi\n" * 1_700_000))
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int32()), pa.array(["x" * 4_000_000]))
    pq.write_table(pa.table({"text": text}), tmp_path / "x.parquet")
    for name, rows in (("x.txt", 1), ("x.parquet", 300), ("x.csv", None)):
        found, megabytes = peak(tmp_path / name)
        assert found == rows or rows is None
        assert megabytes < 500, name
