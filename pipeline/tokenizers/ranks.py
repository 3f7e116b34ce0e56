"""`.tiktoken` ranks: one base64 token and its rank per line, counted by tiktoken."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tiktoken

from prep.errors import BadSource, BadTokenizer
from prep.pipeline.tokenizers.counter import batches, counts
from prep.pipeline.tokenizers.files import Files
from prep.pipeline.tokenizers.patterns import Pattern

UTF8_BYTES = frozenset(range(256)) - {0xC0, 0xC1, *range(0xF5, 0x100)}  # the others never occur in UTF-8


@dataclass(frozen=True)
class Ranks:
    """Special tokens in a text stay text, as `Encoding.encode_ordinary` has it."""

    encoding: tiktoken.Encoding
    digest: str
    path: str
    family: str = "tiktoken"

    @property
    def vocabulary(self) -> int:
        return self.encoding.n_vocab

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        return counts(texts, lambda batch: map(len, self._ids(batch)))

    def encode(self, texts: Sequence[str]) -> list[npt.NDArray[np.uint32]]:
        return [ids for batch in batches(pa.array(texts, pa.large_string())) for ids in self._ids(batch)]

    def _ids(self, batch: list[str]) -> Iterator[npt.NDArray[np.uint32]]:
        # encode_to_numpy with nothing disallowed gives the ids of encode_ordinary without a Python int for each, and
        # raises where encode_ordinary panics: its regex gives up on a run of about a million spaces.
        for text in batch:
            try:
                yield self.encoding.encode_to_numpy(text, disallowed_special=())
            except ValueError as error:
                raise BadSource(
                    f"tiktoken ({self.path}) cannot split the text of {len(text):,} characters that begins with "
                    f"{text[:40]!r}: {error}; lower the source's `max_document`, or exclude the text"
                ) from error


def open_ranks(files: Files, split: Pattern, digest: str) -> Ranks:
    """Ranks whose file is whole, with the split they were trained under."""
    table = _parse(files.path, files.contents[0])
    _check_whole(files.path, table, split)
    encoding = tiktoken.Encoding(digest, pat_str=split.regex, mergeable_ranks=table, special_tokens=split.specials)
    return Ranks(encoding, digest, files.path)


def _parse(path: str, content: bytes) -> dict[bytes, int]:
    table: dict[bytes, int] = {}
    for number, line in enumerate(content.splitlines(), 1):
        try:
            word, rank = line.split()
            token = base64.b64decode(word, validate=True)
            if not rank.isdigit():
                raise ValueError("a rank has digits only")
            table[token] = int(rank)
        except ValueError as error:
            raise BadTokenizer(
                f"{path}: line {number} is {line[:60]!r}, not a base64 token and its rank ({error}); download it again"
            ) from error
        if len(table) != number:
            raise BadTokenizer(f"{path}: line {number} repeats the token {token!r}; download the file again")
    return table


def _check_whole(path: str, table: dict[bytes, int], split: Pattern) -> None:
    """The library panics on a repeated rank and on a byte without one, and counts wrongly where a token is missing."""
    taken = {*table.values(), *split.specials.values()}
    hole = next(rank for rank in count() if rank not in taken)
    if len(set(table.values())) != len(table):
        raise BadTokenizer(f"{path}: two tokens share a rank; download the file again")
    if hole < max(table.values()):
        raise BadTokenizer(f"{path}: no token has rank {hole} of {max(table.values())}; download the file again")
    if missing := [byte for byte in UTF8_BYTES if bytes([byte]) not in table]:
        raise BadTokenizer(f"{path}: no token for the byte {min(missing):#04x}; these ranks cannot write every text")
