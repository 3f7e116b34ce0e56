"""Files that are no tokenizer, or half of one, are refused by name and reason."""

import base64
import contextlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from sentencepiece import SentencePieceProcessor

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers import digest_of, open_tokenizer
from tests.shared import TOKENIZERS, needs_shared
from tests.test_tokenizers import MERGES, RANKS, TEXTS, VOCAB, write_json, write_model, write_pair, write_ranks

UNIGRAM = {"type": "Unigram", "unk_id": 3, "vocab": []}
BPE = {"type": "BPE", "vocab": VOCAB, "merges": MERGES}
HOLES = {token: number + (number > 7) for token, number in VOCAB.items()}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("tokenizer.json", b"", "empty"),
        ("tokenizer.json", b'{"version": "1.0", "mod', "not whole JSON.*unexpected end"),
        ("tokenizer.json", b"[1, 2]", r"JSON of another kind: it is '\[1, 2\]'"),
        ("tokenizer.json", b'{"model_type": "llama", "vocab_size": 9}', "it has 'model_type', 'vocab_size'.*give the"),
        ("tokenizer.json", b'{"name": "x", "version": "1.0.0", "model": "m"}', "it has 'name', 'version', 'model'"),
        ("tokenizer.json", b'{"version": "1.0", "model": ' + b"[" * 100_000, "depth limit"),
        ("tokenizer.json", json.dumps({"version": "1.0", "model": UNIGRAM}).encode(), "no vocabulary"),
        ("tokenizer.json", "{}".encode("utf-16"), "UTF-16"),
        ("tokenizer.json", "{}".encode("utf-8-sig"), "without a byte order mark"),
        ("tokenizer.json", b"<!DOCTYPE html><html>404", "a web page.*download the file itself"),
        ("tokenizer.json", b"\n<html lang=en>", "a web page"),
        ("tokenizer.json", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        ("tokenizer.model", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        ("tokenizer.model", b"PK\x03\x04rest", "an archive; unpack"),
        ("x.tiktoken", b"\x1f\x8brest", "an archive; unpack"),
        ("x.model", b"just a text file\n", "not a SentencePiece model"),
        ("x.model", b"\n\x00", "not a SentencePiece model"),
        ("x.model", b"\n\x80\x94\xeb\xdc\x03rest", "not a SentencePiece model"),  # 10^9 bytes, it says
        ("x.bin", b"\x00\x01\x02", "neither its name nor its first bytes"),
        ("x.bin", b"", "empty"),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_reason(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadTokenizer, match=reason) as caught:
        open_tokenizer(str(tmp_path / name))
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("write", [write_json, write_pair, write_ranks, write_model])
def test_a_damaged_file_is_refused_or_counts_but_never_breaks(tmp_path: Path, write: Callable[[Path], str]) -> None:
    path, chance = Path(write(tmp_path)), random.Random(17)
    whole, pattern = path.read_bytes(), "gpt2" if write is write_ranks else None
    for _ in range(100):
        damaged = bytearray(whole)
        start = chance.randrange(len(whole))
        damaged[start : start + chance.choice([0, 1, 9])] = chance.randbytes(chance.choice([0, 1, 9]))
        path.write_bytes(damaged)
        with contextlib.suppress(BadTokenizer):
            assert len(open_tokenizer(str(path), pattern).count(pa.array(TEXTS))) == len(TEXTS)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.json", Path("/dev/null")):
        with pytest.raises(BadTokenizer, match=r"vocab\.json with merges\.txt"):
            digest_of(str(path))


@pytest.mark.parametrize("write", [write_json, write_model])
def test_a_file_cut_anywhere_is_refused_or_counts_as_the_whole(tmp_path: Path, write: Callable[[Path], str]) -> None:
    path = Path(write(tmp_path))
    whole, expected = path.read_bytes(), open_tokenizer(str(path)).count(pa.array(TEXTS)).tolist()
    taken = 0
    for cut in [*range(0, len(whole), max(1, len(whole) // 150)), *range(len(whole) - 150, len(whole) + 1)]:
        path.write_bytes(whole[:cut])
        with contextlib.suppress(BadTokenizer):
            assert open_tokenizer(str(path)).count(pa.array(TEXTS)).tolist() == expected
            taken += 1
    assert taken < 40  # the whole, and for a model what goes on in its last part


@needs_shared
@pytest.mark.parametrize("name", ["sentencepiece-test-en", "sentencepiece-test-ja"])
def test_a_published_model_cut_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    whole, chance = (TOKENIZERS / name / "tokenizer.model").read_bytes(), random.Random(7)
    path = tmp_path / "tokenizer.model"
    expected = open_tokenizer(str(TOKENIZERS / name)).count(pa.array(TEXTS)).tolist()
    for cut in (
        *range(1, 60),
        *(chance.randrange(len(whole)) for _ in range(200)),
        *range(len(whole) - 40, len(whole)),
    ):
        path.write_bytes(whole[:cut])
        try:
            counts = open_tokenizer(str(path)).count(pa.array(TEXTS)).tolist()
        except BadTokenizer as error:
            assert str(path) in str(error)  # noqa: PT017 - most cuts end here, but not all
        else:
            assert counts == expected


@pytest.mark.parametrize(
    ("vocab", "merges", "reason"),
    [
        (json.dumps(VOCAB)[:-1], MERGES, "unexpected end"),
        (json.dumps([1]), MERGES, "vocab.json"),
        (json.dumps({"a": "b"}), MERGES, "vocab.json"),
        (json.dumps({"a": -1}), MERGES, "byte written '!'"),
        ("[" * 100_000, MERGES, "vocab.json"),
        (json.dumps(HOLES), MERGES, "none has id 8"),
        (json.dumps(VOCAB | {"th": 7}), MERGES, "share the id 7"),
        (json.dumps(VOCAB), [*MERGES, "q z"], "out of vocabulary"),
        (json.dumps(VOCAB), [*MERGES, "one two three"], "one two three"),
        (json.dumps({t: i for i, t in enumerate(list(VOCAB)[1:])}), MERGES, "byte written '!'"),
        (json.dumps(VOCAB | {"a</w>": len(VOCAB)}), MERGES, "</w>"),
    ],
)
def test_a_wrong_pair_is_refused(tmp_path: Path, vocab: str, merges: list[str], reason: str) -> None:
    path = write_pair(tmp_path)
    (tmp_path / "vocab.json").write_text(vocab)
    (tmp_path / "merges.txt").write_text("\n".join(merges))
    with pytest.raises(BadTokenizer, match=reason):
        open_tokenizer(path)


def test_half_a_pair_names_the_file_that_is_missing(tmp_path: Path) -> None:
    path = write_pair(tmp_path)
    (tmp_path / "merges.txt").unlink()
    with pytest.raises(BadTokenizer, match=r"merges\.txt: No such file"):
        open_tokenizer(path)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"model": {"type": "Foo", "vocab": VOCAB}}, "model type 'Foo' is none of BPE, Unigram, WordPiece, WordLevel"),
        ({"model": {"type": "BPE", "vocab": {}, "merges": []}}, "no vocabulary"),
        ({"model": BPE | {"vocab": HOLES}, "added_tokens": []}, "none has id 8"),
        ({"model": BPE | {"vocab": VOCAB | {"th": 7}}}, "'%' and 'th' share the id 7|share the id 7"),
        ({"model": BPE | {"vocab": VOCAB | {"th": 7.5}}}, "'th' has the id 7.5"),
        ({"model": BPE | {"merges": ["q z"]}}, "`qz` out of vocabulary"),
        ({"normalizer": {"type": "Foo"}}, "its normalizer 'Foo' .*is none that tokenizers"),
        ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Foo"}]}}, "its pre_tokenizer 'Foo'"),
        ({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(("}}}, "its pre_tokenizer 'Split'"),
        ({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "YWJj"}}, "the library breaks down"),
        ({"model": BPE | {"continuing_subword_prefix": "##"}}, "merges continue with 'h', not with '##'"),
        ({"model": BPE | {"continuing_subword_prefix": "\u65e5"}}, "merges continue with"),
    ],
)
def test_a_json_the_library_cannot_count_with_is_refused(
    tmp_path: Path, changed: dict[str, object], reason: str
) -> None:
    path = write_json(tmp_path, **changed)
    with pytest.raises(BadTokenizer, match=reason) as caught:
        open_tokenizer(path)
    assert path in str(caught.value)


@pytest.mark.parametrize("score", ["NaN", "1e999", "-1e999", "Infinity"])
def test_a_score_that_is_no_number_is_refused(tmp_path: Path, score: str) -> None:
    path = Path(write_json(tmp_path, model=UNIGRAM | {"unk_id": 0, "vocab": [["a", 0.0], ["b", "score"]]}))
    path.write_text(path.read_text().replace('"score"', score))
    with pytest.raises(BadTokenizer, match=r"tokenizer\.json: "):
        open_tokenizer(str(path))


def test_ids_may_leave_a_gap_between_the_vocabulary_and_the_added_tokens(tmp_path: Path) -> None:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = [{"id": len(VOCAB) + 16, "content": "<x>", "special": True} | flags]
    assert open_tokenizer(write_json(tmp_path, added_tokens=added)).count(pa.array(["a<x>"])).tolist() == [2]


@pytest.mark.parametrize(
    "changed",
    [
        {"pre_tokenizer": {"type": "FixedLength", "length": 0}},
        {"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"}},
        {"normalizer": {"type": "Prepend", "prepend": ""}},
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}},
    ],
)
def test_a_panic_over_a_text_names_file_and_text(tmp_path: Path, changed: dict[str, object]) -> None:
    opened = open_tokenizer(write_json(tmp_path, **changed))
    with pytest.raises(BadTokenizer, match=r"tokenizer\.json: the library breaks down .* begins with 'aaaa"):
        opened.count(pa.array(["", "a" * 40 + "b"]))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ([(2, [(3, 9)])], "model_type 9 is none of"),
        ([(3, [(1, b"nfkc"), (2, b"")])], "the table of its normalizer b'nfkc' is missing"),
    ],
)
def test_a_model_with_what_sentencepiece_passes_over_is_refused(
    tmp_path: Path, damage: list[tuple[int, list[tuple[int, int | bytes]]]], reason: str
) -> None:
    path = Path(write_model(tmp_path))
    path.write_bytes(path.read_bytes() + b"".join(field(number, fields(values)) for number, values in damage))
    SentencePieceProcessor(model_file=str(path))  # takes it
    with pytest.raises(BadTokenizer, match=reason):
        open_tokenizer(str(path))


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def fields(values: list[tuple[int, int | bytes]]) -> bytes:
    return b"".join(field(number, value) for number, value in values)


def test_several_nameless_models_in_a_folder_are_refused_and_one_is_taken(tmp_path: Path) -> None:
    Path(write_model(tmp_path)).rename(tmp_path / "spiece.model")
    assert open_tokenizer(str(tmp_path)).family == "sentencepiece-unigram"
    (tmp_path / "other.tiktoken").write_text("")
    with pytest.raises(BadTokenizer, match=r"other\.tiktoken, spiece\.model; name one"):
        open_tokenizer(str(tmp_path))


def test_dropout_is_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path, model={"type": "BPE", "dropout": 0.1, "vocab": VOCAB, "merges": MERGES})
    with pytest.raises(BadTokenizer, match=r"dropout 0\.1"):
        open_tokenizer(path)


@pytest.mark.parametrize("line", [b"@@@ 7", b"dGhl", b"dGhl x", b"dGhl -1 4", b"", "日本 3".encode()])
def test_a_broken_line_of_ranks_is_named(tmp_path: Path, line: bytes) -> None:
    path = Path(write_ranks(tmp_path))
    path.write_bytes(path.read_bytes() + line + b"\nYQ== 9\n")
    with pytest.raises(BadTokenizer, match=r"x\.tiktoken: line 260"):
        open_tokenizer(str(path), "gpt2")


@pytest.mark.parametrize(
    ("tokens", "ranks", "reason"),
    [
        (RANKS, [0, 0, *range(2, 259)], "share a rank"),
        (RANKS, [*range(258), 300], "no token has rank 258 of 300"),
        (RANKS, [-1, *range(1, 259)], "line 1"),
        (RANKS, [*range(258), 2**40], "no token has rank 258"),
        (RANKS[1:], range(258), "byte 0x00"),
        ([*RANKS, b"the"], range(260), "line 260 repeats"),
    ],
)
def test_ranks_with_holes_or_doubles_are_refused(
    tmp_path: Path, tokens: list[bytes], ranks: list[int], reason: str
) -> None:
    lines = (f"{base64.b64encode(token).decode()} {rank}" for token, rank in zip(tokens, ranks, strict=True))
    (tmp_path / "x.tiktoken").write_text("\n".join(lines))
    with pytest.raises(BadTokenizer, match=reason):
        open_tokenizer(str(tmp_path / "x.tiktoken"), "cl100k_base")


def test_ranks_want_a_known_pattern_and_nothing_else_does(tmp_path: Path) -> None:
    for wrong in (None, "cl100k", r"\p{L}+"):
        with pytest.raises(BadTokenizer, match="cl100k_base, o200k_base, p50k_base, r50k_base, gpt2"):
            digest_of(write_ranks(tmp_path), wrong)
    with pytest.raises(BadTokenizer, match="remove `pattern: gpt2`"):
        digest_of(write_json(tmp_path), "gpt2")
