"""What a Unigram tokenizer's file says: pieces with scores, and how text is made ready for them."""

import math
import struct
from dataclasses import dataclass

from prep.pipeline.tokenizers.counter import Unsuited
from prep.pipeline.tokenizers.protobuf import fields

BLANK = "\u2581"  # stands for a space inside pieces
UNKNOWN_PENALTY = 10.0  # kUnkPenalty of both libraries: an unknown character scores the least score less this
# sentencepiece_model.proto: the numbers of the fields, and of the types of pieces.
PIECES, TRAINER, NORMALIZER = 1, 2, 3
PIECE, SCORE, TYPE = 1, 2, 3
PIECE_FIRST, SCORE_SECOND, TYPE_LAST = 1 << 3 | 2, 2 << 3 | 5, 3 << 3  # the same with how they are written
FLOAT = struct.Struct("<f")
NORMAL, USER_DEFINED = 1, 4  # of the other types, unknown, control, unused and byte, none is matched in a text
MODEL_TYPE, BLANK_AS_SUFFIX, BYTE_FALLBACK = 3, 24, 35
CHARSMAP, DUMMY_PREFIX, REMOVE_BLANKS, ESCAPE_BLANKS = 2, 3, 4, 5
UNIGRAM = 1
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
    squeeze: bool  # blanks at both ends go, and a run of blanks is one
    charsmap: bytes  # sentencepiece's compiled normalisation of characters; empty for none
    needles: tuple[str, ...]  # added tokens: a text that has one is left to the reference


def read_model(content: bytes) -> Unigram:
    """Of a SentencePiece `.model`."""
    message: dict[int, bytes] = {TRAINER: b"", NORMALIZER: b""}
    pieces: list[tuple[str, float, int]] = []
    for number, value in fields(content):
        if isinstance(value, bytes) and number == PIECES:
            pieces.append(_piece(value))
        elif isinstance(value, bytes) and number in message:
            message[number] += value  # protobuf merges a message that comes in parts
    trainer, normalizer = dict(fields(message[TRAINER])), dict(fields(message[NORMALIZER]))
    if trainer.get(MODEL_TYPE, UNIGRAM) != UNIGRAM:
        raise Unsuited(f"model type {trainer[MODEL_TYPE]!r} of sentencepiece is not Unigram")
    normal = [score for _, score, kind in pieces if kind == NORMAL]
    if not normal or not all(map(math.isfinite, normal)):
        raise Unsuited("the model has no normal piece, or a score that is no number")
    matched = [(piece, _score(piece, score, kind)) for piece, score, kind in pieces if kind in (NORMAL, USER_DEFINED)]
    charsmap = normalizer.get(CHARSMAP, b"")
    if charsmap and any(kind == USER_DEFINED for *_, kind in pieces):
        raise Unsuited("user-defined pieces beside a normalisation of characters")
    dummy, suffix = bool(normalizer.get(DUMMY_PREFIX, 1)), bool(trainer.get(BLANK_AS_SUFFIX, 0))
    return Unigram(
        pieces=tuple(piece for piece, _ in matched),
        scores=tuple(score for _, score in matched),
        unknown=single(single(min(normal)) - UNKNOWN_PENALTY),
        fallback=bool(trainer.get(BYTE_FALLBACK, 0)),
        single=True,
        prefix=dummy and not suffix,
        suffix=dummy and suffix,
        escape=bool(normalizer.get(ESCAPE_BLANKS, 1)),
        squeeze=bool(normalizer.get(REMOVE_BLANKS, 1)),
        charsmap=charsmap if isinstance(charsmap, bytes) else b"",
        needles=(),
    )


def single(value: float) -> float:
    """The nearest number of 32 bits."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _piece(message: bytes) -> tuple[str, float, int]:
    """Text, score and type; the usual way of writing them, piece first and score second, is read without ado."""
    end = 2 + message[1] if len(message) > 1 and message[0] == PIECE_FIRST and message[1] < 128 else len(message)
    rest = message[end + 5 :]
    if (
        len(message) >= end + 5
        and message[end] == SCORE_SECOND
        and (not rest or (len(rest) == 2 and rest[0] == TYPE_LAST))
    ):
        text: object = message[2:end]
        score: object = message[end + 1 : end + 5]
        kind: object = rest[1] if rest else NORMAL
    else:
        found = dict(fields(message))
        text, score, kind = found.get(PIECE, b""), found.get(SCORE, bytes(4)), found.get(TYPE, NORMAL)
    if not isinstance(text, bytes) or not isinstance(score, bytes) or not isinstance(kind, int) or len(score) != 4:
        raise Unsuited("a piece of the model is written in an unknown way")
    try:
        return text.decode(), float(FLOAT.unpack(score)[0]), kind
    except UnicodeDecodeError as error:
        raise Unsuited(f"the piece {text!r} is not UTF-8") from error


def _score(piece: str, score: float, kind: int) -> float:
    step = single(USER_DEFINED_STEP)
    return score if kind == NORMAL else single((len(piece.encode()) - 1) * step)
