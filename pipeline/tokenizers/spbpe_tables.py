"""What the kernel of SentencePiece BPE looks things up in, from the pieces and scores of a model."""

import itertools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from prep.pipeline.tokenizers import merge_kernel
from prep.pipeline.tokenizers.counter import Unsuited
from prep.pipeline.tokenizers.spmodel import SPACE

# A code of a character: its symbol, the tokens it makes alone, and whether a user-defined piece starts with it.
SYMBOL, ALONE, STARTS = 0xFFFF, 0xFF0000, 0x1000000
CODE_POINTS = 1 << 21  # what four bytes of UTF-8 can say, although Unicode ends at 0x110000
MOST_SYMBOLS = 16_384  # characters that occur in longer pieces: their junctions are 32 MB of bits. mistral-v3 has 258


class Tables(NamedTuple):
    """Numbers only, for numba. A symbol is a character of a longer piece, from 1; 0 is every other character."""

    codes: npt.NDArray[np.int32]  # by code point
    junctions: npt.NDArray[np.uint8]  # a bit for each pair of symbols: some piece has one after the other
    width: int  # symbols in a row of the bits
    pairs: npt.NDArray[np.int64]  # open addressing: left << 32 | right, rank << 32 | result
    alone: npt.NDArray[np.int64]  # tokens of a symbol or piece that nothing merges with
    defined: npt.NDArray[np.uint8]  # the user-defined pieces, one after another
    defined_ends: npt.NDArray[np.int64]


def tables(scores: Mapping[str, float], defined: Iterable[str]) -> Tables:
    """Of pieces with their scores, higher merged first. A character without a piece is as many tokens as bytes."""
    symbols = {character: at for at, character in enumerate(_joining(scores), 1)}
    if len(symbols) >= MOST_SYMBOLS:
        raise Unsuited(f"{len(symbols):,} characters occur in longer pieces, more than {MOST_SYMBOLS:,}")
    ids = symbols | {piece: at for at, piece in enumerate((p for p in scores if len(p) > 1), len(symbols) + 1)}
    alone = np.ones(len(ids) + 1, np.int64)
    for character, symbol in symbols.items():
        alone[symbol] = _alone(character, scores)
    extra = [piece.encode() for piece in defined]
    return Tables(
        codes=_codes(scores, symbols, {piece[0] for piece in defined}),
        junctions=_junctions(scores, symbols),
        width=len(symbols) + 1,
        pairs=_pairs(scores, ids),
        alone=alone,
        defined=np.frombuffer(b"".join(extra), np.uint8),
        defined_ends=np.cumsum([0, *map(len, extra)], dtype=np.int64),
    )


def _joining(scores: Mapping[str, float]) -> list[str]:
    """The characters of the longer pieces, the most frequent first, which keeps the used bits together."""
    uses: dict[str, int] = {}
    for piece in scores:
        for character in piece if len(piece) > 1 else "":
            uses[character] = uses.get(character, 0) + 1
    return sorted(uses, key=lambda character: (-uses[character], character))


def _alone(character: str, scores: Mapping[str, float]) -> int:
    return 1 if character in scores else len(character.encode())


def _codes(scores: Mapping[str, float], symbols: Mapping[str, int], starts: Iterable[str]) -> npt.NDArray[np.int32]:
    codes = np.empty(CODE_POINTS, np.int32)
    for start, stop, size in ((0, 0x80, 1), (0x80, 0x800, 2), (0x800, 0x10000, 3), (0x10000, CODE_POINTS, 4)):
        codes[start:stop] = size << 16
    for character in {*(piece for piece in scores if len(piece) == 1), *symbols}:
        codes[ord(character)] = _alone(character, scores) << 16 | symbols.get(character, 0)
    codes[ord(" ")] = codes[ord(SPACE)]
    for character in starts:
        codes[ord(character)] |= STARTS
    return codes


def _junctions(scores: Mapping[str, float], symbols: Mapping[str, int]) -> npt.NDArray[np.uint8]:
    width = len(symbols) + 1
    bits = np.zeros(width * width, np.bool_)
    for piece in scores:
        for left, right in itertools.pairwise(piece):
            bits[symbols[left] * width + symbols[right]] = True
    return np.packbits(bits, bitorder="little")


def _pairs(scores: Mapping[str, float], ids: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """Each way to cut a piece in two that can both occur. Pieces of one score have one rank, as sentencepiece does."""
    ranks = {score: rank for rank, score in enumerate(sorted(set(scores.values()), reverse=True))}
    found = {
        ids[piece[:cut]] << 32 | ids[piece[cut:]]: ranks[score] << 32 | ids[piece]
        for piece, score in scores.items()
        for cut in range(1, len(piece))
        if piece[:cut] in ids and piece[cut:] in ids
    }
    return merge_kernel.hashed(found)
