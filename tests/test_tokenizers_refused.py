"""Files that are no tokenizer, or half of one, are refused by name and reason."""

import base64
import contextlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers import digest_of, open_tokenizer
from tests.test_tokenizers import MERGES, RANKS, TEXTS, VOCAB, write_json, write_model, write_pair, write_ranks

UNIGRAM = {"type": "Unigram", "unk_id": 3, "vocab": []}
HOLES = {token: number + (number > 7) for token, number in VOCAB.items()}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("tokenizer.json", b"", "empty"),
        ("tokenizer.json", b'{"version": "1.0", "mod', "EOF"),
        ("tokenizer.json", b"[1, 2]", "expected struct Tokenizer"),
        ("tokenizer.json", b'{"a": 1}', "line 1"),
        ("tokenizer.json", b'{"version": "1.0", "model": ' + b"[" * 100_000, "recursion"),
        ("tokenizer.json", json.dumps({"version": "1.0", "model": UNIGRAM}).encode(), "EmptyVocabulary"),
        ("tokenizer.json", b"\xff\xfe{}", "expected value"),
        ("x.model", b"just a text file\n", "not a SentencePiece model"),
        ("x.model", b"\n\x00", "not a SentencePiece model"),
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


def test_a_truncated_model_is_refused(tmp_path: Path) -> None:
    path = Path(write_model(tmp_path))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(BadTokenizer, match="not a SentencePiece model"):
        open_tokenizer(str(path))


@pytest.mark.parametrize(
    ("vocab", "merges", "reason"),
    [
        (json.dumps(VOCAB)[:-1], MERGES, "unexpected end"),
        (json.dumps([1]), MERGES, "vocab.json"),
        (json.dumps({"a": "b"}), MERGES, "vocab.json"),
        (json.dumps({"a": -1}), MERGES, "-1"),
        ("[" * 100_000, MERGES, "vocab.json"),
        (json.dumps(HOLES), MERGES, "none has id 8"),
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
