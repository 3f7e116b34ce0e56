"""Kernels compiled by idle workers, on a machine that has not compiled them yet: each takes 8 to 15 s of CPU.

A tokenizer's check would compile what it needs itself, while other workers wait: the next ones find it compiled, and
one that comes too early waits for it (`prep.compiling`).
"""

from collections.abc import Iterable

import pyarrow as pa

from prep.kernels import is_compiled
from prep.pipeline.tokenizers.counter import Ask, Engine
from prep.pipeline.tokenizers.engines import ENGINES
from prep.pipeline.tokenizers.files import Kind

HERE = "prep.pipeline.tokenizers"
# By the engine that uses it, a module of compiled functions, the files that it may count by, and what stands in them:
# the slowest first. Added tokens are cut at around gigatoken and fastokens alike.
KERNELS: dict[str, tuple[str, tuple[Kind, ...], bytes]] = {
    "unigram": (f"{HERE}.unigram.stretches", (Kind.MODEL, Kind.JSON), b"Unigram"),
    "segments": (f"{HERE}.segments_kernel", (Kind.RANKS, Kind.PAIR, Kind.JSON), b"BPE"),
    "gigatoken": (f"{HERE}.splitting_kernel", (Kind.JSON,), b"BPE"),
    "spbpe": (f"{HERE}.spbpe_kernel", (Kind.MODEL,), b""),
}
# What is known, new, long, of several scripts, to be normalised, an added token in many files, and runs of spaces.
TEXTS = (
    "the cat the cat", "x" * 300 + "\u6c34\u304c", "\u6c34\u304c\u6d41\u308c\u308b\u3002",
    "e\u0301 \u00e9 \u1100\u1161", "<|endoftext|>  a    b\n\n", "\U0001f9d1\u200d\U0001f680 \u0e01\u0e33", "",
)  # fmt: skip


def uncompiled() -> list[str]:
    """The engines whose kernel is not kept."""
    return [engine for engine, (module, _, _) in KERNELS.items() if not is_compiled(module)]


def may_use(engine: str, ask: Ask) -> bool:
    """Whether it may count by this tokenizer, by a look that costs nothing."""
    _, kinds, mark = KERNELS[engine]
    return ask.files.kind in kinds and (ask.files.kind is not Kind.JSON or mark in ask.files.contents[0])


def compile_for(engine: str, asks: Iterable[Ask]) -> None:
    """Count a little by the first tokenizer that the engine opens for; whatever fails is told by the check."""
    texts = pa.array(TEXTS, pa.large_string())
    for ask in asks:
        try:
            opened: Engine = ENGINES[engine](ask)
            opened.count(texts)
        except Exception:  # noqa: BLE001, S112 - the check opens it again, and says what is wrong
            continue
        return
