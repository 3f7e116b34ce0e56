"""The corpus has the size and the shares that were asked, and its choice hangs on the documents alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash

from prep.errors import Short
from prep.pipeline import draw
from prep.pipeline.stage import Result
from tests.tiny import (
    LANGUAGES,
    Row,
    cell,
    corpus,
    documents,
    made,
    tiny_run,
    varied_run,
    varied_texts,
    write_rows,
)

SEED = 7  # of `varied_run`
FULL = 128  # the bit of `left_out` that says: it may be in, but its cell is full


def drawn(row: Row) -> tuple[int, int]:
    """The place of a document in its cell: its draw, then the first half of the hash of its id."""
    [number] = draw.draw(np.array([row["draw_key"]], dtype=np.uint64), SEED, draw.ORDER).tolist()
    return number, int.from_bytes(xxhash.xxh3_128_digest(row["id"].encode())[:8], "big")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One output folder for many budgets: all but mix, size and export is made once."""
    return tmp_path_factory.mktemp("size")


BUDGETS = [1, 500, 3_000, 20_000, 35_000, 47_777, 80_000]


@pytest.mark.parametrize("tokens", BUDGETS)
def test_each_cell_gives_whole_passes_and_then_every_document_in_order_of_draw_that_fits(
    folder: Path, tokens: int
) -> None:
    results = made(varied_run(folder, budget={"tokens": tokens}), until="size")
    by_cell: dict[tuple[str, str, str], list[Row]] = {}
    for row in documents(results):
        if row["left_out"] in (0, FULL):
            by_cell.setdefault(cell(row), []).append(row)
    targets = {cell(row): row["tokens"] for row in results["mix"].manifest.ledger["targets"]}
    assert sum(targets.values()) == tokens
    for place, rows in by_cell.items():
        rows.sort(key=drawn)
        copies = [row["copies"] for row in rows]
        assert max(copies) - min(copies) <= 1
        assert copies == sorted(copies, reverse=True)  # the last pass is of the lowest draws
        taken = sum(row["copies"] * row["n_tokens.tiny"] for row in rows)
        following = rows[copies.count(copies[0]) % len(rows)]
        assert targets[place] - following["n_tokens.tiny"] < taken <= targets[place]


def test_shares_are_what_was_asked_within_a_document_a_cell(folder: Path) -> None:
    for tokens, mix in ((30_000, {}), (30_000, {"preset": "enplus"}), (20_000, {"preset": "japlus", "code": 0.1})):
        results = made(varied_run(folder, budget={"tokens": tokens}, mix=mix), until="size")
        share = {"ja": 0.4, "en": 0.4, "code": 0.2}
        if "preset" in mix:
            code = float(mix.get("code", 0.2))  # type: ignore[arg-type]
            plus = str(mix["preset"]).removesuffix("plus")
            share = {name: (1 - code) * (0.75 if name == plus else 0.25) for name in ("ja", "en")} | {"code": code}
        longest = max(row["n_tokens.tiny"] for row in documents(results))
        for language, asked in share.items():
            page = [row for row in results["size"].manifest.ledger["selection"] if row["language"] == language]
            got = sum(row["copied_tokens"] for row in page)
            assert 0 <= asked * tokens + len(page) - got < len(page) * (longest + 2)
            assert abs(got / tokens - asked) <= 0.01 + longest / tokens


def test_a_smaller_budget_gives_a_part_of_the_larger(folder: Path) -> None:
    before: dict[str, int] = {}
    for tokens in BUDGETS:
        results = made(varied_run(folder, budget={"tokens": tokens}), until="size")
        copies = {row["id"]: row["copies"] for row in documents(results)}
        assert all(copies[id_] >= number for id_, number in before.items())
        before = copies


def test_another_seed_chooses_other_documents(folder: Path) -> None:
    chosen = [
        {row["id"] for row in documents(made(varied_run(folder, seed=seed), until="size")) if row["copies"]}
        for seed in (7, 8)
    ]
    assert chosen[0] != chosen[1]


def test_a_cell_that_is_short_is_named_with_what_is_there(folder: Path) -> None:
    with pytest.raises(Short) as short:
        made(varied_run(folder, budget={"tokens": 200_000}), until="size")
    lines = str(short.value).splitlines()
    [line] = [line for line in lines if line.lstrip().startswith("python/code/code")]
    assert "40K" in line
    assert "7.022K" in line
    assert "max_epochs" in lines[-1]


@pytest.mark.parametrize("max_epochs", [1, 1.5, 4])
def test_shrinking_keeps_the_ratio_and_uses_what_there_is(folder: Path, max_epochs: float) -> None:
    mix = {"when_short": "shrink", "max_epochs": max_epochs}
    results = made(varied_run(folder, budget={"tokens": 10_000_000}, mix=mix), until="size")
    targets = results["mix"].manifest.ledger["targets"]
    total = sum(row["tokens"] for row in targets)
    for language, share in (("ja", 0.4), ("en", 0.4), ("code", 0.2)):
        there = sum(row["tokens"] for row in targets if row["language"] == language)
        assert abs(there - share * total) <= len(targets)
    assert all(row["tokens"] <= row["available"] * max_epochs + 1 for row in targets)
    assert any(row["tokens"] >= row["available"] * max_epochs - len(targets) for row in targets)
    assert max(row["copies"] for row in documents(results)) <= -(-max_epochs // 1)


def test_a_named_source_without_a_token_left_is_short_and_not_passed_over(tmp_path: Path) -> None:
    """All of `twin` stands in `wiki_ja` too, which is preferred: nothing is left of it."""
    rows = [{"id": f"x{n}", "text": text} for n, text in enumerate(varied_texts("wiki_ja", 30))]
    path = write_rows(tmp_path / "twin.jsonl", rows)
    same = write_rows(tmp_path / "wiki.jsonl", rows)
    sources = {
        "wiki_ja": {"path": str(same), "language": "ja", "kind": "encyclopedia", "priority": 1},
        "twin": {"path": str(path), "language": "ja", "kind": "web"},
    }
    within = {"ja": {"wiki_ja": 0.5, "twin": 0.5}}
    config = tiny_run(tmp_path, sources=sources, mix={"within": within})
    with pytest.raises(Short, match="twin"):
        made(config, until="mix")


def test_shares_that_are_thirds_are_thirds(tmp_path: Path) -> None:
    third = 0.333333333333
    rows = {name: [{"text": text} for text in varied_texts(name, 40)] for name in ("wiki_ja", "web", "books_en")}
    sources = {
        name: {"path": str(write_rows(tmp_path / f"{name}.jsonl", each)), "language": "ja", "kind": "web"}
        for name, each in rows.items()
    }
    config = tiny_run(tmp_path, budget={"tokens": 9_000})
    plain = json.loads(Path(config).read_text())
    plain["sources"] = sources
    plain["mix"] = {"shares": {"ja": 1.0}, "within": {"ja": dict.fromkeys(sources, third)}, "max_epochs": 4}
    Path(config).write_text(json.dumps(plain))
    assert [row["tokens"] for row in made(config, until="mix")["mix"].manifest.ledger["targets"]] == [3_000] * 3


def test_a_language_without_a_share_may_have_no_text(tmp_path: Path) -> None:
    mix = {"shares": {"ja": 1.0, "en": 0.0}, "max_epochs": 4}
    config = tiny_run(tmp_path, budget={"tokens": 1000})
    plain = json.loads(Path(config).read_text())
    plain["mix"] = mix
    plain["sources"]["web_en"]["language"] = {"field": "none", "values": {"english": "en"}}
    Path(config).write_text(json.dumps(plain))
    page = made(config, until="size")["size"].manifest.ledger["selection"]
    assert {row["language"] for row in page if row["copies"]} == {"ja"}


def chosen_texts(results: dict[str, Result]) -> list[tuple[str, int]]:
    return sorted((row["text"], row["copies"]) for row in documents(results) if row["copies"])


def renamed(folder: Path, plain: dict[str, Any]) -> None:
    plain["sources"] = {f"zz_{name}" if name == "wiki_ja" else name: each for name, each in plain["sources"].items()}


def split(folder: Path, plain: dict[str, Any]) -> None:
    for name in ("wiki_ja", "web_en"):
        lines = (folder / f"corpus/{name}.jsonl").read_text().splitlines(keepends=True)
        for part in range(3):
            path = folder / f"parts/{name}/{part}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(lines[part::3]))
        plain["sources"][name]["path"] = f"{folder}/parts/{name}/*"


def reversed_(folder: Path, plain: dict[str, Any]) -> None:
    for path in (folder / "corpus").iterdir():
        path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))


def packed(folder: Path, plain: dict[str, Any]) -> None:
    rows = [json.loads(line) for line in (folder / "corpus/python.jsonl").read_text().splitlines()]
    plain["sources"]["python"]["path"] = str(write_rows(folder / "python.parquet", rows))


@pytest.mark.parametrize("change", [renamed, split, reversed_, packed])
@pytest.mark.parametrize("own_ids", [True, False])
def test_renaming_a_source_or_cutting_its_files_anew_chooses_the_same_texts(
    tmp_path: Path, change: Callable[[Path, dict[str, Any]], None], own_ids: bool
) -> None:
    budget = {"tokens": 6_000}
    config = tiny_run(tmp_path, budget=budget)
    plain = json.loads(Path(config).read_text())
    if not own_ids:
        plain["sources"]["wiki_ja"].pop("fields")
    Path(config).write_text(json.dumps(plain))
    before = chosen_texts(made(config, until="size"))
    change(tmp_path, plain)
    Path(config).write_text(json.dumps(plain))
    assert chosen_texts(made(config, until="size")) == before
    assert 1 < len(before) < sum(1 for _ in LANGUAGES) * 35


def test_the_corpus_is_what_was_sized(folder: Path) -> None:
    results = made(varied_run(folder, budget={"tokens": 20_000}))
    assert sum(row["n_tokens.tiny"] for row in corpus(results)) <= 20_000
