"""What a Unigram tokenizer's file says: pieces with scores, and how text is made ready for them."""

import math
import struct
from dataclasses import dataclass

from prep.pipeline.tokenizers import spmodel
from prep.pipeline.tokenizers.counter import Unsuited
from prep.pipeline.tokenizers.spmodel import NORMAL, USER_DEFINED, Model, Piece

UNKNOWN_PENALTY = 10.0  # kUnkPenalty of both libraries: an unknown character scores the least score less this
USER_DEFINED_STEP = 0.1  # sentencepiece 0.2.3: a user-defined piece scores 0.1 for each byte after the first


@dataclass(frozen=True)
class Unigram:
    """Pieces that may be matched, and all that decides which of them are chosen."""

    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    unknown: float  # score of a character that is no piece
    fallback: bool  # such a character counts as its UTF-8 bytes; else a run of them is one token
    single: bool  # scores are added in 32 bits, and set back at 100,000, as sentencepiece does; else in 64 bits
    prefix: bool  # a blank before the text
    suffix: bool  # a blank after it
    escape: bool  # a space is U+2581
    needles: tuple[str, ...]  # added tokens: a text that has one is left to the reference


def of_model(model: Model) -> Unigram:
    """Of a SentencePiece `.model`."""
    if model.algorithm != spmodel.UNIGRAM:
        raise Unsuited(f"model type {model.algorithm!r} of sentencepiece is not Unigram")
    normal = [piece.score for piece in model.pieces if piece.kind == NORMAL]
    if not normal or not all(map(math.isfinite, normal)):
        raise Unsuited("the model has no normal piece, or a score that is no number")
    if model.charsmap or model.squeeze:
        raise Unsuited("the model normalises characters or takes blanks away")
    # Of the other types, unknown, control, unused and byte, none is matched in a text.
    matched = [piece for piece in model.pieces if piece.kind in (NORMAL, USER_DEFINED)]
    return Unigram(
        pieces=tuple(piece.text for piece in matched),
        scores=tuple(map(_score, matched)),
        unknown=single(single(min(normal)) - UNKNOWN_PENALTY),
        fallback=model.fallback,
        single=True,
        prefix=model.dummy and not model.suffix,
        suffix=model.dummy and model.suffix,
        escape=model.escape,
        needles=(),
    )


def single(value: float) -> float:
    """The nearest number of 32 bits."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _score(piece: Piece) -> float:
    step = single(USER_DEFINED_STEP)
    return piece.score if piece.kind == NORMAL else single((len(piece.text.encode()) - 1) * step)
