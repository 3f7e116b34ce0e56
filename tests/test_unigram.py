"""Our Unigram counter gives the counts of sentencepiece and of tokenizers, on every text and from every array."""

import struct
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceTrainer

from prep.errors import BrokenShard
from prep.pipeline.tokenizers.counter import Ask, Specials, Unsuited
from prep.pipeline.tokenizers.files import Files, Kind
from prep.pipeline.tokenizers.hf import open_json
from prep.pipeline.tokenizers.opening import ask_of
from prep.pipeline.tokenizers.unigram.engine import Engine, open_unigram
from tests.shared import CORPUS, TOKENIZERS, needs_shared

TEXTS = [
    "the cat sat on the mat",
    "a cat and a dog",
    "the dog ate",
    "吾輩は猫である。",
    "名前はまだ無い。",
    "猫と犬",
    "ab" * 9,
]
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "bytes": {"byte_fallback": True, "vocab_size": 330},
    "across_words": {"split_by_whitespace": False},
    "symbols": {"user_defined_symbols": ["<x>", "cat", "猫で", "<x><x>"]},
    "bytes_and_symbols": {"byte_fallback": True, "vocab_size": 330, "user_defined_symbols": ["<x>", "<x>a", "\n"]},
    "no_prefix": {"add_dummy_prefix": False},
    "suffix": {"treat_whitespace_as_suffix": True},
}
ALPHABET = "abcdeht  \u2581\0\n\t<x>猫犬で吾。é\u3099\u0301\U0001f408\U0010ffff\ufffd\u00a0\u3000"
words = st.sampled_from(["the ", "cat", "dog ", "<x>", "<x><x>", "猫で", "ab", "<s>", "</s>", "<unk>", "<0x41>", "\n"])
nasty = st.lists(st.one_of(words, st.sampled_from(ALPHABET), st.characters(codec="utf-8")), max_size=30).map("".join)


def train(folder: Path, **options: Any) -> Path:
    """A model of the texts, identity-normalised, with no blank taken away, but for what `options` say."""
    plain: dict[str, Any] = {"vocab_size": 60, "normalization_rule_name": "identity", "remove_extra_whitespaces": False}
    SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 3), model_prefix=str(folder / "m"), model_type="unigram", minloglevel=2,
        hard_vocab_limit=False, character_coverage=1.0, **(plain | options),
    )  # fmt: skip
    return folder / "m.model"


@pytest.fixture(scope="module", params=SHAPES)
def ask(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    return ask_of(str(train(tmp_path_factory.mktemp("unigram"), **SHAPES[request.param])))


@pytest.fixture(scope="module")
def engine(ask: Ask) -> Engine:
    return open_unigram(ask)


def assert_same(ask: Ask, engine: Engine, texts: list[str]) -> None:
    array = pa.array(texts, pa.large_string())
    assert engine.count(array).tolist() == ask.reference.count(array).tolist(), texts


@settings(max_examples=50)
@given(st.lists(nasty, max_size=8))
def test_counts_are_sentencepieces(ask: Ask, engine: Engine, texts: list[str]) -> None:
    assert_same(ask, engine, texts)


def test_long_and_empty_texts_count_as_sentencepiece_has_them(ask: Ask, engine: Engine) -> None:
    long = ["", " ", " " * 3_000 + "x", "a" * 100_000, "猫" * 30_000, "\0" * 5_000, "the cat <x> " * 20_000]
    assert_same(ask, engine, [*long, *TEXTS, " ".join(TEXTS) * 3_000])


@given(st.lists(nasty, min_size=1, max_size=8), st.data())
def test_slices_and_offset_widths_do_not_matter(engine: Engine, texts: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(texts)))
    stop = data.draw(st.integers(start, len(texts)))
    whole = engine.count(pa.array(texts, pa.large_string()))
    for kind in (pa.string(), pa.large_string()):
        assert engine.count(pa.array(texts, kind)[start:stop]).tolist() == whole[start:stop].tolist()


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5))
def test_bytes_that_are_no_utf8_are_refused(ask: Ask, engine: Engine, parts: list[bytes]) -> None:
    offsets = np.cumsum([0, *map(len, parts)]).astype(np.int64)
    array = pa.LargeStringArray.from_buffers(len(parts), pa.py_buffer(offsets), pa.py_buffer(b"".join(parts)))
    try:
        texts = [part.decode() for part in parts]
    except UnicodeDecodeError:
        with pytest.raises(BrokenShard, match="not UTF-8"):
            engine.count(array)
    else:
        assert_same(ask, engine, texts)


def test_a_missing_text_is_an_error_that_names_its_row(engine: Engine) -> None:
    with pytest.raises(BrokenShard, match="row 1 of 2"):
        engine.count(pa.array(["a", None], pa.large_string()))


def test_no_texts_have_no_counts(engine: Engine) -> None:
    assert engine.count(pa.array([], pa.string())).tolist() == []


def asked(kind: Kind, content: bytes, specials: Specials = Specials.LIBRARY) -> Ask:
    """An ask whose reference is never reached."""
    return Ask(Files("m", kind, (content,)), "digest", None, specials, lambda: None)  # type: ignore[return-value,arg-type]


@pytest.mark.parametrize("options", [{"model_type": "bpe"}, {"model_type": "char"}])
def test_another_algorithm_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 3), model_prefix=str(tmp_path / "m"), vocab_size=60, minloglevel=2,
        hard_vocab_limit=False, **options,
    )  # fmt: skip
    with pytest.raises(Unsuited, match="is not Unigram"):
        open_unigram(asked(Kind.MODEL, (tmp_path / "m.model").read_bytes()))


@settings(max_examples=20)
@given(st.data())
def test_a_cut_or_changed_model_is_refused_or_opened_and_never_crashes(ask: Ask, data: st.DataObject) -> None:
    content = bytearray(ask.files.contents[0][: data.draw(st.integers(0, len(ask.files.contents[0])))])
    for _ in range(data.draw(st.integers(0, 3)) if content else 0):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Unsuited):
        open_unigram(asked(Kind.MODEL, bytes(content))).count(pa.array(TEXTS))


REAL = ["llm-jp-v2.2-50k/tokenizer.json", "llm-jp-v2.2-50k/tokenizer.model", "llm-jp-v3.1-100k/tokenizer.model",
        "llm-jp-v4.0-alpha/tokenizer.model"]  # fmt: skip


@needs_shared
@pytest.mark.parametrize("name", REAL)
def test_published_models_count_real_text_as_their_library_does(name: str) -> None:
    """The long document of code is one where adding in 64 bits gives 20 tokens more (llm-jp-v4.0-alpha)."""
    ask = ask_of(str(TOKENIZERS / name))
    code = Path(sysconfig.get_paths()["stdlib"], "test", "datetimetester.py")
    japanese = [
        file.read_text(encoding="utf-8", errors="replace") for file in sorted(CORPUS.glob("books_ja/txt/*"))[:20]
    ]
    marked = ["<s|LLM-jp>a b", "a<unk|LLM-jp>b \0", "\n\na", "\u2581", "<RESERVED_001><mask>", "\r\n x"]
    python = [file.read_text() for file in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:20]]
    long = [code.read_text()] if code.exists() else []
    assert_same(ask, open_unigram(ask), [*japanese, *marked, *python, *long])


def rescored(model: bytes, score: Callable[[bytes], float]) -> bytes:
    """A SentencePiece model (a protobuf) with other scores: of its pieces those that are as long as a model's are."""
    content, at = bytearray(model), 0
    while content[at] == 0x0A:  # a piece: its text, then its score
        end = at + 2 + content[at + 1]
        start = at + 4
        text = bytes(content[start : start + content[at + 3]])
        place = start + len(text)
        assert content[place] == 0x15
        content[place + 1 : place + 5] = struct.pack("<f", score(text))
        at = end
    return bytes(content)


def nearly_even(step: float, each: float) -> Callable[[bytes], float]:
    """Scores by which paths through the same characters nearly tie, however many pieces they have."""

    def score(text: bytes) -> float:
        letters = len(text.decode(errors="replace"))
        return -each * letters - step * (sum(text) * 37 % 11 - 5)

    return score


@pytest.mark.parametrize("step", [0.0, 2.0**-16, 2.0**-12, 2.0**-9, 2.0**-7, 0.013])
@pytest.mark.parametrize("each", [1.0, 3.7])
def test_near_ties_fall_as_in_the_library_at_every_sum(tmp_path: Path, step: float, each: float) -> None:
    """Rounding decides, more so the larger the sum; the longest texts are set back at 100,000 several times."""
    model = train(tmp_path, **SHAPES["bytes_and_symbols"])
    model.write_bytes(rescored(model.read_bytes(), nearly_even(step, each)))
    ask = ask_of(str(model))
    draw = np.random.default_rng(int(1 / (step + each)))
    letters = [*ALPHABET, *TEXTS, " ", " ", "x", "。"]
    texts = ["".join(draw.choice(letters, size)) for size in [*range(60), 300, 1_000, 3_000, 10_000, 40_000]]
    assert_same(ask, open_unigram(ask), texts)


def test_a_text_of_pieces_that_score_above_zero_counts_as_the_library_has_it(tmp_path: Path) -> None:
    model = train(tmp_path, **SHAPES["bytes_and_symbols"])
    model.write_bytes(rescored(model.read_bytes(), lambda text: len(text) * 0.37 - 1.1))
    ask = ask_of(str(model))
    draw = np.random.default_rng(1)
    texts = ["".join(draw.choice([*ALPHABET, *TEXTS], size)) for size in (0, 1, 2, 5, 50, 500, 20_000)]
    assert_same(ask, open_unigram(ask), texts)


@pytest.mark.parametrize("length", [11, 12, 13, 27, 28, 29, 511, 512, 513, 3_000])
def test_stretches_of_every_length_count_as_the_library_has_them(ask: Ask, engine: Engine, length: int) -> None:
    """Without a cut, and cut at both ends: where they are kept, and how, hangs on their length."""
    texts = [
        part * (length // len(part)) + part[: length % len(part)] for part in ("ab", "a", "the cat", "猫で", "<x>")
    ]
    assert_same(ask, engine, [*texts, *texts, *(f"。{text}。{text} {text}" for text in texts)])


VOCAB = [["<unk>", 0.0], ["a", -1.0], ["b", -1.0], ["ab", -1.5], ["\u2581", -2.0]]
JSON: dict[str, Any] = {
    "added_tokens": [], "pre_tokenizer": None,
    "normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "\u2581"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
    ]},
    "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False, "vocab": VOCAB},
}  # fmt: skip


@given(st.lists(st.text("ab xyz\u2581猫<unk>", max_size=12), max_size=5))
def test_a_json_counts_as_tokenizers_does(texts: list[str]) -> None:
    files = Files("m", Kind.JSON, (orjson.dumps(JSON),))
    ask = Ask(files, "digest", None, Specials.LIBRARY, lambda: open_json(files, "digest"))
    assert_same(ask, open_unigram(ask), texts)


BYTES = [[f"<0x{byte:02X}>", -30.0] for byte in range(256)]
TIES = [["<unk>", 0.0], *BYTES, ["a", -1.0], ["b", -1.0], ["ab", -2.0], ["ba", -1.9999999999999998], ["aab", -3.0],
        ["c", -0.1], ["cc", -0.2], ["ccc", -0.30000000000000004], ["\u2581", -2.0], ["\u2581a", -3.0]]  # fmt: skip


@given(st.lists(st.text("aabbcc d猫", max_size=200), max_size=5), st.integers(1, 300))
def test_a_json_with_ties_counts_as_tokenizers_does(texts: list[str], times: int) -> None:
    model = {"type": "Unigram", "unk_id": 0, "byte_fallback": True, "vocab": TIES}
    files = Files("m", Kind.JSON, (orjson.dumps(JSON | {"model": model}),))
    ask = Ask(files, "digest", None, Specials.LIBRARY, lambda: open_json(files, "digest"))
    assert_same(ask, open_unigram(ask), [*texts, "".join(texts) * times])


@pytest.mark.parametrize("change", [
    {"normalizer": {"type": "NFKC"}}, {"normalizer": None}, {"pre_tokenizer": {"type": "Whitespace"}},
    {"model": {"type": "BPE"}}, {"model": {"type": "Unigram", "vocab": VOCAB, "unk_id": None}},
    {"model": {"type": "Unigram", "vocab": [*VOCAB, VOCAB[1]], "unk_id": 0}},
    {"model": {"type": "Unigram", "vocab": VOCAB, "unk_id": 0, "byte_fallback": True}},
    {"added_tokens": [{"content": "a b", "special": True}]}, {"model": None},
])  # fmt: skip
def test_a_json_that_does_more_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unsuited):
        open_unigram(asked(Kind.JSON, orjson.dumps(JSON | change)))
