"""An audit as it is shown and drawn: what a reader must find in it, and that no name breaks it."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from prep.errors import BadSettings
from prep.pipeline.audit import explain, output, plot, screen, shard, totals
from prep.pipeline.audit.figures import Estimate, Source, Tokens
from prep.pipeline.audit.probes import Measure, texts
from prep.pipeline.audit.request import Request
from prep.pipeline.audit.traits import of
from prep.pipeline.audit.verdict import judge
from prep.pipeline.plan.output import dump
from tests.test_audit_ranges import GPT2, LLMJP

MEASURES = {"gpt2": Measure("gpt2", GPT2), "llm-jp": Measure("llm-jp", LLMJP)}


def exact(value: float) -> Estimate:
    return Estimate(value, value, value, True)


def about(value: float, half: float) -> Estimate:
    return Estimate(value, value * (1 - half), value * (1 + half))


def tokens(name: str, ratio: float, half: float = 0.004) -> Tokens:
    figure = about(ratio, half) if half else exact(ratio)
    total = about(4e9 / ratio, half) if half else exact(4e9 / ratio)
    return Tokens(name, "hf-json", 50257, "gigatoken 0.10.0", figure, exact(ratio / 2), total, 900, 4_000_000)


def source(name: str, language: str | None, *counted: Tokens, text: str = "en") -> Source:
    return Source(
        name, language, "web", 40, 4, 2_000_000_000, 200_000_000, True, "files", about(1e6, 0.02), about(4e9, 0.01),
        about(2e9, 0.01), of(texts()[text]), counted, 3, ("fewer than ten files: the interval is wide",),
    )  # fmt: skip


EN = source("wiki", None, tokens("gpt2", 4.4), tokens("llm-jp", 4.1))
JA = source("日本語の本", "ja", tokens("gpt2", 2.0), tokens("llm-jp", 8.2), text="ja")
ODD = source("mixed", "fr", tokens("gpt2", 1.9), tokens("llm-jp", 2.1), text="ja")
ALL = (EN, JA, ODD)


def shown(*sources: Source, width: int = 80) -> str:
    out = io.StringIO()
    judged = [each for one in sources for each in explain.judge(one, MEASURES)]
    screen.show(sources, judged, Console(file=out, width=width, color_system=None))
    return out.getvalue()


def test_the_tables_hold_what_is_asked_and_fit_eighty_columns() -> None:
    found = shown(*ALL)
    assert max(map(len, found.splitlines())) <= 80
    for figure in ("(en)", "~1M", "~4 GB", "2 GB", "4/40", "4.400 ±0.40%", "3.3-4.8", "4.40 (2.20)*", "日本語の本"):
        assert figure in found, figure
    assert "tokens and ratios are of it, not of the 6 GB (5.59 GiB) on disk" in " ".join(found.split())


def test_the_odd_is_explained_once_and_the_limits_are_told() -> None:
    found = " ".join(shown(*ALL).split())
    assert "日本語の本 by llm-jp: above 3.6 to 7.0 bytes a token" in found
    assert "mixed by gpt2: below 2.5 to 5.0" in found
    assert "declared fr, but it reads as ja" in found
    assert found.count("fewer than ten files") == 1
    assert "whole files drawn by size" in found
    assert "3 records read were no documents" in found


def test_exact_figures_carry_no_interval() -> None:
    found = shown(source("a", "en", tokens("gpt2", 4.4, 0)))
    assert "±" not in found
    assert "Every document was counted" in found


def test_a_source_without_documents_is_shown_and_counts_nothing() -> None:
    empty = replace(EN, name="empty", tokens=(), documents=exact(0), text=exact(0))
    assert "empty" in shown(empty, EN)
    assert totals.total([empty, EN]).ratios[0].bytes_per_token == pytest.approx(4.4)


def test_sums_of_sources_add_their_errors_as_squares() -> None:
    found = totals.add([Estimate(10, 7, 13), Estimate(20, 16, 24), exact(5)])
    assert (found.value, found.low, found.high, found.exact) == (35, 30, 40, False)
    assert totals.add([exact(1), exact(2)]).exact
    assert [each.language for each in totals.by_language(ALL)] == ["en", "ja", "fr"]


@pytest.mark.parametrize("name", ["a.svg", "a.png", "a.html"])
def test_a_picture_is_drawn_with_names_of_any_script(tmp_path: Path, name: str) -> None:
    pytest.importorskip("matplotlib")
    judged = [each for one in ALL for each in explain.judge(one, MEASURES)]
    plot.write((*ALL, replace(EN, name="$x_1$")), judged, str(tmp_path / name))
    content = (tmp_path / name).read_bytes()
    assert len(content) > 5_000
    if name != "a.png":
        assert "日本語の本" in content.decode()
        assert "known range" in content.decode()
        plot.write((*ALL, replace(EN, name="$x_1$")), judged, str(tmp_path / f"again{name}"))
        assert (tmp_path / f"again{name}").read_bytes() == content


def test_a_picture_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"\.svg, \.png, \.html"):
        plot.write(ALL, [], str(tmp_path / "a.gif"))


def test_the_json_is_plain_and_says_what_is_guessed() -> None:
    judged = tuple(each for one in ALL for each in explain.judge(one, MEASURES))
    found = output.Found("reads", None, ALL, judged, MEASURES, (judge_one("750GB = 500B"),), ("a note",))
    plain = json.loads(dump(output.as_json(found)))
    assert plain["schema"] == "prep-audit/1"
    assert [(each["language"], each["language_guessed"]) for each in plain["sources"]] == [
        ("en", True),
        ("ja", False),
        ("fr", False),
    ]
    row = plain["sources"][1]["tokens"][1]
    assert (row["verdict"], row["range"]["low"], row["ratio"]["value"]) == ("above", 3.6, 8.2)
    assert plain["claims"][0]["verdict"] == "wrong"
    assert plain["tokenizers"][1]["class"] == "japanese"


def judge_one(text: str):  # type: ignore[no-untyped-def]
    from prep.pipeline.audit.claims import read

    return judge(read(text))


def test_claims_are_shown_as_a_table_with_reasons() -> None:
    out = io.StringIO()
    screen.show_claims([judge_one("a: 750GB = 500B"), judge_one("b: 4GB = 1B")], Console(file=out, width=100))
    assert "a: wrong" in out.getvalue()
    assert "b: fits" in out.getvalue()


def test_a_shard_holds_a_row_for_each_source_and_tokenizer(tmp_path: Path) -> None:
    from prep.manifests import shards, store

    judged = [each for one in ALL for each in explain.judge(one, MEASURES)]
    folder = str(tmp_path / "out")
    shard.write(folder, Request({}, {}), ALL, judged)
    table = shards.table([shards.Columns(f"{folder}/{shard.NAME}", tuple(shard.SCHEMA.names))])
    assert table.num_rows == 6
    assert table.column("bytes_per_token").to_pylist()[:2] == [4.4, 4.1]
    manifest = store.manifest(folder)
    assert manifest is not None
    assert manifest.ledger == {"rows": 6}
    with pytest.raises(BadSettings, match="finished result"):
        shard.write(folder, Request({}, {}), ALL, judged)
