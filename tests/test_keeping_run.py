"""Selection in whole runs: what was foretold is what was written, and what cannot be kept is said."""

from pathlib import Path
from typing import Any

import pytest

from prep.errors import BadModel, BadSettings, Short
from prep.pipeline import language, runfile, selected
from prep.pipeline.keeping.kept import Kept
from prep.pipeline.reasons import Reason
from prep.pipeline.stage import Result
from tests.tiny import made, rows, tiny_run, write_models

LATER = Reason.DUPLICATE | Reason.VALIDATION | Reason.BUDGET
BEFORE = Reason.QUALITY - 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keeping")


@pytest.fixture(scope="module")
def models(folder: Path) -> dict[str, str]:
    return write_models(folder)


def sized(folder: Path, models: dict[str, str], **changes: Any) -> dict[str, Result]:
    keep = changes.pop("keep")
    return made(tiny_run(folder, quality={"model": models, "keep": {"ja": "all", **keep}}, **changes), until="size")


@pytest.mark.parametrize(
    "keep",
    [
        {"en": {"pareto": 1}},
        {"en": {"share": 0.6}},
        {"web_en": {"tokens": 1500}, "en": "all"},
        {"en": {"threshold": 0.4}},
        {"en": {"pareto": "auto", "on": "score"}},
    ],
    ids=str,
)
def test_what_was_foretold_is_what_was_written(folder: Path, models: dict[str, str], keep: dict[str, Any]) -> None:
    results = sized(folder, models, keep=keep)
    [row] = [row for row in results["mix"].manifest.ledger["keeps"] if row["key"] != "ja"]
    written = zip(rows(results["ingest"]), rows(results["count.tiny"]), rows(results["size"]), strict=True)
    there = [(one["n_tokens.tiny"], out["left_out"]) for doc, one, out in written if doc["source"] == "web_en"]
    kept = [tokens for tokens, bits in there if not bits & (BEFORE | Reason.QUALITY)]
    assert row["kept"] == {"documents": len(kept), "tokens": sum(kept)}
    whole = [tokens for tokens, bits in there if not bits & BEFORE]
    assert row["whole"] == {"documents": len(whole), "tokens": sum(whole)}
    assert Kept.read(row).key == row["key"] == ("web_en" if "web_en" in keep else "en")


@pytest.mark.parametrize("asked", [450, 600])
def test_what_one_budget_holds_out_no_other_may_train_on(folder: Path, models: dict[str, str], asked: int) -> None:
    """Though `auto` keeps less of the text where less is asked for."""
    held, free, alphas = set[str](), set[str](), set[float]()
    for tokens in (600, 1_500, 3_000):
        keep = {"en": {"pareto": "auto"}}
        results = sized(folder, models, keep=keep, budget={"tokens": tokens}, validation={"tokens": asked})
        alphas |= {row["alpha"] for row in results["mix"].manifest.ledger["keeps"]}
        for document, out in zip(rows(results["ingest"]), rows(results["size"]), strict=True):
            held |= {document["id"]} if out["left_out"] == Reason.VALIDATION else set()
            free |= {document["id"]} if out["left_out"] in (0, Reason.BUDGET) else set()
    assert len(alphas) > 2
    assert held
    assert not held & free


def test_a_run_that_cannot_be_fed_stops_and_its_advice_feeds_it(folder: Path, models: dict[str, str]) -> None:
    with pytest.raises(Short, match=r"quality\.keep\.en keeps .* would feed the mix") as caught:
        sized(folder, models, keep={"en": {"pareto": 60}})
    said = str(caught.value).rpartition("tokens; ")[2]
    for way in said.removesuffix(" would feed the mix").split(" or "):
        name, number = way.strip("{}").split(": ")
        results = sized(folder, models, keep={"en": {name: float(number) if name != "tokens" else int(number)}})
        assert results["size"].manifest.ledger["asked"] == 3000


def test_scores_that_are_not_there_are_an_error(folder: Path, models: dict[str, str]) -> None:
    english = {"en": models["en"]}
    with pytest.raises(BadSettings, match=r"quality.keep.python: 'code' has no model; there are: en"):
        made(
            tiny_run(folder, quality={"model": english, "keep": {"python": {"share": 0.3}, "en": "all"}}), until="size"
        )
    with pytest.raises(BadModel, match="en has no table of reference quantiles"):
        sized(folder, models, keep={"en": {"pareto": "auto", "on": "quantile"}})


def test_auto_needs_no_reference_text_and_chooses_by_rank(folder: Path, models: dict[str, str]) -> None:
    """Of a model without a card; what it keeps scores better than the text that it is chosen from."""
    results = sized(folder, models, keep={"en": {"pareto": "auto"}})
    (row,) = [row for row in results["mix"].manifest.ledger["keeps"] if row["key"] == "en"]
    assert (row["on"], row["auto"]) == ("rank", True)
    assert row["alpha"] > 0
    assert list(row["points"]) == sorted(row["points"])
    assert len(row["points"]) >= row["whole"]["documents"]


@pytest.mark.parametrize(
    ("keep", "text"),
    [
        ({"web_eng": {"pareto": 1}}, "'web_eng' is neither a language of the sources nor a source; nearest: web_en"),
        ({"en": {"pareto": "autp"}}, "'autp' is no alpha"),
        ({"en": {"share": 0}}, "greater than 0"),
        ({"en": {}}, "says nothing of how"),
    ],
)
def test_a_keep_that_means_nothing_is_told_where_it_stands(
    folder: Path, models: dict[str, str], keep: dict[str, Any], text: str
) -> None:
    with pytest.raises(BadSettings) as caught:
        runfile.load(tiny_run(folder, quality={"model": models, "keep": keep}))
    assert text in str(caught.value)


def test_languages_are_found_told_and_left_out_where_that_is_asked(folder: Path) -> None:
    sources = {"web_en": {"language": "fr"}}
    mix = {"shares": {"ja": 0.8, "code": 0.2}, "preset": None, "pair": None, "code": None}
    shares = {key: value for key, value in mix.items() if value is not None}
    for keep, expected in ((None, 0), (0.5, Reason.LANGUAGE)):
        config = wrong_language(folder, sources, shares, {"by": "cld2", **({"keep": keep} if keep else {})})
        results = made(config, until="size")
        found = results[language.NAME].manifest.ledger["found"]
        assert [(row["language"], row["found"]) for row in found if row["source"] == "web_en"] == [("fr", "en")]
        left = [out["left_out"] for doc, out in zip(rows(results["ingest"]), rows(results["size"]), strict=True)
                if doc["source"] == "web_en"]  # fmt: skip
        assert {bits & Reason.LANGUAGE for bits in left} == {expected}
        assert selected.languages(results) is not None


def wrong_language(folder: Path, sources: dict[str, Any], mix: dict[str, Any], identify: dict[str, Any]) -> str:
    import json

    path = Path(tiny_run(folder, identify=identify))
    plain = json.loads(path.read_text())
    for name, keys in sources.items():
        plain["sources"][name] |= keys
    plain["mix"] = {**mix, "max_epochs": 4}
    path.write_text(json.dumps(plain))
    return str(path)


def test_a_source_may_have_its_language_detected(folder: Path) -> None:
    sources = {name: {"language": "detect"} for name in ("wiki_ja", "web_en")}
    shares = {"shares": {"ja": 0.4, "en": 0.4, "code": 0.2}}
    results = made(wrong_language(folder, sources, shares, {"by": "cld2"}), until="ingest")
    found = {(row["source"], row["language"]) for row in rows(results["ingest"])}
    assert found == {("wiki_ja", "ja"), ("web_en", "en"), ("python", "code")}


def test_a_keep_that_is_chance_rather_than_choice_is_said(folder: Path, models: dict[str, str]) -> None:
    results = sized(folder, models, keep={"en": {"pareto": 0.01}})
    [said] = selected.remarks(results)
    assert said.startswith("quality.keep.en: ")
    assert "would be kept at any score" in said
    [row] = [row for row in results["mix"].manifest.ledger["keeps"] if row["key"] == "en"]
    assert f"tokens: {row['kept']['tokens']}" in said
    table = selected.keeps(results)
    assert table is not None
    assert table.row_count == 1  # ja has no text of the kinds that are filtered
