"""Which added tokens of a tokenizer.json are found by us, so that the engine need not look for them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from prep.pipeline.tokenizers.counter import Specials, Unsuited
from prep.pipeline.tokenizers.steady import all_steady
from prep.pipeline.tokenizers.vocabulary import kinds

# They cut a piece between two added tokens as if it were a text of its own. "None" is a pattern, which has no type.
PRE_TOKENIZERS = {"ByteLevel", "Split", "Sequence", "Digits", "None"}
MOST_STATES = 8_192  # of the trie; Llama 3's 256 special tokens have 1,100
MOST_HEADS = 8  # of two bytes; where there are more, they are looked for by the first byte alone
MOST_PARTS = 4_000_000  # parts of tokens, to see whether tokens overlap: half a second
FLAGS = ("lstrip", "rstrip", "single_word")


class Trie(NamedTuple):
    """The tokens by their bytes."""

    heads: npt.NDArray[np.int64]  # what tokens begin with: two bytes each, or one and -1
    kind: npt.NDArray[np.int16]  # by byte: a column of `step`; 0 for bytes in no token
    step: npt.NDArray[np.int32]  # by state and kind: the next state, or 0 for none; the first state is 0
    final: npt.NDArray[np.uint8]  # by state: whether a token ends here
    alone: int  # a byte of which all tokens are runs that begin with it, as spaces often are; -1: none
    runs: npt.NDArray[np.int64]  # by how often it stands there: bytes of the longest token


@dataclass(frozen=True)
class Plan:
    """A tokenizer.json in parts: the tokens looked for first, and what counts the stretches between them."""

    lean: bytes
    trie: Trie
    normalized: bool  # by NFC
    raw: tuple[str, ...]  # tokens that are looked for before NFC, and cut what it sees
    joined: bool  # the split is GPT-2's: stretches may be counted together, see splitting.py


def plan(whole: dict[str, Any], specials: Specials) -> Plan | None:
    """None where the engine itself must look for the added tokens, or has none to look for and nothing to normalise."""
    added = [token for token in whole.get("added_tokens") or [] if token.get("content")]
    check(added, specials)
    kept = [token for token in added if not (token.get("special") and specials is Specials.TEXT)]
    contents = [token["content"] for token in kept]
    normalized, split = nfc(whole.get("normalizer")), whole.get("pre_tokenizer")
    if normalized is None or not kinds(split) <= PRE_TOKENIZERS or _prefixed(split):
        return None
    if not (contents or normalized) or len(set(contents)) < len(contents):
        return None
    if any(token.get(flag) for token in kept for flag in FLAGS) or not (normalized <= all(map(all_steady, contents))):
        return None
    # The library takes the ones that are not normalized first, from the whole text, and the others from what is left.
    first, then = ([t["content"] for t in kept if bool(t.get("normalized")) is late] for late in (False, True))
    if (first and then and overlap(first, then) is not False) or sum(map(len, contents)) > MOST_STATES:
        return None
    lean = orjson.dumps(whole | {"added_tokens": [], "normalizer": None})
    return Plan(lean, trie(contents), normalized, tuple(first), gpt2(split))


def check(added: list[dict[str, Any]], specials: Specials) -> None:
    """Special tokens that are to be text are found all the same by the library, and hide what overlaps them."""
    if specials is not Specials.TEXT:
        return
    special, other = ([t["content"] for t in added if bool(t.get("special")) is kind] for kind in (True, False))
    if special and other and overlap(special, other) is not False:
        raise Unsuited("a special token overlaps an added one, which changes what is found when specials are text")


def overlap(ones: Iterable[str], others: Iterable[str]) -> bool | None:
    """Whether one of these and one of those may share characters of a text; None if that is too much to find out."""
    one, other = set(ones), set(others)
    if sum(len(token) ** 2 for token in one | other) > MOST_PARTS:
        return None
    return any(_meet(a, b) for a, b in ((one, other), (other, one)))


def _meet(ones: set[str], others: set[str]) -> bool:
    """Whether one of these ends as one of those begins, or holds one."""
    starts = {token[:stop] for token in others for stop in range(1, len(token) + 1)}
    return any(token[at:] in starts for token in ones for at in range(len(token))) or any(
        part in others for token in ones for part in _parts(token)
    )


def _parts(token: str) -> Iterator[str]:
    return (token[start:stop] for start in range(len(token)) for stop in range(start + 1, len(token) + 1))


def nfc(normalizer: object) -> bool | None:
    """Whether the normaliser is NFC, or there is none; None if it is another."""
    found = kinds(normalizer) - {"Sequence"}
    return bool(found) if found <= {"NFC"} else None


def _prefixed(split: object) -> bool:
    """Whether it puts a space before a text, and so before each stretch."""
    if isinstance(split, list):
        return any(map(_prefixed, split))
    if not isinstance(split, dict):
        return False
    space = split.get("add_prefix_space", split.get("type") == "ByteLevel")
    return bool(space) or any(map(_prefixed, split.values()))


def gpt2(split: Any) -> bool:
    """Whether the text is split as GPT-2 does, and in no other way."""
    steps = split.get("pretokenizers") or [split] if isinstance(split, dict) else []
    return len(steps) == 1 and steps[0].get("type") == "ByteLevel" and bool(steps[0].get("use_regex", True))


def trie(contents: Iterable[str]) -> Trie:
    """Of tokens of at least one byte."""
    tokens = [content.encode() for content in contents]
    letters = sorted({byte for token in tokens for byte in token})
    kind = np.zeros(256, np.int16)
    kind[letters] = np.arange(1, len(letters) + 1)
    nodes: list[dict[int, int]] = [{}]
    ends = set()
    for token in tokens:
        state = 0
        for byte in token:
            if byte not in nodes[state]:
                nodes[state][byte] = len(nodes)
                nodes.append({})
            state = nodes[state][byte]
        ends.add(state)
    step, final = np.zeros((len(nodes), len(letters) + 1), np.int32), np.zeros(len(nodes), np.uint8)
    for state, node in enumerate(nodes):
        for byte, child in node.items():
            step[state, kind[byte]] = child
    final[list(ends)] = 1
    return Trie(_heads(tokens), kind, step, final, *_runs(tokens))


def _runs(tokens: list[bytes]) -> tuple[int, npt.NDArray[np.int64]]:
    """The byte whose runs are tokens, and how long the longest of at most so many is."""
    begun = {token[0]: [each for each in tokens if each[0] == token[0]] for token in tokens}
    whole = {byte: {len(t) for t in found} for byte, found in begun.items() if all(len(set(t)) == 1 for t in found)}
    if not whole:
        return -1, np.zeros(1, np.int64)
    byte = max(whole, key=lambda byte: (len(whole[byte]), byte))
    return byte, np.array([max({0} | {n for n in whole[byte] if n <= most}) for most in range(max(whole[byte]) + 1)])


def _heads(tokens: list[bytes]) -> npt.NDArray[np.int64]:
    two = {(token[0], token[1] if len(token) > 1 else -1) for token in tokens}
    heads = two if len(two) <= MOST_HEADS else {(first, -1) for first, _ in two}
    return np.array(sorted(heads), np.int64).reshape(-1, 2)
