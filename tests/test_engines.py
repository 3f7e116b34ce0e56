"""Every engine that opens counts each text as the tokenizer's own library does."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from benchmarks.check_reference_counts import texts
from prep.errors import BrokenShard
from prep.pipeline.tokenizers import Ask, Specials, ask_of
from prep.pipeline.tokenizers.adversarial import texts as adversarial
from prep.pipeline.tokenizers.aside import Aside, least
from prep.pipeline.tokenizers.convert import tokenizer_json
from prep.pipeline.tokenizers.counter import Engine, Unsuited
from prep.pipeline.tokenizers.engines import ENGINES, candidates
from prep.pipeline.tokenizers.race import fastest
from prep.pipeline.tokenizers.renewed import Renewed
from prep.pipeline.tokenizers.slabs import slabs
from prep.pipeline.tokenizers.spmodel import read, usual
from tests.shared import CORPUS, TOKENIZERS, needs_shared

OPENED = {
    "gpt2": ["gigatoken", "fastokens", "segments"],
    "gpt-neox-20b": ["gigatoken", "fastokens", "segments"],
    "llama-hf-json": ["gigatoken", "fastokens"],
    "cl100k_base": ["gigatoken", "fastokens", "segments"],
    "o200k_base": ["gigatoken", "fastokens", "segments"],
    "mistral-v3": ["spbpe", "gigatoken", "fastokens"],
}
ODD = [
    "", " ", "  ", "\n\n", "x" * 5_000, "漢" * 2_000, "a  b" + " " * 3_000 + "c", "\u0301\u0301", "a\0", "a\0b",
    "[REFERENCE_DOC_3] hi [REFERENCE_DOC_19]", "[REFERENCE_DOC_", "<s>a</s> <unk> [INST] x", "<|endoftext|>",
    "a<|endoftext|>b  <|padding|>", "|||EMAIL_ADDRESS|||", "\u212aEY |||PHONE_NUMBER|||", "\u2581\u2581x \u2581",
    "<0x41><0x0A>", "か\u3099 e\u0301", "👩\u200d👩\u200d👧", "tab\tand  two    four", "\U0010ffff\ufffd",
]  # fmt: skip
PARTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from([*ODD[15:], "the ", " of", "  ", "です", "。", "\n    return ", "é", "<|endoftext|>", "</s>"]),
)
TEXTS = st.lists(st.lists(PARTS, max_size=6).map("".join), max_size=8)


@cache
def ask(name: str, specials: Specials = Specials.LIBRARY) -> Ask:
    ranks = name.endswith("_base")
    path = TOKENIZERS / name / f"{name}.tiktoken" if ranks else TOKENIZERS / name
    return ask_of(str(path), name if ranks else None, specials)


@cache
def opened(name: str, specials: Specials = Specials.LIBRARY) -> list[Engine]:
    return candidates(ask(name, specials))[0]


def column(found: Sequence[str]) -> pa.LargeStringArray:
    return pa.array(found, pa.large_string())


def assert_equal(name: str, found: pa.LargeStringArray, specials: Specials = Specials.LIBRARY) -> None:
    expected = ask(name, specials).reference.count(found)
    for engine in opened(name, specials):
        counted = engine.count(found)
        wrong = np.flatnonzero(counted != expected)
        assert not len(wrong), f"{engine.name}: {found[wrong[0]]} has {counted[wrong[0]]}, not {expected[wrong[0]]}"


@needs_shared
@pytest.mark.parametrize("name", OPENED)
def test_engines_open_for_the_families_they_are_for(name: str) -> None:
    assert [engine.name for engine in opened(name)] == OPENED[name]
    assert all(engine.version for engine in opened(name))


# Opening is what costs here. Two files without special tokens have one way; ranks are read as text by default.
WAYS = [(name, Specials.LIBRARY) for name in OPENED] + [
    *((name, specials) for name in ("gpt-neox-20b", "llama-hf-json") for specials in (Specials.TEXT, Specials.TOKEN)),
    ("cl100k_base", Specials.TOKEN),
]


@needs_shared
@pytest.mark.parametrize(("name", "specials"), WAYS)
def test_odd_texts_count_as_by_the_reference(name: str, specials: Specials) -> None:
    assert_equal(name, column([*ODD, *adversarial()[::60]]), specials)


@needs_shared
@pytest.mark.parametrize("file", ["web_en/c4_samples.jsonl", "web_ja/pages.jsonl.zst", "web_fr/pages.jsonl.gz"])
@pytest.mark.parametrize("name", OPENED)
def test_real_texts_count_as_by_the_reference(name: str, file: str) -> None:
    assert_equal(name, texts(CORPUS / file)[:12])


@needs_shared
@pytest.mark.parametrize("name", OPENED)
@settings(max_examples=15)
@given(found=TEXTS)
def test_any_texts_count_as_by_the_reference(name: str, found: list[str]) -> None:
    assert_equal(name, column(found))


@needs_shared
@pytest.mark.parametrize("name", OPENED)
@settings(max_examples=15)
@given(found=TEXTS, cut=st.integers(0, 8))
def test_cuts_and_slices_do_not_matter(name: str, found: list[str], cut: int) -> None:
    for engine in opened(name):
        whole = engine.count(column(found))
        parts = [engine.count(part) for part in (column(found)[:cut], pa.array(found, pa.string())[cut:])]
        assert np.concatenate(parts).tolist() == whole.tolist()


@needs_shared
def test_a_text_without_a_junction_to_cut_at_is_merged_as_by_sentencepiece() -> None:
    """Above 64 characters the next merge comes from a heap."""
    letters, lengths = ("a", "ab", "e ", " ", "th", "\u2581 "), (31, 32, 33, 64, 65, 999)
    found = [letter * length for letter in letters for length in lengths]
    assert_equal("mistral-v3", column(found))


@needs_shared
def test_words_longer_than_the_usual_room_and_longer_ones_after_them() -> None:
    """A text is counted again with room for its first long word, and once more for one that is longer."""
    words = ["=" * 63, "=" * 64, "=" * 65, "-" * 100, "ab" * 90, "x" * 3000, "é" * 500, "a-b_" * 700]
    together = [" ".join(words), " ".join(words[::-1]), "", *words, "\n".join(words * 2)]
    assert_equal("mistral-v3", pa.array(together, pa.large_string()))


@needs_shared
@pytest.mark.parametrize("name", ["llm-jp-v3.1-100k", "mistral-v3"])
def test_a_converted_model_counts_in_tokenizers_as_in_sentencepiece(name: str) -> None:
    found = [text for text in [*ODD, *texts(CORPUS / "web_ja/pages.jsonl.zst")[:9].to_pylist()] if "[REF" not in text]
    converted = Tokenizer.from_buffer(tokenizer_json(read(ask(name).files.contents[0])))
    lengths = [len(encoding) for encoding in converted.encode_batch_fast(found, add_special_tokens=False)]
    assert lengths == ask(name).reference.count(column(found)).tolist()


@needs_shared
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dropout": 0.1}, "dropout"),
        ({"type": "WordLevel"}, "not BPE"),
        ({"type": "WordPiece"}, "not BPE"),
    ],
)
def test_models_that_an_engine_cannot_stand_for_are_refused(change: dict[str, object], reason: str) -> None:
    found = ask("gpt-neox-20b")
    whole = orjson.loads(found.files.contents[0])
    whole["model"] |= change
    assert_refused(found, whole, reason)


@needs_shared
def test_an_unknown_normalizer_is_refused() -> None:
    found = ask("gpt-neox-20b")
    assert_refused(found, orjson.loads(found.files.contents[0]) | {"normalizer": {"type": "BertNormalizer"}}, "BertNor")


def assert_refused(found: Ask, whole: dict[str, object], reason: str) -> None:
    files = type(found.files)(found.files.path, found.files.kind, (orjson.dumps(whole),))
    engines, refused = candidates(Ask(files, found.digest, None, found.specials, lambda: found.reference))
    assert not engines
    assert {refusal.engine for refusal in refused} == ENGINES.keys()
    assert all(reason in refusal.reason for refusal in refused if refusal.engine in ("gigatoken", "fastokens"))


@needs_shared
def test_a_broken_file_refuses_engines_and_nothing_more() -> None:
    found = ask("gpt-neox-20b")
    files = type(found.files)(found.files.path, found.files.kind, (b"{}",))
    engines, refused = candidates(Ask(files, found.digest, None, found.specials, lambda: found.reference))
    assert (engines, len(refused)) == ([], len(ENGINES))


def test_missing_and_broken_texts_are_told() -> None:
    with pytest.raises(BrokenShard, match="row 1 of 2"):
        list(slabs(pa.array(["a", None])))
    parts = [None, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe")]
    broken = pa.Array.from_buffers(pa.string(), 1, parts)
    with pytest.raises(BrokenShard, match="UTF-8"):
        list(slabs(broken))


@given(found=st.lists(st.text(max_size=9)), most=st.integers(1, 30), start=st.integers(0, 5))
def test_slabs_are_the_texts_in_order(found: list[str], most: int, start: int) -> None:
    parts = [part.to_pylist() for part in slabs(pa.array(found, pa.string())[start:], most)]
    assert [text for part in parts for text in part] == found[start:]
    assert all(len(part) == 1 or sum(len(text.encode()) for text in part) <= most for part in parts)


class Planted:
    """Counts every text as `tokens`, and takes `work` rounds for each."""

    version = "1"

    def __init__(self, name: str, tokens: int = 1, work: int = 0) -> None:
        self.name, self.tokens, self.work = name, tokens, work

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        for _ in range(self.work * len(texts)):
            sum(range(1_000))
        return np.full(len(texts), self.tokens, np.int64)


@given(found=st.lists(st.text("ab|", max_size=6)), marks=st.sets(st.text("ab|", min_size=1, max_size=3)))
def test_texts_with_a_mark_are_counted_by_the_other(found: list[str], marks: set[str]) -> None:
    both = Aside(Planted("lean", 1), lambda: Planted("full", 2), least(marks))
    assert both.count(column(found)).tolist() == [1 + any(mark in text for mark in marks) for text in found]


def test_the_faster_wins_and_of_equals_the_first() -> None:
    found = column(["text"] * 40)
    slow, fast = Planted("slow", work=400), Planted("fast")
    assert fastest([slow, fast], found) is fast
    assert fastest([fast, slow], found) is fast
    assert fastest([slow], found) is slow
    assert fastest([slow, fast], column([])) is slow


def test_a_cache_is_left_when_the_process_has_grown() -> None:
    held = Renewed(lambda: [bytes(0)], growth=50_000_000)
    first = held.get(1)
    assert held.get(1) is first
    first.append(bytes(bytearray(range(256)) * 400_000))
    assert held.get(1) is not first


def test_an_engine_that_is_not_suited_says_why() -> None:
    with pytest.raises(Unsuited, match="broken"):
        usual(b"\x0a\xff")
