"""A Unigram model in a Hugging Face `tokenizer.json`, as tokenizers 0.23.3 reads it."""

import math
from typing import Any

import orjson

from prep.pipeline.tokenizers.counter import Specials, Unsuited
from prep.pipeline.tokenizers.spmodel import SPACE
from prep.pipeline.tokenizers.unigram.model import UNKNOWN_PENALTY, Unigram

MOST_NEEDLES = 64  # each is searched for in every text, at about 5 GB/s
SPACE_TO_MARK = {"type": "Replace", "pattern": {"Regex": " "}, "content": SPACE}
PREFIX = [  # ways to write a blank before a text that is not empty: `^` in this library matches after each newline
    {"type": "Replace", "pattern": {"Regex": r"(?<!\n)^"}, "content": SPACE},
    {"type": "Prepend", "prepend": SPACE},
]


def read_json(content: bytes, held: str, specials: Specials) -> Unigram:
    """Refuses every normaliser and pre-tokenizer but those whose effect is known to be sentencepiece's own.

    `held` is the tokenizer as the library writes it out. Scores are taken from there: it reads decimals of 16 digits
    and more to a neighbour of the nearest number (11,552 of 48,586 in llm-jp-v2.2), and near ties then fall otherwise.
    """
    try:
        whole: dict[str, Any] = orjson.loads(content)
        model: dict[str, Any] = orjson.loads(held)["model"]
        if model.get("type") != "Unigram":
            raise Unsuited(f"the json's model is {model.get('type')}, not Unigram")
        vocab = [(str(piece), float(score)) for piece, score in model["vocab"]]
        unknown = vocab[int(model["unk_id"])][0]
        added = [(token["content"], bool(token["special"])) for token in whole.get("added_tokens") or []]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Unsuited(f"the json is no tokenizer with a vocabulary and an unknown token: {error!r}") from error
    pieces = [piece for piece, _ in vocab]
    _check(pieces, [score for _, score in vocab], bool(model.get("byte_fallback")))
    needles = {text for text, special in added if not (special and specials is Specials.TEXT)} | {unknown}
    if len(needles) > MOST_NEEDLES or any(not text or " " in text or SPACE in text for text in needles):
        raise Unsuited(f"{len(needles)} added tokens, or one with a space in it")
    return Unigram(
        pieces=tuple(pieces),
        scores=tuple(score for _, score in vocab),
        unknown=min(score for _, score in vocab) - UNKNOWN_PENALTY,
        fallback=bool(model.get("byte_fallback")),
        single=False,
        prefix=_prefix(whole.get("normalizer"), whole.get("pre_tokenizer")),
        suffix=False,
        escape=True,
        needles=tuple(sorted(needles)),
    )


def _check(pieces: list[str], scores: list[float], fallback: bool) -> None:
    if len(set(pieces)) < len(pieces) or "" in pieces:
        raise Unsuited("a piece is empty, or stands in the vocabulary twice")
    if not all(map(math.isfinite, scores)) or min(scores) >= UNKNOWN_PENALTY:
        raise Unsuited("a score is no number, or all are so high that two unknown characters beat a piece")
    if fallback and not {f"<0x{byte:02X}>" for byte in range(256)} <= set(pieces):
        raise Unsuited("byte_fallback, but not every byte has a piece")


def _prefix(normalizer: Any, before: Any) -> bool:
    """Whether a blank is written before a text; spaces must become blanks, and nothing else may happen."""
    steps = normalizer.get("normalizers", [normalizer]) if isinstance(normalizer, dict) else []
    steps = [{**step, "pattern": {"Regex": " "}} if step.get("pattern") == {"String": " "} else step for step in steps]
    if before is None and steps == [SPACE_TO_MARK]:
        return False
    if before is None and len(steps) == 2 and steps[0] in PREFIX and steps[1] == SPACE_TO_MARK:
        return True
    raise Unsuited("the json's normalizer and pre_tokenizer are not known to do what sentencepiece does")
