"""What `size` may do beside cutting by draw: lists, the best first, a last document that is cut, validation."""

from pathlib import Path
from typing import Any

import pytest

from prep.pipeline.chain import Machine
from prep.pipeline.explain.answer import Question, answer
from prep.pipeline.explain.show import text
from prep.pipeline.look import finished
from prep.pipeline.look.asked import Asked
from prep.pipeline.look.gather import look
from tests.test_explain import one
from tests.test_look import judged_run
from tests.tiny import documents, made

Row = dict[str, Any]


def run_of(folder: Path, **changes: Any) -> tuple[finished.Finished, list[Row]]:
    config = judged_run(folder, **changes)
    return finished.load(config), documents(made(config))


def test_a_list_that_names_a_document_is_told(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("wiki_ja-11\n")
    lists = {"lists": [{"file": str(tmp_path / "ids.txt"), "by": "id", "reason": "bench"}]}
    run, _ = run_of(tmp_path, exclude=lists)
    told = one(run, "wiki_ja-11")
    assert told.document.reasons[0] == "excluded"
    assert "'bench' (by id)" in told.why[0].text
    assert [each.id for each in look(run, Asked(left_out="excluded"), Machine(1)).documents] == ["wiki_ja-11"]


def test_where_the_best_come_first_the_cut_is_a_score(tmp_path: Path) -> None:
    run, rows = run_of(tmp_path, budget={"tokens": 3000, "choose": "quality"})
    left = [row for row in rows if row["left_out"] == 128 and row["source"] == "web_en"]
    for row in left:
        told = one(run, row["id"])
        assert told.cell.by == "quality"
        assert told.cell.cut is not None
        assert told.document.score is not None
        assert told.document.score <= told.cell.cut
        assert "best scores" in told.why[0].text
    assert left


def test_a_document_that_is_cut_says_how_much_of_its_last_copy_is_left(tmp_path: Path) -> None:
    run, rows = run_of(tmp_path, budget={"tokens": 3001, "exact": True})
    cut = [row for row in rows if row["kept_tokens"] is not None]
    assert cut
    for row in cut:
        shown = "\n".join(text(answer(run, Question(id=row["id"]), Machine(1))))
        assert f"{row['kept_tokens']} tokens of its last copy, which is cut" in shown


def test_a_change_counts_the_tokens_that_are_cut_off(tmp_path: Path) -> None:
    run, _ = run_of(tmp_path, budget={"tokens": 3001, "exact": True})
    assert look(run, Asked(changes=("budget.tokens=2000",)), Machine(1)).corpus == (3001, 2000)


@pytest.mark.parametrize("word", ["validation"])
def test_what_is_held_out_is_a_fate_of_its_own(tmp_path: Path, word: str) -> None:
    run, rows = run_of(tmp_path, validation={"shares": {"web_en": 0.2}})
    held = {row["id"] for row in rows if row["left_out"] & 64}
    assert held
    assert {each.id for each in look(run, Asked(left_out=word), Machine(1)).documents} == held
