"""The libraries' own trainers, each in a fresh process: what ends in C++ by an abort ends that process, and no other.

`python -m prep.pipeline.vocabulary.trainers FOLDER` reads `sample.arrow` and `wanted.json` there, writes `tokenizer`.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from prep.errors import BadSettings, FailedCheck, Unable, WorkerLost
from prep.pipeline.vocabulary.sentences import LONGEST

SAMPLE, WANTED, MADE, LOG = "sample.arrow", "wanted.json", "tokenizer", "log"
END = "<|endoftext|>"  # of byte-level BPE, as GPT-2 has it; sentencepiece has <unk>, <s> and </s>
# Sentencepiece's E step adds floats by thread: 1, 2, 4 and 16 threads gave four different vocabularies from one text,
# and twice the same number twice the same bytes. So the number is fixed, whatever the machine has.
THREADS = 8
LARGE = 1_000_000_000  # bytes of text from which sentencepiece's suffix array needs 64-bit places
# Llama 3's split, which the fast engines know, and Qwen 2's, where each digit stands alone.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
HIGH = "Vocabulary size too high ({}). Please set it to a value <= {}."  # as sentencepiece says it
LOW = "Vocabulary size is smaller than required_chars. {} vs {}."

Model = Literal["unigram", "bpe", "byte-bpe"]
Normalization = Literal["identity", "nfkc", "nmt_nfkc"]


@dataclass(frozen=True)
class Wanted:
    """What is trained.

    `split_by_whitespace`: no piece reaches over a space inside it, the default of sentencepiece and of llm-jp v4.
    Japanese, which has none, is one long word a line then, cut by script alone, so pieces may hold several words.
    """

    model: Model
    vocab_size: int
    byte_fallback: bool = True
    character_coverage: float = 0.9995
    split_digits: bool = True
    split_by_whitespace: bool = True
    normalization: Normalization = "identity"
    user_symbols: tuple[str, ...] = ()

    @property
    def pieces(self) -> bool:
        """Whether sentencepiece trains it."""
        return self.model != "byte-bpe"

    @property
    def file(self) -> str:
        """What the tokenizer's file is called."""
        return "tokenizer.model" if self.pieces else "tokenizer.json"


def train(wanted: Wanted, folder: Path, sentences: int) -> bytes:
    """The tokenizer trained on `sample.arrow` in a folder, in a process of its own.

    Errors: BadSettings, with the figure that would do; WorkerLost, where it is killed; FailedCheck, where the library
    left sentences out.
    """
    (folder / WANTED).write_text(json.dumps(asdict(wanted)), encoding="utf-8")
    with (folder / LOG).open("wb") as log:
        command = [sys.executable, "-m", __name__, str(folder)]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            code = child.wait()
        finally:
            child.kill()
            child.wait()
            if child.stdin:
                child.stdin.close()
    said = (folder / LOG).read_text(encoding="utf-8", errors="replace")
    if code:
        raise _failed(wanted, code, said)
    loaded = re.search(r"Loaded all (\d+) sentences", said)
    if wanted.pieces and loaded and int(loaded[1]) != sentences:
        raise FailedCheck(
            f"sentencepiece took {loaded[1]} of {sentences:,} sentences and left out the rest; report this"
        )
    return (folder / MADE).read_bytes()


def _failed(wanted: Wanted, code: int, said: str) -> BadSettings | Unable:
    """Why the trainer ended, in words of ours."""
    asked = f"--vocab-size {wanted.vocab_size:,}"
    if found := re.search(r"Vocabulary size too high \(\d+\)\D+(\d+)", said):
        most = int(found[1])
        return BadSettings(
            f"{asked}: this sample gives at most {most:,} ({wanted.model}); ask for that, or a larger --sample"
        )
    if found := re.search(r"smaller than required_chars\. \d+ vs (\d+)", said):
        way = "" if not wanted.pieces else ", or lower --character-coverage"
        return BadSettings(
            f"{asked}: the characters of this sample alone take {int(found[1]):,}; ask for more than that{way}"
        )
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
    if code in (-signal.SIGKILL, -signal.SIGTERM):
        return WorkerLost(
            f"the trainer was killed, most likely for want of memory; give a smaller --sample ({last[:200]})"
        )
    if code < 0:
        return Unable(f"the trainer ended by {signal.Signals(-code).name}: {last[:400]}; try a smaller --sample")
    return BadSettings(f"the trainer refused: {last[:400]}; change what it names")


def _main(folder: Path) -> None:
    """In the fresh process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    plain: dict[str, Any] = json.loads((folder / WANTED).read_text(encoding="utf-8"))
    wanted = Wanted(**{**plain, "user_symbols": tuple(plain["user_symbols"])})
    trainer: Callable[[Wanted, Path], bytes] = _pieces if wanted.pieces else _bytes
    (folder / MADE).write_bytes(trainer(wanted, folder / SAMPLE))


def _end_with_parent() -> None:
    """A killed parent closes the pipe, and nobody wants what is trained here."""
    os.read(0, 1)  # not sys.stdin, whose lock a thread must not hold when the interpreter ends: that is an abort
    os._exit(1)


def _lines(sample: Path) -> Iterator[str]:
    with pa.OSFile(str(sample)) as file, pa.ipc.open_file(file) as reader:
        for number in range(reader.num_record_batches):
            yield from reader.get_batch(number)["lines"].to_pylist()


def _pieces(wanted: Wanted, sample: Path) -> bytes:
    """By sentencepiece: spaces are kept as they are, and what the vocabulary lacks becomes bytes."""
    from sentencepiece import SentencePieceTrainer

    made = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=_lines(sample),
        model_writer=made,
        model_type=wanted.model,
        vocab_size=wanted.vocab_size,
        byte_fallback=wanted.byte_fallback,
        character_coverage=wanted.character_coverage,
        split_digits=wanted.split_digits,
        split_by_whitespace=wanted.split_by_whitespace,
        normalization_rule_name=wanted.normalization,
        user_defined_symbols=list(wanted.user_symbols),
        remove_extra_whitespaces=False,  # else an indent of code is one space
        allow_whitespace_only_pieces=True,
        max_sentence_length=LONGEST,
        input_sentence_size=0,  # all: the sample is drawn already
        shuffle_input_sentence=False,
        num_threads=THREADS,
        train_extremely_large_corpus=sample.stat().st_size > LARGE,
        minloglevel=0,  # it says in its log alone how many sentences it took
    )
    return made.getvalue()


def _bytes(wanted: Wanted, sample: Path) -> bytes:
    """By tokenizers: every byte is a token, so none is unknown. 1, 2 and 4 threads gave the same bytes."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    if wanted.normalization == "nfkc":
        made.normalizer = normalizers.NFKC()
    split = SPLIT % ("" if wanted.split_digits else "{1,3}")
    levels = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(split), "isolated"), levels])
    made.decoder = decoders.ByteLevel()
    symbols, alphabet = [END, *wanted.user_symbols], sorted(pre_tokenizers.ByteLevel.alphabet())
    least = len(alphabet) + len(symbols)
    if wanted.vocab_size < least:
        raise ValueError(LOW.format(wanted.vocab_size, least))
    trainer = trainers.BpeTrainer(
        vocab_size=wanted.vocab_size, initial_alphabet=alphabet, special_tokens=symbols, show_progress=False
    )
    made.train_from_iterator(_lines(sample), trainer)
    if made.get_vocab_size() < wanted.vocab_size:
        raise ValueError(HIGH.format(wanted.vocab_size, made.get_vocab_size()))
    plain = json.loads(made.to_str())
    for token in plain["added_tokens"]:
        token["special"] = token["content"] == END  # the trainer makes every symbol special, and decoding drops those
    return json.dumps(plain, ensure_ascii=False, indent=1).encode() + b"\n"


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
