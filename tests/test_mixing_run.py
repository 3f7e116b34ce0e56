"""Mixes of a real small run: what is foretold is what is made, whatever is asked and whoever is short."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from prep.errors import BadInput, Short
from prep.manifests import files
from prep.pipeline import commands, feeding, forecast, runfile
from prep.pipeline.chain import Machine
from prep.pipeline.mixing import screen
from prep.pipeline.mixing.answer import Answer
from prep.pipeline.stage import Result
from tests.tiny import Row, documents, made, varied_run

ONE = Machine(workers=1)
FULL = 128  # the bit of `left_out` that says: it may be in, but its cell is full
SHORT = {"max_epochs": 1, "code": 0.2}  # of 60,000 tokens code is asked 12,000 and has 7,022

MIXES: dict[str, dict[str, Any]] = {
    "equal": {"max_epochs": 4},
    "japlus": {"preset": "japlus", "max_epochs": 4},
    "enplus": {"preset": "enplus", "max_epochs": 4},
    "unimax": {"within": "unimax", "max_epochs": 4},
    "temperature": {"within": "temperature 3.33", "max_epochs": 4},
    "nested": {
        "within": {
            "en": {"books": "30%", "rest": "proportional"},
            "ja": {"wiki_ja": "1 epoch", "rest": "proportional"},
        },
        "max_epochs": {"web": 6, "rest": 4},
    },
    "times": {"within": {"en": {"books_en": "3x", "rest": "proportional"}}, "max_epochs": 4},
    "floors": {"floors": {"books_en": "2 epochs", "python": "9K tokens"}, "max_epochs": 4},
    "group": {
        "preset": None, "pair": None, "code": None, "groups": {"prose": ["books"]}, "max_epochs": 4,
        "shares": {"ja": "50%", "en": "20%", "prose": "30%"},
    },
    "shrink": SHORT | {"when_short": "shrink"},
    "fill_all": SHORT | {"when_short": "fill_all"},
    "fill_within_language": {
        "within": {"en": {"books_en": "99%", "web": "1%"}}, "when_short": "fill_within_language",
        "max_epochs": {"books_en": 1, "rest": 3},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One output folder for all mixes: what comes before the mix is made once."""
    found = tmp_path_factory.mktemp("mixes")
    made(varied_run(found), until="dedup")
    return found


def foretold(config: str) -> Answer:
    return forecast.forecast(runfile.load(config), ONE)


def figures(page: list[Row]) -> dict[tuple[str, ...], tuple[int, int, int]]:
    return {
        (row["source"], row["language"], row["kind"]): (row["asked"], row["tokens"], row["available"]) for row in page
    }


def targets(results: dict[str, Result]) -> list[Row]:
    found: list[Row] = results["mix"].manifest.ledger["targets"]
    return found


@pytest.mark.parametrize("name", MIXES)
def test_what_is_foretold_is_what_is_made(folder: Path, name: str) -> None:
    config = varied_run(folder, mix=MIXES[name])
    before = foretold(config)
    assert before.problem is None
    results = made(config, until="size")
    page = targets(results)
    told = {
        (line.source, line.language, line.kind): (line.asked_tokens, line.tokens, line.available_tokens)
        for line in before.cells
    }
    assert told == figures(page)
    assert before.tokens == sum(row["tokens"] for row in page)
    assert foretold(config) == before  # from the finished result, as from the columns
    assert_documents(before, results)
    there = [row for row in documents(results) if row["left_out"] in (0, FULL)]
    assert sum(row["available"] for row in page) == sum(row["n_tokens.tiny"] for row in there)
    assert all(row["floor"] <= row["tokens"] <= row["cap"] for row in page)
    assert before.tokens == 60_000 or name == "shrink"


def assert_documents(before: Answer, results: dict[str, Result]) -> None:
    """That as many documents are in as were foretold, of every cell, group and phase."""
    rows = documents(results)
    for each in before.phases or (before,):
        column = f"copies.{each.phase}" if each.phase else "copies"
        written: Counter[tuple[str, ...]] = Counter()
        for row in rows:
            written[row["source"], row["language"], row["kind"]] += row[column]
        assert {(line.source, line.language, line.kind): line.written_documents for line in each.cells} == {
            place: written[place] for line in each.cells for place in [(line.source, line.language, line.kind)]
        }
    assert before.whole.written_documents == sum(row["copies"] for row in rows)
    assert sum(line.written_documents or 0 for line in before.groups) == before.whole.written_documents


@pytest.mark.parametrize(
    "asked",
    [
        {"budget": {"exact": True}},
        {"budget": {"exact": True, "eod": 1}, "validation": {"tokens": 2_000}},
        {"exclude": {"lists": [{"by": "source", "values": ["web"], "reason": "r"}], "refill": "none"}},
        {
            "exclude": {
                "lists": [{"by": "id", "values": ["wiki_ja-1", "wiki_ja-2"], "reason": "r"}],
                "refill": "same_cell",
            }
        },
        {"phases": [{"name": "main"}, {"name": "anneal", "share": "20%"}], "budget": {"exact": True}},
    ],
    ids=["exact", "held out", "listed", "refilled", "phases"],
)
def test_documents_are_foretold_one_by_one(folder: Path, asked: dict[str, Any]) -> None:
    config = varied_run(folder, mix={"max_epochs": 4}, **asked)
    before = foretold(config)
    assert before.problem is None
    assert_documents(before, made(config, until="size"))


def test_policies_do_what_they_say(folder: Path) -> None:
    pages = {name: targets(made(varied_run(folder, mix=MIXES[name]), until="mix")) for name in MIXES}
    code = {name: next((row for row in page if row["language"] == "code"), None) for name, page in pages.items()}
    filled, shrunk = code["fill_all"], code["shrink"]
    assert filled is not None
    assert shrunk is not None
    assert filled["tokens"] == filled["available"] == shrunk["tokens"]
    assert sum(row["tokens"] for row in pages["shrink"]) == pytest.approx(5 * shrunk["available"], abs=3)
    english = [row for row in pages["fill_within_language"] if row["language"] == "en"]
    assert sum(row["tokens"] for row in english) == sum(row["asked"] for row in english) == 24_000
    [books] = [row for row in english if row["source"] == "books_en"]
    assert books["tokens"] == books["cap"] < books["asked"]


def test_a_mix_that_is_short_is_shown_before_it_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = varied_run(folder, mix=SHORT)
    with pytest.raises(Short, match="cannot be made as asked"):
        commands.forecast(runfile.load(config), ONE, plain=False)
    said = capsys.readouterr().out
    assert "python/code/code: asked 12K, 7.022K are left after filters = 1.71 epochs; 4.978K more to collect" in said
    with pytest.raises(Short, match="python/code/code"):
        made(config, until="mix")
    with pytest.raises(Short, match="cannot be made"):
        commands.forecast(runfile.load(config), ONE, plain=True)
    plain = json.loads(capsys.readouterr().out)
    assert plain["schema"] == "prep-mix/1"
    assert plain["whole"]["to_collect_tokens"] == 4978


def test_end_of_document_tokens_count_wherever_tokens_are_added_up(folder: Path) -> None:
    plain = targets(made(varied_run(folder), until="mix"))
    with_ends = targets(made(varied_run(folder, budget={"eod": 2}), until="mix"))
    assert [row["available"] + 2 * row["documents"] for row in plain] == [row["available"] for row in with_ends]
    assert sum(row["tokens"] for row in with_ends) == 60_000


def test_where_nothing_is_counted_it_is_said_how_to_count(tmp_path: Path) -> None:
    config = varied_run(tmp_path)
    with pytest.raises(BadInput, match="`prep count` counts them exactly, `prep audit` estimates them"):
        foretold(config)
    made(config, until="ingest")
    with pytest.raises(BadInput, match="not counted yet"):
        foretold(config)
    made(config, until="count")
    found = foretold(config)
    assert not found.filtered
    assert any("filters have not judged" in line for line in screen.remarks(found))


def test_the_largest_model_is_that_of_the_largest_corpus(folder: Path) -> None:
    config = varied_run(folder)
    run, there = feeding.read(config)
    found = feeding.feeding(run, there, "ratio:20")
    assert found.laws[0].params == pytest.approx(found.tokens / 20)
    assert found.ended_by == ("python/code/code",)
    assert found.epochs == pytest.approx(4)
    assert found.tokens == pytest.approx(5 * 4 * 7022, abs=3)
    made(varied_run(folder, budget={"tokens": found.tokens}), until="mix")
    with pytest.raises(Short):
        made(varied_run(folder, budget={"tokens": found.tokens + 1}), until="mix")
    made(varied_run(folder), until="mix")
    assert feeding.feeding(*feeding.read(str(folder / "out")), "ratio:20") == found


def test_what_a_folder_without_a_run_feeds_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no run has ended here"):
        feeding.read(str(tmp_path))
    assert not files.exists(str(tmp_path / "out"))
