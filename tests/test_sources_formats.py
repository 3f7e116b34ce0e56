"""Each format reader on tiny files: what becomes a document, what is skipped, what is rejected, and why."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import BadSource
from prep.pipeline.sources import csvfile
from prep.pipeline.sources.listing import listing
from prep.pipeline.sources.piece import RAW_BOUND, Fields, Piece, Where
from prep.pipeline.sources.reading import RECORDS, Reading

Rows = list[dict[str, Any]]


def pieces(path: Path, **where: Any) -> list[Piece]:
    return listing(Where("s", (str(path),), **where), path.parent).pieces


def read(path: Path, fields: Fields | None = None, **where: Any) -> Rows:
    batches = [batch for piece in pieces(path, **where) for batch in Reading(piece, fields or Fields())]
    assert all(batch.schema == RECORDS for batch in batches)
    return [row for batch in batches for row in batch.to_pylist()]


def write(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def reasons(rows: Rows) -> list[str | None]:
    return [row["skipped"] or row["rejected"] for row in rows]


def texts(rows: Rows) -> list[str | None]:
    return [row["text"] for row in rows]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "blank line"),
        ("{", "not JSON"),
        ('{"text": "a"} x', "not JSON"),
        ("[1]", "not an object"),
        ('"text"', "not an object"),
        ("{}", "no field 'text'"),
        ('{"text": null}', "null text"),
        ('{"text": 1}', "text is not a string"),
        ('{"text": ["a"]}', "text is not a string"),
        ('{"text": "a", "text": "b"}', "repeated key 'text'"),
        ('{"text": "\\ud800"}', "lone surrogate"),
        ('{"text": "a", "x": "\\udfff"}', "lone surrogate"),
        ('{"text": "a", "x": ' + "[" * 5000 + "]" * 5000 + "}", "too deep nesting"),
        *(('{"text": "a", "x": ' + "[" * n + "]" * n + "}", "too deep nesting") for n in (500, 990, 1020, 1030)),
        ('{"text": "a", "big": 1e999, "x": ' + "[" * 500 + "]" * 500 + "}", "too deep nesting"),
        (b'{"text": "\xff"}', "not UTF-8"),
    ],
)
def test_a_line_that_is_no_document_is_counted_by_its_reason_and_harms_no_other(
    tmp_path: Path, line: str | bytes, reason: str
) -> None:
    middle = line if isinstance(line, bytes) else line.encode()
    rows = read(write(tmp_path / "x.jsonl", b'{"text": "before"}\n' + middle + b'\n{"text": "after"}\n'))
    assert texts(rows) == ["before", None, "after"]
    assert reasons(rows) == [None, reason, None]
    assert [row["offset"] for row in rows] == [0, 19, 20 + len(middle)]
    assert rows[1]["raw"] == (middle[:RAW_BOUND] if rows[1]["rejected"] else None)


@pytest.mark.parametrize(
    ("line", "fields", "reason"),
    [
        ('{"te\\u0078t": "a", "text": "b"}', {}, "repeated key 'text'"),
        ('{"text" : "a", "te\\u0078\\u0074" : "b\\n"}', {}, "repeated key 'text'"),
        ('{"\\u672c\\u6587": "a", "本文": "b"}', {"text": "本文"}, "repeated key '本文'"),
        ('{"a\\/b": "a", "a/b": "b"}', {"text": "a/b"}, "repeated key 'a/b'"),
        ('{"a\\u0022b": "a", "a\\"b": "b"}', {"text": 'a"b'}, "repeated key 'a\"b'"),
        ('{"meta": {"body": "a", "body": "b"}}', {"text": "meta.body"}, "repeated key 'body'"),
        ('{"meta": {"body": "a"}, "meta": {"body": "b"}}', {"text": "meta.body"}, "repeated key 'meta'"),
        ('{"meta.body": "a", "meta.body": "b"}', {"text": "meta.body"}, "repeated key 'meta.body'"),
        ('{"text": "a", "text": null}', {}, "repeated key 'text'"),
        ('{"x": "text", "te\\u0078t": "a", "text": "text"}', {}, "repeated key 'text'"),
        ('{"text": "a \\"b\\"", "te\\u0078t": "c \\"d\\" and more, and more, and more"}', {}, "repeated key 'text'"),
        ('{"text": "\\"b\\", ", "text": "\\"b\\", "}', {}, "repeated key 'text'"),
        ('{"text": 1, "text": "te\\u0078t"}', {}, "repeated key 'text'"),
        ('{"text": "say \\"text\\": \\"text\\"", "id": "1"}', {"id": "id"}, None),
        ('{"text": "a", "id": "1", "id": "2"}', {"id": "id"}, "repeated key 'id'"),
        ('{"text": "a", "u": {"l": "1", "l": "2"}}', {"url": "u.l"}, "repeated key 'l'"),
        ('{"text": "\\u003ca\\u003e\\": \\/\\"", "x": {"text": "b"}, "y": {"text": "c"}}', {}, None),
        ('{"text": "a", "id": "1", "x": {"id": "1"}, "n\\u006f": 1}', {"id": "id"}, None),
    ],
)
def test_a_name_that_is_asked_for_stands_once_however_it_is_written(
    tmp_path: Path, line: str, fields: dict[str, str], reason: str | None
) -> None:
    (row,) = read(write(tmp_path / "x.jsonl", line), Fields(**fields))  # type: ignore[arg-type]
    assert row["rejected"] == reason
    assert (row["text"] is None) == (reason is not None)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("18446744073709551617", 18446744073709551617),
        ("-9223372036854775809", -9223372036854775809),
        ("1" * 60, int("1" * 60)),
        ("[1, {'a': 99999999999999999999999}]".replace("'", '"'), [1, {"a": 99999999999999999999999}]),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        ("1.5e-7", 1.5e-7),
        ("1e22", 1e22),
        ("[" * 300 + "]" * 300, None),
        ("[" * 499 + "]" * 499, None),
        ('[{"y":' * 249 + "99999999999999999999" + "}]" * 249, None),
    ],
)
def test_metadata_holds_what_the_record_carried_to_the_last_digit(tmp_path: Path, value: str, kept: Any) -> None:
    (row,) = read(write(tmp_path / "x.jsonl", f'{{"text": "a", "x": {value}}}'))
    found = json.loads(row["metadata"])["x"]
    assert found == (json.loads(value) if kept is None else kept)


def test_named_fields_are_taken_out_and_the_rest_is_metadata(tmp_path: Path) -> None:
    record = {"body": "t", "doc": 7, "meta": {"url": "u", "n": 1}, "lang": "ja", "license": None, "other": [1]}
    fields = Fields(text="body", id="doc", language="lang", licence="license", url="meta.url")
    (row,) = read(write(tmp_path / "x.jsonl", json.dumps(record)), fields)
    assert (row["text"], row["id"], row["language"], row["licence"], row["url"]) == ("t", "7", "ja", None, "u")
    assert json.loads(row["metadata"]) == {"doc": 7, "meta": {"url": "u", "n": 1}, "license": None, "other": [1]}


@pytest.mark.parametrize("value", ["null", '""', "true", "{}", "[1]"])
def test_a_named_id_must_be_there(tmp_path: Path, value: str) -> None:
    data = f'{{"text": "a", "id": {value}}}\n{{"text": "a"}}\n{{"text": "a", "id": 99999999999999999999}}'
    rows = read(write(tmp_path / "x.jsonl", data), Fields(id="id"))
    assert reasons(rows) == ["no id", "no id", None]
    assert rows[2]["id"] == "99999999999999999999"


def test_a_bom_and_windows_newlines_are_no_part_of_json_lines(tmp_path: Path) -> None:
    rows = read(write(tmp_path / "x.jsonl", b'\xef\xbb\xbf{"text": "a\\r"}\r\n{"text": "b"}\r\n'))
    assert texts(rows) == ["a\r", "b"]


@pytest.mark.parametrize(("data", "word"), [(b'\n [{"text": 1}]', "array"), ("{}".encode("utf-16"), "UTF-16")])
def test_what_only_looks_like_json_lines_is_refused_with_the_way_out(tmp_path: Path, data: bytes, word: str) -> None:
    with pytest.raises(BadSource, match=word):
        read(write(tmp_path / "x.json", data.lstrip(b"\n")))


def test_json_lines_in_another_encoding(tmp_path: Path) -> None:
    rows = read(
        write(tmp_path / "x.jsonl", '{"text": "能表示ソ"}\n'.encode("shift_jis") + b"\x81"), encoding="shift_jis"
    )
    assert texts(rows) == ["能表示ソ", None]
    assert reasons(rows) == [None, "not shift_jis"]
    with pytest.raises(BadSource, match="utf-16"):
        read(tmp_path / "x.jsonl", encoding="utf-16")
    with pytest.raises(BadSource, match="klingon"):
        read(tmp_path / "x.jsonl", encoding="klingon")


def test_too_long_texts_and_lines_are_rejected_and_the_file_goes_on(tmp_path: Path) -> None:
    lines = [json.dumps({"text": text}) for text in ("a" * 100, "a" * 101, "a" * 500, "b")]
    rows = read(write(tmp_path / "x.jsonl", "\n".join(lines)), Fields(max_document=100))
    assert reasons(rows) == [None, "text over max_document (100 bytes)", "line over 400 bytes", None]
    assert rows[2]["raw"] == lines[2].encode()[:400]
    assert [row["record"] for row in rows] == [1, 2, 3, 4]


def test_a_bad_csv_row_does_not_swallow_good_ones(tmp_path: Path) -> None:
    data = b'id,text\n1,"open\n2,ok\n3,"a ""b""\nc"\n4,x,y\n\n5,\xff\n6,""\n'
    rows = read(write(tmp_path / "x.csv", data), Fields(id="id"))
    assert texts(rows) == [None, "ok", 'a "b"\nc', None, None, None, ""]
    assert reasons(rows) == ["not CSV", None, None, "wrong number of fields", "blank line", "not UTF-8", None]
    assert [row["offset"] for row in rows] == [8, 16, 21, 35, 41, 42, 46]


@pytest.mark.parametrize("end", ["", '"x\n', 'a,"b"\n'])
def test_quotes_that_stay_open_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    taken, count = 0, csvfile.Feed.__next__

    def counting(feed: csvfile.Feed) -> str:
        nonlocal taken
        taken += 1
        return count(feed)

    monkeypatch.setattr(csvfile.Feed, "__next__", counting)
    rows = read(write(tmp_path / "x.csv", "text,b\n" + 'a","\n' * 1000 + "ok,1\n" + 'a","\n' * 1000 + end))
    assert len(rows) == 2001 + bool(end)
    assert reasons(rows)[:2000] == ["not CSV"] * 1000 + [None] + ["not CSV"] * 999
    assert taken < 10_000


contents = st.lists(st.sampled_from(['a","\n', "a,b\n", '"', "\n", ",", '"a"', '"\n', "x"]), max_size=14).map("".join)


@given(contents)
def test_a_row_is_read_as_it_would_be_alone_with_what_follows(
    tmp_path_factory: pytest.TempPathFactory, data: str
) -> None:
    """Against a reader that starts anew at the line after each row that breaks."""
    rows = read(write(tmp_path_factory.mktemp("law") / "x.csv", "text,b\n" + data))
    lines, found = data.splitlines(keepends=True), list[str | None]()
    while lines:
        reader = csv.reader(iter(lines), strict=True)
        try:
            cells = next(reader)
        except csv.Error:
            found.append("not CSV")
            del lines[0]
        else:
            found.append(None if len(cells) == 2 else "wrong number of fields" if cells else "blank line")
            del lines[: reader.line_num]
    assert reasons(rows) == found


def test_an_open_quote_that_swallows_too_much_to_take_back_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="opened in the row at byte 5"):
        read(write(tmp_path / "x.csv", 'text\n"open\n' + "a\n" * 100_001 + '"b" c\n'))


def test_tsv_and_csv_want_a_header_with_the_text(tmp_path: Path) -> None:
    (row,) = read(write(tmp_path / "x.tsv", "\ufefftext\tn\na,b\t1\n"))
    assert (row["text"], row["metadata"]) == ("a,b", '{"n":"1"}')
    with pytest.raises(BadSource, match=r"did you mean 'Text'\? Its columns are Text, n"):
        read(write(tmp_path / "x.csv", "Text,n\na,b\n"))


def test_a_text_file_is_one_document_byte_for_byte(tmp_path: Path) -> None:
    text = "\r\n a\x00b\rc 日本 \n\n"
    assert texts(read(write(tmp_path / "x.txt", text))) == [text]
    assert texts(read(write(tmp_path / "y.txt.gz", gzip.compress(text.encode())))) == [text]
    assert texts(read(write(tmp_path / "z", ""))) == [""]


@pytest.mark.parametrize(
    ("name", "data", "encoding", "text"),
    [
        ("x.txt", "\ufeffé".encode(), "utf-8", "é"),
        ("x.txt", "é".encode("utf-16"), "utf-8", "é"),
        ("x.txt", b"\xff\xfe\x00\x00e\x00\x00\x00", "utf-8", "e"),
        ("x.txt", "字".encode("euc_jp"), "euc_jp", "字"),
        ("x.py", "# coding: latin-1\n'é'".encode("latin-1"), "utf-8", "# coding: latin-1\n'é'"),
        ("x.py", "# coding: nonsense\n'é'".encode(), "utf-8", "# coding: nonsense\n'é'"),
        ("x.py", b"# coding: rot13\n", "utf-8", "# coding: rot13\n"),
        ("x.py", "# coding: hex\n'é'".encode("latin-1"), "latin-1", "# coding: hex\n'é'"),
        ("x.py", b"# coding: undefined\n", "utf-8", "# coding: undefined\n"),
        ("x.py", b"'\xff'", "utf-8", None),
        ("x.txt", b"\xff", "utf-8", None),
    ],
)
def test_encodings_of_text_files(tmp_path: Path, name: str, data: bytes, encoding: str, text: str | None) -> None:
    (row,) = read(write(tmp_path / name, data), encoding=encoding)
    assert row["text"] == text
    assert row["rejected"] == (None if text else "not UTF-8")


def test_the_longest_text_file_allowed_is_kept_and_a_longer_one_rejected(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "é" * 50)
    write(tmp_path / "b.txt", "é" * 50 + "x")
    write(tmp_path / "c.txt", "é" * 500)
    rows = read(tmp_path, Fields(max_document=100))
    assert [row["rejected"] for row in rows] == [None] + ["text over max_document (100 bytes)"] * 2


TABLE = {"text": ["a", None, "ccc"], "id": [1, 2, 3], "when": pa.array([0, 1, 2], pa.timestamp("ns", "Asia/Tokyo"))}


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), "dictionary"])
@pytest.mark.parametrize("form", ["parquet", "arrow", "arrows"])
def test_tables_of_every_string_type_read_alike(tmp_path: Path, kind: Any, form: str) -> None:
    text = pa.array(TABLE["text"])
    text = text.dictionary_encode() if kind == "dictionary" else text.cast(kind)
    path = save(pa.table(TABLE | {"text": text}), tmp_path / f"x.{form}")
    rows = read(path, Fields(id="id"))
    assert [(row["record"], row["id"], row["text"], row["skipped"]) for row in rows] == [
        (1, "1", "a", None),
        (2, None, None, "null text"),
        (3, "3", "ccc", None),
    ]
    assert json.loads(rows[2]["metadata"]) == {"id": 3, "when": "1970-01-01 00:00:00.000000002Z"}


def save(table: pa.Table, path: Path) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path)
        return path
    new = pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream
    with new(str(path), table.schema) as writer:
        writer.write_table(table)
    return path


def test_a_row_of_a_table_that_is_not_utf8_is_rejected_alone(tmp_path: Path) -> None:
    texts_ = pa.array([b"a", b"\xff", b"c" * 101, b"d"])
    others = pa.array([b"x", b"x", b"x", b"\xfe"]).view(pa.string())
    path = save(pa.table({"text": texts_, "other": others}), tmp_path / "x.arrow")
    rows = read(path, Fields(max_document=100))
    assert reasons(rows) == [None, "not UTF-8", "text over max_document (100 bytes)", "not UTF-8"]
    assert [row["raw"] for row in rows] == [None, b"\xff", b"c" * 101, b"d"]


def test_a_table_may_carry_what_json_has_no_form_for(tmp_path: Path) -> None:
    columns = {
        "text": ["a"],
        "bytes": [b"\xff"],
        "money": pa.array(["1.10"]).cast(pa.decimal128(9, 2)),
        "far": pa.array([10**15], pa.timestamp("s")),
        "day": pa.array([0], pa.date32()),
        "time": pa.array([1], pa.time64("ns")),
        "span": pa.array([5], pa.duration("ns")),
        "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8())),
        "nest": [{"d": None}],
    }
    (row,) = read(save(pa.table(columns), tmp_path / "x.arrow"))
    kept = json.loads(row["metadata"])
    assert kept["bytes"] == "/w=="
    assert kept["money"] == "1.10"
    assert kept["map"] == [["k", 1]]
    assert kept["far"] == 10**15


def nested(kind: pa.DataType, value: Any) -> dict[str, pa.Array]:
    """One value of the type at every kind of depth, in the last rows of three."""
    one = pa.array([value], pa.int64()).cast(kind)
    each = pa.concat_arrays([pa.nulls(1, kind), one, one])
    codes, places = pa.array([0, 0, 1], pa.int8()), pa.array([0, 1, 0], pa.int32())
    made = {
        "dictionary": each.dictionary_encode(),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([1, 3], pa.int32()), each[:2]),
        "struct": pa.StructArray.from_arrays([each], ["a"]),
        "sparse": pa.UnionArray.from_sparse(codes, [pa.array([7, 8, 9]), each]),
        "dense": pa.UnionArray.from_dense(codes, places, [pa.array([7, 8]), each[1:]]),
        "opaque": pa.ExtensionArray.from_storage(pa.opaque(kind, "name", "vendor"), each),
        "map": pa.MapArray.from_arrays([0, 1, 1, 2], pa.array(["k", "l"]), each[1:]),
    }
    lists = (pa.list_(kind), pa.large_list(kind), pa.list_view(kind), pa.large_list_view(kind), pa.list_(kind, 1))
    made |= {f"{list_} {list_.num_fields}": pa.array([None, None, [one[0]]], list_) for list_ in lists}
    made["deep"] = pa.StructArray.from_arrays([made["map"]], ["a"])
    return made


TIMES = [
    (pa.timestamp("ns"), 1, "1970-01-01 00:00:00.000000001"),
    (pa.timestamp("us"), 1000, "1970-01-01 00:00:00.001000"),
    (pa.timestamp("us", tz="Foo/Bar"), 0, "1970-01-01 00:00:00.000000Z"),
    (pa.timestamp("s"), 10**15, 10**15),
    (pa.time64("ns"), 1, "00:00:00.000000001"),
    (pa.duration("s"), 10**18, 10**18),
]


@pytest.mark.parametrize(("kind", "value", "kept"), TIMES)
def test_times_are_text_alike_at_every_depth_of_a_table(tmp_path: Path, kind: Any, value: Any, kept: Any) -> None:
    columns = {"text": pa.array(["a", "b", "c"]), "top": pa.array([None, value, value]).cast(kind)} | nested(
        kind, value
    )
    found = [json.loads(row["metadata"]) for row in read(save(pa.table(columns)[1:], tmp_path / "x.arrow"))]
    last = dict.fromkeys(columns, kept) | {"struct": {"a": kept}, "map": [["l", kept]], "deep": {"a": [["l", kept]]}}
    del last["text"]
    assert found[1] == last | {name: [kept] for name in columns if "list" in name}
    assert (found[0]["runs"], found[0]["sparse"], found[0]["dense"], found[0]["map"]) == (kept, 8, 8, [])
    assert all(found[0][name] is None for name in columns if "list" in name)


def test_a_date_beyond_the_years_of_python_does_not_end_the_run(tmp_path: Path) -> None:
    days = pa.array([2**30], pa.int32()).cast(pa.date32())
    table = pa.table({"text": ["a"], "top": days, "m": pa.array([[days[0]]], pa.list_(pa.date32()))})
    (row,) = read(save(table, tmp_path / "x.arrow"))
    kept = json.loads(row["metadata"])
    assert kept["m"] == [kept["top"]]


def test_a_struct_with_two_fields_of_one_name_is_refused_by_its_column(tmp_path: Path) -> None:
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    path = save(pa.table({"text": ["a"], "m": pa.array([[twice[0]]], pa.list_(twice.type))}), tmp_path / "x.arrow")
    with pytest.raises(BadSource, match=r"x\.arrow: column 'm' holds a struct with two fields 'a'; rename one"):
        read(path)


def test_a_value_that_python_cannot_hold_is_rejected_by_its_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prep.pipeline.sources import columns

    def fails(column: pa.Array) -> pa.Array:
        raise pa.ArrowNotImplementedError

    monkeypatch.setattr(columns, "showable", fails)
    (row,) = read(save(pa.table({"text": ["a"], "m": [1]}), tmp_path / "x.parquet"))
    assert row["rejected"] == "column 'm' of type int64 cannot be written as JSON"


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.list_(pa.timestamp("s"))])
def test_a_time_is_no_id(tmp_path: Path, kind: Any) -> None:
    when = pa.array([10**15] if kind.num_fields == 0 else [[10**15]], kind)
    (row,) = read(save(pa.table({"text": ["a"], "when": when}), tmp_path / "x.arrow"), Fields(id="when"))
    assert row["rejected"] == "no id"


def test_a_wrong_column_is_named_with_its_type_and_the_others(tmp_path: Path) -> None:
    path = save(pa.table({"text": [1], "txet": ["a"], "meta": [{"body": "deep"}]}), tmp_path / "x.parquet")
    with pytest.raises(BadSource, match=r"'text' is of type int64.*text, txet, meta"):
        read(path)
    with pytest.raises(BadSource, match="'body'"):
        read(path, Fields(text="body"))
    (row,) = read(path, Fields(text="meta.body"))
    assert row["text"] == "deep"


def warc(*records: tuple[str, str, str]) -> bytes:
    made = b""
    for kind, content, body in records:
        head = f"WARC/1.0\r\nwarc-type: {kind}\r\nContent-Type: {content}\r\nWARC-Target-URI: <http://x/{kind}>\r\n"
        made += f"{head}X-Folded: a\r\n b\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}\r\n\r\n".encode()
    return made


def test_plain_text_records_of_a_warc_are_documents(tmp_path: Path) -> None:
    data = warc(
        ("warcinfo", "application/warc-fields", "x"),
        ("conversion", "text/plain", "日本\r\n\r\nWARC/1.0"),
        ("response", "application/http", "HTTP/1.1 200 OK"),
        ("resource", "text/plain; charset=latin-1", "b"),
        ("resource", "text/html", "<p>"),
        ("conversion", "text/plain; charset=klingon", "c"),
        ("conversion", "text/plain; charset=a\0b", "d"),
    )
    rows = read(write(tmp_path / "x.warc.wet", data), Fields(id="warc-target-uri"))
    assert texts(rows) == [None, "日本\r\n\r\nWARC/1.0", None, "b", None, None, None]
    assert reasons(rows)[2] == "warc response (HTML is not extracted)"
    assert reasons(rows)[4:] == ["warc resource (not text/plain)", "unknown charset", "unknown charset"]
    assert rows[1]["id"] == "http://x/conversion"
    assert json.loads(rows[1]["metadata"])["X-Folded"] == "a b"
    for pack in (gzip.compress, zstandard.compress):
        assert read(write(tmp_path / "x.warc.gz", pack(data)), Fields(id="warc-target-uri")) == rows


def test_a_warc_with_a_wrong_length_goes_on_and_a_cut_one_never_ends_in_silence(tmp_path: Path) -> None:
    one = warc(("conversion", "text/plain", "abc"))
    rows = read(write(tmp_path / "x.warc", one.replace(b"Length: 3", b"Length: 1") + one))
    assert texts(rows) == [None, None, "abc"]
    assert reasons(rows) == ["no newline after its block", "bytes between WARC records", None]
    for end in range(9, len(one) - 4):
        with pytest.raises(BadSource, match=r"1 records before that are whole"):
            read(write(tmp_path / "x.warc", one + one[:end]))


@pytest.mark.parametrize("stated", ["\u0663", "1_0", "+3", "-3", "3, 4", "", "9" * 5000])
def test_a_length_that_is_not_one_number_is_none(tmp_path: Path, stated: str) -> None:
    one = warc(("conversion", "text/plain", "abc"))
    rows = read(write(tmp_path / "x.warc", one.replace(b"Length: 3", f"Length: {stated}".encode()) + one))
    assert reasons(rows) == ["no Content-Length", "bytes between WARC records", None]


def test_a_length_may_be_stated_twice_and_the_last_record_end_without_newlines(tmp_path: Path) -> None:
    one = warc(("conversion", "text/plain", "abc")).replace(b"X-Folded: a\r\n b", b"Content-length: 3")
    assert texts(read(write(tmp_path / "x.warc", one + one[:-4]))) == ["abc", "abc"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (0, ["another WARC record in its block", None, None]),
        (-1, ["another WARC record in its block", "bytes between WARC records", None]),
        (2, ["another WARC record in its block", None, None]),
    ],
)
def test_a_record_that_reaches_into_the_next_swallows_none_in_silence(
    tmp_path: Path, more: int, expected: list[str | None]
) -> None:
    first, second, third = (warc(("conversion", "text/plain", body)) for body in ("one", "two", "three"))
    reach = str(len(b"one\r\n\r\n" + second) - len(b"\r\n\r\n") + more).encode()
    path = write(tmp_path / "x.warc", first.replace(b"Length: 3", b"Length: " + reach) + second + third)
    rows = read(path)
    assert reasons(rows) == expected
    assert texts(rows) == [None, "two" if expected[1] is None else None, "three"]
    assert [row["offset"] for row in rows][::2] == [0, path.stat().st_size - len(third)]


def test_a_page_that_quotes_a_warc_record_is_rejected_alone(tmp_path: Path) -> None:
    quoted = "WARC/1.0\nContent-Length: 9999\nWARC-Type: response\n\nHTTP/1.1 200 OK"
    rows = read(write(tmp_path / "x.warc", warc(*(("conversion", "text/plain", body) for body in (quoted, "b")))))
    assert reasons(rows) == ["another WARC record in its block", None]


def test_records_in_one_another_are_read_twice_at_most(tmp_path: Path) -> None:
    body = "x"
    for _ in range(1000):
        body = f"WARC/1.0\nWARC-Type: conversion\nContent-Length: {len(body)}\n\n{body}"
    rows = read(write(tmp_path / "x.warc", body))
    assert reasons(rows) == ["another WARC record in its block"] * 2
