"""Nasty inputs end well: a clear message that names source and file, or the good records and true books."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from prep.errors import BadSource
from prep.pipeline import intake as intake_job
from prep.pipeline import runfile
from prep.pipeline.query import Limits
from prep.pipeline.run import perform
from prep.pipeline.spread import serial
from tests.nasty import (
    Gives,
    ended,
    good,
    good_texts,
    intake,
    must_give,
    nasty_run,
    nobody,
    open_folder,
    refusal,
    texts,
)
from tests.shared import BAD, TOKENIZERS, needs_shared
from tests.tiny import DOCUMENTS, made

MOST = 1500  # MB that the whole process tree may hold


REQUESTS, RESPONSES = "warc request", "warc response (HTML is not extracted)"
WHOLE_WARC = Gives(0, {REQUESTS: 2, RESPONSES: 1, "warc revisit": 1, "warc warcinfo": 2})
RESOURCE = "warc resource (not text/plain)"
LINE = "line over 32000000 bytes"

# By the name of the file or folder: what it gives, or the words of the error that it ends a run with.
TABLE: dict[str, Gives | str] = {
    "array_not_lines.json": r"starts with '\[', so it is a JSON array; write one object a line",
    "bad.csv": Gives(2, rejected={"not CSV": 1, "wrong number of fields": 2}),
    "base64_4mb_line.txt": Gives(1),
    "binary_sjis_text.parquet": Gives(0, rejected={"not UTF-8": 2}),
    "bom.jsonl": Gives(3),
    "bom.txt": Gives(1),
    "bomb_500mb_one_line.jsonl.gz": Gives(0, rejected={LINE: 1}),
    "broken_line_middle.jsonl": Gives(3, {"blank line": 1}, {"not JSON": 2, "not an object": 3}),
    "cr_only.txt": Gives(1),
    "crlf.jsonl": Gives(4),
    "crlf.txt": Gives(1),
    "deep_nesting.jsonl": Gives(1, rejected={"too deep nesting": 1}),
    "duplicate_ids.jsonl": Gives(8),
    "duplicate_json_keys.jsonl": Gives(0, rejected={"no field 'text'": 1, "repeated key 'text'": 1}),
    "empty.jsonl": Gives(0),
    "empty.jsonl.gz": Gives(0),
    "empty.parquet": Gives(0),
    "empty.txt": Gives(0, {"empty text": 1}),
    "eucjp_txt": Gives(0, rejected={"not UTF-8": 3}),
    "gz_crc_wrong.jsonl.gz": r"the gzip archive is damaged .*checksum.*Fetch the file again, or leave it out",
    "gz_multi_member.jsonl.gz": Gives(12),
    "gz_of_nothing.jsonl.gz": Gives(0),
    "gz_trailing_garbage.jsonl.gz": r"garbage follows the last gzip member.*; 12 records before that are whole",
    "gzip_named_jsonl.jsonl": Gives(12),
    "huge_field.csv": Gives(1),
    "id_not_string.jsonl": Gives(4),
    "int_text.parquet": r"column 'text' is of type int64, not text.* set `fields`",
    "invalid_utf8.jsonl": Gives(2, rejected={"not UTF-8": 1}),
    "large_string.parquet": Gives(12),
    "last_line_cut.jsonl": Gives(3, rejected={"not UTF-8": 1}),
    "latin1_bytes.jsonl": Gives(2, rejected={"not UTF-8": 1}),
    "lone_surrogates.jsonl": Gives(2, rejected={"lone surrogate": 3}),
    "missing_text.jsonl": Gives(1, rejected={"no field 'text'": 2}),
    "no_final_newline.jsonl": Gives(3),
    "no_space_5mb.txt": Gives(1),
    "not_gzip.jsonl.gz": Gives(12),
    "nul_bytes.jsonl": Gives(3, rejected={"not JSON": 2}),
    "nul_bytes.txt": Gives(1),
    "null_text.jsonl": Gives(1, {"empty text": 2, "null text": 1}),
    "null_text.parquet": Gives(1, {"empty text": 1, "null text": 1}),
    "ok.parquet": Gives(12),
    "one_char_repeat_ja_3mb.txt": Gives(1),
    "only_newlines.jsonl": Gives(0, {"blank line": 1000}),
    "only_spaces.txt": Gives(0, {"empty text": 1}),
    "other_column.parquet": r"no column 'text'; did you mean 'content'\?.*set `fields: {text: \.\.\.}`",
    "path_traversal_ids.jsonl": Gives(7),
    "single_line_30mb.jsonl": Gives(0, rejected={LINE: 1}),
    "sjis_inside.jsonl": Gives(2, rejected={"not UTF-8": 1}),
    "sjis_txt": Gives(0, rejected={"not UTF-8": 6}),
    "symlink_loop": Gives(1),
    "text_not_string.jsonl": Gives(1, rejected={"text is not a string": 6}),
    "truncated.jsonl.gz": r"the gzip archive is truncated; 22944 of 22944 bytes were read; 7 records",
    "truncated.jsonl.zst": r"the zstd archive is truncated; 24438 of 24438 bytes were read",
    "truncated.parquet": r"cannot be read, it is damaged, truncated or of another kind.*Fetch the file again",
    "ungoliant_garbage.txt": Gives(1),
    "unicode_oddities.jsonl": Gives(12),
    "utf16.txt": Gives(1),
    "warc": r"example\.arc\.gz: is an ARC file, the form before WARC; convert it",
    "warc/example-bad-non-chunked.warc.gz": WHOLE_WARC,
    "warc/example-digest.warc": Gives(0, {REQUESTS: 4}),
    "warc/example-iana.org-chunked.warc": Gives(0, {REQUESTS: 1, RESPONSES: 1, "warc warcinfo": 1}),
    "warc/example-resource.warc.gz": Gives(0, {RESOURCE: 1, "warc warcinfo": 2}),
    "warc/example-space-in-target-uri.warc.gz": Gives(0, {RESOURCE: 1, "warc warcinfo": 1}),
    "warc/example-trunc.warc": Gives(
        0, {REQUESTS: 1, RESPONSES: 1, "warc warcinfo": 2}, {"bytes between WARC records": 1}
    ),
    "warc/example-wget-bad-target-uri.warc.gz": Gives(
        2, {"warc metadata": 1, REQUESTS: 1, RESPONSES: 1, "warc warcinfo": 1}
    ),
    "warc/example-wrong-chunks.warc.gz": Gives(0, {REQUESTS: 1, RESPONSES: 1}),
    "warc/example.arc.gz": r"is an ARC file, the form before WARC; convert it",
    "warc/example.warc": WHOLE_WARC,
    "warc/example.warc.gz": WHOLE_WARC,
    "warc/post-test.warc.gz": Gives(0, {REQUESTS: 3, RESPONSES: 3}),
    "zero_rows.parquet": Gives(0),
    "zst_multi_frame.jsonl.zst": Gives(12),
    "名前*": Gives(1),
}
BY_PROCESS = {"bomb_500mb.jsonl.gz"}  # too long for a table: below, with its memory


def paths(name: str) -> str:
    return str(BAD / name)


@needs_shared
@pytest.mark.parametrize("name", TABLE)
def test_a_nasty_file_alone_ends_well(name: str, tmp_path: Path) -> None:
    expected = TABLE[name]
    config = nasty_run(tmp_path, {"nasty": paths(name), "good": good(tmp_path / "good.jsonl")})
    if isinstance(expected, str) or not expected.documents:
        said = refusal(config)
        assert said.startswith("source nasty: ")
        first = min((BAD / name).iterdir()).name if (BAD / name).is_dir() and name != "warc" else Path(name).name
        assert first in said or name == "warc"
        assert re.search(expected if isinstance(expected, str) else r"no document in .*; check `path`", said)
        return
    must_give(made(config, "count"), "nasty", expected)


@needs_shared
@pytest.mark.parametrize("name", TABLE)
def test_a_nasty_file_among_good_ones_loses_none_of_theirs(name: str, tmp_path: Path) -> None:
    expected = TABLE[name]
    before, after = good(tmp_path / "0.jsonl"), good(tmp_path / "z.jsonl")
    config = nasty_run(tmp_path, {"nasty": [before, paths(name), after]})
    if isinstance(expected, str):
        said = refusal(config)
        assert said.startswith("source nasty: ")
        assert re.search(expected, said)
        return
    results = made(config, "count")
    must_give(results, "nasty", expected._replace(documents=expected.documents + 2 * DOCUMENTS))
    assert good_texts(before, after) <= set(texts(results["ingest"], "nasty"))


@needs_shared
def test_the_table_names_everything_that_lies_there() -> None:
    there = {*BAD.iterdir(), *(BAD / "warc").iterdir()} - {BAD / "README.md"}
    assert there == {path for name in (*TABLE, *BY_PROCESS) for path in BAD.glob(name)}


@needs_shared
def test_bombs_are_read_in_little_memory(tmp_path: Path) -> None:
    lines = [good(tmp_path / "a.jsonl"), paths("bomb_500mb_one_line.jsonl.gz"), paths("single_line_30mb.jsonl")]
    config = nasty_run(tmp_path, {"bomb": paths("bomb_500mb.jsonl.gz"), "lines": lines})
    found = ended("ingest", config, "--json")
    assert found.code == 0, found.error
    rows = {row["source"]: row for row in json.loads(found.out)["ingest"]["intake"]}
    assert (rows["bomb"]["documents"], rows["bomb"]["rejected"]) == (55348, {})
    assert (rows["lines"]["documents"], rows["lines"]["rejected"]) == (DOCUMENTS, {LINE: 2})
    assert found.peak < MOST


@needs_shared
@pytest.mark.parametrize("tokenizer", ["llm-jp-v3.1-100k/tokenizer.model", "gpt2"])
def test_endless_words_are_counted_in_bounded_memory(tokenizer: str, tmp_path: Path) -> None:
    names = ("no_space_5mb.txt", "one_char_repeat_ja_3mb.txt", "base64_4mb_line.txt")
    config = nasty_run(
        tmp_path, {"nasty": [paths(name) for name in names]}, tokenizers={"tiny": str(TOKENIZERS / tokenizer)}
    )
    found = ended("count", config, "--json")
    assert found.code == 0, found.error
    (cell,) = json.loads(found.out)["count.tiny"]["cells"]
    assert cell["documents"] == 3
    assert found.peak < MOST


@needs_shared
@pytest.mark.parametrize("name", ["truncated.jsonl.gz", "sjis_txt"])
def test_the_command_says_it_on_standard_error(name: str, tmp_path: Path) -> None:
    config = nasty_run(tmp_path, {"nasty": paths(name), "good": good(tmp_path / "good.jsonl")})
    found = ended("count", config)
    assert found.code == 2
    assert found.refusal.startswith("source nasty: ")


# What cannot travel: made here.


def test_what_is_no_file_is_said_or_passed_over(tmp_path: Path) -> None:
    folder, file = tmp_path / "in", good(tmp_path / "in" / "a.jsonl")
    os.mkfifo(folder / "fifo.jsonl")
    (folder / "self").symlink_to(folder / "self")
    (folder / "up").symlink_to(folder)
    (folder / "one").symlink_to(folder / "other")
    (folder / "other").symlink_to(folder / "one")
    assert re.search(
        r"^source s: .*fifo\.jsonl.*not a regular file; name a file",
        refusal(nasty_run(tmp_path, {"s": str(folder / "fifo.jsonl")})),
    )
    results = made(nasty_run(tmp_path, {"s": str(folder)}), "count")
    assert set(texts(results["ingest"], "s")) == good_texts(file)
    assert results["ingest"].manifest.ledger["files"]["s"]["skipped"] == {
        "not a regular file": 1,
        "link to itself": 3,
        "folder seen under another name": 1,
    }


@pytest.mark.parametrize(
    "name", [b"not utf-8 \xff\xfe.jsonl", b"new\nline.jsonl", b" %\xe3\x81.txt.jsonl", b"-rf.jsonl"]
)
def test_any_name_of_a_file_will_do(name: bytes, tmp_path: Path) -> None:
    Path(good(tmp_path / "in" / "a.jsonl")).rename(tmp_path / "in" / os.fsdecode(name))
    results = made(nasty_run(tmp_path, {"s": str(tmp_path / "in")}), "export")
    assert len(texts(results["ingest"], "s")) == DOCUMENTS


@needs_shared
def test_a_name_that_a_run_file_cannot_hold_is_said_with_a_way_out(tmp_path: Path) -> None:
    (name,) = BAD.glob("名前*")
    assert re.search(
        r"run\.yaml:1:\d+: sources\.s\.path: .*holds '\\t'.*write \?", refusal(nasty_run(tmp_path, {"s": str(name)}))
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("empty", r"source 's': '.*empty' names no file"),
        ("nothing/*.jsonl", r"source 's': '.*' names no file.*did you mean '.*nothing-here'"),
        ("nothing-here/*.jsonk", r"source 's': '.*' names no file"),
        ("nothing-here/a.jsom", r"did you mean '.*a\.jsonl'"),
    ],
)
def test_a_path_that_names_nothing_is_said(path: str, said: str, tmp_path: Path) -> None:
    good(tmp_path / "nothing-here" / "a.jsonl")
    (tmp_path / "empty").mkdir()
    assert re.search(said, refusal(nasty_run(tmp_path, {"s": str(tmp_path / path)})))


def test_a_folder_without_permission_is_said(tmp_path: Path) -> None:
    with open_folder() as folder:
        good(folder / "in" / "closed" / "a.jsonl")
        config = nasty_run(folder, {"s": str(folder / "in")})
        made(config, "count")  # also imports what nobody may read
        (folder / "out2").mkdir(mode=0o777)
        (folder / "out2").chmod(0o777)
        config = nasty_run(folder, {"s": str(folder / "in")}, out=str(folder / "out2"))
        (folder / "in" / "closed").chmod(0)
        with nobody():
            assert re.search(r"source 's': '.*closed': no permission to list the folder; give it", refusal(config))
        (folder / "in" / "closed").chmod(0o755)
        (folder / "in" / "closed" / "a.jsonl").chmod(0)
        with nobody():
            assert re.search(r"source 's': '.*a\.jsonl': no permission to read the file; give it", refusal(config))


def many(folder: Path, pieces: int, field: str) -> str:
    """Files of 400 records that have their text in another field."""
    folder.mkdir()
    for piece in range(pieces):
        lines = (json.dumps({"id": f"{piece}-{row}", field: f"text {row} " * 20}) for row in range(400))
        (folder / f"{piece:02}.jsonl").write_text("\n".join(lines))
    return str(folder)


def test_a_wrong_field_is_told_early_and_with_the_right_one(tmp_path: Path) -> None:
    config = nasty_run(tmp_path, {"s": many(tmp_path / "in", 40, "contents")})
    said = refusal(config)
    assert re.search(
        r"source s: .* rejected.*no field 'text' \(its fields are id, contents; did you mean 'contents'\?", said
    )
    assert len([*(tmp_path / "out").rglob("aside-*.arrow")]) < 10  # of 40 files


def test_a_wrong_field_of_one_large_file_is_told_before_its_end(tmp_path: Path) -> None:
    line = json.dumps({"body": "text " * 200})
    (tmp_path / "a.jsonl").write_text(f"{line}\n" * 20_000)
    said = refusal(nasty_run(tmp_path, {"s": str(tmp_path / "a.jsonl")}))
    assert re.search(r"of the first [\d,]+ records .*a\.jsonl, record \d+: no field 'text' \(its fields are body", said)
    assert not [*(tmp_path / "out").rglob("aside-*.arrow")]


@pytest.mark.parametrize("change", ["grows", "shrinks", "goes"])
def test_a_file_that_changes_after_it_was_listed_is_named(change: str, tmp_path: Path) -> None:
    path = Path(good(tmp_path / "a.jsonl"))
    run = runfile.load(nasty_run(tmp_path, {"s": str(path)}))
    job = intake_job.job(run, intake_job.listed(run, tmp_path), Limits())
    text = path.read_text()
    if change == "goes":
        path.unlink()
    else:
        path.write_text(text * 2 if change == "grows" else text[:-20])
    said = "gone since it was listed|changed while it was read|No such file"
    with pytest.raises(BadSource, match=rf"source s: a\.jsonl: ({said}).*run again"):
        perform([job], run.out, serial, lambda _: None)


def ids(path: Path, *names: str) -> str:
    path.write_text(
        "".join(json.dumps({"id": name, "text": f"{path.name} {row}"}) + "\n" for row, name in enumerate(names))
    )
    return str(path)


@pytest.mark.parametrize(
    ("sources", "where"),
    [
        ({"one": ["a.jsonl"]}, r"in source one \(a\.jsonl\) and again in source one \(a\.jsonl\)"),
        ({"one": ["b.jsonl", "c.jsonl"]}, r"in source one \(b\.jsonl\) and again in source one \(c\.jsonl\)"),
        ({"one": ["b.jsonl"], "two": ["c.jsonl"]}, r"in source one \(b\.jsonl\) and again in source two \(c\.jsonl\)"),
    ],
)
def test_an_id_that_stands_twice_is_named_with_its_places(
    sources: dict[str, list[str]], where: str, tmp_path: Path
) -> None:
    ids(tmp_path / "a.jsonl", "x", "twice", "y", "twice")
    ids(tmp_path / "b.jsonl", "x", "twice")
    ids(tmp_path / "c.jsonl", "twice", "z")
    given: dict[str, Any] = {
        name: {"path": [str(tmp_path / file) for file in found], "fields": {"id": "id"}}
        for name, found in sources.items()
    }
    assert re.search(rf"^id 'twice' stands twice: {where}; set `on_duplicate_id", refusal(nasty_run(tmp_path, given)))
    qualified = {name: {**source, "on_duplicate_id": "qualify"} for name, source in given.items()}
    results = made(nasty_run(tmp_path, qualified), "count")
    assert sum(row["documents"] for row in results["ingest"].manifest.ledger["intake"]) == 4


@pytest.mark.parametrize(
    ("max_bad", "bad", "records"),
    [(None, 10, 20), (None, 11, 11_000), ("10%", 10, 100), ("29%", 29, 100), (0.001, 1, 1000), ("100%", 9, 10)],
)
def test_just_as_many_rejected_records_as_are_allowed(
    max_bad: str | float | None, bad: int, records: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"

    def run(bad: int) -> str:
        path.write_text("no json\n" * bad + '{"text": "a b"}\n' * (records - bad))
        return nasty_run(tmp_path, {"s": {"path": str(path), **({} if max_bad is None else {"max_bad": max_bad})}})

    row = intake(made(run(bad), "ingest"), "s")
    assert (row["documents"], row["rejected"]) == (records - bad, {"not JSON": bad})
    if bad + 1 < records:
        said = refusal(run(bad + 1), "ingest")
        assert re.search(rf"^source s: {bad + 1} of .* are rejected.* {bad} are allowed", said)
        assert re.search(r"a\.jsonl, record 1: not JSON", said)
