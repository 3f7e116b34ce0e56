"""The data card: what `datasets` reads of it, and what a user cannot break it with."""

import ast
import re
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from prep.pipeline import card, runfile
from tests.tiny import documents, made, tiny_run, varied_run


def test_its_header_names_the_files_of_the_first_format_and_the_languages(tmp_path: Path) -> None:
    results = made(tiny_run(tmp_path))
    folder = Path(results["export"].folder)
    text = (folder / card.NAME).read_text()
    head = YAML(typ="safe").load(text.split("---\n")[1])
    [config] = head["configs"]
    assert (config["config_name"], config["default"]) == ("parquet", True)
    assert list(folder.glob(config["data_files"][0]["path"]))
    assert head["language"] == ["en", "ja"]
    assert "load_dataset('arrow', data_files={'train': 'arrow/train-*.arrow'})" in text
    assert "load_dataset('json', data_files={'train': 'jsonl/train-*.jsonl.zst'})" in text


PHASES = [{"name": "main"}, {"name": "anneal", "share": "20%"}]
SHAPES: list[dict[str, Any]] = [
    {}, {"phases": PHASES}, {"phases": PHASES, "export": {"layout": "by_cell"}}, {"export": {"layout": "by_cell"}}
]  # fmt: skip


@pytest.mark.parametrize("format_", ["parquet", "arrow", "jsonl"])
@pytest.mark.parametrize("shape", SHAPES, ids=["plain", "phases", "phases by cell", "by cell"])
def test_datasets_opens_both_splits_with_every_document_in_its_order(
    shared: Path, format_: str, shape: dict[str, Any]
) -> None:
    """What a user does with the folder, and the same documents as the files have.

    JSON lines carry no types, and a column that is empty in the first file (`whole_bytes`) is taken for one of nothing.
    """
    datasets = pytest.importorskip("datasets", reason="opens corpora, and is not installed")
    if format_ == "jsonl" and "export" in shape:
        pytest.skip("a cell without addresses or licences has columns of nothing")
    export = {"shard": 8_000, **shape.get("export", {}), "formats": [format_]}
    asked = {"budget": {"tokens": 20_000, "exact": format_ != "jsonl"}, "validation": {"tokens": 2_000}}
    results = made(varied_run(shared, **{**asked, **shape, "export": export}))
    folder = Path(results["export"].folder)
    found = datasets.load_dataset(str(folder), cache_dir=str(shared / "cache" / format_ / str(SHAPES.index(shape))))
    assert set(found) == {"train", "validation"}
    page = results["export"].manifest.ledger
    for split, cells in (("train", page["cells"]), ("validation", page["validation"])):
        assert len(found[split]) == sum(row["documents"] for row in cells)
        assert sum(found[split]["n_tokens.tiny"]) == sum(row["tokens"]["tiny"] for row in cells)
        assert set(found[split]["id"]) <= {row["id"] for row in documents(results)}
    if "phases" in shape:
        assert [name for name, _ in groupby(found["train"]["phase"])] == ["main", "anneal"]
        assert set(found["validation"]["phase"]) == {None}
    if format_ == "parquet" and "export" not in shape:
        names = [shard.name for shard in results["export"].manifest.shards if "/train-" in shard.name]
        written = [row for name in names for row in pq.read_table(folder / name)["id"].to_pylist()]
        assert list(found["train"]["id"]) == written


def test_datasets_opens_the_other_formats_as_the_card_says(
    shared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets", reason="opens corpora, and is not installed")
    results = made(varied_run(shared, phases=PHASES, validation={"tokens": 2_000}))
    monkeypatch.chdir(results["export"].folder)
    said = re.findall(r"`load_dataset\((.*?), data_files=(.*?)\)`", Path(card.NAME).read_text())
    assert [name for name, _ in said] == ["'arrow'", "'json'"]
    whole = datasets.load_dataset(results["export"].folder, cache_dir=str(tmp_path))
    for name, files in said:
        found = datasets.load_dataset(
            ast.literal_eval(name), data_files=ast.literal_eval(files), cache_dir=str(tmp_path)
        )
        for split in ("train", "validation"):
            assert list(found[split]["id"]) == list(whole[split]["id"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One output folder: all but size and export is made once."""
    return tmp_path_factory.mktemp("card")


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
