"""The tokens of byte-level BPE and how it splits text, from a tokenizer's files: as far as it may be cut."""

import itertools
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from prep.pipeline.tokenizers import hf
from prep.pipeline.tokenizers.counter import Ask, Specials, Unsuited
from prep.pipeline.tokenizers.files import Kind
from prep.pipeline.tokenizers.patterns import CL100K, GPT2, O200K
from prep.pipeline.tokenizers.ranks import UTF8_BYTES, Ranks
from prep.pipeline.tokenizers.segments_characters import CODES, SIGN, STOP
from prep.pipeline.tokenizers.segments_tables import Added, Merges, Rules, kinds

WORDS, CHUNKS, CASED = Rules(True, False), Rules(False, False), Rules(False, True)
SPLITS = {
    GPT2: WORDS,
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": WORDS,  # GPT-2's own code
    CL100K: CHUNKS,
    # Llama 3, and Qwen 2, whose digits are single.
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+": CHUNKS,
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+": CHUNKS,
    O200K: CASED,
}
SHOWN = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))  # bytes that are written as themselves
HIDDEN = tuple(byte for byte in range(256) if byte not in SHOWN)
ALPHABET = {chr(byte): byte for byte in SHOWN} | {chr(256 + at): byte for at, byte in enumerate(HIDDEN)}
NEEDED = {written for written, byte in ALPHABET.items() if byte in UTF8_BYTES}


@dataclass(frozen=True)
class Vocabulary:
    """Tokens in bytes, what is merged, the split's rules, and the texts that are tokens wherever they are written."""

    tokens: tuple[bytes, ...]
    merges: Merges
    whole: bool  # a word that is a token is not merged
    rules: Rules
    added: Added


def vocabulary(ask: Ask) -> Vocabulary:
    """Of ranks, a tokenizer.json or vocab.json and merges.txt; Unsuited for what is not sure to be cut rightly."""
    files = ask.files
    match files.kind:
        case Kind.RANKS:
            return _of_ranks(ask)
        case Kind.PAIR:
            return _of_json(orjson.loads(hf.as_json(files)), ask.specials)
        case Kind.JSON:
            return _of_json(orjson.loads(files.contents[0]), ask.specials)
    raise Unsuited(f"{files.kind} is not byte-level BPE")


def _of_ranks(ask: Ask) -> Vocabulary:
    if ask.split is None or ask.split.regex not in SPLITS or not isinstance(ask.reference, Ranks):
        raise Unsuited(f"is not written for the split {ask.split.regex if ask.split else None!r}")
    table = ask.reference.table
    _check_merged(table, lambda left, right: table.get(left + right))
    added = _added(ask.split.specials if ask.specials is Specials.TOKEN else ())
    return Vocabulary(tuple(table), _merges_of(table), True, SPLITS[ask.split.regex], added)


def _merges_of(table: Mapping[bytes, int]) -> Merges:
    """Of ranks: two tokens merge if together they are one, in the order of ranks."""
    symbols = {token: rank + 1 for token, rank in table.items()}
    ranks = {
        symbols[token[:cut]] << 32 | symbols[token[cut:]]: rank << 32 | rank + 1
        for token, rank in table.items()
        for cut in range(1, len(token))
        if token[:cut] in symbols and token[cut:] in symbols
    }
    return Merges(tuple(symbols.get(bytes([byte]), 0) for byte in range(256)), ranks)


def _of_json(whole: Mapping[str, Any], specials: Specials) -> Vocabulary:
    model, added = whole["model"], whole.get("added_tokens") or []
    if why := _unsuited(model, whole.get("normalizer"), added, specials):
        raise Unsuited(why)
    split = _split(whole.get("pre_tokenizer"))
    if split not in SPLITS:
        raise Unsuited(f"is not written for the split {split!r}")
    vocab = model["vocab"]
    pairs = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in model["merges"]]
    if not vocab.keys() >= NEEDED or not all(left + right in vocab for left, right in pairs):
        raise Unsuited("a byte, or what a merge makes, is not in the vocabulary")
    written = {token: bytes(map(ALPHABET.__getitem__, token)) for token in vocab if ALPHABET.keys() >= set(token)}
    if model.get("ignore_merges"):
        ranks = {(written[left], written[right]): at for at, (left, right) in enumerate(pairs)}
        _check_merged(written.values(), lambda left, right: ranks.get((left, right)))
    merged = {
        vocab[left] + 1 << 32 | vocab[right] + 1: rank << 32 | vocab[left + right] + 1
        for rank, (left, right) in enumerate(pairs)
    }
    units = {byte: vocab[character] + 1 for character, byte in ALPHABET.items() if character in vocab}
    merges = Merges(tuple(units.get(byte, 0) for byte in range(256)), merged)
    whole_words = bool(model.get("ignore_merges"))
    return Vocabulary(
        tuple(written.values()), merges, whole_words, SPLITS[split], _added([token["content"] for token in added])
    )


def _added(texts: Iterable[str]) -> Added:
    """Also as they are once text is normalised."""
    given = {text for text in texts if text}
    contents = given | {unicodedata.normalize(form, text) for text in given for form in ("NFC", "NFD")}
    runs = {text for text in contents if not text.strip(" ")}
    if wrong := [text for text in sorted(contents - runs) if not text[0].isascii() or kinds()[ord(text[0])] != STOP]:
        raise Unsuited(f"the added token {wrong[0]!r} begins with no sign of ASCII")
    if " " in runs:
        raise Unsuited("a single space is an added token")
    return Added(tuple(sorted(contents - runs)), frozenset(map(len, runs)))


def _unsuited(
    model: Mapping[str, Any], normalizer: Mapping[str, Any] | None, added: list[dict[str, Any]], specials: Specials
) -> str:
    """Why texts are not cut; nothing where they may be."""
    if model.get("type", "BPE") != "BPE" or model.get("dropout"):
        return "the model is not BPE, or drops merges"
    if any(model.get(key) for key in ("continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")):
        return "tokens are written with a prefix, a suffix or <0x00>"
    blank = [token for token in added if not token["content"].strip(" ")]
    if any(token.get(flag) for token in blank for flag in ("lstrip", "rstrip", "single_word")):
        return "a run of spaces that is a token looks at what is beside it"
    if specials is Specials.TEXT and any(token.get("special") for token in blank):
        return "a run of spaces is a special token, and special tokens are text"
    if normalizer and normalizer.get("type") != "NFC":
        return f"the normalizer {normalizer.get('type')} is not NFC"
    return ""


def _split(part: Any) -> str | None:
    """The regex of a pre_tokenizer that is nothing but a regex and bytes."""
    match part:
        case {"type": "ByteLevel", "add_prefix_space": False}:
            return GPT2 if part.get("use_regex", True) else None
        case {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": str(regex)}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            ],
        }:
            return regex
    return None


def _check_merged(tokens: Iterable[bytes], rank: Callable[[bytes, bytes], int | None]) -> None:
    """A word that is a token is not merged, and a cut makes words of parts of one: the same if merging makes it."""
    for token in tokens:
        if _may_be_cut_off(token) and len(_merged(token, rank)) > 1:
            raise Unsuited(f"{token!r} is a token that no merging makes")


def _may_be_cut_off(token: bytes) -> bool:
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return False
    return any(ord(each) < CODES and kinds()[ord(each)] >= SIGN for each in text[:1] + text[-1:])


def _merged(token: bytes, rank: Callable[[bytes, bytes], int | None]) -> list[bytes]:
    parts = [token[at : at + 1] for at in range(len(token))]
    while len(parts) > 1:
        ranks = [rank(left, right) for left, right in itertools.pairwise(parts)]
        known = [each for each in ranks if each is not None]
        if not known:
            break
        at = ranks.index(min(known))
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts
