"""The tables and remarks that a run ends with."""

import re
from pathlib import Path

from rich.console import Console

from prep.pipeline import report
from prep.pipeline.stage import Result
from tests.tiny import made, tiny_run, write_models


def shown(results: dict[str, Result], width: int) -> list[str]:
    console = Console(width=width, record=True, quiet=False, file=None)
    with console.capture() as capture:
        console.print(report.corpus(results, width))
    return capture.get().splitlines()


def test_a_narrow_terminal_gets_fewer_columns_and_whole_names(tmp_path: Path) -> None:
    results = made(tiny_run(tmp_path))
    for width, kinds in ((80, False), (report.WIDE, True)):
        lines = shown(results, width)
        assert all(len(line.rstrip()) <= width for line in lines)
        assert [line for line in lines if line.strip().startswith("wiki_ja")]
        assert [line for line in lines if line.strip().startswith("all")]
        assert any("encyclopedia" in line for line in lines) == kinds


def test_the_ends_of_documents_are_told_to_be_of_the_budget(tmp_path: Path) -> None:
    results = made(tiny_run(tmp_path, budget={"tokens": 3000, "exact": True, "eod": 1}))
    head = " ".join(" ".join(shown(results, 120)[:3]).split())
    assert re.search(r"Corpus: 2,\d+ and \d+ for the ends of documents, 3,000 of 3,000 tokens asked", head)


def test_a_run_without_surprises_needs_no_remark(tmp_path: Path) -> None:
    assert report.remarks(made(tiny_run(tmp_path))) == []


def test_a_language_without_a_share_is_said(tmp_path: Path) -> None:
    mix = {"preset": None, "pair": None, "code": None, "shares": {"ja": 0.5, "code": 0.5}}
    said = report.remarks(made(tiny_run(tmp_path, mix=mix)))
    assert len(said) == 1
    assert said[0].startswith("web_en/en/web: no share in `mix`")


def test_a_keep_that_leaves_next_to_nothing_is_said(tmp_path: Path) -> None:
    models = write_models(tmp_path)
    quality = {"model": models, "filter": ["web"], "keep": {"en": {"threshold": 1.0}}}
    shares = {"ja": 0.5, "code": 0.4, "en": 0.1}
    mix = {"preset": None, "pair": None, "code": None, "shares": shares, "when_short": "fill_all"}
    said = report.remarks(made(tiny_run(tmp_path, quality=quality, mix=mix)))
    assert any(line.startswith("web_en/en/web: the keep by score leaves ") for line in said)
    assert "web_en/en/web: asked 300 tokens, has 0 in its epochs; others fill up" in said


def test_a_corpus_that_was_shrunk_is_said_with_its_reason(tmp_path: Path) -> None:
    config = tiny_run(tmp_path, budget={"tokens": "10M"}, mix={"when_short": "shrink", "max_epochs": 2})
    [said] = [line for line in report.remarks(made(config)) if line.startswith("shrunk")]
    assert said.startswith("shrunk from 10,000,000 to ")
    assert "in 2.00 epochs" in said
