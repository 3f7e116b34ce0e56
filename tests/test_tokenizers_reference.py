"""Counts of published tokenizers are those of their own libraries, on nasty strings and on real text."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import tiktoken
from sentencepiece import SentencePieceProcessor
from tiktoken.load import load_tiktoken_bpe
from tokenizers import ByteLevelBPETokenizer, Tokenizer

from benchmarks.check_reference_counts import difference
from prep.pipeline.tokenizers import open_tokenizer
from prep.pipeline.tokenizers.patterns import PATTERNS
from tests.shared import BAD, TOKENIZERS, needs_shared

FILES = sorted(
    file for suffix in ("json", "model", "tiktoken") for file in TOKENIZERS.glob(f"*/*.{suffix}") if TOKENIZERS.is_dir()
)
NASTY = [
    "", " ", "   ", "\n\n\t ", " a", "a ", "\u3000全角　空白", "👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 ok",
    "か\u3099き\u3099 e\u0301\u0302", "nul\0in\0text",
    "<|endoftext|> and </s> and <unk> and [PAD]", "\ufeffbom", "A\u00a0B\u2003C\u2028D\u0085E",
    "it's IT'S ''ll", "1234567 १२३", "\u202eright to left שלום", "𠮷野家\U0010ffff\ufffd", "a" * 100_000, "漢" * 30_000,
    " " * 3_000 + "x", "!?" * 5_000, "\n \n" * 3_000,
]  # fmt: skip
UNBROKEN = {"no_space_5mb.txt": 100_000, "base64_4mb_line.txt": 50_000}  # file: characters
SMALL = ["web_en/c4_samples.jsonl", "web_en/pages.warc.wet.gz", "web_fr/pages.jsonl.gz", "web_ja/pages.jsonl.zst",
         "web_ja/leads_kwdlc.jsonl.gz", "books_ja/txt"]  # fmt: skip


def library(file: Path) -> Callable[[str], list[int]]:
    """The plainest way of the file's own library to the ids of a text."""
    if file.name == "vocab.json":
        pair = ByteLevelBPETokenizer.from_file(str(file), str(file.with_name("merges.txt")))
        return lambda text: list(pair.encode(text, add_special_tokens=False).ids)
    if file.suffix == ".json":
        tokenizer = Tokenizer.from_file(str(file))
        return lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids)
    if file.suffix == ".model":
        processor = SentencePieceProcessor(model_file=str(file))
        return lambda text: list(processor.encode(text))
    pattern = PATTERNS[file.stem]
    encoding = tiktoken.Encoding(
        file.stem,
        pat_str=pattern.regex,
        mergeable_ranks=load_tiktoken_bpe(str(file)),
        special_tokens=pattern.specials,
    )
    return encoding.encode_ordinary


@needs_shared
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_ids_and_counts_are_the_librarys_own(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")  # the reference reads the file itself
    texts = [
        *NASTY,
        (BAD / "no_space_5mb.txt").read_text()[:100_000],
        (BAD / "base64_4mb_line.txt").read_text()[:50_000],
    ]
    opened = open_tokenizer(str(file), file.stem if file.suffix == ".tiktoken" else None)
    expected = list(map(library(file), texts))
    assert [ids.tolist() for ids in opened.encode(texts)] == expected
    assert opened.count(pa.array(texts)).tolist() == [len(ids) for ids in expected]


@needs_shared
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("tokenizer", ["llm-jp-v3.1-100k", "gpt2"])
def test_real_files_have_the_reference_counts(tokenizer: str, name: str) -> None:
    assert difference((tokenizer, name)) == ""
