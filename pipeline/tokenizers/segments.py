"""Byte-level BPE: cut between characters that no token joins, and where words end; remember what the segments count.

A library behind counts the segments that are new; of Japanese these hold 2 (gpt2) to 4 % (o200k_base) of the bytes.
Unseen text after 15 MB, MB/s of CPU on a busy machine, medians of 3: gpt2 119 (fastokens 49, gigatoken 29, tokenizers
3.5), gpt-neox-20b 107 (55, 28, 4.1). On English it is slower than both libraries: 44 to fastokens' 114, one run.

Why a text's count is the sum of its segments'. The split makes words, and merges stay within a word.

1. Within a run of letters of kana, Han or Hangul (`ASK` in the tables). GPT-2 and cl100k have `\\p{L}+`, so the run
   lies in one word; cut in the middle, its halves are words that end and begin there, and all else is split as before.
   No merge crosses the junction, for what a merge makes is a token of the vocabulary (looked at when opened) and no
   token has the junction. Tokens are bytes and may begin or end within a character: a token has the junction too if
   it begins with an ending of the left character and ends with a beginning of the right one, so these parts are
   looked for. Merges of the two sides do not wait for each other, hence each side merges as it would alone.
2. o200k has `[\\p{Lu}..\\p{Lo}\\p{M}]*[\\p{Ll}..\\p{Lo}\\p{M}]+`: after small letters a capital begins a word,
   "a漢漢|Bc", but "漢Bc" is one. So only letters before which the run has nothing else are cut between. The run
   up to there is in both classes, and the two parts of the pattern divide what follows as if it were whole.
3. A sign before a letter: in GPT-2 a word begins at the letter. In the others `[^\\r\\n\\p{L}\\p{N}]?\\p{L}+` takes one
   sign as the word's first character, or with two and more the letter begins a word: cut as in 1.
4. The places called `CUT`, as a letter before a sign, digit or space: there a word ends in all the patterns, whatever
   follows, and what follows is split as at the beginning of a text. Never after white space, where `\\s+(?!\\S)`
   looks ahead, never after an apostrophe, which begins "'s", nor before one where it may belong to the word (o200k),
   and nowhere where an added token might be in two.
5. NFC joins a mark to the character before it: nothing is cut right before a character that a mark may follow, and
   characters that NFC changes are none of the letters.

Where a whole word that is a token is not merged (ranks, `ignore_merges`), every token that begins or ends with a letter
or sign must be what merging gives: of cl100k_base and o200k_base all 13,077 are.
"""

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.pipeline.tokenizers import segments_kernel as kernel
from prep.pipeline.tokenizers.counter import Ask, Engine, Unsuited
from prep.pipeline.tokenizers.engines import ENGINES
from prep.pipeline.tokenizers.segments_tables import Tables, cut_within, tables
from prep.pipeline.tokenizers.segments_vocabulary import Vocabulary, vocabulary
from prep.pipeline.tokenizers.slabs import bounds, content, lines, slabs

BEHIND = ("gigatoken", "fastokens")  # in this order: of short Japanese texts both take a microsecond
SLOTS = 1 << 20  # segments remembered, 32 MB


@dataclass(frozen=True)
class Segments:
    """Counts as the engine behind it, by fewer and shorter texts."""

    behind: Engine
    tables: Tables
    known: kernel.Known
    misses: kernel.Misses
    name: str = "segments"

    @property
    def version(self) -> str:
        """Of the kernel (raise it with any change of where it cuts) and of the engine behind."""
        return f"2 {self.behind.name} {self.behind.version}"

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        return np.concatenate([np.zeros(0, np.int64), *map(self._slab, slabs(texts))])

    def _slab(self, slab: pa.LargeStringArray) -> npt.NDArray[np.int64]:
        ends, text = bounds(slab), content(slab)
        if len(text) < ends[-1] + kernel.PADDING:
            text = np.concatenate([text[: ends[-1]], np.zeros(kernel.PADDING, np.uint8)])
            text.flags.writeable = False
        tokens = np.zeros(len(slab), np.int64)
        begin = (0, int(ends[0]))
        with ExitStack() as unless_counted:
            unless_counted.callback(self.known.fill, 0)  # some of it waits for counts that will never come
            while begin[0] < len(slab):
                begin = self._round(text, ends, begin, tokens)
            unless_counted.pop_all()
        return tokens

    def _round(
        self, text: kernel.Bytes, ends: kernel.Longs, begin: tuple[int, int], tokens: kernel.Longs
    ) -> tuple[int, int]:
        """Count from `begin` on until many segments are new; where to go on."""
        begin, unique, uses = kernel.scan(text, ends, begin, self.tables, self.known, self.misses, tokens)
        missed, marks = kernel.gather(text, self.misses, unique)
        parts = pa.LargeStringArray.from_buffers(unique, pa.py_buffer(marks), pa.py_buffer(missed))
        counts = self.behind.count(parts).astype(np.int64)
        kernel.settle(text, self.misses, counts, uses, self.known, tokens)
        return begin


def open_segments(ask: Ask) -> Segments:
    """For byte-level BPE that splits text as GPT-2, cl100k_base or o200k_base do, and another engine opens for."""
    found = vocabulary(ask)
    table = tables(found.tokens, found.rules)
    _check_added(found, table)
    known = lines(kernel.WORDS * SLOTS)
    return Segments(_behind(ask), table, known, kernel.Misses(*np.empty((4, kernel.MISSES), np.int64)))


def _check_added(found: Vocabulary, table: Tables) -> None:
    if cut := [text for text in found.added if cut_within(text, table)]:
        raise Unsuited(f"the added token {cut[0]!r} might be cut in two")


def _behind(ask: Ask) -> Engine:
    reasons = []
    for name in BEHIND:
        try:
            return ENGINES[name](ask)
        except (Unsuited, ImportError) as error:
            reasons.append(f"{name}: {error}")
    raise Unsuited(f"no engine stands behind ({'; '.join(reasons)})")
