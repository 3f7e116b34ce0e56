"""Byte-level BPE: cut between characters that no token joins, and where words end; remember what the segments count.

A segment that is new and is words after white space is merged here; what else is new (a few of 10,000 segments:
scripts whose letters are not cut between, emoji, marks, words of more than 64 bytes) a library counts.

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
   looks ahead, never between an apostrophe and a letter, "'s", nor before one where it may belong to the word (o200k).
5. NFC joins a mark to the character before it: nothing is cut right before a character that a mark may follow, and
   characters that NFC changes are none of the letters.
6. A run of spaces before other text: `\\s+(?!\\S)` takes all but the last, in whatever white space they stand, and the
   last begins the next word or is one; so it is cut before the last. With cl100k's `\\s++$` the end of what is cut off
   would be one piece where `\\s*[\\r\\n]` ends at a newline: cut after the newline too, or not at all.
7. Where runs of spaces are added tokens (2 to 24 in gpt-neox-20b), the longest that fits is taken from the left: a run
   is a text of its own, but for a last space that is left alone and goes with what follows.
8. A text in which another added token may be is left to the library. It is seen where it begins: a segment that has
   the signs an added token begins with, which are not cut apart, is never remembered, and looked at each time.

Where a whole word that is a token is not merged (ranks, `ignore_merges`), nothing is merged here unless merging makes
every token, and every token that begins or ends with a letter or sign must be what merging gives: of cl100k_base and
o200k_base all 13,077 are.
"""

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.pipeline.tokenizers import segments_kernel as kernel
from prep.pipeline.tokenizers.counter import Ask, Engine, Unsuited
from prep.pipeline.tokenizers.engines import ENGINES
from prep.pipeline.tokenizers.kept import Made, kept, plain
from prep.pipeline.tokenizers.memo_keys import PADDING, WORDS
from prep.pipeline.tokenizers.segments_characters import NEVER
from prep.pipeline.tokenizers.segments_tables import Tables, concatenated, merging, tables
from prep.pipeline.tokenizers.segments_vocabulary import Vocabulary, vocabulary
from prep.pipeline.tokenizers.segments_words import Bytes, Longs, Merging, made_by_merging
from prep.pipeline.tokenizers.slabs import bounds, column, content, lines, padded

BEHIND = ("gigatoken", "fastokens")  # as fast on what is left to them; they open in 0.2 and 0.5 s
SLOTS = 1 << 20  # segments remembered, 32 MB


@dataclass(frozen=True)
class Segments:
    """Counts as the engine behind it, by fewer and shorter texts."""

    behind: Engine
    tables: Tables
    merging: Merging
    desk: kernel.Desk
    name: str = "segments"

    @property
    def version(self) -> str:
        """Of the kernel (raise it with any change of where it cuts) and of the engine behind."""
        return f"3 {self.behind.name} {self.behind.version}"

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        whole = column(texts)
        ends, text = bounds(whole), content(whole)
        inside = int(np.searchsorted(ends[1:], len(text) - PADDING, side="right"))
        rest, rest_ends = padded(text, ends[inside:], PADDING)
        tokens, aside = np.zeros(len(whole), np.int64), np.zeros(len(whole), np.bool_)
        self._add(text, ends[: inside + 1], tokens[:inside], aside[:inside])
        self._add(rest, rest_ends, tokens[inside:], aside[inside:])
        if aside.any():
            tokens[aside] = self.behind.count(whole.filter(pa.array(aside)))
        return tokens

    def _add(self, text: Bytes, ends: Longs, tokens: Longs, aside: npt.NDArray[np.bool_]) -> None:
        begin = (0, int(ends[0]))
        with ExitStack() as unless_counted:
            unless_counted.callback(self.desk.known.fill, 0)  # some of it waits for counts that will never come
            while begin[0] < len(tokens):
                begin, unique, uses = kernel.scan(
                    text, ends, begin, self.tables, self.merging, self.desk, tokens, aside
                )
                if unique:
                    self._settle(text, unique, uses, tokens)
            unless_counted.pop_all()

    def _settle(self, text: Bytes, unique: int, uses: int, tokens: Longs) -> None:
        """Have the engine behind count what a scan left."""
        missed, marks = kernel.gather(text, self.desk.found, unique)
        parts = pa.LargeStringArray.from_buffers(unique, pa.py_buffer(marks), pa.py_buffer(missed))
        counts = self.behind.count(parts).astype(np.int64)
        kernel.settle(text, self.desk.found, counts, uses, self.desk.known, tokens)


def open_segments(ask: Ask) -> Segments:
    """For byte-level BPE that splits text as GPT-2, cl100k_base or o200k_base do, and another engine opens for."""
    found = kept("segments", ask.files, lambda: _made(vocabulary(ask)), ask.beside)
    table = Tables(**{name: plain(found[name]) for name in Tables._fields})  # type: ignore[arg-type]
    made = Merging(**{name: plain(found[name]) for name in Merging._fields})  # type: ignore[arg-type]
    return Segments(_behind(ask), table, made, kernel.desk(lines(WORDS * SLOTS)))


def _made(found: Vocabulary) -> Made:
    """The fields of both tables, whose names differ."""
    table = tables(found.tokens, found.rules, found.added)
    made = merging(found.merges, found.rules)
    scratch = kernel.desk(lines(WORDS)).scratch
    if found.whole and not made_by_merging(*concatenated(found.tokens), table, made, scratch):
        # A word may be a token that no merging makes: none is counted here, nor white space, which NEVER leaves alone.
        table, made = table._replace(blanks=NEVER), made._replace(groups=np.zeros_like(made.groups))
    return {**table._asdict(), **made._asdict()}


def _behind(ask: Ask) -> Engine:
    reasons = []
    for name in BEHIND:
        try:
            return ENGINES[name](ask)
        except (Unsuited, ImportError) as error:
            reasons.append(f"{name}: {error}")
    raise Unsuited(f"no engine stands behind ({'; '.join(reasons)})")
