"""What an audit measures: exact where it read and counted all, the same in any order, and its books balance."""

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import BadSettings, BadSource
from prep.pipeline import intake
from prep.pipeline.audit import figures
from prep.pipeline.audit.counting import Counting
from prep.pipeline.audit.measure import measure
from prep.pipeline.audit.reading import ALL, Slice, Task, read
from prep.pipeline.audit.request import Request
from prep.pipeline.settings import Source, Tokenizer
from prep.pipeline.spread import Spread, workers
from prep.pipeline.tokenizers import open_tokenizer
from tests.tiny import write_tokenizer

WORDS = "the a tree there of three thistle and water over 水 の".split()  # noqa: SIM905 - readable


def texts(number: int, seed: int = 0, longest: int = 60) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=chance.randint(1, longest))) for _ in range(number)]


def lines(path: Path, rows: list[str]) -> Path:
    """JSON lines, packed where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = "".join(json.dumps({"text": row}, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(whole) if path.suffix == ".gz" else whole)
    return path


def asked(tmp_path: Path, paths: dict[str, Path], **changes: Any) -> Request:
    """A request for sources by two tokenizers."""
    keys = {key: changes.pop(key) for key in ("fields", "edits", "exclude") if key in changes}
    sources = {name: Source(path=(str(path),), language="en", kind="web", **keys) for name, path in paths.items()}
    tokenizers = {
        name: Tokenizer(path=write_tokenizer(tmp_path / name, merges)) for name, merges in (("tiny", 3), ("bytes", 0))
    }
    return Request(sources, tokenizers, **changes)


@pytest.fixture(scope="module")
def two() -> Iterator[Spread]:
    """Two workers."""
    with workers(2) as spread:
        yield spread


def measured(request: Request, spread: Spread = map) -> tuple[list[figures.Source], list[str]]:
    said: list[str] = []
    return measure(request, spread, said.append), said


def counted(request: Request, rows: list[str], name: str = "tiny") -> int:
    """Tokens as the reference counts them."""
    return int(open_tokenizer(request.tokenizers[name].path).count(pa.array(rows, pa.large_string())).sum())


def test_a_small_source_is_exact(tmp_path: Path) -> None:
    rows = texts(300)
    request = asked(tmp_path, {"one": lines(tmp_path / "s" / "a.jsonl", rows)})
    (found,), said = measured(request)
    n_bytes, n_chars, tokens = sum(len(row.encode()) for row in rows), sum(map(len, rows)), counted(request, rows)
    assert (found.method, found.rejected, found.notes, found.compressed) == ("exact", 0, (), False)
    assert [found.documents.value, found.text.value, found.chars.value] == [300, n_bytes, n_chars]
    tiny, plain = found.tokens
    assert (tiny.total.value, tiny.ratio.value, tiny.chars.value) == (tokens, n_bytes / tokens, n_chars / tokens)
    assert (tiny.tokenizer, tiny.documents, tiny.bytes) == ("tiny", 300, n_bytes)
    assert all(each.exact for each in (found.text, found.documents, tiny.ratio, tiny.chars, tiny.total))
    assert plain.ratio.value == pytest.approx(1.0)
    assert found.read == found.on_disk == (tmp_path / "s" / "a.jsonl").stat().st_size
    assert said[0] == f"reads {found.read / 1000:.3g} KB of {found.read / 1000:.3g} KB from 1 file"


def test_a_larger_source_is_sampled_until_the_ratio_is_known(tmp_path: Path) -> None:
    rows = texts(6_000)
    request = asked(tmp_path, {"one": lines(tmp_path / "a.jsonl.gz", rows)}, precision=0.03)
    (found,), _ = measured(request)
    tiny = found.tokens[0]
    truth = found.text.value / counted(request, rows)
    assert (found.method, found.documents.value, found.compressed) == ("documents", 6_000, True)
    assert 400 <= tiny.documents < 6_000
    assert 0 < tiny.ratio.half_width <= 0.03
    assert tiny.ratio.low <= truth <= tiny.ratio.high
    assert tiny.total.value * tiny.ratio.value == pytest.approx(found.text.value)
    assert tiny.chars.value / tiny.ratio.value == pytest.approx(found.chars.value / found.text.value)
    assert f"{tiny.documents:,} of 6,000 documents counted" in found.notes[0]


def test_a_source_whose_sample_would_save_little_is_counted_whole(tmp_path: Path) -> None:
    request = asked(tmp_path, {"one": lines(tmp_path / "a.jsonl", texts(6_000))}, precision=0.02)
    (found,), _ = measured(request)  # 0.9 MB, and CHEAP is 1.25 MB at 2%
    assert (found.method, found.tokens[0].ratio.exact) == ("exact", True)


def test_exact_counts_all_of_it(tmp_path: Path) -> None:
    rows = texts(6_000)
    request = asked(tmp_path, {"one": lines(tmp_path / "a.jsonl.gz", rows)}, precision=0.02, exact=True)
    (found,), _ = measured(request)
    tokens = float(counted(request, rows))
    assert found.tokens[0].total == figures.Estimate(tokens, tokens, tokens, exact=True)
    assert found.method == "exact"


def mixed(tmp_path: Path, order: list[int]) -> dict[str, Path]:
    """A source of several files, written in an order."""
    for at in order:
        lines(tmp_path / "several" / f"{at}.jsonl{'.gz' * (at % 2)}", texts(500, at))
    table = pa.table({"text": texts(2_000, 9)})
    pq.write_table(table, tmp_path / "table.parquet", row_group_size=100)
    return {"several": tmp_path / "several", "table": tmp_path / "table.parquet"}


@pytest.mark.parametrize("bounds", [{"precision": 0.05}, {"max_read": 150_000}], ids=["documents", "clusters"])
def test_neither_workers_nor_the_order_of_files_matter(tmp_path: Path, two: Spread, bounds: dict[str, Any]) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    request = asked(tmp_path, mixed(tmp_path / "one", [0, 1, 2, 3]), **bounds)
    again = asked(tmp_path, mixed(tmp_path / "two", [3, 1, 0, 2]), **bounds)
    assert measured(request)[0] == measured(again, two)[0]


def test_another_seed_draws_others(tmp_path: Path) -> None:
    request = asked(tmp_path, {"one": lines(tmp_path / "a.jsonl", texts(6_000))}, precision=0.03)
    found = [measured(replace(request, seed=seed))[0][0].tokens[0].ratio for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


def test_what_is_no_document_is_counted_by_nobody_and_told(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [*texts(50), " ", "\n"])
    path.write_bytes(path.read_bytes() + b"\n".join([b"{", b'{"t": 1}', b""] * 6))
    (found,), _ = measured(asked(tmp_path, {"one": path}))
    assert (found.documents.value, found.rejected) == (50, 12)
    assert "12 of 69 records read are rejected, 10 are allowed" in found.notes[0]
    assert "a.jsonl, record 53" in found.notes[0]


def test_edits_and_fields_are_those_of_the_run_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"body": "ａｂｃ"}\n')
    (found,), _ = measured(asked(tmp_path, {"one": path}, fields={"text": "body"}, edits=("nfkc",)))
    assert found.text.value == 3


def test_a_source_without_documents_does_not_hide_the_others(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"body": "x"}\n' * 3)
    good = lines(tmp_path / "good.jsonl", texts(3))
    (none, some), _ = measured(asked(tmp_path, {"none": bad, "some": good}))
    assert (none.documents.value, none.rejected, none.tokens) == (0, 3, ())
    assert "3 no field 'text'" in none.notes[0]
    assert "bad.jsonl, record 1" in none.notes[0]
    assert some.documents.value == 3


@pytest.mark.parametrize(("content", "why"), [(b"", "nothing in it"), (b'{"body": 1}\n', "no field 'text'")])
def test_nothing_at_all_is_an_error(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadSource, match=f"(?s)source one: no document in .*a.jsonl.*{why}.*check `path`"):
        measured(asked(tmp_path, {"one": path}))


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"source 'one'.*nowhere.*names no file"):
        measured(asked(tmp_path, {"one": tmp_path / "nowhere"}))


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl.gz", texts(500))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadSource, match=r"source one: a\.jsonl\.gz: the gzip archive is truncated.*Fetch the file"):
        measured(asked(tmp_path, {"one": path}))


def test_exact_and_a_bound_exclude_each_other(tmp_path: Path) -> None:
    request = asked(tmp_path, {"one": lines(tmp_path / "a.jsonl", texts(3))}, exact=True, max_read=10)
    with pytest.raises(BadSettings, match="--exact reads everything"):
        measured(request)


def test_what_cannot_be_kept_is_sampled_within_bounds_or_counted_as_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = texts(6_000)
    request = asked(tmp_path, {"one": lines(tmp_path / "a.jsonl.gz", rows)}, precision=0.0001)
    monkeypatch.setattr("prep.pipeline.audit.measure.OF_SOURCE", 500_000)  # of 0.9 MB of text
    (some,), _ = measured(request)
    tiny, truth = some.tokens[0], some.text.value / counted(request, rows)
    assert 0 < tiny.bytes < 500_000 < some.text.value
    assert tiny.ratio.low <= truth <= tiny.ratio.high
    assert "more were not kept, so the interval is wider than asked" in some.notes[0]
    (whole,), _ = measured(replace(request, exact=True))
    assert (whole.tokens[0].ratio.value, whole.tokens[0].documents) == (truth, 6_000)
    assert whole.tokens[0].ratio.exact
    assert (whole.method, whole.notes) == ("exact", ())


def test_a_few_long_documents_are_counted_in_any_case(tmp_path: Path) -> None:
    rows = [*texts(3_000), *(" ".join(["water"] * 4_000) for _ in range(5))]
    request = asked(tmp_path, {"one": lines(tmp_path / "a.jsonl", rows)}, precision=0.05)
    (found,), _ = measured(request)
    tiny = found.tokens[0]
    assert tiny.documents < 3_000
    assert tiny.bytes > 5 * 4_000 * len("water ") - 5
    assert tiny.ratio.low <= found.text.value / counted(request, rows) <= tiny.ratio.high
    assert "the 5 longest in any case" in found.notes[0]


def test_no_worker_holds_more_than_it_may(tmp_path: Path) -> None:
    """Of what is kept the bound is halved until it fits, and what is below it is all there."""
    path = lines(tmp_path / "a.jsonl", texts(4_000))
    source = Source(path=(str(path),), language="en", kind="web")
    (piece,) = intake.listed_source("one", source, tmp_path).pieces
    all_of_it, some = (
        read(Task(piece, source, 0, str(tmp_path / f"{most}.arrow"), most, Counting({}, {})))
        for most in (10**9, 200_000)
    )
    assert (all_of_it.bound, len(all_of_it.draws)) == (ALL, 4_000)
    assert int(some.n_bytes.sum()) + 100 * len(some.draws) <= 200_000
    below = all_of_it.draws < some.bound
    assert np.array_equal(all_of_it.draws[below], some.draws)
    assert np.array_equal(all_of_it.n_bytes[below], some.n_bytes)
    assert some.kept is not None
    assert len(Slice(some.kept, 0, some.bound).texts()) == len(some.draws)
    assert (some.documents, some.bytes, some.chars) == (4_000, all_of_it.bytes, all_of_it.chars)


@given(st.integers(0, ALL), st.integers(0, ALL), st.integers(0, 5))
def test_slices_share_out_the_documents(low: int, high: int, longest: int) -> None:
    draws = np.array([0, 1, 2**63, ALL - 2, ALL - 1, low % ALL, high % ALL], np.uint64)
    n_bytes = np.arange(7)
    first, second = sorted((low, high))
    parts = [Slice("", a, b, -1, longest) for a, b in ((0, first), (first, second), (second, ALL))]
    parts.append(Slice("", 0, ALL, longest))
    assert np.array_equal(sum(part.holds(draws, n_bytes).astype(int) for part in parts), np.ones(7))
