"""What is asked of a tokenizer beside its file, and what its file says it is."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers import Specials, digest_of, open_tokenizer
from prep.pipeline.tokenizers.patterns import PATTERNS
from tests.test_tokenizers import VOCAB, write_json, write_model, write_pair, write_ranks

WORDPIECE = {
    "type": "WordPiece",
    "vocab": {"a": 0},
    "unk_token": "a",
    "continuing_subword_prefix": "##",
    "max_input_chars_per_word": 9,
}
METASPACE = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}


def test_special_tokens_in_a_text_are_what_is_asked(tmp_path: Path) -> None:
    text = pa.array(["a<|endoftext|>a"])
    ranks, pair, model = write_ranks(tmp_path), write_pair(tmp_path), write_model(tmp_path)
    whole = write_json(tmp_path)

    def tokens(path: str, pattern: str | None = None) -> list[int]:
        return [int(open_tokenizer(path, pattern, specials).count(text)[0]) for specials in Specials]

    assert list(Specials) == ["library", "text", "token"]
    assert tokens(whole) == [3, 15, 3]
    assert tokens(pair) == [15, 15, 15]
    assert tokens(ranks, "o200k_base") == [15, 15, 3]
    assert open_tokenizer(model, None, Specials.TEXT).count(text) == open_tokenizer(model).count(text)
    with pytest.raises(BadTokenizer, match=r"'<s>' written in it is not in a \.model; give the tokenizer\.json"):
        open_tokenizer(model, None, Specials.TOKEN)


def test_an_added_token_that_is_not_special_is_never_text(tmp_path: Path) -> None:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    path = write_json(tmp_path, added_tokens=[{"id": len(VOCAB), "content": "<mask>"} | flags])
    assert open_tokenizer(path, None, Specials.TEXT).count(pa.array(["<mask>"])).tolist() == [1]


def test_the_choice_of_specials_is_in_the_digest_and_the_default_leaves_it_as_it_was(tmp_path: Path) -> None:
    path = write_ranks(tmp_path)
    digests = [digest_of(path, "gpt2", specials) for specials in Specials]
    assert len(set(digests)) == 3
    assert digests == [open_tokenizer(path, "gpt2", specials).digest for specials in Specials]
    old = hashlib.sha256()
    for part in (b"tiktoken", Path(path).read_bytes(), PATTERNS["gpt2"].canonical()):
        old.update(len(part).to_bytes(8, "big") + part)
    assert digests[0] == digest_of(path, "gpt2") == old.hexdigest()


@pytest.mark.parametrize(
    ("parts", "family"),
    [
        ({}, "hf-bpe-bytelevel"),
        ({"pre_tokenizer": METASPACE}, "hf-bpe-metaspace"),
        ({"pre_tokenizer": None, "normalizer": {"type": "Prepend", "prepend": "\u2581"}}, "hf-bpe-metaspace"),
        ({"pre_tokenizer": None}, "hf-bpe"),
        ({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["a", 0.0]]}}, "hf-unigram"),
        ({"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}, "added_tokens": []}, "hf-wordlevel"),
        ({"model": WORDPIECE, "added_tokens": []}, "hf-wordpiece"),
    ],
)
def test_a_json_tells_its_algorithm(tmp_path: Path, parts: dict[str, object], family: str) -> None:
    assert open_tokenizer(write_json(tmp_path, **parts)).family == family
