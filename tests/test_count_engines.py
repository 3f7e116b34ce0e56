"""Counting with engines, through the whole stage: whatever an engine does, the counts are the reference's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from prep.manifests.shards import Columns, read
from prep.pipeline import counting, run
from prep.pipeline.stage import Result, document_shards
from prep.pipeline.tokenizers import engines
from prep.pipeline.tokenizers.counter import Ask, Engine
from tests.tiny import made, tiny_run


class Planted:
    """Counts as the reference, but for documents in which a word stands."""

    name, version = "planted", "1"

    def __init__(self, ask: Ask, wrong: str | None) -> None:
        self._reference, self._wrong = ask.reference, wrong

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        odd = [self._wrong is not None and self._wrong in text for text in texts.to_pylist()]
        return self._reference.count(texts) + np.array(odd, np.int64)


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str | None, str | None], None]:
    """Make one engine the only one: how it errs while it is checked, and how afterwards."""
    monkeypatch.setattr(counting, "RECHECK", 1)
    caches = (str(tmp_path / f"cache-{number}") for number in range(9))

    def put(checked: str | None, later: str | None) -> None:
        opened: list[Ask] = []

        def opener(ask: Ask) -> Engine:
            opened.append(ask)
            return Planted(ask, checked if len(opened) == 1 else later)

        monkeypatch.setenv("PREP_CACHE", next(caches))
        monkeypatch.setattr(counting, "_opened", {})
        monkeypatch.setattr(engines, "ENGINES", {"planted": opener})
        monkeypatch.setattr(counting, "ENGINES", {"planted": opener})

    return put


def columns(result: Result) -> list[list[int]]:
    name = next(iter(result.manifest.schema))
    return [
        [count for batch in read(Columns(path, (name,))) for count in batch[name].to_pylist()]
        for _, path in document_shards(result)
    ]


def right(tmp_path: Path) -> list[list[int]]:
    return columns(made(tiny_run(tmp_path / "right"), "count")["count.tiny"])


def test_a_believed_engine_counts_and_the_manifest_says_so(
    tmp_path: Path, plant: Callable[[str | None, str | None], None]
) -> None:
    expected = right(tmp_path)
    plant(None, None)
    result = made(tiny_run(tmp_path), "count")["count.tiny"]
    assert columns(result) == expected
    counted = result.manifest.evidence["counted"]
    assert {each["engine"] for each in counted.values()} == {"planted"}
    assert all(each["rechecked"] == each["documents"] > 0 for each in counted.values())
    assert not result.manifest.evidence["check"]["refusals"]


def test_an_engine_that_miscounts_in_the_check_never_counts(
    tmp_path: Path, plant: Callable[[str | None, str | None], None]
) -> None:
    expected = right(tmp_path)
    plant("river", "river")
    result = made(tiny_run(tmp_path), "count")["count.tiny"]
    assert columns(result) == expected
    [refusal] = result.manifest.evidence["check"]["refusals"]
    assert refusal["engine"] == "planted"
    assert refusal["counted"] == refusal["expected"] + 1
    assert {each["engine"] for each in result.manifest.evidence["counted"].values()} == {"reference"}


def test_a_source_in_which_an_engine_errs_later_is_counted_anew(
    tmp_path: Path, plant: Callable[[str | None, str | None], None]
) -> None:
    expected = right(tmp_path)
    plant(None, "river")
    result = made(tiny_run(tmp_path), "count")["count.tiny"]
    assert columns(result) == expected
    counted = result.manifest.evidence["counted"]
    assert counted["web_en"]["engine"] == "reference"
    assert counted["web_en"]["recounted"]["engine"] == "planted"
    assert counted["python"]["recounted"] == {}


def test_a_kill_while_a_source_is_counted_anew_leaves_no_wrong_count(
    tmp_path: Path, plant: Callable[[str | None, str | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = right(tmp_path)
    plant(None, "river")
    with monkeypatch.context() as patched:

        def killed(order: run.Order) -> None:
            raise KeyboardInterrupt

        patched.setattr(run, "work", killed)
        with pytest.raises(KeyboardInterrupt):
            made(tiny_run(tmp_path), "count")
    plant(None, "river")
    result = made(tiny_run(tmp_path), "count")["count.tiny"]
    assert columns(result) == expected


def test_two_names_of_one_tokenizer_are_both_right(
    tmp_path: Path, plant: Callable[[str | None, str | None], None]
) -> None:
    expected = right(tmp_path)
    plant(None, "river")
    path = str(tmp_path / "tok" / "tokenizer.json")
    config = tiny_run(tmp_path, tokenizers={"other": path}, budget={"in": "tiny"})
    results = made(config, "count")
    assert columns(results["count.tiny"]) == columns(results["count.other"]) == expected
