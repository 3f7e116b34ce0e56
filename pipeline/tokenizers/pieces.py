"""A SentencePiece `.model`, counted by sentencepiece."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sentencepiece import SentencePieceProcessor

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers import spmodel
from prep.pipeline.tokenizers.counter import Specials, batches, counts
from prep.pipeline.tokenizers.files import Files
from prep.pipeline.tokenizers.kept import kept
from prep.pipeline.tokenizers.spmodel import SPACE
from prep.pipeline.tokenizers.trouble import sound_texts

TYPES = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}  # values of model_type in sentencepiece_model.proto


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
        with sound_texts(texts):
            return counts(texts, lambda batch: map(len, self._ids(batch)))

    def encode(self, texts: Sequence[str]) -> list[npt.NDArray[np.uint32]]:
        found = (ids for batch in batches(pa.array(texts, pa.large_string())) for ids in self._ids(batch))
        return [np.array(ids, np.uint32) for ids in found]

    def spelled(self) -> dict[int, str]:
        kinds = (self.processor.is_byte, self.processor.is_control, self.processor.is_unknown, self.processor.is_unused)
        return {
            number: self.processor.id_to_piece(number).replace(SPACE, " ")
            for number in range(self.vocabulary)
            if not any(is_kind(number) for is_kind in kinds)
        }

    def _ids(self, batch: list[str]) -> list[list[int]]:
        ids: list[list[int]] = self.processor.encode(batch, out_type=int, num_threads=1)
        return ids


def open_model(files: Files, digest: str, specials: Specials = Specials.LIBRARY) -> SentencePiece:
    """The family says which algorithm, for the fast engines hold for some only."""
    content = files.contents[0]
    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(content)
    except (RuntimeError, UnicodeDecodeError) as error:  # the second where its message quotes a broken piece
        raise BadTokenizer(f"{files.path}: not a SentencePiece model ({error}); copy or download it again") from error
    # Half a second for 100,000 pieces: a file that was whole once is so again.
    algorithm = TYPES[int(kept("whole", files, lambda: {"algorithm": _check_whole(files.path, content)})["algorithm"])]
    if specials is Specials.TOKEN:
        _check_no_controls(files.path, processor)
    return SentencePiece(processor, digest, files.path, f"sentencepiece-{algorithm}")


def _check_whole(path: str, content: bytes) -> int:
    """The algorithm. The library takes what it does not know as the default, and a file cut between fields as whole."""
    try:
        model = spmodel.read(content)
    except spmodel.Broken as error:
        raise BadTokenizer(
            f"{path}: a SentencePiece model that is broken ({error}); copy or download it again"
        ) from error
    if model.algorithm not in TYPES:
        raise BadTokenizer(f"{path}: model_type {model.algorithm} is none of {TYPES}; copy or download it again")
    if model.normalizer not in (b"", b"identity") and not model.charsmap:
        name = model.normalizer
        raise BadTokenizer(f"{path}: the table of its normalizer {name!r} is missing; copy or download it again")
    return model.algorithm


def _check_no_controls(path: str, processor: SentencePieceProcessor) -> None:
    """Llm-jp v2.2's tokenizer.json puts a dummy prefix after each special token, Llama's only at the text's begin."""
    for piece in range(processor.get_piece_size()):
        if processor.is_control(piece):
            raise BadTokenizer(
                f"{path}: how text is split around {processor.id_to_piece(piece)!r} written in it is not in a .model; "
                "give the tokenizer.json, or set `specials` to text"
            )
