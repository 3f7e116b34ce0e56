"""The engine `unigram`: our own counter, for SentencePiece Unigram models and a tokenizer.json of that kind."""

from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sentencepiece
import tokenizers

from prep.pipeline.tokenizers import spmodel
from prep.pipeline.tokenizers.added import Trie
from prep.pipeline.tokenizers.added import trie as trie_of
from prep.pipeline.tokenizers.counter import Ask, Specials, Unsuited
from prep.pipeline.tokenizers.files import Kind
from prep.pipeline.tokenizers.hf import HuggingFace
from prep.pipeline.tokenizers.slabs import bounds, content, slabs
from prep.pipeline.tokenizers.splitting_kernel import holding
from prep.pipeline.tokenizers.spmodel import SPACE
from prep.pipeline.tokenizers.unigram import characters, memo, viterbi
from prep.pipeline.tokenizers.unigram.hub import read_json
from prep.pipeline.tokenizers.unigram.model import Unigram, of_model
from prep.pipeline.tokenizers.unigram.trie import build

KERNEL = "7"  # of this folder: raise it with every change of what is counted
SET_BACK = 100_000.0  # sentencepiece takes a sum past this off all sums ahead
PROVED = {"sentencepiece": "0.2.3", "tokenizers": "0.23.3"}  # the arithmetic mirrored here; earlier ones add otherwise


@dataclass(frozen=True)
class Engine:
    """A loaded model. Texts that hold an added token go to the reference."""

    model: Unigram
    ask: Ask
    name: str = "unigram"

    @property
    def version(self) -> str:
        return KERNEL

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        found = [self._slab(slab) for slab in slabs(texts)]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def _slab(self, texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
        data, offsets = content(texts), bounds(texts)
        counts = np.zeros(len(texts), np.int64)
        viterbi.every(self._lexicon, self._window, self._memo, data, offsets, counts)
        if self.model.needles:
            held = holding(data, offsets, self._needles)
            if held.any():
                counts[held] = self.ask.reference.count(texts.filter(pa.array(held)))
        return counts

    @cached_property
    def _needles(self) -> Trie:
        return trie_of(self.model.needles)

    @cached_property
    def _lexicon(self) -> characters.Lexicon:
        model = self.model
        trie = build(model.pieces, model.scores, SPACE if model.escape else " ")
        most = SET_BACK if model.single else inf
        margin = 1 + max(abs(model.unknown), *map(abs, model.scores)) * memo.LONGEST
        margin *= 1 if model.single else 2  # in 64 bits the memo's own sums are rounded as the path's are
        kept = model.fallback and margin < SET_BACK / 4
        arrays = (
            trie.links,
            trie.scores,
            trie.pages,
            trie.symbols,
            trie.plane,
            trie.widths,
            characters.pairs(trie.pairs),
        )
        rules = (model.unknown, most, model.fallback, trie.blank, model.prefix, model.suffix, trie.longest - 1)
        return characters.Lexicon(*arrays, *rules, kept, margin, 2.0**-24 if model.single else 2.0**-53)

    @cached_property
    def _memo(self) -> memo.Memo:
        return memo.empty(np.float32 if self.model.single else np.float64)

    @cached_property
    def _window(self) -> characters.Window:
        size = max(characters.WINDOW, 4 * self._lexicon.keep)
        return characters.window(size, np.float32 if self.model.single else np.float64)


def open_unigram(ask: Ask) -> Engine:
    """Refuses whatever it cannot count exactly."""
    engine = Engine(_read(ask), ask)
    engine._lexicon  # noqa: B018 - built now, not at the first text
    return engine


def _read(ask: Ask) -> Unigram:
    kind, content = ask.files.kind, ask.files.contents[0]
    library = {Kind.MODEL: sentencepiece, Kind.JSON: tokenizers}.get(kind)
    if library is None:
        raise Unsuited(f"a {kind} file holds no Unigram model")
    if (has := library.__version__) != (proved := PROVED[library.__name__]):
        raise Unsuited(f"proved equal to {library.__name__} {proved}, not {has}, which may add in another way")
    if kind is Kind.JSON:
        if not isinstance(ask.reference, HuggingFace):
            raise Unsuited("the reference is not tokenizers")
        return read_json(content, ask.reference.tokenizer.to_str(), ask.specials)
    if ask.specials is Specials.TOKEN:
        raise Unsuited("sentencepiece reads a control symbol written inside a text as text")
    try:
        return of_model(spmodel.read(content))
    except spmodel.Broken as error:
        raise Unsuited(f"{ask.files.path}: {error}") from error
