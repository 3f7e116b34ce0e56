"""What a SentencePiece .model says: its pieces, and the switches on which counting hangs."""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from prep.pipeline.tokenizers.counter import Unsuited
from prep.pipeline.tokenizers.protobuf import Truncated, fields

SPACE = "\u2581"  # what SentencePiece writes for a space
UNIGRAM, BPE = 1, 2
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
# sentencepiece_model.proto: fields of ModelProto, SentencePiece, TrainerSpec and NormalizerSpec.
PIECES, TRAINER, NORMALIZER = 1, 2, 3
PIECE, SCORE, TYPE = 1, 2, 3
PIECE_FIRST, SCORE_SECOND, TYPE_LAST = 1 << 3 | 2, 2 << 3 | 5, 3 << 3  # the same with how they are written
MODEL_TYPE, AS_SUFFIX, BYTE_FALLBACK = 3, 24, 35
NAME, CHARSMAP, DUMMY_PREFIX, EXTRA_SPACES, ESCAPE = 1, 2, 3, 4, 5
FLOAT = struct.Struct("<f")


class Broken(ValueError):
    """The bytes are no model; the text says why."""


class Piece(NamedTuple):
    """One line of the vocabulary; its id is its place."""

    text: str
    score: float
    kind: int


@dataclass(frozen=True)
class Model:
    """The vocabulary and the switches; the defaults of the .proto stand where the file says nothing."""

    pieces: tuple[Piece, ...]
    algorithm: int
    fallback: bool  # a character without a piece is its UTF-8 bytes, a token each
    dummy: bool  # a space is put before a text, or after it where it is a suffix
    suffix: bool  # spaces belong to the word before them
    escape: bool  # a space is U+2581
    squeeze: bool  # spaces at both ends go, and of a run of them one stays
    normalizer: bytes  # its name
    charsmap: bytes  # its rules, compiled

    def of(self, kind: int) -> dict[str, float]:
        """Pieces of a kind with their scores."""
        return {piece.text: piece.score for piece in self.pieces if piece.kind == kind}


@lru_cache(maxsize=1)  # the reference and three engines ask, one after the other
def read(content: bytes) -> Model:
    """The model in a file's bytes.

    Errors: Broken.
    """
    parts: dict[int, bytes] = {}
    pieces: list[Piece] = []
    try:
        for number, value in fields(content):
            if isinstance(value, bytes) and number == PIECES:
                pieces.append(_piece(value))
            elif isinstance(value, bytes) and number in (TRAINER, NORMALIZER):
                parts[number] = parts.get(number, b"") + value  # protobuf merges a message that comes in parts
        for number, name in ((TRAINER, "trainer_spec"), (NORMALIZER, "normalizer_spec")):
            if number not in parts:
                raise Broken(f"it has no {name}")
        trainer, normalizer = dict(fields(parts[TRAINER])), dict(fields(parts[NORMALIZER]))
    except Truncated as error:
        raise Broken(f"cut short: {error}") from error
    return Model(
        pieces=tuple(pieces),
        algorithm=_number(trainer, MODEL_TYPE, UNIGRAM),
        fallback=bool(_number(trainer, BYTE_FALLBACK, 0)),
        dummy=bool(_number(normalizer, DUMMY_PREFIX, 1)),
        suffix=bool(_number(trainer, AS_SUFFIX, 0)),
        escape=bool(_number(normalizer, ESCAPE, 1)),
        squeeze=bool(_number(normalizer, EXTRA_SPACES, 1)),
        normalizer=_bytes(normalizer, NAME),
        charsmap=_bytes(normalizer, CHARSMAP),
    )


def usual(content: bytes) -> Model:
    """For an engine: the model, if a space is written as U+2581 before the word."""
    try:
        model = read(content)
    except Broken as error:
        raise Unsuited(f"the model is broken: {error}") from error
    if model.suffix or not model.escape:
        raise Unsuited("spaces are not written as U+2581 before a word")
    return model


def _number(found: dict[int, int | bytes], field: int, default: int) -> int:
    value = found.get(field, default)
    if not isinstance(value, int):
        raise Broken(f"field {field} of its specs is {value[:20]!r}, not a number")
    return value


def _bytes(found: dict[int, int | bytes], field: int) -> bytes:
    value = found.get(field, b"")
    if not isinstance(value, bytes):
        raise Broken(f"field {field} of its specs is {value}, not bytes")
    return value


def _piece(message: bytes) -> Piece:
    """The usual way of writing one, piece first and score second, is read without ado: 100,000 take 0.1 s."""
    end = 2 + message[1] if len(message) > 1 and message[0] == PIECE_FIRST and message[1] < 128 else len(message)
    rest = message[end + 5 :]
    text: int | bytes
    score: int | bytes
    if message[end : end + 1] == bytes([SCORE_SECOND]) and (not rest or (len(rest) == 2 and rest[0] == TYPE_LAST)):
        text, score, kind = message[2:end], message[end + 1 : end + 5], rest[1] if rest else NORMAL
    else:
        found = dict(fields(message))
        text, score, kind = found.get(PIECE, b""), found.get(SCORE, bytes(4)), _number(found, TYPE, NORMAL)
    if not isinstance(text, bytes) or not isinstance(score, bytes) or len(score) != FLOAT.size:
        raise Broken("a piece is written in an unknown way")
    try:
        return Piece(text.decode(), float(FLOAT.unpack(score)[0]), kind)
    except UnicodeDecodeError as error:
        raise Broken(f"the piece {text!r} is not UTF-8") from error
