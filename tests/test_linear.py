"""The loop over a model's weights says what fastText says, of whatever text, however it lies in memory."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.errors import BadModel
from prep.filters import features, linear
from prep.filters.calibration import chance
from prep.filters.modelfile import GOOD, HEAD, MAGIC, REST, SHAPE, SOFTMAX, SUPERVISED
from prep.filters.quality import Model
from tests.shared import CORPUS, needs_shared

WORDS = "the treaty of war was signed , ; click here ! buy now ? été naïve straße 東京 大阪 は が".split(" ")  # noqa: SIM905
LONGER = ["東京大阪", "大阪は", "銀行員"]  # than a word that they begin with; the last begins with none
ALL = features.Words.of([*WORDS, *LONGER])
ODD = [" ", "\n", "_", "\0", "\u3000", "e\u0301", "\u200d", "😀", "</s>", "銀行", "銀行員"]
TEXTS = st.one_of(
    st.lists(st.sampled_from([*WORDS, *ODD])).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=400),
    st.sampled_from(WORDS).map(lambda word: word * 600),  # longer than a block of tokens
)


@pytest.fixture(scope="module", params=["en", "ja"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(language: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / f"{language}.bin"
    known = sorted({token for word in [*WORDS, *LONGER] for token in features.line(word, language, ALL).split()})
    write_model(path, [*known, "</s>"], 2, 1000)
    return path


def lines(model: Path, language: str, texts: list[str]) -> list[str]:
    return [features.line(text, language, Model(model).words) for text in texts]


def scores(model: Path, language: str, texts: list[str]) -> np.ndarray:
    odds, tokens = linear.log_odds(linear.load(model, language), pa.array(texts, pa.large_string()))
    return np.where(tokens > 0, chance(odds), 0.5)


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_scores_are_fasttexts(model: Path, language: str, texts: list[str]) -> None:
    theirs = Model(model).score(lines(model, language, texts))
    assert np.abs(scores(model, language, texts) - theirs).max() < 1e-5


@needs_shared
@pytest.mark.parametrize("path", ["web_en/c4_samples.jsonl", "web_ja/leads_kwdlc.jsonl.gz"])
def test_scores_are_fasttexts_on_real_text(model: Path, language: str, path: str) -> None:
    from prep.pipeline.sources.listing import pieces
    from prep.pipeline.sources.piece import Fields, Where
    from prep.pipeline.sources.reading import Reading

    [piece] = pieces(Where("x", (str(CORPUS / path),)), Path.cwd())
    texts = [text for batch in Reading(piece, Fields()) for text in batch["text"].drop_null().to_pylist()]
    theirs = Model(model).score(lines(model, language, texts))
    assert np.abs(scores(model, language, texts) - theirs).max() < 1e-5


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=8), st.data())
def test_a_score_depends_on_its_text_alone(model: Path, language: str, texts: list[str], data: st.DataObject) -> None:
    """Not on its neighbours, their order, or how the batch is cut."""
    together = scores(model, language, texts)
    order = data.draw(st.permutations(range(len(texts))))
    assert scores(model, language, [texts[place] for place in order]).tolist() == together[order].tolist()
    assert [scores(model, language, [text])[0] for text in texts] == together.tolist()
    column, start = pa.array(texts, pa.large_string()), data.draw(st.integers(0, len(texts)))
    weights = linear.load(model, language)
    assert linear.log_odds(weights, column[start:])[0].tolist() == linear.log_odds(weights, column)[0][start:].tolist()


def write_model(path: Path, words: list[str], ngrams: int, bucket: int, maxn: int = 0, dim: int = 3) -> None:
    """A model file of random weights, as fastText writes it: it cannot train such small ones in this process."""
    entries = b"".join(
        word.encode() + b"\0" + (1).to_bytes(8, "little") + bytes([kind])
        for word, kind in [*((word, 0) for word in words), (REST, 1), (GOOD, 1)]
    )
    head = HEAD.pack(
        *MAGIC, dim, 5, 5, 1, 5, ngrams, SOFTMAX, SUPERVISED, bucket, maxn and 2, maxn, 100, 1e-4,
        len(words) + 2, len(words), 2, 100, -1,
    )  # fmt: skip
    chooser = np.random.default_rng(ngrams)
    matrices = b"".join(
        SHAPE.pack(False, rows, dim) + chooser.normal(0, 0.5, (rows, dim)).astype("<f4").tobytes()
        for rows in (len(words) + bucket, 2)
    )
    path.write_bytes(head + entries + matrices)


@pytest.mark.parametrize(("ngrams", "bucket"), [(1, 0), (2, 1000), (4, 2**10)])
@pytest.mark.parametrize("end", [["</s>"], []])
def test_other_lengths_and_numbers_of_runs(ngrams: int, bucket: int, end: list[str], tmp_path: Path) -> None:
    write_model(tmp_path / "m.bin", ["war", "treaty", "!", *end], ngrams, bucket)
    texts = ["war treaty signed", "buy 7 now! buy 8 now!", "war", "war war"]
    theirs = Model(tmp_path / "m.bin").score(lines(tmp_path / "m.bin", "en", texts))
    assert np.abs(scores(tmp_path / "m.bin", "en", texts) - theirs).max() < 1e-5


def test_words_of_one_hash_are_told_apart(tmp_path: Path) -> None:
    """Both have the 32 bits of fastText's hash in common; only one is in the dictionary."""
    assert fnv("costarring") == fnv("liquid")
    write_model(tmp_path / "m.bin", ["costarring", "war"], 1, 0)
    known, unknown, without = scores(tmp_path / "m.bin", "en", ["war costarring", "war liquid", "war"])
    assert known != unknown == without


def fnv(word: str) -> int:
    value = 2166136261
    for byte in word.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value


def test_a_model_of_parts_of_words_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "m.bin", ["war"], 1, 1000, maxn=3)
    with pytest.raises(BadModel, match=r"m\.bin: learns from parts of words \(maxn 3\)"):
        linear.load(tmp_path / "m.bin", "en")


def test_text_cut_inside_a_character_is_read_to_its_end(model: Path, language: str) -> None:
    """Ingest writes none such; memory outside the text is never touched."""
    raw = "war 東".encode()[:-1]
    column = pa.Array.from_buffers(
        pa.large_string(), 1, [None, pa.py_buffer(np.array([0, len(raw)], np.int64)), pa.py_buffer(raw)]
    )
    odds, tokens = linear.log_odds(linear.load(model, language), column)
    assert np.isfinite(odds).all()
    assert tokens[0] >= 1
