"""The demo: the whole chain, offline, on what ships with the package."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from prep.pipeline.cli import cli


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("demo") / "demo-run"
    return out, CliRunner().invoke(cli, ["demo", "--out", str(out), "--workers", "1"], catch_exceptions=False)


def test_it_ends_with_the_tables_the_corpus_and_the_run_file(demo: tuple[Path, Result]) -> None:
    out, done = demo
    assert done.exit_code == 0
    for words in ("Read", "Counted", "Left out", "Corpus", f"corpus: {out}/export/", f"run file: {out}/demo.yaml"):
        assert words in done.stdout.replace("\n", "") if words.startswith("corpus") else words in done.stdout


def test_the_corpus_keeps_within_its_budget_in_every_language(demo: tuple[Path, Result]) -> None:
    out, _ = demo
    [path] = out.glob("export/*/data/*.parquet")
    rows = pq.read_table(path).select(["language", "n_tokens.demo"]).to_pylist()
    shares = {"ja": 0.35, "en": 0.30, "fr": 0.15, "code": 0.20}
    assert {row["language"] for row in rows} == set(shares)
    for language, share in shares.items():
        assert 0 < sum(row["n_tokens.demo"] for row in rows if row["language"] == language) <= share * 40_000


def test_the_planted_flaws_are_booked(demo: tuple[Path, Result]) -> None:
    out, _ = demo
    [path] = out.glob("ingest/*/manifest.json")
    intake = {row["source"]: row for row in json.loads(path.read_text())["ledger"]["intake"]}
    assert intake["web_ja"]["rejected"] == {"not JSON": 1, "text is not a string": 1}
    assert intake["web_ja"]["skipped"] == {"empty text": 1}
    assert intake["books_ja"]["edited"]["aozora_ruby"] > 0


def test_its_run_file_runs_again_and_finds_everything_made(demo: tuple[Path, Result]) -> None:
    out, _ = demo
    again = CliRunner().invoke(cli, ["run", str(out / "demo.yaml"), "--dry-run"], catch_exceptions=False)
    assert again.exit_code == 0
    assert "new" not in again.stdout.split()
