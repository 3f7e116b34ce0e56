"""Exact budgets, what lists exclude, what is held out: each says what it does, and moves nothing else."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from prep.errors import BadSettings, Short
from prep.pipeline import forecast, report, runfile
from prep.pipeline.chain import Machine
from prep.pipeline.stage import Result
from prep.pipeline.tokenizers import open_tokenizer
from tests.shared import TOKENIZERS, needs_shared
from tests.tiny import Row, cell, corpus, documents, made, prep, tiny_run, varied_run

EXCLUDED, VALIDATION = 2, 64  # bits of `left_out`


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One output folder: all but mix, size and export is made once."""
    return tmp_path_factory.mktemp("selection")


def counted(rows: list[Row], tokenizer: Path) -> int:
    """Tokens of the corpus as the library counts them, without the columns that say so."""
    library = Tokenizer.from_file(str(tokenizer))
    return sum(len(each.ids) for each in library.encode_batch([row["text"] for row in rows], add_special_tokens=False))


@pytest.mark.parametrize("eod", [0, 1, 2])
@pytest.mark.parametrize("tokens", [211, 9_001, 30_000, 64_321])
def test_an_exact_budget_is_met_to_the_token(folder: Path, tokens: int, eod: int) -> None:
    results = made(varied_run(folder, budget={"tokens": tokens, "exact": True, "eod": eod}))
    rows = corpus(results)
    assert counted(rows, folder / "tok/tokenizer.json") + eod * len(rows) == tokens
    page = results["size"].manifest.ledger["selection"]
    assert sum(row["copied_tokens"] + eod * row["copies"] for row in page) == tokens
    targets = {cell(row): row["tokens"] for row in results["mix"].manifest.ledger["targets"]}
    for row in page:
        assert abs(row["copied_tokens"] + eod * row["copies"] - targets.get(cell(row), 0)) <= 3


def test_a_budget_of_one_token_is_one_token(folder: Path) -> None:
    [row] = corpus(made(varied_run(folder, budget={"tokens": 1, "exact": True})))
    assert row["n_tokens.tiny"] == 1


def test_a_cut_document_begins_its_original_and_says_how_long_that_was(folder: Path) -> None:
    results = made(varied_run(folder, budget={"tokens": 30_001, "exact": True}))
    whole = {row["id"]: row for row in documents(results)}
    cut = [row for row in corpus(results) if row["whole_bytes"] is not None]
    assert 0 < len(cut) == sum(row["cut"] for row in results["size"].manifest.ledger["selection"])
    for row in corpus(results):
        original = whole[row["id"]]
        assert original["text"].startswith(row["text"])
        assert (row["n_bytes"], row["n_chars"]) == (len(row["text"].encode()), len(row["text"]))
        if row["whole_bytes"] is not None:
            assert row["whole_bytes"] == original["n_bytes"] > row["n_bytes"]
            assert row["whole_tokens"] == original["n_tokens.tiny"]
            assert (original["kept_bytes"], original["kept_tokens"]) == (row["n_bytes"], row["n_tokens.tiny"])
            assert row["n_tokens.bytes"] == row["n_bytes"]  # every tokenizer counts what is left


def test_the_smaller_exact_corpus_is_contained_in_the_larger(folder: Path) -> None:
    before: dict[tuple[str, int], str] = {}
    for tokens in (5_000, 12_345, 30_000, 64_321):
        rows = corpus(made(varied_run(folder, budget={"tokens": tokens, "exact": True})))
        now = {(row["id"], row["pass"]): row["text"] for row in rows}
        assert all(now[copy].startswith(text) for copy, text in before.items())
        before = now


@needs_shared
def test_japanese_is_exact_by_gpt2_too(tmp_path: Path) -> None:
    path = str(TOKENIZERS / "gpt2")
    config = tiny_run(
        tmp_path, budget={"tokens": 2_500, "exact": True}, mix={"preset": "japlus"}, tokenizers={"tiny": path},
        export={"formats": ["parquet"]},
    )  # fmt: skip
    texts = pa.array([row["text"] for row in corpus(made(config))], pa.large_string())
    assert open_tokenizer(path).count(texts).sum() == 2_500


def test_a_run_that_cuts_holds_out_and_excludes_passes_verify(tmp_path: Path) -> None:
    lists = [{"by": "url", "values": ["http://x/2", "http://x/8"], "reason": "asked"}]
    config = varied_run(
        tmp_path, budget={"tokens": 30_000, "exact": True}, validation={"tokens": 2_000}, exclude={"lists": lists}
    )
    results = made(config)
    for target in (config, results["export"].folder):
        done = prep("verify", target)
        assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stdout


def held_out(results: dict[str, Result]) -> list[Row]:
    paths = sorted(Path(results["export"].folder).glob("data/validation-*"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


@pytest.mark.parametrize("asked", [{"tokens": 3_000}, {"shares": {"web": 0.2, "wiki_ja": 0.1}}])
def test_what_is_held_out_is_the_same_for_every_budget_and_never_in_training(
    folder: Path, asked: dict[str, Any]
) -> None:
    ids = []
    for tokens in (5_000, 30_000):
        results = made(varied_run(folder, budget={"tokens": tokens}, validation=asked))
        held = held_out(results)
        ids.append([row["id"] for row in held])
        assert not {row["text"] for row in held} & {row["text"] for row in corpus_of_training(results)}
        assert {row["id"] for row in documents(results) if row["left_out"] == VALIDATION} == set(ids[-1])
    assert sorted(ids[0]) == sorted(ids[1])
    held_tokens = sum(row["n_tokens.tiny"] for row in held)
    if "tokens" in asked:
        assert 2_900 < held_tokens <= 3_000
    else:
        assert {row["source"] for row in held} == {"web", "wiki_ja"}


@pytest.mark.parametrize("eod", [0, 1, 2])
def test_the_ends_of_documents_are_charged_to_what_is_held_out_too(folder: Path, eod: int) -> None:
    """What is held out is full: no budget between what it has and its next document changes it."""
    for asked in (500, 1_234, 3_000):
        held = held_out(made(varied_run(folder, budget={"tokens": 5_000, "eod": eod}, validation={"tokens": asked})))
        tokens = sum(row["n_tokens.tiny"] + eod for row in held)
        assert tokens <= asked
        same = varied_run(folder, budget={"tokens": 5_000, "eod": eod}, validation={"tokens": tokens})
        assert held_out(made(same)) == held
        less = varied_run(folder, budget={"tokens": 5_000, "eod": eod}, validation={"tokens": tokens - 1})
        assert len(held_out(made(less))) < len(held)


def corpus_of_training(results: dict[str, Result]) -> list[Row]:
    paths = sorted(Path(results["export"].folder).glob("data/train-*"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def chosen(results: dict[str, Result]) -> dict[str, int]:
    return {row["id"]: row["copies"] for row in documents(results) if row["copies"]}


def test_without_refill_the_corpus_lacks_what_is_excluded_and_is_else_the_same(folder: Path) -> None:
    before = made(varied_run(folder, budget={"tokens": 20_000}))
    gone = [id_ for id_ in chosen(before) if id_.startswith("w")][:5]
    lists = [{"by": "id", "values": gone, "reason": "r"}]
    after = made(varied_run(folder, budget={"tokens": 20_000}, exclude={"lists": lists, "refill": "none"}))
    expected = {id_: copies for id_, copies in chosen(before).items() if id_ not in gone}
    twins = {row["id"] for row in documents(after) if row["left_out"] & EXCLUDED} - set(gone)
    assert chosen(after) == {id_: copies for id_, copies in expected.items() if id_ not in twins}
    assert after["mix"].folder == before["mix"].folder
    assert after["size"].manifest.ledger["listed"]["1"] == 5


def test_with_refill_the_next_documents_of_the_cell_move_in_and_no_other_cell_moves(folder: Path) -> None:
    before = made(varied_run(folder, budget={"tokens": 9_000}))
    gone = [row["id"] for row in documents(before) if row["source"] == "python" and row["copies"]][:5]
    lists = [{"by": "id", "values": gone, "reason": "r"}]
    after = made(varied_run(folder, budget={"tokens": 9_000}, exclude={"lists": lists}))
    new = set(chosen(after)) - set(chosen(before))
    source = {row["id"]: row["source"] for row in documents(after)}
    assert set(chosen(before)) - set(chosen(after)) == set(gone)
    assert new
    assert {source[id_] for id_ in new} == {"python"}


@pytest.mark.parametrize("duplicates", [True, False])
def test_equal_texts_go_too_or_one_of_them_takes_the_place(tmp_path: Path, duplicates: bool) -> None:
    results = made(tiny_run(tmp_path), until="size")
    twins = [row for row in documents(results) if row["duplicate_group"]]
    [first] = [row for row in twins if row["left_out"] in (0, 128)]
    lists = [{"by": "id", "values": [first["id"]], "reason": "r", "duplicates": duplicates}]
    now = documents(made(tiny_run(tmp_path, exclude={"lists": lists}), until="size"))
    may_be_in = [row for row in now if row["text"] == first["text"] and row["left_out"] in (0, 128)]
    assert len(may_be_in) == (0 if duplicates else 1)


def test_lists_name_by_url_domain_hash_and_source_inline_or_in_a_file(folder: Path) -> None:
    plain = documents(made(varied_run(folder), until="size"))
    some = next(row for row in plain if row["source"] == "books_en")
    (folder / "list.txt").write_text(f"# of one text\n{some['text_hash'].hex().upper()}\n")
    named: tuple[tuple[dict[str, Any], Callable[[Row], bool]], ...] = (
        ({"by": "url", "values": ["http://x/3"]}, lambda row: row["url"] == "http://x/3"),
        ({"by": "domain", "values": ["X"]}, lambda row: row["url"] is not None),
        ({"by": "text_hash", "file": str(folder / "list.txt")}, lambda row: row["text_hash"] == some["text_hash"]),
        ({"by": "source", "values": ["python"]}, lambda row: row["source"] == "python"),
    )
    for each, names in named:
        lists = [{**each, "reason": "r", "duplicates": False}]
        rows = documents(made(varied_run(folder, exclude={"lists": lists, "refill": "none"}), until="size"))
        assert [row["id"] for row in rows if row["left_out"] & EXCLUDED] == [row["id"] for row in rows if names(row)]


def test_a_hash_that_is_none_is_named(folder: Path) -> None:
    with pytest.raises(BadSettings, match="'xyz' is no text hash"):
        made(
            varied_run(folder, exclude={"lists": [{"by": "text_hash", "values": ["xyz"], "reason": "r"}]}), until="size"
        )


def test_a_list_that_leaves_too_few_to_move_in_repeats_nobody_beyond_max_epochs(tmp_path: Path) -> None:
    lists = [{"by": "id", "values": [f"wiki_ja-{row}" for row in range(25)], "reason": "r"}]
    asked: dict[str, Any] = {"budget": {"tokens": 6_000}, "mix": {"max_epochs": 1}, "exclude": {"lists": lists}}
    with pytest.raises(Short, match=r"wiki_ja/ja/encyclopedia .*refill: none"):
        made(tiny_run(tmp_path, **asked), until="size")
    asked["exclude"]["refill"] = "none"
    assert made(tiny_run(tmp_path, **asked), until="size")


@pytest.mark.parametrize(
    ("by", "value", "said"),
    [("source", "wikija", "no source; nearest: wiki_ja"), ("domain", "https://x.org/a", "no domain")],
)
def test_a_value_that_would_name_nothing_is_refused(tmp_path: Path, by: str, value: str, said: str) -> None:
    lists = [{"by": by, "values": [value], "reason": "r"}]
    with pytest.raises(BadSettings, match=said):
        made(tiny_run(tmp_path, exclude={"lists": lists}), until="size")


def test_a_list_may_begin_with_the_mark_that_windows_writes_and_a_share_be_next_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\ufeffwiki_ja-1\n")
    lists = [{"by": "id", "file": str(tmp_path / "list.txt"), "reason": "r"}]
    results = made(
        tiny_run(tmp_path, exclude={"lists": lists}, validation={"shares": {"wiki_ja": 1e-22}}), until="size"
    )
    assert [row["id"] for row in documents(results) if row["left_out"] & EXCLUDED] == ["wiki_ja-1"]


def test_a_source_that_lists_name_whole_is_said_to_be_so(tmp_path: Path) -> None:
    lists = [{"by": "source", "values": ["python"], "reason": "r"}]
    results = made(tiny_run(tmp_path, exclude={"lists": lists, "refill": "none"}), until="size")
    assert "python/code/code: no document is in the corpus; lists name all of it" in report.remarks(results)


def test_a_source_that_is_held_out_whole_is_said_to_be_so(folder: Path) -> None:
    asked: dict[str, Any] = {"validation": {"shares": {"python": 1.0}}, "budget": {"tokens": 20_000}}
    said = r"validation: holds out all that is left of python/code/code \(60 documents, 7.022K tokens\); lower"
    with pytest.raises(Short, match=said):
        made(varied_run(folder, **asked), until="size")
    foretold = forecast.forecast(runfile.load(varied_run(folder, **asked)), Machine(workers=1))
    assert re.search(said, foretold.problem or "")
    results = made(varied_run(folder, **asked, mix={"when_short": "fill_all"}), until="size")
    line = (
        "python/code/code: no document is in the corpus; `validation` holds out all that is left of it (60 documents)"
    )
    assert line in report.remarks(results)
