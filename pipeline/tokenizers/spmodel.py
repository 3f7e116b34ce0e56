"""What a SentencePiece .model says, as far as counting hangs on it."""

import struct
from dataclasses import dataclass
from functools import lru_cache

from prep.pipeline.tokenizers.counter import Unsuited
from prep.pipeline.tokenizers.protobuf import Truncated, fields

SPACE = "\u2581"  # what SentencePiece writes for a space
UNIGRAM, BPE = 1, 2
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
# sentencepiece_model.proto: fields of ModelProto, SentencePiece, TrainerSpec and NormalizerSpec.
PIECES, TRAINER, NORMALIZER = 1, 2, 3
PIECE, SCORE, TYPE = 1, 2, 3
MODEL_TYPE, AS_SUFFIX, BYTE_FALLBACK = 3, 24, 35
CHARSMAP, DUMMY_PREFIX, EXTRA_SPACES, ESCAPE = 2, 3, 4, 5


@dataclass(frozen=True)
class Piece:
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
    prefix: bool  # a space is put before a text
    squeeze: bool  # spaces at both ends go, and of a run of them one stays
    charsmap: bytes  # rules of normalisation, compiled

    def of(self, kind: int) -> dict[str, float]:
        """Pieces of a kind with their scores."""
        return {piece.text: piece.score for piece in self.pieces if piece.kind == kind}


@lru_cache(maxsize=1)  # three engines ask, one after the other
def read(content: bytes) -> Model:
    """The model in a file's bytes; Unsuited where a space is not written as U+2581 before the word."""
    try:
        parts = [(number, value) for number, value in fields(content) if isinstance(value, bytes)]
        trainer, normalizer = (
            dict(fields(b"".join(v for number, v in parts if number == spec))) for spec in (TRAINER, NORMALIZER)
        )
        pieces = tuple(_piece(dict(fields(value))) for number, value in parts if number == PIECES)
    except (Truncated, struct.error, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise Unsuited(f"the model is broken: {error}") from error
    if not normalizer.get(ESCAPE, 1) or trainer.get(AS_SUFFIX, 0):
        raise Unsuited("spaces are not written as U+2581 before a word")
    charsmap = normalizer.get(CHARSMAP, b"")
    return Model(
        pieces=pieces,
        algorithm=int(trainer.get(MODEL_TYPE, UNIGRAM)),
        fallback=bool(trainer.get(BYTE_FALLBACK, 0)),
        prefix=bool(normalizer.get(DUMMY_PREFIX, 1)),
        squeeze=bool(normalizer.get(EXTRA_SPACES, 1)),
        charsmap=charsmap if isinstance(charsmap, bytes) else b"",
    )


def _piece(found: dict[int, int | bytes]) -> Piece:
    text, score = found.get(PIECE, b""), found.get(SCORE, b"\0\0\0\0")
    return Piece(text.decode(), struct.unpack("<f", score)[0], int(found.get(TYPE, NORMAL)))  # type: ignore[union-attr,arg-type]
