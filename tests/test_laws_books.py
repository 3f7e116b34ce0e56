"""The books balance, recounted with plain Python from what was written and from what was given."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from tokenizers import Tokenizer

from prep.pipeline.reasons import Reason
from prep.pipeline.stage import Result
from tests.tiny import Row, cell, corpus, documents, made, rows, varied_run, write_models

GIVEN = {
    "wiki_ja": 152,
    "web": 161,
    "books_en": 90,
    "python": 60,
}  # records and broken lines that `write_varied` writes


@pytest.fixture(scope="module", params=["equal", "threshold and epochs"])
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    folder = tmp_path_factory.mktemp("books")
    changes: dict[str, Any] = {}
    if request.param != "equal":
        models = write_models(folder)
        changes = {
            "quality": {"model": models, "keep": {"en": {"threshold": 0.4}, "ja": {"pareto": 2}}},
            "mix": {"shares": {"ja": 0.5, "en": 0.3, "other": 0.2}, "preset": None, "pair": None, "code": None},
            "budget": {"tokens": 98_765},
        }
        changes["mix"] = {key: value for key, value in changes["mix"].items() if value is not None}
    config = varied_run(folder, **changes)
    if request.param != "equal":
        plain = json.loads(Path(config).read_text())
        for key in ("preset", "pair", "code"):
            del plain["mix"][key]
        Path(config).write_text(json.dumps(plain))
    return made(config)


def sums(rows: Iterable[Row], **columns: str) -> dict[tuple[str, str, str], dict[str, int]]:
    """By cell: how many rows, and the sums of some columns."""
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    for row in rows:
        into = found.setdefault(cell(row), {"documents": 0, **dict.fromkeys(columns, 0)})
        into["documents"] += 1
        for name, column in columns.items():
            into[name] += row[column]
    return found


def booked(page: Iterable[Row], *names: str) -> dict[tuple[str, str, str], dict[str, int]]:
    return {cell(row): {name: row[name] for name in ("documents", *names)} for row in page}


def test_every_record_given_is_a_document_or_put_aside_with_a_reason(results: dict[str, Result]) -> None:
    aside, written = rows(results["ingest"], "aside-"), rows(results["ingest"])
    assert all((row["skipped"] is None) != (row["rejected"] is None) for row in aside)
    for page in results["ingest"].manifest.ledger["intake"]:
        source = page["source"]
        here = [row for row in aside if row["source"] == source]
        skipped, rejected = (
            Counter(row[what] for row in here if row[what] is not None) for what in ("skipped", "rejected")
        )
        kept = sum(row["source"] == source for row in written)
        edited: Counter[str] = Counter()
        for row in written:
            edited.update(dict(row["removed"] or []) if row["source"] == source else {})
        assert page == {
            "source": source, "read": GIVEN[source], "documents": kept, "skipped": dict(skipped),
            "rejected": dict(rejected), "edited": dict(edited),
        }  # fmt: skip
        assert GIVEN[source] == kept + skipped.total() + rejected.total()
    everything = {page["source"]: page for page in results["ingest"].manifest.ledger["intake"]}
    assert everything["wiki_ja"]["skipped"] == {"empty text": 2}
    assert sum(everything["wiki_ja"]["rejected"].values()) == 2
    assert everything["wiki_ja"]["edited"].keys() == {"nfkc", "strip_html_entities"}


def test_stages_between_lose_no_document_and_no_byte(results: dict[str, Result]) -> None:
    written = rows(results["ingest"])
    truth = sums(written, bytes="n_bytes")
    assert all(row["n_bytes"] == len(row["text"].encode()) for row in written)
    assert {language for _, language, _ in truth} == {"ja", "en", "code", "other"}
    for name, result in results.items():
        if name.split(".")[0] in ("ingest", "count", "score", "dedup"):
            assert booked(result.manifest.ledger["cells"], "bytes") == truth, name
            assert len(rows(result)) == len(written), name


def test_tokens_are_what_the_tokenizer_says(results: dict[str, Result], tmp_path: Path) -> None:
    varied_run(tmp_path)
    for name, folder in (("tiny", "tok"), ("bytes", "bytes")):
        tokenizer = Tokenizer.from_file(str(tmp_path / folder / "tokenizer.json"))
        all_ = documents(results)
        assert [row[f"n_tokens.{name}"] for row in all_] == [len(tokenizer.encode(row["text"]).ids) for row in all_]
        page = {cell(row): row["tokens"] for row in results[f"count.{name}"].manifest.ledger["cells"]}
        truth = sums(all_, tokens=f"n_tokens.{name}")
        assert page == {place: {name: row["tokens"]} for place, row in truth.items()}


REASONS = {int(reason): reason.name for reason in Reason}


def test_what_is_sized_is_chosen_or_left_out_for_its_first_reason(results: dict[str, Result]) -> None:
    all_ = documents(results)
    page = results["size"].manifest.ledger["selection"]
    whole = sums(all_, bytes="n_bytes", tokens="n_tokens.tiny")
    assert {cell(row) for row in page} == whole.keys()
    for booked_ in page:
        here = [row for row in all_ if cell(row) == cell(booked_)]
        chosen = [row for row in here if not row["left_out"]]
        assert all((row["copies"] > 0) == (not row["left_out"]) for row in here)
        left_out = {
            name: figures(row for row in here if row["left_out"] and row["left_out"] & -row["left_out"] == bit)
            for bit, name in REASONS.items()
        }
        left_out = {name: each for name, each in left_out.items() if each["documents"]}
        assert booked_["left_out"] == left_out
        assert {name: booked_[name] for name in ("documents", "bytes", "tokens")} == figures(chosen)
        assert booked_["copies"] == sum(row["copies"] for row in chosen)
        assert booked_["copied_tokens"] == sum(row["copies"] * row["n_tokens.tiny"] for row in chosen)
        assert booked_["copied_bytes"] == sum(row["copies"] * row["n_bytes"] for row in chosen)
        for name, total in whole[cell(booked_)].items():
            assert total == booked_[name] + sum(each[name] for each in left_out.values())


def figures(rows: Iterable[Row]) -> dict[str, int]:
    rows = list(rows)
    return {
        "documents": len(rows),
        "bytes": sum(row["n_bytes"] for row in rows),
        "tokens": sum(row["n_tokens.tiny"] for row in rows),
    }


def test_every_file_of_the_corpus_holds_each_document_as_often_as_it_was_chosen(results: dict[str, Result]) -> None:
    all_ = documents(results)
    folder = Path(results["export"].folder)
    copies = Counter({row["id"]: row["copies"] for row in all_ if row["copies"]})
    by_format = {
        "parquet": corpus(results),
        "arrow": rows(results["export"], "arrow/"),
        "jsonl": [json.loads(line) for path in sorted(folder.glob("jsonl/*")) for line in unpacked(path)],
    }
    texts = {row["id"]: row["text"] for row in all_}
    for name, exported in by_format.items():
        assert Counter(row["id"] for row in exported) == copies, name
        assert all(row["text"] == texts[row["id"]] for row in exported), name
        assert [row["id"] for row in exported] == [row["id"] for row in by_format["parquet"]]
        got = sums(exported, bytes="n_bytes", tiny="n_tokens.tiny", other="n_tokens.bytes")
        page = results["export"].manifest.ledger["cells"]
        assert booked(page, "bytes") == {
            place: {"documents": row["documents"], "bytes": row["bytes"]} for place, row in got.items()
        }
        assert {cell(row): row["tokens"] for row in page} == {
            place: {"tiny": row["tiny"], "bytes": row["other"]} for place, row in got.items()
        }
    assert len({count % 10 for count in copies.values()}) > 1  # several epochs, the last one partial


def unpacked(path: Path) -> list[bytes]:
    return zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().splitlines()


def test_metadata_keeps_what_the_record_carried(results: dict[str, Result]) -> None:
    by_id = {row["id"]: row for row in rows(results["ingest"])}
    assert json.loads(by_id["w20"]["metadata"]) == {"n": 20}
    assert by_id["w20"]["licence"] == "CC-2"
    web = next(row for row in by_id.values() if row["source"] == "web")
    assert web["url"].startswith("http://x/")
