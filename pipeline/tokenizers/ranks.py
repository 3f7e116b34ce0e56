"""`.tiktoken` ranks: one base64 token and its rank per line, counted by tiktoken."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tiktoken

from prep.errors import BadSource, BadTokenizer
from prep.pipeline.tokenizers.counter import Specials, batches, counts
from prep.pipeline.tokenizers.files import Files
from prep.pipeline.tokenizers.patterns import LONG_RUNS, Pattern
from prep.pipeline.tokenizers.trouble import panics_told, sound_texts

UTF8_BYTES = frozenset(range(256)) - {0xC0, 0xC1, *range(0xF5, 0x100)}  # the others never occur in UTF-8


@dataclass(frozen=True)
class Ranks:
    """Special tokens in a text stay text, as `Encoding.encode_ordinary` has it, unless they shall be tokens."""

    encoding: tiktoken.Encoding
    digest: str
    path: str
    split: Pattern
    table: dict[bytes, int] = field(compare=False, repr=False)
    specials: Specials = Specials.LIBRARY
    family: str = "tiktoken"

    @property
    def vocabulary(self) -> int:
        return self.encoding.n_vocab

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        with sound_texts(texts):
            return counts(texts, lambda batch: map(len, self._ids(batch)))

    def encode(self, texts: Sequence[str]) -> list[npt.NDArray[np.uint32]]:
        return [ids for batch in batches(pa.array(texts, pa.large_string())) for ids in self._ids(batch)]

    def spelled(self) -> dict[int, str]:
        found = {rank: token.decode(errors="ignore") for token, rank in self.table.items()}
        return {rank: found[rank] for token, rank in self.table.items() if found[rank].encode() == token}

    def _ids(self, batch: list[str]) -> Iterator[npt.NDArray[np.uint32]]:
        with panics_told(self.path, "download the ranks again, or exclude the text"):
            yield from map(self._of_text, batch)

    def _of_text(self, text: str) -> npt.NDArray[np.uint32]:
        try:
            return self._of_part(text)
        except ValueError:
            return self._around_runs(text)

    def _around_runs(self, text: str) -> npt.NDArray[np.uint32]:
        between, runs = self._cut(text)
        try:
            ids = [self._of_part(between[0])]
            for run, part in zip(runs, between[1:], strict=True):
                ids += [self._unsplit.encode_to_numpy(run), self._of_part(part)]
        except ValueError as error:
            raise BadSource(
                f"tiktoken ({self.path}) cannot split the text of {len(text):,} characters that begins with "
                f"{text[:40]!r}: {error}; lower the source's `max_document`, or exclude the text"
            ) from error
        return np.concatenate(ids)

    def _cut(self, text: str) -> tuple[list[str], list[str]]:
        """The parts between the text's long runs of white space, and the runs, each of which is one piece."""
        special = self.specials is Specials.TOKEN and any(token in text for token in self.split.specials)
        run = None if special else LONG_RUNS.get(self.split.regex)
        return (run.split(text), run.findall(text)) if run else ([text], [])

    @cached_property
    def _unsplit(self) -> tiktoken.Encoding:
        return tiktoken.Encoding(self.digest, pat_str="(?s:.+)", mergeable_ranks=self.table, special_tokens={})

    def _of_part(self, text: str) -> npt.NDArray[np.uint32]:
        # encode_to_numpy with nothing disallowed gives the ids of encode_ordinary without a Python int for each, and
        # raises where encode_ordinary panics: its regex gives up on a run of about a million spaces.
        allowed: Literal["all"] | set[str] = "all" if self.specials is Specials.TOKEN else set()
        return self.encoding.encode_to_numpy(text, allowed_special=allowed, disallowed_special=())


def open_ranks(files: Files, split: Pattern, digest: str, specials: Specials = Specials.LIBRARY) -> Ranks:
    """Ranks whose file is whole, with the split they were trained under."""
    table = _parse(files.path, files.contents[0])
    _check_whole(files.path, table, split)
    with panics_told(files.path, "download the ranks again"):
        encoding = tiktoken.Encoding(digest, pat_str=split.regex, mergeable_ranks=table, special_tokens=split.specials)
    return Ranks(encoding, digest, files.path, split, table, specials)


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
