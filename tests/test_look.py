"""`prep look` shows what it is asked for: by reason, source, language and distance, drawn and not the first ones."""

import json
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from prep.errors import BadInput, BadSettings
from prep.filters.quality import train
from prep.pipeline.chain import Machine
from prep.pipeline.look import finished
from prep.pipeline.look.asked import Asked
from prep.pipeline.look.document import Document
from prep.pipeline.look.finished import Finished
from prep.pipeline.look.gather import look
from tests.tiny import WORDS, documents, made, prep, tiny_run

ALL = 10_000


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    return judged_run(tmp_path_factory.mktemp("look"))


def judged_run(folder: Path, write: Callable[[], object] = lambda: None, **changes: Any) -> str:
    """A finished tiny run in which documents are left out by score, as duplicates and by the budget.

    `write` may change the sources before they are read.
    """
    quality = {"model": {"en": write_model(folder)}, "filter": ["web"], "keep": {"en": {"pareto": 2}}}
    config = tiny_run(folder, quality=quality, **changes)
    write()
    made(config)
    return config


def write_model(folder: Path) -> str:
    """A model of English that tells words about a river from those about people, so that tiny texts score all ways."""
    chance = random.Random(5)
    good, rest = (
        [" ".join(chance.choices(WORDS["web_en"][part], k=12)) for _ in range(60)]
        for part in (slice(0, 9), slice(7, None))
    )
    train(good, rest, 1, folder / "en.bin")
    return str(folder / "en.bin")


@pytest.fixture(scope="module")
def run(config: str) -> Finished:
    return finished.load(config)


def shown(run: Finished, **flags: Any) -> list[Document]:
    return list(look(run, Asked(**{"number": ALL, **flags}), Machine(1)).documents)


def rows(config: str) -> list[dict[str, Any]]:
    return documents(made(config))


BITS = {"quality": 16, "duplicate": 32, "budget": 128}


@pytest.mark.parametrize("reason", BITS)
def test_the_documents_of_a_reason_are_those_with_its_bit(config: str, run: Finished, reason: str) -> None:
    there = {row["id"] for row in rows(config) if row["left_out"] & BITS[reason]}
    assert there
    assert {one.id for one in shown(run, left_out=reason)} == there
    assert all(reason in one.reasons for one in shown(run, left_out=reason))


def test_what_is_kept_is_what_has_no_reason(config: str, run: Finished) -> None:
    kept = {row["id"]: row["copies"] for row in rows(config) if not row["left_out"]}
    assert {one.id: one.copies for one in shown(run, kept=True)} == kept


def test_a_look_is_narrowed_by_source_and_language(config: str, run: Finished) -> None:
    for flag, column in (("source", "source"), ("language", "language")):
        for value in sorted({row[column] for row in rows(config)}):
            there = {row["id"] for row in rows(config) if row[column] == value}
            assert {one.id for one in shown(run, **{flag: value})} == there


def test_the_counts_are_of_all_that_fits_and_not_of_what_is_shown(config: str, run: Finished) -> None:
    found = look(run, Asked(number=1), Machine(1))
    assert len(found.documents) == 1
    assert sum(number for number, _ in found.counts.values()) == len(rows(config))
    assert sum(tokens for _, tokens in found.counts.values()) == sum(row["n_tokens.tiny"] for row in rows(config))


def test_what_is_shown_is_drawn_by_seed_and_is_the_same_every_time(run: Finished) -> None:
    one, two, other = ([each.id for each in shown(run, number=12, seed=seed)] for seed in (0, 0, 1))
    assert one == two != other
    assert one != sorted(one)


def test_more_documents_hold_the_fewer(run: Finished) -> None:
    few, many = ([one.id for one in shown(run, number=number)] for number in (5, 20))
    assert many[:5] == few


def test_near_threshold_begins_with_the_least_distance(run: Finished) -> None:
    found = shown(run, near_threshold=True)
    distances = [abs(one.needed - one.score) for one in found if one.needed is not None and one.score is not None]
    assert len(distances) == len(found) > 10
    assert distances == sorted(distances)


def test_the_score_that_a_draw_asks_for_parts_the_kept_from_the_left_out(run: Finished) -> None:
    judged = [one for one in shown(run, source="web_en") if one.needed is not None]
    assert {"quality" in one.reasons for one in judged} == {True, False}
    for one in judged:
        assert one.score is not None
        assert one.needed is not None
        assert (one.score < one.needed) == ("quality" in one.reasons)


def test_deciles_hold_equal_parts_of_each_language_in_the_order_of_scores(run: Finished) -> None:
    found = shown(run, deciles=True, language="en")
    groups: dict[str, list[float]] = {}
    for one in found:
        groups.setdefault(one.stratum, []).append(one.score or 0.0)
    ordered = [groups[name] for name in sorted(groups)]
    assert all(max(low) < min(high) for low, high in pairwise(ordered))
    assert len(look(run, Asked(deciles=True), Machine(1)).documents) <= 5 * 10 * 2


def test_a_long_text_is_cut_with_the_number_of_characters_left(config: str, run: Finished) -> None:
    texts = {row["id"]: row["text"] for row in rows(config)}
    for one in shown(run, chars=7):
        assert one.text == texts[one.id][:7]
        assert one.left == len(texts[one.id]) - len(one.text)
    assert all(one.text == texts[one.id] and not one.left for one in shown(run, chars=0))


def test_figures_of_every_stage_are_shown(run: Finished) -> None:
    one = shown(run, left_out="duplicate")[0]
    assert {"n_tokens.tiny", "n_bytes", "duplicate_group"} <= one.figures.keys()
    assert one.score is not None


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"left_out": "qualty"}, "nearest: quality"),
        ({"left_out": "gopher_nonsense"}, "there are"),
        ({"source": "web_eng"}, "nearest: web_en"),
        ({"language": "jp"}, "there are: code, en, ja"),
        ({"left_out": "quality", "kept": True}, "exclude each other"),
        ({"near_threshold": True, "deciles": True}, "exclude each other"),
    ],
)
def test_a_wrong_flag_is_told_with_what_was_meant(run: Finished, flags: dict[str, Any], said: str) -> None:
    with pytest.raises((BadInput, BadSettings), match=said):
        shown(run, **flags)


def test_an_output_folder_is_as_good_as_its_run_file(run: Finished) -> None:
    assert shown(finished.load(run.run.out), number=9) == shown(run, number=9)


def test_before_size_documents_are_judged_by_the_run_file(tmp_path: Path, config: str) -> None:
    quality = json.loads(Path(config).read_text())["quality"]
    early = tiny_run(tmp_path, quality=quality)
    made(early, until="dedup")
    run = finished.load(early)
    wanted = {row["id"] for row in rows(config) if row["left_out"] & (BITS["quality"])}
    assert {one.id for one in shown(run, left_out="quality")} == wanted
    assert any("prep size" in note for note in look(run, Asked(number=1), Machine(1)).notes)
    with pytest.raises(BadInput, match="prep size"):
        shown(run, left_out="budget")


def test_what_is_missing_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    with pytest.raises(BadInput, match="prep run"):
        finished.load(config)
    made(config, until="ingest")
    with pytest.raises(BadInput, match="prep count"):
        shown(finished.load(config))
    made(config, until="mix")
    with pytest.raises(BadInput, match="prep score"):
        shown(finished.load(config), deciles=True)


def test_later_results_of_an_earlier_run_are_not_laid_beside_new_documents(tmp_path: Path) -> None:
    made(tiny_run(tmp_path))
    path = tmp_path / "corpus/wiki_ja.jsonl"
    path.write_text(path.read_text() + json.dumps({"id": "new", "text": "新しい 文書 " * 30}) + "\n")
    config = tiny_run(tmp_path, sources={})
    path.write_text(path.read_text() + json.dumps({"id": "new", "text": "新しい 文書 " * 30}) + "\n")
    made(config, until="count")
    run = finished.load(config)
    assert "size" not in run.results
    assert "new" in {one.id for one in shown(run, source="wiki_ja")}


def test_the_command_prints_plainly_where_there_is_no_terminal(config: str) -> None:
    done = prep("look", config, "--left-out", "quality", "-n", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 of ")
    assert "\x1b" not in done.stdout
    lines = prep("look", config, "--jsonl", "-n", "3").stdout.splitlines()
    assert [set(json.loads(line)) >= {"id", "text", "reasons", "figures"} for line in lines] == [True] * 3
    assert prep("look", config, "--html", "x", "--jsonl").returncode == 2
