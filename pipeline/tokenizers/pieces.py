"""A SentencePiece `.model`, counted by sentencepiece."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sentencepiece import SentencePieceProcessor

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers.counter import batches, counts
from prep.pipeline.tokenizers.files import Files

# Of sentencepiece_model.proto: ModelProto.trainer_spec = 2, TrainerSpec.model_type = 3 and its values.
TRAINER_SPEC, MODEL_TYPE = 2, 3
TYPES = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}


@dataclass(frozen=True)
class SentencePiece:
    """Control symbols written inside a text stay text, as sentencepiece has it."""

    processor: SentencePieceProcessor
    digest: str
    path: str
    family: str

    @property
    def vocabulary(self) -> int:
        return self.processor.get_piece_size()

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        return counts(texts, lambda batch: map(len, self._ids(batch)))

    def encode(self, texts: Sequence[str]) -> list[npt.NDArray[np.uint32]]:
        found = (ids for batch in batches(pa.array(texts, pa.large_string())) for ids in self._ids(batch))
        return [np.array(ids, np.uint32) for ids in found]

    def _ids(self, batch: list[str]) -> list[list[int]]:
        ids: list[list[int]] = self.processor.encode(batch, out_type=int, num_threads=1)
        return ids


def open_model(files: Files, digest: str) -> SentencePiece:
    """The family says which algorithm, for the fast engines hold for some only."""
    content = files.contents[0]
    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(content)
    except (RuntimeError, UnicodeDecodeError) as error:  # the second where its message quotes a broken piece
        raise BadTokenizer(f"{files.path}: not a SentencePiece model ({error}); copy or download it again") from error
    return SentencePiece(processor, digest, files.path, f"sentencepiece-{_algorithm(content)}")


def _algorithm(content: bytes) -> str:
    """The trainer's model type; Unigram where the file does not say."""
    trainer = [value for number, value in _fields(content) if number == TRAINER_SPEC and isinstance(value, bytes)]
    types = [value for number, value in _fields(b"".join(trainer)) if number == MODEL_TYPE and isinstance(value, int)]
    return TYPES.get(types[-1] if types else 1, "unknown")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of a protobuf message's fields; protobuf itself is not a dependency of sentencepiece."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        match tag & 7:
            case 0:
                value, position = _varint(message, position)
                yield tag >> 3, value
                continue
            case 1:
                size = 8
            case 2:
                size, position = _varint(message, position)
            case 5:
                size = 4
            case _:  # the start or end of a group, which holds fields of its own
                size = 0
        yield tag >> 3, message[position : position + size]
        position += size


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """A base-128 number, lowest group first, and the position after it."""
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
