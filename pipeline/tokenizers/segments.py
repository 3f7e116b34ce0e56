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
from prep.pipeline.tokenizers.segments_tables import Tables, concatenated, cut_within, merging, tables
from prep.pipeline.tokenizers.segments_vocabulary import Vocabulary, vocabulary
from prep.pipeline.tokenizers.slabs import bounds, column, content, lines, padded

BEHIND = ("fastokens", "gigatoken")  # in this order: a call takes 0.12 and 0.43 ms before the first text
SLOTS = 1 << 20  # segments remembered, 32 MB


@dataclass(frozen=True)
class Segments:
    """Counts as the engine behind it, by fewer and shorter texts."""

    behind: Engine
    tables: Tables
    merging: kernel.Merging
    desk: kernel.Desk
    name: str = "segments"

    @property
    def version(self) -> str:
        """Of the kernel (raise it with any change of where it cuts) and of the engine behind."""
        return f"3 {self.behind.name} {self.behind.version}"

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        whole = column(texts)
        ends, text = bounds(whole), content(whole)
        inside = int(np.searchsorted(ends[1:], len(text) - kernel.PADDING, side="right"))
        rest, rest_ends = padded(text, ends[inside:], kernel.PADDING)
        return np.concatenate([self._texts(text, ends[: inside + 1]), self._texts(rest, rest_ends)])

    def _texts(self, text: kernel.Bytes, ends: kernel.Longs) -> npt.NDArray[np.int64]:
        tokens = np.zeros(len(ends) - 1, np.int64)
        begin = (0, int(ends[0]))
        with ExitStack() as unless_counted:
            unless_counted.callback(self.desk.known.fill, 0)  # some of it waits for counts that will never come
            while begin[0] < len(tokens):
                begin = self._round(text, ends, begin, tokens)
            unless_counted.pop_all()
        return tokens

    def _round(
        self, text: kernel.Bytes, ends: kernel.Longs, begin: tuple[int, int], tokens: kernel.Longs
    ) -> tuple[int, int]:
        """Count from `begin` on until many segments are left to the engine behind; where to go on."""
        begin, unique, uses = kernel.scan(text, ends, begin, self.tables, self.merging, self.desk, tokens)
        if not unique:
            return begin
        missed, marks = kernel.gather(text, self.desk.found, unique)
        parts = pa.LargeStringArray.from_buffers(unique, pa.py_buffer(marks), pa.py_buffer(missed))
        counts = self.behind.count(parts).astype(np.int64)
        kernel.settle(text, self.desk.found, counts, uses, self.desk.known, tokens)
        return begin


def open_segments(ask: Ask) -> Segments:
    """For byte-level BPE that splits text as GPT-2, cl100k_base or o200k_base do, and another engine opens for."""
    found = vocabulary(ask)
    table = tables(found.tokens, found.rules, found.added)
    _check_added(found, table)
    desk = kernel.desk(lines(kernel.WORDS * SLOTS))
    return Segments(_behind(ask), table, _merging(found, table, desk.scratch), desk)


def _merging(found: Vocabulary, table: Tables, scratch: kernel.Longs) -> kernel.Merging:
    """Without groups, for which nothing is merged, where a word may be a token that no merging makes."""
    made = merging(found.merges, found.rules, found.added)
    if found.whole and not kernel.made_by_merging(*concatenated(found.tokens), table, made, scratch):
        made = made._replace(groups=np.zeros_like(made.groups))
    return made


def _check_added(found: Vocabulary, table: Tables) -> None:
    if cut := [text for text in found.added.texts if cut_within(text, table)]:
        raise Unsuited(f"the added token {cut[0]!r} might be cut in two")


def _behind(ask: Ask) -> Engine:
    reasons = []
    for name in BEHIND:
        try:
            return ENGINES[name](ask)
        except (Unsuited, ImportError) as error:
            reasons.append(f"{name}: {error}")
    raise Unsuited(f"no engine stands behind ({'; '.join(reasons)})")
