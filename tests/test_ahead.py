"""Kernels that idle workers compile: all that a first count needs, each in one process alone."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sentencepiece import SentencePieceTrainer

from prep.pipeline.tokenizers import ahead, ask_of
from tests.test_unigram import TEXTS, train
from tests.tiny import write_tokenizer

COMPILED = """
import sys

import pyarrow as pa
from numba.core import event

import prep.compiling
from prep.pipeline.tokenizers import ahead, adversarial, ask_of
from prep.pipeline.tokenizers.engines import ENGINES


class Heard(event.Listener):
    names = []

    def on_start(self, found):
        dispatcher = found.data["dispatcher"]
        if type(dispatcher._cache).__name__ == "FunctionCache":  # it is kept, and no part of another
            self.names.append(f"{dispatcher.__module__}.{dispatcher.__name__}")

    def on_end(self, found):
        pass


event.register("numba:compile", Heard())
engine, path = sys.argv[1:]
ask = ask_of(path)
ahead.compile_for(engine, [ask])
first = len(Heard.names)
opened = ENGINES[engine](ask)
texts = pa.array(adversarial.texts([]), pa.large_string())
assert opened.count(texts).tolist() == ask.reference.count(texts).tolist()
assert len(Heard.names) == first, "compiled by the engine, and not ahead of it"
print(*Heard.names)
"""


def with_normaliser(tmp_path: Path) -> str:
    """A tokenizer.json that normalises text and has an added token: it is cut before a library counts."""
    path = Path(write_tokenizer(tmp_path / "cut"))
    whole = json.loads(path.read_bytes())
    vocabulary = whole["model"]["vocab"]
    token = {"id": len(vocabulary), "content": "<|endoftext|>", "special": True}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    whole["added_tokens"], whole["normalizer"] = [token | flags], {"type": "NFC"}
    vocabulary[token["content"]] = token["id"]
    path.write_text(json.dumps(whole))
    return str(path)


def start(engine: str, path: str, cache: Path) -> subprocess.Popen[str]:
    """A process that counts by an engine, with nothing compiled yet but what is in the cache."""
    return subprocess.Popen(
        [sys.executable, "-c", COMPILED, engine, path], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PREP_CACHE": str(cache)},
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> list[str]:
    out, _ = process.communicate()
    assert process.returncode == 0
    return out.split()


def bpe(folder: Path) -> Path:
    """A SentencePiece model of the kind that is merged."""
    SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 3), model_prefix=str(folder / "m"), model_type="bpe", minloglevel=2,
        hard_vocab_limit=False, character_coverage=1.0, byte_fallback=True, vocab_size=330,
        normalization_rule_name="identity", remove_extra_whitespaces=False,
    )  # fmt: skip
    return folder / "m.model"


MAKERS: dict[str, Callable[[Path], object]] = {
    "unigram": train, "segments": write_tokenizer, "gigatoken": with_normaliser, "spbpe": bpe,
}  # fmt: skip


@pytest.mark.parametrize("engine", MAKERS)
def test_all_is_compiled_ahead_and_by_one_of_two_processes(engine: str, tmp_path: Path) -> None:
    path, cache = str(MAKERS[engine](tmp_path)), tmp_path / "cache"
    one, two = map(ended, [start(engine, path, cache) for _ in range(2)])
    assert one or two
    assert len({*one, *two}) == len(one) + len(two)
    assert ended(start(engine, path, cache)) == []


def test_kernels_are_of_use_to_the_kinds_of_files_that_they_count_by(tmp_path: Path) -> None:
    model, json_file = ask_of(str(train(tmp_path))), ask_of(write_tokenizer(tmp_path / "tiny"))
    assert [engine for engine in ahead.KERNELS if ahead.may_use(engine, model)] == ["unigram", "spbpe"]
    assert [engine for engine in ahead.KERNELS if ahead.may_use(engine, json_file)] == ["segments", "gigatoken"]


def test_what_no_engine_opens_for_is_left_to_the_check(tmp_path: Path) -> None:
    ahead.compile_for("unigram", [ask_of(write_tokenizer(tmp_path / "tiny"))])
