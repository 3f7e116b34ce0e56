"""The classifier: trained the same every time, loaded with suspicion, asked in lists."""

import shutil
import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import fasttext
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.errors import BadModel
from prep.filters import quality
from prep.filters.quality import MIN_DOCUMENTS, Model, digest_of, from_uint16, load, to_uint16, train

GOOD = [f"the treaty of {year} was signed after a long war ." for year in range(1600, 1640)]
REST = [f"click here ! buy {number} now , cookies accepted" for number in range(60)]
HEAD = struct.Struct("<2i 12i d 3i 2q")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "en.bin"
    train(GOOD, REST, 17, path)
    return path


def test_two_trainings_give_the_same_bytes_in_whatever_order_lines_come(model: Path, tmp_path: Path) -> None:
    for again, lines in enumerate((GOOD, GOOD[::-1])):
        target = tmp_path / f"{again}.bin"
        train(lines, [*REST, ""], 17, target)
        assert digest_of(target) == digest_of(model)
    train(GOOD, REST, 18, tmp_path / "other.bin")
    assert digest_of(tmp_path / "other.bin") != digest_of(model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.bin", "1.bin", "other.bin"]


def test_good_scores_above_rest_whatever_the_batch(model: Path) -> None:
    asked = ["the war of 1700 .", "buy cookies now !"]
    scores = Model(model).score(asked)
    assert scores.dtype == np.float32
    assert scores[0] > 0.5 > scores[1]
    alone = [Model(model).score([line])[0] for line in asked]
    assert scores.tolist() == alone


def test_scores_are_chances_and_an_empty_line_is_undecided(model: Path) -> None:
    scores = Model(model).score([*GOOD * 5, "", *REST, "漢 字", "buy " * 5000])
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores[len(GOOD) * 5] == 0.5
    assert Model(model).score([]).shape == (0,)


def test_a_larger_side_does_not_shift_the_scores(tmp_path: Path) -> None:
    """Twelve times as many of the rest, and unseen good lines still score as good."""
    train(GOOD[:20], [f"{line} {word}" for line in REST for word in ("a", "b", "c", "d")], 1, tmp_path / "m.bin")
    assert Model(tmp_path / "m.bin").score(GOOD[20:]).min() > 0.5


@pytest.mark.parametrize(
    ("good", "rest", "name"), [(GOOD, REST[:19], "other"), (GOOD[:19] + [""] * 9, REST, "reference")]
)
def test_too_little_text_names_both_numbers(good: list[str], rest: list[str], name: str, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=rf"at least {MIN_DOCUMENTS} {name} texts and got 19"):
        train(good, rest, 1, tmp_path / "m.bin")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["a\nb", "a __label__good"])
def test_what_is_no_line_of_features_is_refused(line: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a line of features"):
        train([*GOOD, line], REST, 1, tmp_path / "m.bin")


def test_a_failed_training_says_why(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"m.bin: fastText could not train \(.*cannot be opened"):
        quality._train_alone(tmp_path / "none.txt", tmp_path / "model.bin", 1, tmp_path / "m.bin")


def test_the_matrix_is_too_large_for_recycled_memory() -> None:
    assert quality.BUCKET * quality.DIM * 4 >= quality.MAPPED_FROM
    assert quality.NGRAMS > 1, "else fastText sets the bucket to 0"


@settings(deadline=None)
@given(at=st.integers(0, HEAD.size + 3000), byte=st.binary(min_size=1, max_size=1))
def test_a_file_with_any_byte_of_head_or_dictionary_changed_never_crashes(model: Path, at: int, byte: bytes) -> None:
    """Either it is refused or it still scores: no abort, no absurd memory."""
    path = model.parent / "changed.bin"
    if not path.exists():
        shutil.copy(model, path)
    with path.open("rb+") as file:
        file.seek(at)
        before = file.read(1)
        _write(file, at, byte)
        with suppress(BadModel):
            assert np.isfinite(Model(path).score(GOOD[:2])).all()
        _write(file, at, before)


@pytest.mark.parametrize("keep", [0, 7, 100, 500, 2000, -1])
def test_a_truncated_file_is_refused(keep: int, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.bin"
    path.write_bytes(model.read_bytes()[:keep])
    with pytest.raises(BadModel, match=r"cut\.bin"):
        Model(path)


@pytest.mark.parametrize("raw", [b"\x00" * 10_000, b"PK\x03\x04" * 5000, b"#!/bin/sh\n"])
def test_another_kind_of_file_is_refused(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(raw)
    with pytest.raises(BadModel, match="not a fastText model"):
        Model(tmp_path / "m.bin")


def test_weights_that_are_no_numbers_are_refused(model: Path, tmp_path: Path) -> None:
    raw = model.read_bytes()
    (tmp_path / "m.bin").write_bytes(raw[:-4] + struct.pack("<f", float("nan")))
    with pytest.raises(BadModel, match="no numbers"):
        Model(tmp_path / "m.bin")


@pytest.mark.parametrize("labels", [("hq", "cc"), ("good", "rest", "other")])
def test_a_model_of_other_labels_is_refused(labels: tuple[str, ...], tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("".join(f"__label__{label} word {label}\n" for label in labels * 30))
    made = fasttext.train_supervised(str(lines), dim=16, wordNgrams=2, bucket=2**18, thread=1, verbose=0)
    made.save_model(str(tmp_path / "m.bin"))
    with pytest.raises(BadModel, match=f"m.bin: has the labels .*__label__{labels[0]}"):
        Model(tmp_path / "m.bin")


@pytest.mark.parametrize("name", ["none.bin", "."])
def test_a_file_that_cannot_be_read_is_refused(name: str, tmp_path: Path) -> None:
    for ask in (Model, digest_of):
        with pytest.raises(BadModel, match="cannot be read"):
            ask(tmp_path / name)


def test_a_model_is_loaded_once_and_only_with_its_digest(model: Path, tmp_path: Path) -> None:
    digest = digest_of(model)
    assert load(str(model), digest, "en") is load(str(tmp_path / "moved.bin"), digest, "fr")
    assert load(str(model), digest, "ja").unspaced
    with pytest.raises(BadModel, match="the run recorded 00"):
        load(str(model), "00", "en")


def test_loading_prints_nothing(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Model(model)
    assert capfd.readouterr() == ("", "")


def test_every_stored_score_comes_back() -> None:
    stored = np.arange(65536, dtype=np.uint16)
    assert (to_uint16(from_uint16(stored)) == stored).all()
    assert (to_uint16(from_uint16(stored).astype(np.float32)) == stored).all()


def test_scores_are_stored_to_the_nearest_step_halves_to_even() -> None:
    steps = np.array([0, 0.5, 1.5, 2.5, 65534.4, 65535])
    assert to_uint16(steps / 65535).tolist() == [0, 0, 2, 2, 65534, 65535]


def _write(file: BinaryIO, at: int, byte: bytes) -> None:
    file.seek(at)
    file.write(byte)
    file.flush()
