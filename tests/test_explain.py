"""`prep explain` tells every kind of fate from what the run wrote: kept, left out, put aside, never seen."""

import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from prep.errors import BadInput, BadSettings
from prep.pipeline.chain import Machine
from prep.pipeline.explain.about import FEATURES, Explained
from prep.pipeline.explain.answer import Answer, Question, answer
from prep.pipeline.explain.show import text
from prep.pipeline.look import finished
from prep.pipeline.look.finished import Finished
from tests.test_look import judged_run
from tests.tiny import documents, made, prep, tiny_run

Row = dict[str, Any]
BITS = {"quality": 16, "duplicate": 32, "budget": 128}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("explain")
    tiny_run(folder)
    path = folder / "corpus/wiki_ja.jsonl"
    more = [
        {"id": "記事/東京 #1", "text": "ﾌｼﾞｻﾝ は 日本一 高い 山 である 。 " * 4},
        {"id": "../../etc/passwd", "text": "道 の 名 を 名乗る 文書 。 " * 4},
        {"id": "twin", "text": "双子 の 文 が ここ に ある 。 東京 の 歴史 。"},
        {"id": "twin-2", "text": "双子 の 文 が ここ に ある 。 大阪 の 歴史 。"},
    ]
    path.write_text(path.read_text() + "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in more))
    kept = path.read_text()
    return judged_run(folder, write=lambda: path.write_text(kept))


@pytest.fixture(scope="module")
def run(config: str) -> Finished:
    return finished.load(config)


@pytest.fixture(scope="module")
def rows(config: str) -> list[Row]:
    return documents(made(config))


def asked(run: Finished, **question: Any) -> Answer:
    return answer(run, Question(**question), Machine(1))


def one(run: Finished, id_: str) -> Explained:
    found = asked(run, id=id_)
    assert found.found == len(found.documents) == 1
    assert found.documents[0].document.id == id_
    return found.documents[0]


def of(rows: list[Row], bit: int) -> Row:
    return next(row for row in rows if row["left_out"] & bit)


def test_a_document_left_out_by_score_shows_what_its_draw_asked(run: Finished, rows: list[Row]) -> None:
    told = one(run, of(rows, BITS["quality"])["id"])
    assert told.document.score is not None
    assert told.document.needed is not None
    assert told.document.score < told.document.needed
    assert told.keep == {"pareto": 2.0}
    # Kept is where the draw is below (2 - s)^-alpha; the score asked for is where the two are equal.
    assert (
        told.draws["quality"] == pytest.approx((2 - told.document.needed) ** -2, abs=2e-4) or told.document.needed == 0
    )
    assert any(why.reason == "quality" and f"{told.document.needed:.4f}" in why.text for why in told.why)


def test_what_its_words_add_sums_to_the_score(run: Finished, rows: list[Row]) -> None:
    for row in sorted((row for row in rows if row["source"] == "web_en"), key=lambda row: row["n_chars"])[:5]:
        told = one(run, row["id"])
        assert told.document.score is not None
        sides = [sum((each.adds > 0) is side for each in told.features) for side in (True, False)]
        if max(sides) < FEATURES:  # else only the strongest are shown
            total = sum(each.adds for each in told.features)
            assert 1 / (1 + math.exp(-total)) == pytest.approx(told.document.score, abs=1e-4)
        assert {each.adds > 0 for each in told.features} == {True, False}


def test_a_duplicate_names_who_stands_for_it_and_why(run: Finished, rows: list[Row]) -> None:
    row = of(rows, BITS["duplicate"])
    told = one(run, row["id"])
    assert told.group is not None
    twins = {other["id"] for other in rows if other["duplicate_group"] == row["duplicate_group"]}
    assert {member.id for member in told.group.members} == twins
    assert told.group.survivor in twins - {row["id"]}
    assert told.group.size == len(twins)
    survivor = one(run, str(told.group.survivor)).group
    assert survivor is not None
    assert survivor.why == "it stands for the group"


def test_what_the_budget_leaves_out_lies_above_the_cut(run: Finished, rows: list[Row]) -> None:
    told = one(run, of(rows, BITS["budget"])["id"])
    assert told.cell.cut is not None
    assert told.draws["order"] > told.cell.cut
    assert told.cell.asked is not None
    assert told.cell.got is not None
    assert told.corpus == []


def test_every_reason_is_told_and_not_only_the_first(run: Finished, rows: list[Row]) -> None:
    for row in rows:
        if row["left_out"].bit_count() > 1:
            told = one(run, row["id"])
            assert [why.reason for why in told.why] == [name for name, bit in BITS.items() if row["left_out"] & bit]
            break


def test_a_kept_document_stands_where_the_corpus_has_it(run: Finished, rows: list[Row]) -> None:
    for row in [row for row in rows if row["copies"]][:3]:
        told = one(run, row["id"])
        assert told.corpus is not None
        assert len(told.corpus) == row["copies"]
        for standing in told.corpus:
            there = (
                pq.read_table(f"{run.results['export'].folder}/{standing.file}").slice(standing.row, 1).to_pylist()[0]
            )
            assert (there["id"], there["pass"]) == (row["id"], standing.pass_)


@pytest.mark.parametrize("formats", [["arrow"], ["jsonl"]])
def test_the_corpus_is_looked_through_in_any_format(tmp_path: Path, formats: list[str]) -> None:
    config = tiny_run(tmp_path, export={"formats": formats})
    row = next(row for row in documents(made(config)) if row["copies"])
    told = one(finished.load(config), row["id"])
    assert told.corpus is not None
    assert len(told.corpus) == row["copies"]


@pytest.mark.parametrize("id_", ["記事/東京 #1", "../../etc/passwd"])
def test_ids_of_any_form_are_found(run: Finished, id_: str) -> None:
    told = one(run, id_)
    assert told.document.source == "wiki_ja"
    assert told.draws.keys() == {"quality", "order"}


def test_a_sentence_in_two_documents_finds_both(run: Finished) -> None:
    found = asked(run, text="双子 の 文 が ここ に ある")
    assert {told.document.id for told in found.documents} == {"twin", "twin-2"}
    assert "2 documents" in next(text(found))


def test_a_sentence_is_found_in_another_width(run: Finished) -> None:
    assert [told.document.id for told in asked(run, text="フジサン は 日本一").documents] == ["記事/東京 #1"]


def test_a_rejected_record_is_told_with_its_reason_and_bytes(run: Finished) -> None:
    for question in ({"row": "web_en.jsonl:8"}, {"text": "cut off he"}, {"id": "web_en/web_en.jsonl#8"}):
        found = asked(run, **question)
        assert not found.found
        assert [(record.record, record.raw) for record in found.asides] == [(8, '{"text": "cut off he')]
        assert found.asides[0].rejected
        assert found.seen


def test_a_skipped_record_is_told_with_its_reason(run: Finished) -> None:
    found = asked(run, row="wiki_ja.jsonl:6")
    assert [record.skipped for record in found.asides] == ["empty text"]


def test_a_row_with_an_id_of_its_own_is_read_from_its_file(run: Finished) -> None:
    assert asked(run, row="wiki_ja.jsonl:12").documents[0].document.id == "wiki_ja-11"
    assert asked(run, row="wiki_ja/wiki_ja.jsonl:12").documents[0].document.id == "wiki_ja-11"
    path = run.run.sources["wiki_ja"].path[0]
    assert asked(run, row=f"{path}:12").documents[0].document.id == "wiki_ja-11"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("wiki_ja.jsonl:999", "ends after 39 records"),
        ("wiki_jp.jsonl:9", "nearest: wiki_ja/wiki_ja.jsonl"),
        ("wiki_ja.jsonl", "write a file and the number"),
        ("wiki_ja.jsonl:0", "write a file and the number"),
    ],
)
def test_a_row_that_is_not_there_is_told(run: Finished, row: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        asked(run, row=row)


def test_what_was_never_seen_is_told_with_what_is_nearest(run: Finished) -> None:
    found = asked(run, id="wiki_ja-1111")
    assert not found.seen
    assert "wiki_ja-11" in found.nearest
    assert "never seen" in "\n".join(text(found))
    assert not asked(run, text="no document says this").seen
    assert not asked(run, url="http://nowhere.example").seen


@pytest.mark.parametrize("question", [{}, {"id": "a", "url": "b"}, {"text": "a", "row": "b:1"}])
def test_one_way_of_naming_is_asked_for(run: Finished, question: Row) -> None:
    with pytest.raises(BadSettings, match="give one of ID, --url, --text, --row"):
        asked(run, **question)


def test_a_url_of_two_documents_finds_both(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, sources={})
    plain = json.loads(Path(config).read_text())
    rows_ = [
        {"text": f"the river runs {number} times " * 6, "url": f"https://example.org/{number // 2}"}
        for number in range(40)
    ]
    (tmp_path / "corpus/urls.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows_))
    plain["sources"]["urls"] = {
        "path": str(tmp_path / "corpus/urls.jsonl"), "language": "en", "kind": "web", "url": {"field": "url"},
    }  # fmt: skip
    Path(config).write_text(json.dumps(plain))
    made(config)
    run = finished.load(config)
    for url in ("https://example.org/3", "https://example.org/3/"):
        found = asked(run, url=url)
        assert [told.document.id for told in found.documents] == ["urls/urls.jsonl#7", "urls/urls.jsonl#8"]


@pytest.mark.parametrize("until", ["count", "dedup", "mix", "size"])
def test_what_is_not_there_yet_is_told_with_its_command(tmp_path: Path, until: str) -> None:
    config = tiny_run(tmp_path)
    made(config, until=until)
    found = asked(finished.load(config), id="wiki_ja-11")
    assert found.documents[0].corpus is None
    assert any(f"prep export {config}" in note for note in found.notes)
    assert (found.documents[0].cell.got is None) == (until != "size")
    assert "\n".join(text(found)).startswith("wiki_ja-11")


def test_the_command_prints_json_and_tells_the_unseen_by_its_exit_code(config: str) -> None:
    done = prep("explain", config, "wiki_ja-11", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["documents"][0]["document"]["id"] == "wiki_ja-11"
    assert prep("explain", config, "wiki_ja-nothing").returncode == 1
    assert prep("explain", config).returncode == 2
    shown = prep("explain", config, "twin").stdout
    assert "draws" in shown
    assert "mix asked" in shown
