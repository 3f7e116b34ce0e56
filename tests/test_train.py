"""Training: the same bytes every time, whole groups held out, sources alike, and errors that say what to do."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import BadModel
from prep.filters import quality
from prep.manifests import store
from prep.pipeline.cli import cli
from prep.pipeline.score import NAME, NEWER, quantile_table
from prep.pipeline.stage import Result
from prep.pipeline.tokenizers import digest_of
from prep.pipeline.training import card, sample
from tests.test_tokenizers import RANKS, write_ranks
from tests.tiny import made, write_run, write_tokenizer

WORDS = {
    True: "the treaty was signed in that century ; its author describes , at length , a war .".split(),  # noqa: SIM905
    False: "click here now ! you can buy cheap cookies ? we love it lol great service .".split(),  # noqa: SIM905
}
LEARNT: dict[str, Any] = {"train": {"reference": ["encyclopedia", "books"], "against": ["web"]}}


def text(good: bool, number: int) -> str:
    chooser = np.random.default_rng(number + 1000 * good)
    return " ".join(chooser.choice(WORDS[good], 60)) + f" number{number}"


def learning_run(folder: Path, **changes: Any) -> str:
    """Two sources a side, of 60 documents each; each site of the web has four."""
    kinds = {"wiki": "encyclopedia", "novels": "books", "forum": "web", "blogs": "web"}
    plain: dict[str, Any] = {
        "out": str(folder / "out"), "seed": 5, "budget": {"tokens": 500},
        "tokenizers": {"tiny": write_tokenizer(folder / "tok")}, "sources": {},
        "mix": {"shares": {"en": 1.0}}, "quality": LEARNT,
    }  # fmt: skip
    for place, (name, kind) in enumerate(kinds.items()):
        rows = [
            {"id": f"{name}{n}", "url": f"https://{name}{n // 4}.org/{n}", "text": text(kind != "web", 100 * place + n)}
            for n in range(60)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        plain["sources"][name] = {
            "path": str(folder / f"{name}.jsonl"), "language": "en", "kind": kind, "fields": {"id": "id"},
            "url": {"field": "url"},
        }  # fmt: skip
    return write_run(folder / "run.yaml", plain, changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("learning")


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Result]:
    return made(learning_run(folder), until="score")


def test_training_twice_gives_the_same_bytes(results: dict[str, Result], tmp_path: Path) -> None:
    """Also of the card, with its calibration, and with two workers: a second training in one process is safe."""
    again = made(learning_run(tmp_path), until="train", workers=2)["train.en"]
    assert again.manifest.shards == results["train.en"].manifest.shards
    assert again.manifest.digest == results["train.en"].manifest.digest


def test_sites_and_articles_are_held_out_whole(results: dict[str, Result]) -> None:
    [part] = Path(results["train.en"].folder).glob("part-*.arrow")
    listed = pa.ipc.open_file(part).read_all()
    documents = results["train.en"].manifest.ledger["documents"]
    for side, names in (("good", ["novels", "wiki"]), ("rest", ["blogs", "forum"])):
        assert sorted(documents[side]) == names
        held = sum(counts["held"] for counts in documents[side].values())
        assert 24 <= held <= 28, "a fifth of 120, in groups of four"
    web = Counter(listed.filter(pa.compute.invert(listed["good"]))["held"].to_pylist())
    assert web[True] % 4 == 0
    assert listed.schema.names == ["id_hash", "source", "language", "good", "held", "lines"], "no text"


def test_scores_are_calibrated_and_have_a_place_among_the_reference(results: dict[str, Result]) -> None:
    scored = results[NAME]
    table = quantile_table(scored, "en")
    assert table[0] == 0
    parts = [pa.ipc.open_file(part).read_all() for part in Path(scored.folder).glob("part-*.arrow")]
    assert sum(map(len, parts)) == 240
    assert all(part["quality"].null_count == 0 for part in parts)
    figures = results["train.en"].manifest.ledger["figures"]["en"]
    assert figures["auc"] == 1.0
    assert figures["calibrated"]
    assert figures["from_fasttext"] < 1e-5


def test_a_named_model_is_never_trained_again_and_says_what_is_newer(
    results: dict[str, Result], folder: Path, tmp_path: Path
) -> None:
    for file in Path(results["train.en"].folder).glob("model-en.*"):
        shutil.copy(file, tmp_path)
    named = {"train": None, "model": {"en": str(tmp_path / "model-en.bin")}}
    config = learning_run(tmp_path, quality={"model": named["model"], "train": None})
    same = made(config, until="score")
    assert "train.en" not in same
    assert same[NAME].manifest.ledger[NEWER] == {}
    assert (quantile_table(same[NAME], "en") == quantile_table(results[NAME], "en")).all()
    with (tmp_path / "forum.jsonl").open("a") as forum:
        forum.write(json.dumps({"id": "new", "url": "https://x.org", "text": text(False, 999)}) + "\n")
    assert made(config, until="score")[NAME].manifest.ledger[NEWER] == {"en": {"forum": "changed"}}


def test_a_model_without_a_card_scores_and_has_no_quantiles(results: dict[str, Result], tmp_path: Path) -> None:
    shutil.copy(Path(results["train.en"].folder, "model-en.bin"), tmp_path / "plain.bin")
    config = learning_run(tmp_path, quality={"model": {"en": str(tmp_path / "plain.bin")}, "train": None})
    scored = made(config, until="score")[NAME]
    with pytest.raises(BadModel, match=r"the model of en has no table of reference quantiles.*prep train"):
        quantile_table(scored, "en")


def test_a_card_must_be_the_models_own_and_speak_the_language(results: dict[str, Result], tmp_path: Path) -> None:
    model = Path(results["train.en"].folder, "model-en.bin")
    digest = quality.digest_of(model)
    with pytest.raises(BadModel, match=r"is a model of en, as its card says, and not of fr; name another file"):
        card.found(str(model), digest, "fr")
    with pytest.raises(BadModel, match="the card of another model"):
        card.found(str(model), "00", "en")
    (tmp_path / "m.json").write_text('{"format": "prep-model/1", "languages": {}}')
    with pytest.raises(BadModel, match=r"m\.json: is no card of a model"):
        card.found(str(tmp_path / "m.bin"), digest, "en")


def test_one_model_of_all_languages(tmp_path: Path) -> None:
    plain = json.loads(Path(learning_run(tmp_path)).read_text())
    sources = plain["sources"] | {
        f"{name}_fr": {**source, "language": "fr", "fields": {}} for name, source in plain["sources"].items()
    }
    shared = {**LEARNT["train"], "shared": True}
    results = made(learning_run(tmp_path, sources=sources, quality={"train": shared}), until="score")
    assert [name for name in results if name.startswith("train")] == ["train.shared"]
    assert sorted(results["train.shared"].manifest.ledger["figures"]) == ["en", "fr"]
    assert quantile_table(results[NAME], "fr").any()


def without_spaces(folder: Path, tokens: list[bytes]) -> dict[str, Any]:
    """Changes of a run: its language is one without spaces, and its tokenizer has these tokens beside the bytes."""
    folder.mkdir()
    plain = json.loads(Path(learning_run(folder)).read_text())
    ranks = write_ranks(folder, [*RANKS[:256], *tokens])
    return {
        "sources": {name: {**source, "language": "ja"} for name, source in plain["sources"].items()},
        "tokenizers": {"tiny": {"path": ranks, "pattern": "cl100k_base"}}, "mix": {"shares": {"ja": 1.0}},
    }  # fmt: skip


def test_without_spaces_text_is_cut_into_words_of_the_runs_tokenizer(tmp_path: Path) -> None:
    """The model holds those that it met, and the vocabulary is part of its recipe; with spaces it is not."""
    changes = without_spaces(tmp_path / "a", [b" treaty", b"cheap", b"cookies sold", b"never met", "条".encode()[:2]])
    result = made(learning_run(tmp_path / "a", **changes), until="score")["train.ja"]
    assert quality.Model(Path(result.folder, "model-ja.bin")).words.known == {"treaty", "cheap"}
    assert result.manifest.ledger["figures"]["ja"]["from_fasttext"] < 1e-5
    changes = without_spaces(tmp_path / "b", [b" treaty", b"cheap", b"cookies"])
    other = made(learning_run(tmp_path / "b", **changes), until="train")["train.ja"]
    said = [store.recipe(each.folder).settings["asked"]["vocabulary"] for each in (result, other)]
    assert said == [digest_of(str(tmp_path / name / "x.tiktoken"), "cl100k_base") for name in "ab"]
    english = made(learning_run(tmp_path / "b"), until="train")["train.en"]
    assert store.recipe(english.folder).settings["asked"]["vocabulary"] is None


@pytest.mark.parametrize("kept", [0, 2])
def test_a_language_that_lacks_a_side_is_told_how_much_it_needs(kept: int, tmp_path: Path) -> None:
    plain = json.loads(Path(learning_run(tmp_path)).read_text())
    for name in ("wiki", "novels"):
        lines = (tmp_path / f"{name}.jsonl").read_text().splitlines(keepends=True)
        (tmp_path / f"{name}.jsonl").write_text("".join(lines[:kept] or lines[:1]))
        if not kept:
            plain["sources"][name]["language"] = "fr"
    quality_ = {**LEARNT, "keep": {"en": {"pareto": 3}}}
    said = r"has no text of the kinds.*20 documents" if not kept else r"at least 20 reference texts and got \d+"
    Path(plain["out"]).parent.joinpath("run.yaml").write_text(json.dumps({**plain, "quality": quality_}))
    with pytest.raises(BadModel, match=said):
        made(str(tmp_path / "run.yaml"), until="train")


def test_prep_train_leaves_a_report_and_prints_its_figures(folder: Path, results: dict[str, Result]) -> None:
    done = CliRunner().invoke(cli, ["train", str(folder / "run.yaml"), "-j", "1"], catch_exceptions=False)
    assert done.exit_code == 0
    for said in ("Quality classifier, en", "forum, unseen", "novels, unseen", "kept by pareto 9", "calibration.html"):
        assert said in done.output
    found = json.loads(Path(results["train.en"].folder, "calibration.json").read_text())["en"]
    assert {row["source"] for row in found["unseen"]} == {"wiki", "novels", "forum", "blogs"}
    page = Path(results["train.en"].folder, "calibration.html").read_text()
    assert page.count("<svg") == 5, "four sources and the reliability"
    assert "http" not in page.replace(f"https://{'x'}", "").split("<body>")[0], "nothing is fetched"


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 50), max_size=6), st.integers(0, 150))
def test_shares_are_even_as_far_as_there_is_enough(there: dict[str, int], most: int) -> None:
    found = sample.shares(there, most)
    assert sum(found.values()) == min(most, sum(there.values())) or sum(found.values()) <= most
    assert all(found[name] <= there[name] for name in there)
    short = [found[name] for name in there if found[name] < there[name]]
    assert max(found.values(), default=0) <= min(short, default=10**9) + 1


@pytest.mark.parametrize(
    ("url", "good", "named"),
    [
        ("https://a.org/1", False, "a.org"), ("https://a.org/1", True, "https://a.org/1"), (None, False, "id"),
        ("level1/book.xml", True, "level1/book.xml"), ("level1/page.html", False, "id"), ("http://[", False, "id"),
    ],
)  # fmt: skip
def test_what_is_kept_on_one_side(url: str | None, good: bool, named: str) -> None:
    same = {"id": (None, "id"), "a.org": ("https://a.org/other", "x")}.get(named, (named, "x"))
    assert sample.group(url, "id", good) == sample.group(*same, good)
