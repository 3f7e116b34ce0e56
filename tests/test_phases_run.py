"""A real small corpus in phases: what is asked of each, foretold, chosen and written is the same."""

from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from prep.errors import Short
from prep.pipeline import card, export, forecast, report, runfile
from prep.pipeline.chain import Machine
from prep.pipeline.stage import Result
from tests.test_selection import counted
from tests.tiny import Row, cell, documents, made, prep, varied_run, varied_texts, write_rows

JAPANESE = {"shares": {"ja": "70%", "en": "30%"}, "within": {"ja": {"wiki_ja": "60%", "rest": "proportional"}}}
PHASES: list[dict[str, Any]] = [{"name": "main"}, {"name": "anneal-ja", "share": "20%", "mix": JAPANESE}]
ONCE = {"max_epochs": 1}
SMALL = {"tokens": 30_000}  # which all cells have


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One output folder: what comes before the mix is made once."""
    found = tmp_path_factory.mktemp("phases")
    made(varied_run(found), until="dedup")
    return found


def phased(folder: Path, **changes: Any) -> dict[str, Result]:
    return made(varied_run(folder, **{"phases": PHASES, **changes}))


def by_phase(results: dict[str, Result]) -> dict[str, list[Row]]:
    """The documents of each phase, in their order, by the folder that they stand in."""
    found: dict[str, list[Row]] = {}
    for path in sorted(Path(results["export"].folder).glob("data/*/**/train-*.parquet")):
        name = path.relative_to(Path(results["export"].folder) / "data").parts[0].partition("-")[2]
        found.setdefault(name, []).extend(pq.read_table(path).to_pylist())
    return found


@pytest.mark.parametrize("eod", [0, 1])
@pytest.mark.parametrize("tokens", [30_001, 64_321])
def test_each_phase_is_exact_and_they_sum_to_the_budget(folder: Path, tokens: int, eod: int) -> None:
    results = phased(folder, budget={"tokens": tokens, "exact": True, "eod": eod})
    rows = by_phase(results)
    got = {name: counted(here, folder / "tok/tokenizer.json") + eod * len(here) for name, here in rows.items()}
    assert got == {"main": tokens - round(tokens / 5), "anneal-ja": round(tokens / 5)}
    whole = {row["id"]: row["text"] for row in documents(results)}
    assert all(whole[row["id"]].startswith(row["text"]) for here in rows.values() for row in here)
    for page in (results["size"].manifest.ledger, results["mix"].manifest.ledger):
        assert page["asked"] == tokens
    held = {each["phase"]: each["cells"] for each in results["size"].manifest.ledger["phases"]}
    for name, cells in held.items():
        assert sum(row["copied_tokens"] + eod * row["copies"] for row in cells) == got[name]
        assert sum(row["cut"] for row in cells) == sum(row["whole_bytes"] is not None for row in rows[name])


def test_a_file_holds_one_phase_and_its_rows_say_which(folder: Path) -> None:
    results = phased(folder, validation={"tokens": 2_000}, export={"shard": 5_000, "formats": ["parquet"]})
    rows = by_phase(results)
    assert list(rows) == ["main", "anneal-ja"]
    assert all(row["phase"] == name for name, here in rows.items() for row in here)
    names = [shard.name for shard in results["export"].manifest.shards]
    assert names == sorted(names)
    assert [part for part, _ in groupby(name.rpartition("-of-")[0][5:-6] for name in names)] == [
        "1-main/train", "2-anneal-ja/train", "validation",
    ]  # fmt: skip
    [held] = Path(results["export"].folder).glob("data/validation-*")
    assert set(pq.read_table(held)["phase"].to_pylist()) == {None}


@pytest.mark.parametrize("exact", [True, False])
def test_no_document_is_in_two_phases_while_nothing_is_repeated(folder: Path, exact: bool) -> None:
    rows = by_phase(phased(folder, budget={**SMALL, "exact": exact}, mix=ONCE))
    used = Counter(row["id"] for here in rows.values() for row in here)
    assert set(used.values()) == {1}
    assert all(len(here) > 20 for here in rows.values())


def test_later_phases_take_the_next_documents_and_copies_are_whole_passes(folder: Path) -> None:
    """The phases together are what a corpus without phases takes of the same cells."""
    results = phased(folder)
    rows = [row for here in by_phase(results).values() for row in here]
    for place in {cell(row) for row in rows}:
        here = [row for row in documents(results) if cell(row) == place and row["left_out"] in (0, 128)]
        copies = [row["copies"] for row in here]
        assert max(copies) - min(copies) <= 1
        assert copies == [row["copies.main"] + row["copies.anneal-ja"] for row in here]
        assert sum(copies) == sum(cell(row) == place for row in rows)
        in_order = [row["pass"] for row in rows if cell(row) == place]
        assert in_order == sorted(in_order)  # of the cell's sequence, the first phase has the beginning


def test_every_stretch_of_a_phase_has_its_ratio(folder: Path) -> None:
    results = phased(folder, budget={"tokens": 60_000, "exact": True})
    longest = max(row["n_tokens.tiny"] for row in documents(results))
    shares = {"main": {"ja": 0.4, "en": 0.4, "code": 0.2}, "anneal-ja": {"ja": 0.7, "en": 0.3}}
    for name, rows in by_phase(results).items():
        assert {row["language"] for row in rows} == shares[name].keys()
        for language, share in shares[name].items():
            got = total = 0
            for row in rows:
                total += row["n_tokens.tiny"]
                got += row["n_tokens.tiny"] * (row["language"] == language)
                assert abs(got - share * total) <= 2 * longest


@pytest.mark.parametrize("order", ["interleaved", "shuffle"])
@pytest.mark.parametrize("layout", ["one", "by_cell"])
def test_one_phase_of_everything_is_the_corpus_without_phases(folder: Path, order: str, layout: str) -> None:
    changes: dict[str, Any] = {
        "budget": {"tokens": 60_000, "exact": True},
        "export": {"order": order, "layout": layout, "formats": ["parquet"]},
    }  # fmt: skip
    one = phased(folder, phases=[{"name": "all", "share": "100%"}], **changes)
    two = made(varied_run(folder, **changes))
    for results in (one, two):
        assert results["export"].manifest.ledger["cells"] == two["export"].manifest.ledger["cells"]
    files = {
        path.relative_to(Path(two["export"].folder) / "data"): pq.read_table(path).to_pylist()
        for path in Path(two["export"].folder).glob("data/**/*.parquet")
    }
    for path, rows in files.items():
        same = pq.read_table(Path(one["export"].folder) / "data/1-all" / path).drop_columns(["phase"]).to_pylist()
        assert same == rows


@pytest.mark.parametrize("export_", [{}, {"order": "shuffle"}, {"layout": "by_cell"}])
def test_a_run_in_phases_passes_verify(tmp_path: Path, export_: dict[str, Any]) -> None:
    lists = [{"by": "url", "values": ["http://x/2", "http://x/8"], "reason": "asked"}]
    config = varied_run(
        tmp_path, phases=PHASES, budget={"tokens": 50_000, "exact": True, "eod": 1}, validation={"tokens": 2_000},
        exclude={"lists": lists}, export=export_,
    )  # fmt: skip
    results = made(config)
    for target in (config, results["export"].folder):
        done = prep("verify", target)
        assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stdout


def test_books_that_give_a_document_to_another_phase_do_not_balance(folder: Path) -> None:
    results = phased(folder)
    written, chosen = results["export"].manifest.ledger, results["size"].manifest.ledger
    assert list(export.differences(written, chosen, "tiny", weighed=False)) == []
    one, two = written["phases"]
    turned = {**written, "phases": [{**one, "cells": two["cells"]}, {**two, "cells": one["cells"]}]}
    assert all(said.startswith("phase ") for said in export.differences(turned, chosen, "tiny", weighed=False))
    assert list(export.differences(turned, chosen, "tiny", weighed=False))


def test_files_cut_anew_and_other_names_move_nothing_between_phases(tmp_path: Path) -> None:
    """One source in one file instead of three, under another name: the same texts in each phase, in the same order."""
    config = varied_run(tmp_path, budget=SMALL, phases=PHASES)
    before = {phase: [row["text"] for row in rows] for phase, rows in by_phase(made(config)).items()}
    rows = [{"id": f"w{number}", "text": text} for number, text in enumerate(varied_texts("wiki_ja", 150))]
    rows[4]["text"], rows[9]["text"], rows[12]["text"] = " \n", "&#32;", "ｶﾅ &amp; １２３ ＡＢＣ"
    rows[60]["text"] = rows[21]["text"]
    write_rows(tmp_path / "corpus/all/one.jsonl", rows)
    text = Path(config).read_text().replace("corpus/wiki_ja/*", "corpus/all/*").replace("wiki_ja", "jawiki")
    Path(config).write_text(text.replace("{field: licence}", "CC").replace('{"field": "licence"}', '"CC"'))
    rows_after = by_phase(made(config))
    assert "jawiki" in {row["source"] for row in rows_after["main"]}
    assert before == {phase: [row["text"] for row in rows] for phase, rows in rows_after.items()}


def test_what_is_foretold_of_each_phase_is_what_is_made(folder: Path) -> None:
    config = varied_run(folder, phases=PHASES)
    before = forecast.forecast(runfile.load(config), Machine(workers=1))
    page = made(config, until="mix")["mix"].manifest.ledger["targets"]
    told = {
        (each.phase, line.source, line.language, line.kind): (line.asked_tokens, line.tokens, line.earlier_tokens)
        for each in before.phases
        for line in each.cells
    }
    assert told == {(row["phase"], *cell(row)): (row["asked"], row["tokens"], row["earlier"]) for row in page}
    assert before.tokens == sum(row["tokens"] for row in page) == 60_000


def test_policies_are_of_each_phase(folder: Path) -> None:
    """Of 7,022 tokens of code `main` takes 4,800, and the last phase wants as many again."""
    code: dict[str, Any] = {"name": "code", "share": "20%", "mix": {"shares": {"code": "80%", "ja": "20%"}}}
    changes: dict[str, Any] = {"budget": SMALL, "mix": ONCE, "phases": [{"name": "main"}, code]}
    with pytest.raises(Short, match=r"(?s)^phase code, of 6K tokens: .*python/code/code.*4.8K are taken by earlier"):
        phased(folder, **changes)
    for policy, total in (("fill_all", 30_000), ("shrink", 24_000 + 2222 * 5 // 4)):
        code["mix"]["when_short"] = policy
        page = phased(folder, **changes)["size"].manifest.ledger
        tokens = {
            name: sum(row["tokens"] for row in page["targets"] if row["phase"] == name) for name in ("main", "code")
        }
        assert tokens["main"] == 24_000
        assert sum(tokens.values()) == pytest.approx(total, abs=1)
        taken = sum(row["tokens"] for row in page["targets"] if row["language"] == "code")
        assert taken == pytest.approx(7022, abs=1)


def test_the_card_and_the_tables_tell_of_each_phase(folder: Path) -> None:
    config = varied_run(folder, phases=PHASES)
    results = made(config)
    said = card.card(runfile.load(config), results)
    assert "data/1-main/train-*.parquet, data/2-anneal-ja/train-*.parquet" in said
    for each in results["size"].manifest.ledger["phases"]:
        tokens = sum(row["copied_tokens"] for row in each["cells"])
        assert f"| {each['phase']} | all |" in said
        assert f"| {tokens:,} | 100% |" in said
    table = report.phases(results)
    assert table is not None
    assert table.row_count == 7  # code, en, ja and all; en, ja and all
    assert not any("phase" in remark for remark in report.remarks(results))
    assert report.phases(made(varied_run(folder))) is None
