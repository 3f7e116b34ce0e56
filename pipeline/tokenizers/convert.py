"""A SentencePiece .model as a tokenizer.json, for the libraries that read only this: equal in counts, not in ids.

Not in texts that hold a user-defined piece: after it Hugging Face puts the space of a text's beginning again.
"""

import base64
from collections.abc import Mapping
from typing import Any

import orjson

from prep.pipeline.tokenizers.counter import Unsuited
from prep.pipeline.tokenizers.spmodel import BPE, NORMAL, SPACE, UNIGRAM, UNKNOWN, UNUSED, USER_DEFINED, Model


def tokenizer_json(model: Model) -> bytes:
    """The file's contents. Control symbols are no added tokens: sentencepiece reads them as plain text."""
    if model.of(UNUSED):
        raise Unsuited("some pieces are unused: merged, and then taken apart again")
    built = {BPE: _bpe, UNIGRAM: _unigram}.get(model.algorithm)
    if built is None:
        raise Unsuited(f"model_type {model.algorithm} is neither Unigram nor BPE")
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    added = [
        {"id": place, "content": piece.text, **flags}
        for place, piece in enumerate(model.pieces)
        if piece.kind == USER_DEFINED
    ]
    whole = {"version": "1.0", "added_tokens": added, "normalizer": _normalizer(model), "model": built(model)}
    return orjson.dumps(whole)


def _normalizer(model: Model) -> dict[str, Any]:
    """No pre-tokenizer follows: sentencepiece merges over the whole text, and some pieces hold runs of spaces."""
    steps: list[dict[str, Any]] = []
    if model.charsmap:
        steps.append({"type": "Precompiled", "precompiled_charsmap": base64.b64encode(model.charsmap).decode()})
    if model.squeeze:
        steps.append({"type": "Strip", "strip_left": True, "strip_right": True})
        steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    if model.dummy:
        steps.append({"type": "Prepend", "prepend": SPACE})
    steps.append({"type": "Replace", "pattern": {"String": " "}, "content": SPACE})
    return {"type": "Sequence", "normalizers": steps}


def _unigram(model: Model) -> dict[str, Any]:
    unknown = next((place for place, piece in enumerate(model.pieces) if piece.kind == UNKNOWN), None)
    vocab = [[piece.text, piece.score] for piece in model.pieces]
    return {"type": "Unigram", "unk_id": unknown, "vocab": vocab, "byte_fallback": model.fallback}


def _bpe(model: Model) -> dict[str, Any]:
    """Ids are places; a control symbol's name gets one too, but no merge leads there."""
    if not model.fallback:
        raise Unsuited("BPE without byte fallback")
    unknown = next((piece.text for piece in model.pieces if piece.kind == UNKNOWN), None)
    vocab = {piece.text: place for place, piece in enumerate(model.pieces)}
    return {
        "type": "BPE",
        "unk_token": unknown,
        "fuse_unk": True,
        "byte_fallback": True,
        "vocab": vocab,
        "merges": _merges(model.of(NORMAL), vocab),
    }


def _merges(scores: Mapping[str, float], vocab: Mapping[str, int]) -> list[tuple[str, str]]:
    """Every cut of a piece into two pieces, in the order of the merged piece's score, as sentencepiece merges."""
    found = [
        (-score, -cut, vocab[piece[:cut]], vocab[piece[cut:]], piece[:cut], piece[cut:])
        for piece, score in scores.items()
        for cut in range(1, len(piece))
        if piece[:cut] in scores and piece[cut:] in scores
    ]
    return [(left, right) for *_, left, right in sorted(found)]
