"""`prep fit` as a whole: published exponents, the report, the JSON, the law file, the picture, the flags."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from prep.errors import BadInput, PrepError
from prep.pipeline.cli import cli
from prep.pipeline.plan import fit, fit_report, fit_runs, lawfile
from prep.pipeline.plan.laws import Chinchilla, Law
from tests.shared import SHARED

GADRE = SHARED / "facts" / "data" / "gadre2024_scaling_104models.csv"
needs_gadre = pytest.mark.skipif(not GADRE.is_file(), reason=f"no table of runs at {GADRE}; set PREP_SHARED")
TRUE = Chinchilla(1.8172, 482.01, 2085.43, 0.3478, 0.3658)


@pytest.fixture
def runs_csv(tmp_path: Path) -> Path:
    """Runs of a known law with 0.3% of noise: six budgets of eight sizes around the best."""
    pairs = [
        (size * times, flops / 6 / (size * times))
        for flops in np.geomspace(1e18, 1e21, 6)
        for size in [TRUE.balance * (flops / 6) ** TRUE.exponent]
        for times in np.geomspace(1 / 4, 4, 8)
    ]
    wobble = np.exp(0.003 * np.random.default_rng(2).standard_normal(len(pairs)))
    rows = [f"{n:.0f},{d:.0f},{TRUE(n, d) * each:.5f}" for (n, d), each in zip(pairs, wobble, strict=True)]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["params,tokens,loss", *rows]) + "\n")
    return path


def prep(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["fit", *map(str, arguments)])


@needs_gadre
def test_the_published_exponents_of_104_models_come_out() -> None:
    """facts/scaling.md, section 2; 200 resamples each."""
    published = {"c4_original": (0.253, 0.262, 1.62), "rpj": (0.243, 0.273, 1.72), "rw_original": (0.223, 0.290, 1.70)}
    for name, (alpha, beta, floor) in published.items():
        columns = fit_runs.Columns(loss="loss_c4_val", where=(f"train_data={name}",))
        found = fit.fit(fit_runs.read(GADRE, columns), fit.Ask(approach=3)).best
        surface = found.own.law.surface
        assert isinstance(surface, Chinchilla)
        assert (surface.alpha, surface.beta, surface.E) == pytest.approx((alpha, beta, floor), rel=0.01)
        assert found.a.low < found.a.value < found.a.high
        assert len(found.own.samples) == 200
        assert name in found.own.law.title


def test_approaches_agree_on_clean_runs_and_hold_the_truth(runs_csv: Path) -> None:
    found = fit.fit(fit_runs.read(runs_csv), fit.Ask(at=1e22, resamples=60))
    assert {each.own.approach for each in found.results} == {2, 3}
    assert found.best.own.approach == 3
    assert 1 in found.refused
    for each in found.results:
        assert each.a.value == pytest.approx(TRUE.exponent, abs=0.03)
        assert each.a.value + each.b.value == pytest.approx(1)
        assert each.ratio.low < each.ratio.value < each.ratio.high
        assert each.params.value * each.tokens.value * 6 == pytest.approx(1e22)
    assert found.warnings == ()


def test_a_law_file_brings_the_law_back_and_gives_intervals_of_any_answer(runs_csv: Path, tmp_path: Path) -> None:
    found = fit.fit(fit_runs.read(runs_csv), fit.Ask(resamples=20))
    for each in found.results:
        lawfile.write(each.own, tmp_path / "law.json")
        back = lawfile.read(tmp_path / "law.json")
        assert back == each.own
        assert isinstance(back.law, Law)
        assert back.law.fitted.params is not None
        drawn = [law.tokens(1e10) for law in back.resampled()]
        assert len(drawn) == 20
        assert min(drawn) < back.law.tokens(1e10) < max(drawn)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "prep-law/9"}, "schema is 'prep-law/9'"),
        ({"form": "cubic"}, "form is 'cubic'"),
        ({"coefficients": {"k": 0.1}}, "coefficients.a is None"),
        ({"coefficients": {"k": 0.1, "a": 1.4}}, "coefficients.a is 1.4"),
        ({"coefficients": {"k": -0.1, "a": 0.5}}, "coefficients.k is -0.1"),
        ({"coefficients": {"k": 0.1, "a": 0.5, "b": 0.5}}, "coefficients.b is 0.5"),
        ({"flops_per_parameter_token": "six"}, "flops_per_parameter_token is 'six'"),
        ({"fitted": {"params": [1], "tokens": [1, 2], "flops": [1, 2], "note": ""}}, "fitted.params is [1]"),
        ({"bootstrap": {"seed": 0, "samples": [[1]]}}, "bootstrap.samples is [1]"),
        ({"name": None}, "name is None"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_law_file_that_is_wrong_is_refused_by_its_key(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    spans = {"params": [1e7, 1e9], "tokens": [1e9, 1e11], "flops": [1e17, 1e20], "note": ""}
    right = {
        "schema": "prep-law/1", "name": "x", "title": "x", "source": "x", "approach": 2, "form": "power",
        "coefficients": {"k": 0.1, "a": 0.5}, "flops_per_parameter_token": 6.0, "fitted": spans,
        "bootstrap": {"seed": 0, "samples": []},
    }  # fmt: skip
    path = tmp_path / "law.json"
    path.write_text(json.dumps(right))
    assert lawfile.read(path).law.tokens(1e9) > 0
    path.write_text(json.dumps(right | change))
    with pytest.raises(BadInput) as caught:
        lawfile.read(path)
    assert said in str(caught.value)
    assert "law.json" in str(caught.value)


def test_a_law_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "law.json").write_text("params,tokens\n")
    with pytest.raises(BadInput, match="is not JSON"):
        lawfile.read(tmp_path / "law.json")
    with pytest.raises(BadInput, match="cannot read the law"):
        lawfile.read(tmp_path / "none.json")


def test_the_first_line_answers_and_the_json_has_the_same_figures(runs_csv: Path) -> None:
    flags = ("--resamples", 20, "--at", "1e22")
    text, data = prep(runs_csv, *flags), json.loads(prep(runs_csv, *flags, "--json").output)
    assert text.exit_code == 0
    assert text.output.startswith("At 1.00e22 FLOPs these runs ask for ")
    assert data["schema"] == fit_report.SCHEMA
    assert data["at_flops"] == 1e22
    best = next(each for each in data["approaches"] if each["approach"] == data["preferred_approach"])
    assert f"{best['tokens_per_parameter']['value']:.3g} (" in text.output.splitlines()[0]
    assert best["exponent_params"]["low"] < best["exponent_params"]["value"] < best["exponent_params"]["high"]
    assert data["not_fitted"][0]["approach"] == 1
    assert data == json.loads(prep(runs_csv, *flags, "--json").output)


def test_one_command_leaves_the_law_and_the_picture(runs_csv: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    law, drawn = tmp_path / "law.json", tmp_path / "fit.svg"
    told = prep(runs_csv, "--resamples", 10, "--approach", 2, "--write", law, "--plot", drawn)
    assert told.exit_code == 0
    assert "law of approach 2" in told.output
    assert lawfile.read(law).approach == 2
    assert drawn.read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("html", b"<!doctype html>")])
def test_pictures_come_in_kinds(runs_csv: Path, tmp_path: Path, ending: str, begins: bytes) -> None:
    pytest.importorskip("matplotlib")
    drawn = tmp_path / f"fit.{ending}"
    assert prep(runs_csv, "--resamples", 5, "--plot", drawn).exit_code == 0
    assert drawn.read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--at", "much"), "--at: 'much' is not a number"),
        (("--at", "0"), "--at 0.0: give FLOPs above zero"),
        (("--tolerance", "10"), "--tolerance: '10' is outside"),
        (("--tolerance", "0%"), "--tolerance 0.0"),
        (("--plot", "fit.pdf"), "end in .svg, .png, .html"),
        (("--loss", "perplexity"), "no column 'perplexity' for --loss"),
        (("--write", "none/law.json"), "cannot write the law"),
        (("--approach", "1"), "approach 1 (envelope): 0 model sizes"),
    ],
)
def test_a_wrong_flag_is_named(runs_csv: Path, flags: tuple[str, ...], said: str) -> None:
    result = prep(runs_csv, "--resamples", 2, *flags)
    assert isinstance(result.exception, PrepError)
    assert said in str(result.exception)


def test_a_table_of_one_budget_says_why_no_approach_can_fit_it(tmp_path: Path) -> None:
    sizes = np.geomspace(1e8, 1e10, 8)
    rows = [f"{n:.0f},{1e20 / 6 / n:.0f},{TRUE(n, 1e20 / 6 / n)}" for n in sizes]
    path = tmp_path / "one.csv"
    path.write_text("\n".join(["N,D,loss", *rows]))
    said = str(prep(path).exception)
    for part in (
        "one.csv: 8 rows cannot carry a law",
        "(envelope): 0 model sizes",
        "1 compute budgets",
        "one compute budget",
    ):
        assert part in said


def test_far_beyond_the_runs_is_called_an_extrapolation(runs_csv: Path) -> None:
    far = fit.fit(fit_runs.read(runs_csv), fit.Ask(at=1e26, resamples=0)).best
    assert any("times the largest run" in warning for warning in far.warnings)
    assert np.isnan(far.ratio.low)


def test_checkpoints_count_as_runs_only_when_asked(tmp_path: Path) -> None:
    sizes, tokens = np.geomspace(5e7, 5e9, 8), np.geomspace(1e9, 1e11, 8)
    rows = [f"r{n:.0f},{n:.0f},{d:.0f},{TRUE(n, d)}" for n, d in itertools.product(sizes, tokens)]
    path = tmp_path / "curves.csv"
    path.write_text("\n".join(["run,params,tokens,loss", *rows]))
    runs = fit_runs.read(path)
    assert runs.read_as["curve"] == "run"
    with pytest.raises(BadInput, match="tokens has only the values 100B"):
        fit.fit(runs, fit.Ask(approach=3, resamples=0))
    found = fit.fit(runs, fit.Ask(approach=3, resamples=0, all_points=True)).best
    assert found.a.value == pytest.approx(TRUE.exponent, abs=1e-6)
