"""The tokenizer.json that the two BPE libraries are given in place of a tokenizer's own files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from prep.pipeline.tokenizers import added, convert, hf, spmodel
from prep.pipeline.tokenizers.added import Plan
from prep.pipeline.tokenizers.aside import MOST_MARKS, Aside, least
from prep.pipeline.tokenizers.counter import Ask, Engine, Specials, Unsuited
from prep.pipeline.tokenizers.files import Kind
from prep.pipeline.tokenizers.splitting import Lean, splitting
from prep.pipeline.tokenizers.vocabulary import kinds

# Both libraries were tried with these. "None" is what `kinds` calls a pattern, which has no type.
NORMALIZERS = {"None", "Sequence", "NFC", "Prepend", "Replace"}


@dataclass(frozen=True)
class Json:
    """A tokenizer.json, what a text holds that the reference alone can count, and how to do without added tokens."""

    content: bytes
    marks: tuple[str, ...] = ()
    plan: Plan | None = None


def engine(ask: Ask, opener: Callable[[bytes], Lean[Any]]) -> Engine:
    """The library's engine for an Ask of one of the JSON families."""
    found = _json(ask)
    if found.plan:
        return splitting(found.plan, opener, found.content)
    opened = opener(found.content)
    return Aside(opened, lambda: ask.reference, found.marks) if found.marks else opened


def _json(ask: Ask) -> Json:
    files = ask.files
    match files.kind:
        case Kind.PAIR:
            return Json(hf.as_json(files))
        case Kind.MODEL:
            return _of_model(ask)
        case Kind.JSON:
            return _of_json(orjson.loads(files.contents[0]), ask.specials)
    raise Unsuited(f"{files.kind} is no BPE of a tokenizer.json")


def _of_model(ask: Ask) -> Json:
    """Control symbols are text; a text with a user-defined piece goes to sentencepiece."""
    if ask.specials is Specials.TOKEN:
        raise Unsuited("reads control symbols in a text as text")
    model = spmodel.usual(ask.files.contents[0])
    if model.algorithm != spmodel.BPE:
        raise Unsuited("the model is not BPE")
    marks = least(model.of(spmodel.USER_DEFINED))
    if any(spmodel.SPACE in mark for mark in marks):
        raise Unsuited("a user-defined piece has a space")
    stem = _stem(marks)
    if len(marks) > MOST_MARKS and not stem:
        raise Unsuited(f"{len(marks)} user-defined pieces, each to be looked for in every text")
    whole = orjson.loads(convert.tokenizer_json(model)) | {"added_tokens": []}
    return Json(orjson.dumps(whole), (stem,) if stem else marks)


def _stem(marks: tuple[str, ...]) -> str:
    """What all marks begin with, if that is long enough to be rare: 20 pieces of mistral-v3 are [REFERENCE_DOC_n]."""
    first, last = min(marks, default=""), max(marks, default="")
    size = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:size] if size > len("[[") else ""


def _of_json(whole: dict[str, Any], specials: Specials) -> Json:
    """Without what is not counted: truncation, padding, and the special tokens put around a text."""
    model = whole["model"]
    if model.get("type", "BPE") != "BPE":
        raise Unsuited(f"the model is {model.get('type')}, not BPE")
    if model.get("dropout"):
        raise Unsuited(f"dropout {model['dropout']} makes every count a draw")
    if unknown := sorted(kinds(whole.get("normalizer")) - NORMALIZERS):
        raise Unsuited(f"normalizer {', '.join(unknown)} is not among those tried")
    whole = whole | {"truncation": None, "padding": None, "post_processor": None}
    tokens = whole.get("added_tokens") or []
    if specials is Specials.TEXT:
        tokens = [token for token in tokens if not token.get("special")]
    return Json(orjson.dumps(whole | {"added_tokens": tokens}), plan=added.plan(whole, specials))
