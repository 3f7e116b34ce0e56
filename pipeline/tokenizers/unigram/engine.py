"""The engine `unigram`: our own counter, for SentencePiece Unigram models and a tokenizer.json of that kind."""

import json
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sentencepiece
import tokenizers

from prep.pipeline.tokenizers import added, spmodel
from prep.pipeline.tokenizers.counter import Ask, Specials, Unsuited
from prep.pipeline.tokenizers.files import Kind
from prep.pipeline.tokenizers.hf import HuggingFace
from prep.pipeline.tokenizers.kept import Made, kept, plain
from prep.pipeline.tokenizers.slabs import bounds, content, slabs
from prep.pipeline.tokenizers.splitting_kernel import holding
from prep.pipeline.tokenizers.spmodel import SPACE
from prep.pipeline.tokenizers.unigram import characters, memo, stretches, viterbi
from prep.pipeline.tokenizers.unigram.hub import read_json
from prep.pipeline.tokenizers.unigram.lattice import COUNT_BITS, FINE, MOST_SCORE
from prep.pipeline.tokenizers.unigram.memo import LONGER
from prep.pipeline.tokenizers.unigram.model import Unigram, of_model
from prep.pipeline.tokenizers.unigram.trie import Floats, Ints, Trie, build

KERNEL = "10"  # of this folder: raise it with every change of what is counted
SET_BACK = 100_000.0  # sentencepiece takes a sum past this off all sums ahead
PROVED = {"sentencepiece": "0.2.3", "tokenizers": "0.23.3"}  # the arithmetic mirrored here; earlier ones add otherwise


@dataclass(frozen=True)
class Engine:
    """A loaded model. Texts that hold an added token go to the reference."""

    lexicon: characters.Lexicon
    single: bool  # scores are added in 32 bits
    needles: tuple[str, ...]  # added tokens
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
        if self.lexicon.reach:
            stretches.every(self.lexicon, self._window, self._memo, data, offsets, counts)
        else:
            counts[:] = stretches.DOUBT
        viterbi.every(self.lexicon, self._window, data, offsets, counts)
        if self.needles:
            held = holding(data, offsets, self._trie)
            if held.any():
                counts[held] = self.ask.reference.count(texts.filter(pa.array(held)))
        return counts

    @cached_property
    def _trie(self) -> added.Trie:
        return added.trie(self.needles)

    @cached_property
    def _memo(self) -> memo.Memo:
        return memo.empty()

    @cached_property
    def _window(self) -> characters.Window:
        size = max(characters.SIZE, 4 * self.lexicon.keep)
        return characters.window(size, np.float32 if self.single else np.float64)


def lexicon(model: Unigram) -> characters.Lexicon:
    """The model as the kernel takes it."""
    trie = build(model.pieces, model.scores, SPACE if model.escape else " ")
    most, grain = (SET_BACK, 2.0**-24) if model.single else (inf, 2.0**-53)
    worst = max(abs(model.unknown), *map(abs, model.scores))
    scored = zip(model.pieces, model.scores, strict=True)
    rise = max(0.0, model.unknown, *(score / max(len(piece), 1) for piece, score in scored))
    reach = int(min(characters.SIZE, SET_BACK / 4 / worst)) if worst else characters.SIZE
    apart = model.fallback and worst < MOST_SCORE and reach >= LONGER and trie.longest < characters.SIZE
    roots, firsts, alone = singles(trie, model.unknown, rise)
    arrays = (trie.links, trie.scores, trie.pages, trie.symbols, trie.plane, roots, firsts, alone)
    rules = (most, model.fallback, trie.blank, model.prefix, model.suffix, trie.longest - 1)
    sums = (reach if apart else 0, rise, worst, most + worst + 2, grain)
    return characters.Lexicon(*arrays, characters.pairs(trie.pairs), *rules, *sums)


def singles(trie: Trie, unknown: float, rise: float) -> tuple[Ints, Floats, npt.NDArray[np.uint64]]:
    """Roots, firsts and what symbols by themselves count, for a `Lexicon`."""
    symbols = len(trie.widths)
    links, scores = trie.links.reshape(-1, 4)[:symbols], trie.scores.reshape(-1, 2)[:symbols, 1]
    begins = links[:, 1] == 0
    piece = begins & (scores > -inf)
    roots = np.zeros(4 * symbols, np.int32)
    firsts = roots.view(np.float64)
    roots[::4], roots[1::4] = np.where(begins, links[:, 0], -1), np.where(piece, 0, trie.widths)
    firsts[1::2] = np.where(piece, scores, unknown)
    falls = np.ceil(FINE * np.minimum(rise - firsts[1::2], 2.0 * MOST_SCORE)).astype(np.uint64)  # more: no use
    alone = falls << np.uint64(COUNT_BITS) | np.maximum(roots[1::4], 1).astype(np.uint64)
    alone[0] = 0
    return roots, firsts, alone


def open_unigram(ask: Ask) -> Engine:
    """Refuses whatever it cannot count exactly."""
    found = kept("unigram", ask.files, lambda: _made(_read(ask)), ask.beside)
    needles = tuple(json.loads(bytes(found.pop("needles"))))
    single = bool(found.pop("single"))
    # Scores stand beside the links that lead to them: one memory, seen in two ways.
    scores, firsts = found["links"].view(np.float64), found["roots"].view(np.float64)
    made = characters.Lexicon(**{name: plain(value) for name, value in found.items()}, scores=scores, firsts=firsts)  # type: ignore[arg-type]
    return Engine(made, single, needles, ask)


def _made(model: Unigram) -> Made:
    """What is kept of a model."""
    needles = np.frombuffer(json.dumps(model.needles).encode(), np.uint8)
    arrays = lexicon(model)._asdict()
    del arrays["scores"], arrays["firsts"]
    return {**arrays, "single": model.single, "needles": needles}


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
