"""The data card: what `datasets` reads of it, and what a user cannot break it with."""

from pathlib import Path

from ruamel.yaml import YAML

from prep.pipeline import card, runfile
from tests.tiny import made, tiny_run


def test_its_header_names_the_files_of_each_format_and_the_languages(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    results = made(config)
    text = (Path(results["export"].folder) / card.NAME).read_text()
    head = YAML(typ="safe").load(text.split("---\n")[1])
    assert [each["config_name"] for each in head["configs"]] == ["parquet", "arrow", "jsonl"]
    assert [each["default"] for each in head["configs"]] == [True, False, False]
    for each in head["configs"]:
        assert list(Path(results["export"].folder).glob(each["data_files"][0]["path"]))
    assert head["language"] == ["en", "ja"]


def test_its_figures_are_those_of_the_corpus(tmp_path: Path) -> None:
    results = made(tiny_run(tmp_path))
    text = (Path(results["export"].folder) / card.NAME).read_text()
    cells = results["export"].manifest.ledger["cells"]
    documents, tokens = sum(row["documents"] for row in cells), sum(row["tokens"]["tiny"] for row in cells)
    assert f"{documents:,} documents, {tokens:,} tokens" in text
    assert "| wiki_ja | ja | encyclopedia |" in text
    assert "| CC-BY-SA-4.0 | not stated |" in text


def test_a_licence_cannot_break_out_of_its_cell(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    results = made(config)
    run = runfile.load(config)
    nasty = run.sources["wiki_ja"].model_copy(update={"licence": "a | b\n# head <script>"})
    text = card.card(run.model_copy(update={"sources": {**run.sources, "wiki_ja": nasty}}), results)
    [line] = [line for line in text.splitlines() if line.startswith("| wiki_ja")]
    assert "a \\| b # head &lt;script> |" in line


def test_a_changed_licence_text_changes_the_card_and_no_result(tmp_path: Path) -> None:
    before = made(tiny_run(tmp_path))
    sources = runfile.load(tiny_run(tmp_path)).model_dump(mode="json", by_alias=True)["sources"]
    sources["wiki_ja"]["licence"] = "another licence"
    after = made(tiny_run(tmp_path, sources=_stripped(sources)))
    assert {name: result.folder for name, result in after.items()} == {n: r.folder for n, r in before.items()}
    assert "another licence" in (Path(after["export"].folder) / card.NAME).read_text()


def _stripped(sources: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """As a person would write them: without what is left at its default."""
    wanted = ("path", "language", "kind", "licence", "fields", "max_bad")
    return {name: {key: each[key] for key in wanted if each[key]} for name, each in sources.items()}
