"""Which tokens of a vocabulary are no whole character: bytes that stand in for one, pieces of one, the unknown one."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from tokenizers import pre_tokenizers

from prep.pipeline.settings import Tokenizer
from prep.pipeline.tokenizers import Counter, open_tokenizer
from prep.pipeline.tokenizers.counter import Specials
from prep.pipeline.tokenizers.hf import HuggingFace
from prep.pipeline.tokenizers.pieces import SentencePiece
from prep.pipeline.tokenizers.ranks import Ranks

# Byte-level BPE writes a byte as itself where that can be seen, and the others as the letters from U+0100 on.
_SEEN = [byte for byte in range(256) if chr(byte) in set(pre_tokenizers.ByteLevel.alphabet())]
BYTES = {chr(byte): byte for byte in _SEEN} | {
    chr(256 + place): byte for place, byte in enumerate(sorted(set(range(256)) - set(_SEEN)))
}


def opened(given: Tokenizer) -> Counter:
    """A tokenizer of a run file or a flag."""
    return open_tokenizer(given.path, given.pattern, Specials(given.specials))


@lru_cache(maxsize=16)
def broken(given: Tokenizer, digest: str) -> npt.NDArray[np.bool_]:
    """By id, whether it is no whole character. `digest` notices a file that has changed."""
    counter = opened(given)
    content = _content(counter)
    return np.array([not _is_text(content(number)) for number in range(counter.vocabulary)], np.bool_)


def _content(counter: Counter) -> Callable[[int], bytes]:
    """What gives the bytes that an id stands for: half a character for an unknown one, nothing for a hole."""
    if isinstance(counter, SentencePiece):
        processor = counter.processor
        return lambda number: b"\xff" if processor.is_unknown(number) else _fallback(processor.id_to_piece(number))
    if isinstance(counter, Ranks):
        return lambda number: _of_rank(counter, number)
    if isinstance(counter, HuggingFace):
        return _of_json(counter)
    return lambda number: b""


def _of_rank(counter: Ranks, number: int) -> bytes:
    try:
        return counter.encoding.decode_single_token_bytes(number)
    except KeyError:  # between the ranks and the specials there are numbers without a token
        return b""


def _of_json(counter: HuggingFace) -> Callable[[int], bytes]:
    library = counter.tokenizer
    plain = json.loads(library.to_str())
    by_byte = any('"ByteLevel"' in json.dumps(plain[part]) for part in ("pre_tokenizer", "decoder"))
    unknown = plain["model"].get("unk_token")

    def content(number: int) -> bytes:
        token: str | None = library.id_to_token(number)
        if token is None:
            return b""
        if token == unknown:
            return b"\xff"
        if by_byte and all(letter in BYTES for letter in token):
            return bytes(BYTES[letter] for letter in token)
        return _fallback(token)

    return content


def _fallback(piece: str) -> bytes:
    """The bytes of a piece; `<0xE3>` is one byte."""
    return bytes([int(piece[3:5], 16)]) if len(piece) == 6 and piece.startswith("<0x") else piece.encode()


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
