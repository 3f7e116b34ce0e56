"""What a run says before it makes anything."""

from pathlib import Path

from prep.pipeline import runfile
from prep.pipeline.chain import Machine
from prep.pipeline.intake import listed
from prep.pipeline.preview import preview
from tests.tiny import made, tiny_run, write_source


def look(config: str) -> list[tuple[str, str, str]]:
    run = runfile.load(config)
    return preview(run, listed(run, Path.cwd()), Machine(workers=1), "export").lines


def test_at_first_all_is_new(tmp_path: Path) -> None:
    assert look(tiny_run(tmp_path)) == [("ingest", "new", "first time")]


def test_after_a_run_all_is_reused_and_nothing_is_made_by_looking(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    made(config)
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    assert {state for _, state, _ in look(config)} == {"reuse"}
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_a_changed_setting_is_named_with_both_values(tmp_path: Path) -> None:
    made(tiny_run(tmp_path))
    lines = look(tiny_run(tmp_path, mix={"preset": "japlus"}))
    assert [state for _, state, _ in lines] == ["reuse"] * (len(lines) - 1) + ["new"]
    assert lines[-1] == ("mix", "new", "mix.preset: equal → japlus")


def test_new_changed_and_vanished_files_are_named(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, sources=_folders(tmp_path))
    made(config)
    folder = tmp_path / "corpus" / "ja"
    (folder / "a.jsonl").rename(folder / "c.jsonl")
    assert look(config) == [("ingest", "new", "wiki_ja: files 1 new (c.jsonl), 1 gone (a.jsonl)")]
    (folder / "c.jsonl").rename(folder / "a.jsonl")
    with (folder / "a.jsonl").open("a") as file:
        file.write('{"id": "more", "text": "もう一つの文書です。"}\n')
    assert look(config) == [("ingest", "new", "wiki_ja: files 1 changed (a.jsonl)")]


def test_a_long_setting_is_cut(tmp_path: Path) -> None:
    made(tiny_run(tmp_path))
    lines = look(tiny_run(tmp_path, mix={"preset": None, "pair": None, "code": None, "shares": {"ja": 0.5, "en": 0.5}}))
    assert lines[-1][0] == "mix"
    assert len(lines[-1][2]) < 300


def _folders(tmp_path: Path) -> dict[str, object]:
    folder = tmp_path / "corpus" / "ja"
    folder.mkdir(parents=True, exist_ok=True)
    write_source(folder / "a.jsonl", "wiki_ja")
    source = {"path": str(folder), "language": "ja", "kind": "encyclopedia", "fields": {"id": "id"}}
    return {"wiki_ja": source}
