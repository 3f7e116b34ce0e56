"""Laws of the tokenizer adapters, on tiny tokenizers of each kind that the tests make."""

import ast
import base64
import importlib
import inspect
import io
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceTrainer
from tokenizers import pre_tokenizers

from prep.errors import BadSource, BadTokenizer, BrokenShard
from prep.pipeline.tokenizers import Counter, Specials, ask_of, digest_of, open_tokenizer
from prep.pipeline.tokenizers.counter import TEXT_BYTES, batches
from prep.pipeline.tokenizers.patterns import PATTERNS, long_runs

BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
MERGES = ["t h", "th e", "Ġ a"]
VOCAB = {token: number for number, token in enumerate([*BYTES, "th", "the", "Ġa"])}
RANKS = [bytes([byte]) for byte in range(256)] + [b"th", b"the", b" a"]
TEXTS = ["", "the theatre", " a  b\n\n", "日本語の文章。", "e\u0301 👩‍👩‍👧", "nul\0byte", "<|endoftext|>", "x" * 3_000]


def write_json(folder: Path, **parts: object) -> str:
    """A tokenizer.json of byte-level BPE that knows one special token."""
    special = {"id": len(VOCAB), "content": "<|endoftext|>", "special": True}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    whole = {
        "version": "1.0",
        "added_tokens": [special | flags],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "vocab": VOCAB, "merges": MERGES},
    }
    (folder / "tokenizer.json").write_text(json.dumps(whole | parts))
    return str(folder / "tokenizer.json")


def write_pair(folder: Path) -> str:
    (folder / "vocab.json").write_text(json.dumps(VOCAB))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]))
    return str(folder / "vocab.json")


def write_ranks(folder: Path, tokens: list[bytes] = RANKS) -> str:
    lines = [f"{base64.b64encode(token).decode()} {rank}" for rank, token in enumerate(tokens)]
    (folder / "x.tiktoken").write_text("\n".join(lines) + "\n")
    return str(folder / "x.tiktoken")


def write_model(folder: Path, algorithm: str = "unigram") -> str:
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(["the theatre of a thing", "日本語の文章", "a b c d e"] * 9), model_writer=model,
        vocab_size=300, model_type=algorithm, hard_vocab_limit=False, byte_fallback=True, minloglevel=2,
    )  # fmt: skip
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    return str(folder / "tokenizer.model")


KINDS: dict[str, Callable[[Path], Counter]] = {
    "hf-bpe-bytelevel": lambda folder: open_tokenizer(write_json(folder)),
    "hf-vocab-merges": lambda folder: open_tokenizer(write_pair(folder)),
    "tiktoken": lambda folder: open_tokenizer(write_ranks(folder), "cl100k_base"),
    "sentencepiece-unigram": lambda folder: open_tokenizer(write_model(folder)),
    "sentencepiece-bpe": lambda folder: open_tokenizer(write_model(folder, "bpe")),
}


@pytest.fixture(scope="module", params=KINDS)
def counter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Counter:
    opened = KINDS[request.param](tmp_path_factory.mktemp("tokenizer"))
    assert opened.family == request.param
    return opened


def test_a_count_is_the_number_of_ids(counter: Counter) -> None:
    ids = counter.encode(TEXTS)
    assert counter.count(pa.array(TEXTS)).tolist() == [len(each) for each in ids]
    assert all(each.dtype == np.uint32 and each.max(initial=0) < counter.vocabulary for each in ids)


@pytest.mark.parametrize("text", ["the theatre of a thing", "日本語の文章"])
def test_what_tokens_read_like_is_the_text_where_they_are_whole_characters(counter: Counter, text: str) -> None:
    spelled, [ids] = counter.spelled(), counter.encode([text])
    read = [spelled.get(number) for number in ids.tolist()]
    assert (None in read) == (not text.isascii() and not counter.family.startswith("sentencepiece"))
    assert None in read or "".join(map(str, read)).strip() == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=12), st.data())
def test_neither_cuts_nor_offsets_of_an_array_matter(counter: Counter, texts: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(texts)))
    whole = counter.count(pa.array(texts, pa.large_string()))
    padded = pa.array(["before", *texts, "after"], pa.string())
    parts = [counter.count(padded[1 : cut + 1]), counter.count(padded[cut + 1 : len(texts) + 1])]
    assert whole.dtype == np.int64
    assert np.concatenate(parts).tolist() == whole.tolist() == [len(ids) for ids in counter.encode(texts)]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=99)), st.integers(1, 3 * TEXT_BYTES))
def test_batches_keep_all_texts_in_order_and_within_bounds(texts: list[str], most: int) -> None:
    found = list(batches(pa.array(texts, pa.string()), most))
    assert list(itertools.chain(*found)) == texts
    assert all(len(b) == 1 or sum(len(t.encode()) + TEXT_BYTES for t in b) <= most for b in found)


def test_more_text_than_a_batch_holds_is_counted_text_by_text(counter: Counter) -> None:
    texts = ["the " * 1_000, "", "a" * 999] * 200
    one_by_one = [len(ids) for text in texts[:3] for ids in counter.encode([text])]
    assert counter.count(pa.array(texts)).tolist() == one_by_one * 200


def test_no_texts_are_no_counts(counter: Counter) -> None:
    assert counter.count(pa.array([], pa.large_string())).tolist() == []
    assert counter.encode([]) == []


def test_a_null_is_an_error_that_names_its_row(counter: Counter) -> None:
    with pytest.raises(BrokenShard, match="row 1 of 2"):
        counter.count(pa.array(["", None]))


def test_a_special_token_in_a_text_is_one_token_only_where_the_file_lists_it(counter: Counter) -> None:
    assert (counter.count(pa.array(["<|endoftext|>"]))[0] == 1) == (counter.family == "hf-bpe-bytelevel")


def test_what_is_asked_of_an_engine_is_what_was_opened(tmp_path: Path) -> None:
    path = write_ranks(tmp_path)
    ask = ask_of(path, "gpt2", Specials.TOKEN)
    assert ask.reference is open_tokenizer(path, "gpt2", Specials.TOKEN)
    assert ask.files.contents == (Path(path).read_bytes(),)
    assert (ask.digest, ask.split, ask.specials) == (ask.reference.digest, PATTERNS["gpt2"], Specials.TOKEN)


def test_bytes_that_are_not_utf8_are_a_broken_shard(counter: Counter) -> None:
    offsets = np.array([0, 2, 2, 5], np.int32).tobytes()
    texts = pa.StringArray.from_buffers(3, pa.py_buffer(offsets), pa.py_buffer(b"ok\xed\xa0\x80"))  # a lone surrogate
    with pytest.raises(BrokenShard, match="row 2 of 3 is not UTF-8"):
        counter.count(texts)
    with pytest.raises(BrokenShard, match="row 1 of 2"):
        counter.count(texts[1:])


def test_a_long_text_is_counted_whole(counter: Counter) -> None:
    short, long = "the theatre \u6f22\n", 20_000
    few, many = (int(counter.count(pa.array([short * times]))[0]) for times in (10, long))
    assert many - few == (long - 10) * (int(counter.count(pa.array([short * 11]))[0]) - few)


def test_a_text_as_long_as_allowed_is_counted(tmp_path: Path) -> None:
    text = "the a\n" * (8_000_000 // 6)
    assert open_tokenizer(write_ranks(tmp_path), "cl100k_base").count(pa.array([text]))[0] == len(text) // 2


def test_truncation_and_padding_of_a_json_do_not_touch_counts(tmp_path: Path) -> None:
    cut = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    pad: dict[str, object] = {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": None}
    pad |= {"pad_id": 0, "pad_type_id": 0, "pad_token": "!"}
    path = write_json(tmp_path, truncation=cut, padding=pad)
    assert open_tokenizer(path).count(pa.array(["", "abcdef"])).tolist() == [0, 6]


def test_a_post_processor_adds_no_special_tokens(tmp_path: Path) -> None:
    template = [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    special = {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [len(VOCAB)], "tokens": ["<|endoftext|>"]}}
    post = {"type": "TemplateProcessing", "single": template, "pair": template[1:] * 2, "special_tokens": special}
    assert open_tokenizer(write_json(tmp_path, post_processor=post)).count(pa.array(["abc"])).tolist() == [3]


def test_workers_get_no_threads_unless_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    open_tokenizer(write_json(tmp_path))
    assert os.environ["TOKENIZERS_PARALLELISM"] == "true"
    monkeypatch.delenv("TOKENIZERS_PARALLELISM")
    open_tokenizer(write_pair(tmp_path))
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"


def test_a_folder_gives_its_json_then_its_model_then_its_pair(tmp_path: Path) -> None:
    write_pair(tmp_path)
    assert open_tokenizer(str(tmp_path)).family == "hf-vocab-merges"
    write_model(tmp_path)
    assert open_tokenizer(str(tmp_path)).family == "sentencepiece-unigram"
    write_json(tmp_path)
    assert open_tokenizer(str(tmp_path)).family == "hf-bpe-bytelevel"


def test_either_file_of_a_pair_opens_both(tmp_path: Path) -> None:
    write_pair(tmp_path)
    first, second = (open_tokenizer(str(tmp_path / name)) for name in ("vocab.json", "merges.txt"))
    assert first.digest == second.digest
    assert first.count(pa.array(["the a"])).tolist() == [2]


@pytest.mark.parametrize("write", [write_json, write_ranks, write_model])
def test_an_unknown_suffix_is_judged_by_content(tmp_path: Path, write: Callable[[Path], str]) -> None:
    named = Path(write(tmp_path))
    pattern = "o200k_base" if write is write_ranks else None
    unnamed = named.rename(tmp_path / "downloaded.bin")
    assert open_tokenizer(str(unnamed), pattern).count(pa.array(["the"]))[0] > 0


def test_ranks_named_tokenizer_model_are_ranks(tmp_path: Path) -> None:
    Path(write_ranks(tmp_path)).rename(tmp_path / "tokenizer.model")
    assert open_tokenizer(str(tmp_path), "cl100k_base").family == "tiktoken"


def test_a_digest_knows_contents_and_pattern_but_no_names(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    here, there = write_ranks(tmp_path), write_ranks(tmp_path / "other")
    assert digest_of(here, "gpt2") == digest_of(there, "r50k_base") == open_tokenizer(there, "gpt2").digest
    assert digest_of(here, "cl100k_base") != digest_of(here, "o200k_base")
    assert digest_of(write_json(tmp_path)) == digest_of(str(tmp_path)) != digest_of(write_pair(tmp_path))


def test_a_process_opens_a_tokenizer_once_and_notices_a_change(tmp_path: Path) -> None:
    path = write_json(tmp_path)
    first = open_tokenizer(path)
    assert open_tokenizer(path) is first
    write_json(tmp_path, added_tokens=[])
    changed = open_tokenizer(path)
    assert (changed.digest, changed.vocabulary) != (first.digest, first.vocabulary)


def test_patterns_are_the_published_ones() -> None:
    published = importlib.import_module("tiktoken_ext.openai_public")  # untyped, and downloads when called
    nodes = list(ast.walk(ast.parse(inspect.getsource(published))))
    constants = {node.value for node in nodes if isinstance(node, ast.Constant)}
    constants |= {"|".join(map(ast.literal_eval, node.elts)) for node in nodes if isinstance(node, ast.List)}
    for pattern in PATTERNS.values():
        assert {pattern.regex, *pattern.specials, *pattern.specials.values()} <= constants


WHITE_AND_OTHER = st.sampled_from(
    [*"at1!/\u6f22\u0301' \n\r\t\u3000\xa0\x85\x0b\x1c\u200b", "'s", "  ", "   ", "\r\n", "The"]
)


@pytest.mark.parametrize("name", ["gpt2", "cl100k_base", "o200k_base"])
@given(text=st.lists(WHITE_AND_OTHER, max_size=14).map("".join))
def test_a_long_run_of_white_space_is_one_piece_whatever_is_around_it(name: str, text: str) -> None:
    split, table = PATTERNS[name], dict(zip([*RANKS, b"  ", b"\n\n", b" t"], itertools.count(), strict=False))
    encoding = tiktoken.Encoding(name, pat_str=split.regex, mergeable_ranks=table, special_tokens={})
    unsplit = tiktoken.Encoding(name, pat_str="(?s:.+)", mergeable_ranks=table, special_tokens={})
    run = long_runs(2)[split.regex]
    pieces = itertools.zip_longest(map(encoding.encode, run.split(text)), map(unsplit.encode, run.findall(text)))
    ids = [number for between, piece in pieces for number in between + (piece or [])]
    assert ids == encoding.encode(text)


@pytest.mark.parametrize("name", ["gpt2", "cl100k_base", "o200k_base"])
def test_what_tiktokens_regex_gives_up_on_is_counted_all_the_same(tmp_path: Path, name: str) -> None:
    spaces = 1_300_000  # beyond the regex's stack of a million
    opened = open_tokenizer(write_ranks(tmp_path), name)
    texts = ["the" + " " * spaces + "a the", " " * spaces + "\n\n" + "\t" * spaces + " a", "a" + " " * spaces]
    if name == "gpt2":
        texts.append("\n" * spaces + "the")
    expected = [spaces + 3, 2 * spaces + 3, spaces + 1, spaces + 1][: len(texts)]
    assert opened.count(pa.array(texts)).tolist() == expected


def test_a_text_that_tiktoken_cannot_split_is_an_error_not_a_panic(tmp_path: Path) -> None:
    opened = open_tokenizer(write_ranks(tmp_path), "o200k_base", Specials.TOKEN)
    with pytest.raises(BadSource, match="max_document"):
        opened.count(pa.array([" " * 2_000_000 + "<|endoftext|>"]))


def test_a_json_that_cannot_encode_says_so(tmp_path: Path) -> None:
    path = write_json(tmp_path, added_tokens=[], model={"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "?"})
    with pytest.raises(BadTokenizer, match=r"tokenizer\.json: cannot encode"):
        open_tokenizer(path).count(pa.array(["b"]))


def test_a_special_token_amid_the_ranks_is_no_hole(tmp_path: Path) -> None:
    tokens = RANKS[:256] + [number.to_bytes(3, "big") for number in range(50_280 - 256)]
    lines = (f"{base64.b64encode(token).decode()} {rank + (rank >= 50_256)}" for rank, token in enumerate(tokens))
    (tmp_path / "p50k_base.tiktoken").write_text("\n".join(lines))
    assert open_tokenizer(str(tmp_path / "p50k_base.tiktoken"), "p50k_base").vocabulary == 50_281
