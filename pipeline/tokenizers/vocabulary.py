"""What a tokenizer.json must hold before its counts are believed. The library opens much that it cannot count with."""

from typing import Any

import orjson
from tokenizers import Tokenizer, __version__

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers.trouble import panics_told

MODELS = ("BPE", "Unigram", "WordPiece", "WordLevel")
PARTS = {  # of a tokenizer.json, and how each calls its list of several
    "normalizer": "normalizers",
    "pre_tokenizer": "pretokenizers",
    "post_processor": "processors",
    "decoder": "decoders",
}
AGAIN = "save or download the tokenizer again"


def parsed(path: str, content: bytes) -> dict[str, Any]:
    """The whole of a tokenizer.json, if it is one."""
    try:
        whole = orjson.loads(content)
    except ValueError as error:
        raise BadTokenizer(f"{path}: not whole JSON ({error}); {AGAIN}") from error
    if not isinstance(whole, dict) or not isinstance(whole.get("model"), dict):
        holds = f"has {', '.join(map(repr, [*whole][:5]))}" if isinstance(whole, dict) else f"is {str(whole)[:40]!r}"
        raise BadTokenizer(f"{path}: JSON of another kind: it {holds}, and no `model`; give the tokenizer.json")
    kind = whole["model"].get("type", "BPE")  # files before 2020 do not say
    if kind not in MODELS:
        raise BadTokenizer(f"{path}: the model type {kind!r} is none of {', '.join(MODELS)}; {AGAIN}")
    _check_vocabulary(path, whole["model"].get("vocab"), whole.get("added_tokens"))
    _check_prefix(path, whole["model"].get("continuing_subword_prefix"), whole["model"].get("merges"))
    return whole


def loaded(path: str, content: bytes) -> Tokenizer:
    """The tokenizer of a whole tokenizer.json; which part of it is at fault, where the library says no."""
    try:
        with panics_told(path, AGAIN):
            return Tokenizer.from_buffer(content)
    except ValueError as error:
        raise BadTokenizer(f"{path}: {_culprit(content) or error}; {AGAIN}") from error


def kinds(part: object) -> set[str]:
    """Every `type` in a part of the file."""
    if isinstance(part, list):
        return {kind for each in part for kind in kinds(each)}
    if not isinstance(part, dict):
        return set()
    return {str(part.get("type"))} | kinds(list(part.values()))


def _check_ids(path: str, vocab: dict[str, int], others: set[int]) -> None:
    """Ids that leave one out or repeat one: a token is lost, and merges, which the library keeps by id, mix up."""
    taken = set(vocab.values())
    if len(taken) < len(vocab):
        seen: dict[int, str] = {}
        token, first = next((t, seen[i]) for t, i in vocab.items() if seen.setdefault(i, t) != t)
        raise BadTokenizer(f"{path}: {first!r} and {token!r} share the id {vocab[token]}; {AGAIN}")
    # Ids above the vocabulary's may leave gaps: cl100k's added tokens jump from 100,260 to 100,276.
    hole = next((each for each in range(len(taken) + len(others)) if each not in taken and each not in others), 0)
    if hole and hole < max(taken):
        raise BadTokenizer(f"{path}: {len(vocab)} tokens, but none has id {hole}; {AGAIN}")


def _check_vocabulary(path: str, vocab: object, added: object) -> None:
    if not isinstance(vocab, dict | list) or not vocab:
        raise BadTokenizer(f"{path}: its model has no vocabulary; {AGAIN}")
    if isinstance(vocab, list):  # Unigram's: the place is the id
        return
    if wrong := [(token, number) for token, number in vocab.items() if type(number) is not int]:
        raise BadTokenizer(f"{path}: the token {wrong[0][0]!r} has the id {wrong[0][1]!r}, no number; {AGAIN}")
    listed = [token.get("id") for token in added if isinstance(token, dict)] if isinstance(added, list) else []
    _check_ids(path, vocab, {number for number in listed if isinstance(number, int)})


def _check_prefix(path: str, prefix: object, merges: object) -> None:
    """The library cuts the prefix off every right half unseen; where there is none it aborts the whole process."""
    if not prefix or not isinstance(merges, list):
        return
    halves = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    rights = (half[1] if isinstance(half, list) and len(half) == 2 else half for half in halves)
    start = str(prefix)
    if wrong := [right for right in rights if not start.isascii() or not str(right).startswith(start)]:
        raise BadTokenizer(f"{path}: merges continue with {str(wrong[0])[:60]!r}, not with {start!r}; {AGAIN}")


def _culprit(content: bytes) -> str:
    """The first part whose type the library does not know; empty where no part alone is at fault."""
    whole = orjson.loads(content)
    for part, several in PARTS.items():
        if kind := _unknown(part, several, whole.get(part)):
            return f"its {part} {kind} is none that tokenizers {__version__} can use"
    return ""


def _unknown(part: str, several: str, value: object) -> str:
    alone = {"version": "1.0", "added_tokens": [], part: value, "model": {"type": "BPE", "vocab": {}, "merges": []}}
    try:
        with panics_told(part, AGAIN):
            Tokenizer.from_buffer(orjson.dumps(alone))
    except (ValueError, BadTokenizer) as error:
        inner = value.get(several) if isinstance(value, dict) else None
        found = (_unknown(part, several, each) for each in inner) if isinstance(inner, list) else ()
        kind = value.get("type") if isinstance(value, dict) else value
        return next(filter(None, found), "") or f"{str(kind)[:60]!r} ({str(error)[:120]})"
    return ""
