"""`prep train-tokenizer`: the same tokenizer every time, held-out text that it never saw, and errors that help."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from prep.errors import BadSettings, FailedCheck, PrepError, Unable, WorkerLost
from prep.manifests import store
from prep.pipeline import runfile, verify
from prep.pipeline.chain import Machine
from prep.pipeline.clean import clean
from prep.pipeline.settings import Tokenizer
from prep.pipeline.tokenizers import open_tokenizer
from prep.pipeline.vocabulary import trainers
from prep.pipeline.vocabulary.broken import broken, opened
from prep.pipeline.vocabulary.command import Flags, Made, make
from prep.pipeline.vocabulary.compare import Counted, HeldOut, figure
from prep.pipeline.vocabulary.trainers import Wanted
from tests.tiny import made, prep, tiny_run, tree, write_tokenizer

SMALL: dict[str, Any] = {"vocab_size": "330", "sample": "20KB", "held_out": "1KB"}


def trained(config: str, workers: int = 1, **flags: Any) -> Made:
    return make(runfile.load(config), Flags(**{**SMALL, **flags}), Machine(workers=workers))


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    trained(tiny_run(folder))
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    """A run with one tokenizer trained, in a folder of its own."""
    shutil.copytree(pristine, tmp_path, dirs_exist_ok=True)
    tiny_run(tmp_path)
    return tmp_path


def test_the_same_bytes_for_any_number_of_workers(pristine: Path, tmp_path: Path) -> None:
    trained(tiny_run(tmp_path), 2)
    assert tree(tmp_path / "out/train-tokenizer") == tree(pristine / "out/train-tokenizer")


@pytest.mark.parametrize("model", ["unigram", "bpe", "byte-bpe"])
def test_the_same_bytes_for_any_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: trainers.Model
) -> None:
    found = set()
    for threads in ("1", "2"):
        monkeypatch.setenv("RAYON_NUM_THREADS", threads)
        found.add(trainers.train(Wanted(model, 270 if model == "byte-bpe" else 280), lines(tmp_path), 200))
    assert len(found) == 1


def lines(folder: Path) -> Path:
    """A folder with 200 sentences to learn from."""
    texts = pa.array([f"the river runs {number} times" for number in range(200)], pa.large_string())
    batch = pa.record_batch([texts], names=["lines"])
    with pa.OSFile(str(folder / trainers.SAMPLE), "wb") as file, pa.ipc.new_file(file, batch.schema) as to:
        to.write_batch(batch)
    return folder


def test_it_is_trained_once_and_named_for_the_run_file(folder: Path) -> None:
    config = str(folder / "run.yaml")
    before = {path: path.stat().st_mtime_ns for path in (folder / "out/train-tokenizer").rglob("*")}
    again = prep("train-tokenizer", config, "--vocab-size", "330", "--sample", "20KB", "--held-out", "1KB", "-j", "1")
    assert again.returncode == 0, again.stderr
    assert "reuse" in again.stderr
    assert before == {path: path.stat().st_mtime_ns for path in (folder / "out/train-tokenizer").rglob("*")}
    [path] = (folder / "out/train-tokenizer").glob("*/tokenizer.model")
    assert f"tokenizers: {{mine: {path}}}" in " ".join(again.stdout.split())


def test_the_trained_file_counts_in_a_run_and_is_not_compared_with_itself(folder: Path) -> None:
    [path] = (folder / "out/train-tokenizer").glob("*/tokenizer.model")
    config = tiny_run(folder, tokenizers={"mine": str(path)}, budget={"tokens": 1000, "in": "tiny"})
    assert made(config)["count.mine"].manifest.ledger["cells"]
    found = trained(config, share_by="bytes")
    assert found.path == str(path)
    assert [one.name for one in found.compared] == ["mine", "tiny"]
    with pytest.raises(BadSettings, match=r"run file calls .* so"):
        trained(config, vocab_size="340", share_by="bytes")


def test_verify_reads_it_again_and_finds_a_changed_byte(folder: Path) -> None:
    assert verify.verify(str(folder / "out"), 1).findings == ()
    [path] = (folder / "out/train-tokenizer").glob("*/tokenizer.model")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert {one.file for one in verify.verify(str(folder / "out"), 1).findings} == {str(path)}


def test_clean_keeps_the_last_of_each_name_and_what_the_run_file_names(folder: Path) -> None:
    config, out = str(folder / "run.yaml"), folder / "out"
    [first] = (out / "train-tokenizer").glob("*/tokenizer.model")
    second = trained(config, vocab_size="340").path
    other = trained(config, vocab_size="345", name="other").path
    made(config)
    assert {name for name in store.current(str(out)) if name.startswith("train-t")} == {
        "train-tokenizer.mine",
        "train-tokenizer.other",
    }
    clean(str(out), lambda plan: True)
    assert (first.exists(), Path(second).exists(), Path(other).exists()) == (False, True, True)
    third = trained(config, vocab_size="350").path
    made(tiny_run(folder, tokenizers={"named": second}, budget={"tokens": 1000, "in": "tiny"}))
    clean(str(out), lambda plan: True)
    assert (Path(second).exists(), Path(third).exists()) == (True, True)
    assert verify.verify(str(out), 1).findings == ()


@pytest.mark.parametrize("model", ["unigram", "bpe", "byte-bpe"])
def test_a_vocabulary_too_large_or_small_is_told_with_the_figure_that_would_do(folder: Path, model: str) -> None:
    config = str(folder / "run.yaml")
    with pytest.raises(BadSettings, match="gives at most") as high:
        trained(config, model=model, vocab_size="100k")
    most = str(high.value).partition("at most ")[2].partition(" ")[0].replace(",", "")
    assert open_tokenizer(trained(config, model=model, vocab_size=most).path).vocabulary == int(most)
    with pytest.raises(BadSettings, match="characters of this sample alone take"):
        trained(config, model=model, vocab_size="100")


def test_a_sample_larger_than_there_is_takes_all_and_says_so(folder: Path) -> None:
    found = trained(str(folder / "run.yaml"), sample="10MB")
    assert sum("bytes are asked, all" in remark for remark in found.remarks()) == 3
    whole = {row["source"]: row["bytes"] for row in ingested(folder)}
    for row in found.drawn:
        lacks = whole[row["source"]] - row["sample"]["bytes"] - row["held_out"]["bytes"]
        assert 0 <= lacks < 800  # a text that stands twice, or the rest of one that is held out up to 1 KB


def ingested(folder: Path) -> list[dict[str, Any]]:
    out = str(folder / "out")
    manifest = store.manifest(f"{out}/{store.current(out)['ingest']}")
    assert manifest is not None
    cells: list[dict[str, Any]] = manifest.ledger["cells"]
    return cells


def test_symbols_and_flags_reach_the_tokenizer(folder: Path) -> None:
    (folder / "symbols.txt").write_text("<mask>\n<|user|>\n")
    for model in ("unigram", "byte-bpe"):
        path = trained(str(folder / "run.yaml"), model=model, user_symbols=str(folder / "symbols.txt")).path
        counter = open_tokenizer(path)
        [without], [with_it] = counter.encode(["the the"]), counter.encode(["the<mask> the"])
        assert len(with_it) == len(without) + 1
        [digits] = counter.encode(["12345678"])
        assert len(digits) >= 8  # each alone


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"vocab_size": "1"}, "has 2 to"),
        ({"vocab_size": "many"}, "is not a number"),
        ({"sample": "0MB"}, "write a size"),
        ({"model": "byte-bpe", "byte_fallback": False}, "not for byte-bpe"),
        ({"model": "byte-bpe", "normalization": "nmt_nfkc"}, "not for byte-bpe"),
        ({"against": ("gpt2",)}, "write NAME=PATH"),
        ({"against": ("tiny=x",)}, "names another tokenizer"),
        ({"user_symbols": "/nowhere"}, "a symbol a line"),
        ({"share_by": "nobody"}, "no tokenizer of the run file"),
        ({"share_by": "tiny"}, "has not counted"),
        ({"name": "a b"}, "a name is"),
    ],
)
def test_a_wrong_flag_is_refused_before_anything_is_trained(folder: Path, flags: dict[str, Any], words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        trained(str(folder / "run.yaml"), **flags)
    assert len(list((folder / "out/train-tokenizer").iterdir())) == 1


def test_what_ends_the_trainer_is_told(tmp_path: Path) -> None:
    wanted = Wanted("unigram", 280)
    for code, kind in ((-signal.SIGKILL, WorkerLost), (-signal.SIGABRT, Unable), (1, BadSettings)):
        error: PrepError = trainers._failed(wanted, code, "began\nstopped here\n\n")
        assert type(error) is kind
        assert "stopped here" in str(error)
    with pytest.raises(FailedCheck, match="took 200 of 201 sentences"):
        trainers.train(Wanted("unigram", 280), lines(tmp_path), 201)


def test_an_interval_is_that_of_the_ratio_of_sums() -> None:
    cell, texts = ("web", "en", "web"), pa.table({"text": pa.array(["a" * 10, "b" * 20, "c" * 30], pa.large_string())})
    even = figure(HeldOut(cell, texts), Counted(np.array([5, 10, 15]), 0))
    assert (even.bytes_per_token, even.low, even.high, even.characters_per_token) == (2.0, 2.0, 2.0, 2.0)
    uneven = figure(HeldOut(cell, texts), Counted(np.array([4, 10, 16]), 3))
    residuals = np.array([10, 20, 30]) - 2 * np.array([4, 10, 16])
    half = 4.302653 * np.sqrt(3 / 2 * (residuals**2).sum()) / 30  # Student's t of 2 degrees of freedom
    assert uneven.high == pytest.approx(2 + half)
    assert uneven.broken == pytest.approx(0.1)
    assert figure(HeldOut(cell, texts.slice(0, 1)), Counted(np.array([5]), 0)).low is None


def test_tokens_that_are_no_whole_character_are_known(tmp_path: Path, folder: Path) -> None:
    bytes_only = Tokenizer(path=write_tokenizer(tmp_path / "bytes"))
    counter = opened(bytes_only)
    [ids] = counter.encode(["the 東"])
    assert broken(bytes_only, counter.digest)[ids].tolist() == [False, False, True, True, True]
    mine = Tokenizer(path=str(next((folder / "out/train-tokenizer").glob("*/tokenizer.model"))))
    counter = opened(mine)
    [ids] = counter.encode(["é\n"])  # neither is in the sample: two bytes, and one that is a character
    assert broken(mine, counter.digest)[ids].tolist()[-3:] == [True, True, False]


def test_the_comparison_adds_up(folder: Path) -> None:
    run = prep(
        "train-tokenizer", str(folder / "run.yaml"), "--vocab-size", "330", "--sample", "20KB", "--held-out", "1KB",
        "-j", "1", "--json", "--plot", str(folder / "picture.svg"),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    plain = json.loads(run.stdout)
    assert plain["schema"] == "prep-train-tokenizer/1"
    mine, tiny = plain["compared"]
    assert (mine["name"], tiny["name"]) == ("mine", "tiny")
    assert min(mine["cost"], tiny["cost"]) == 1.0
    shares = {"wiki_ja": 0.4, "web_en": 0.4, "python": 0.2}
    for one in (mine, tiny):
        ratio = sum(shares[cell["source"]] * cell["bytes_per_token"] for cell in one["cells"])
        assert one["mix"]["bytes_per_token"] == pytest.approx(ratio)
        assert one["corpus_bytes"] == pytest.approx(3000 * ratio)
    assert "<svg" in (folder / "picture.svg").read_text()
