"""Texts cut at their added tokens by us count as the reference counts them; so do those that NFC changes."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers, pre_tokenizers

from prep.pipeline.tokenizers import Ask, Specials, added, ask_of
from prep.pipeline.tokenizers import splitting_kernel as kernel
from prep.pipeline.tokenizers.adversarial import texts as adversarial
from prep.pipeline.tokenizers.counter import Engine, Unsuited
from prep.pipeline.tokenizers.engines import candidates
from prep.pipeline.tokenizers.slabs import bounds, content
from prep.pipeline.tokenizers.splitting import MOST_LINES, Splitting, _nfc
from prep.pipeline.tokenizers.steady import KNOWN, STEADY, TOP, all_steady, steady
from tests.shared import TOKENIZERS, needs_shared

NAME = "gpt-neox-20b"
TOKENS = ["<|endoftext|>", "<|padding|>", "|||EMAIL_ADDRESS|||", "|||PHONE_NUMBER|||", "|||IP_ADDRESS|||"]
CUT = [part for token in TOKENS for part in (token, token[:-1], token[1:], token + token[:4], token[-5:] + token)]
SPACES = [" " * count for count in (1, 2, 3, 4, 7, 8, 23, 24, 25, 26, 27, 47, 48, 49, 50, 73, 100)]
ENDS = ["\n", "\n\n", "\n" * 7, "\n" * 8, "\n" * 20, "\r\n", "\t", "\t\n", "\n\t", "\xa0", "\u3000",
        "\u2028", "\x85", "\ufeff"]  # fmt: skip
WORDS = ["return", "x", "'s", "'", "2", "é", "あ", "漢", "።", "👍", "(", "—", "\u200b", "\x1c", "\x7f", "\0", "s's"]
MARKS = ["\u0301", "\u0338", "\u0323\u0307", "\u3099", "か\u3099", "e\u0301", "\u1112\u1161\u11ab", "각\u11a8",
         "\u0344", "\u09c7\u09be", "\u0f73", "\ufb1d", "\u0958", "\u037e", "\u1fef", "\u1abf\u0323", "\U0001d15e",
         "\u212b", "𠮷", "\U000e0100", "\U0002f874", "\u0378", "\U0010ffff"]  # fmt: skip
PARTS = st.one_of(
    *map(st.sampled_from, (SPACES, ENDS, WORDS, TOKENS, CUT)),
    st.sampled_from(MARKS)
    | st.text(max_size=4)
    | st.characters(exclude_categories=["Cs"]).map(lambda c: unicodedata.normalize("NFD", c)),
)
TEXTS = st.lists(st.lists(PARTS, max_size=9).map("".join), max_size=6)
FLAGS = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": True, "special": False}


@cache
def ask(specials: Specials = Specials.LIBRARY) -> Ask:
    return ask_of(str(TOKENIZERS / NAME), None, specials)


@cache
def opened(specials: Specials = Specials.LIBRARY) -> list[Splitting]:
    return [engine for engine in candidates(ask(specials))[0] if isinstance(engine, Splitting)]


def column(found: Sequence[str]) -> pa.LargeStringArray:
    return pa.array(found, pa.large_string())


def assert_equal(found: Sequence[str], specials: Specials = Specials.LIBRARY) -> None:
    expected = ask(specials).reference.count(column(found))
    for engine in opened(specials):
        counted = engine.count(column(found))
        wrong = np.flatnonzero(counted != expected)
        assert not len(wrong), f"{found[wrong[0]]!r} has {counted[wrong[0]]}, not {expected[wrong[0]]}"


@needs_shared
@settings(max_examples=150)
@given(found=TEXTS, specials=st.sampled_from(Specials))
def test_any_texts_count_as_by_the_reference(found: list[str], specials: Specials) -> None:
    assert_equal(found, specials)


@needs_shared
def test_both_libraries_are_given_stretches() -> None:
    assert [engine.name for engine in opened()] == ["gigatoken", "fastokens"]


@needs_shared
def test_adversarial_texts_count_as_by_the_reference() -> None:
    assert_equal(adversarial(TOKENS))


@needs_shared
def test_every_joint_of_two_stretches_counts_as_by_the_reference() -> None:
    sides = [*ENDS, *WORDS, *MARKS, "\n\n\nx", "a\n", "a\n\n\n", "a \n", "あ\n", "é\n\n", "x\u3000\n", "n't"]
    assert_equal([f"{left}{gap}{right}" for left in sides for gap in ("  ", " " * 27, TOKENS[0]) for right in sides])


@needs_shared
@given(found=TEXTS, start=st.integers(0, 6))
def test_slices_and_other_columns_do_not_matter(found: list[str], start: int) -> None:
    for engine in opened():
        whole = engine.count(column(found)).tolist()
        assert engine.count(pa.array(found, pa.string())[start:]).tolist() == whole[start:]


def chosen(tokens: Sequence[str], text: str) -> Iterator[tuple[int, int]]:
    """Leftmost, and of those the longest: the rule itself."""
    at = 0
    while at < len(text):
        size = max((len(token) for token in tokens if text.startswith(token, at)), default=0)
        if size:
            yield at, at + size
        at += size or 1


@given(
    tokens=st.sets(st.text("ab \néあ", min_size=1, max_size=4), min_size=1, max_size=6),
    runs=st.sets(st.integers(2, 9).map(" ".__mul__), max_size=4),
    found=st.lists(st.lists(st.text("ab \néあ", max_size=12) | st.sampled_from(SPACES)).map("".join), max_size=4),
    more=st.sampled_from(["", "é" * 40]),
)
def test_stretches_are_what_the_leftmost_longest_tokens_leave(
    tokens: set[str], runs: set[str], found: list[str], more: str
) -> None:
    """Also where many bytes are looked at and copied at once, which the last of a buffer are not."""
    tokens, found = tokens | runs, [text + more for text in found]
    nothing, texts = np.zeros(0, np.uint8), column(found)
    rules = kernel.Rules(added.trie(tokens), nothing, 0, np.zeros(0, np.int64))
    split = kernel.split(content(texts), bounds(texts), np.arange(len(texts)), rules)
    whole, ends = split.text.tobytes(), split.ends.tolist()
    stretches = [whole[start:stop].decode() for start, stop in pairwise(ends)]
    for row, text in enumerate(found):
        places = list(chosen(sorted(tokens), text))
        edges = [0, *(edge for place in places for edge in place), len(text)]
        left = [text[start:stop] for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop]
        assert stretches[split.firsts[row] : split.firsts[row + 1]] == left
        assert split.tokens[row] == len(places)


def stretches(text: str) -> int:
    """Texts that the engine is given for this one."""
    texts = column([text])
    return len(kernel.split(content(texts), bounds(texts), np.arange(1), opened()[0].rules).ends) - 1


@needs_shared
def test_indented_lines_are_one_stretch() -> None:
    assert stretches("def f(x):\n    if x:\n        return x\n\n\n    return None  # nothing\n" * 9) == 1
    assert all(stretches(f"{end}    b") == 2 for end in ("a\u3000\n", "a" + "\n" * MOST_LINES, "a\n  \n"))


def test_steady_characters_are_left_by_nfc_wherever_they_stand() -> None:
    """Of those that normalise to something else alone, or join to what is before, none is steady."""
    table, rust = steady(), normalizers.NFC()
    codes = np.flatnonzero(table == STEADY).tolist()
    assert len(codes) > 140_000
    whole = "".join(map(chr, codes))
    for text in (whole, whole[::-1], *("".join(f"{before}{c}" for c in whole[:20_000]) for before in "aか각\u1100가")):
        kept = "".join(filter(all_steady, text))
        assert unicodedata.normalize("NFC", kept) == kept == rust.normalize_str(kept)
    assert not any(table[ord(c)] == STEADY for c in "\u0301\u3099\u1161\u11a8\u09be\u0958\u212b\u0344\u0378")
    assert table[ord("\u0301")] == KNOWN
    assert table[0x1ABF] == table[0x378] == 0
    assert len(table) == TOP


@given(st.lists(st.characters(categories=["Mn", "Mc", "Lo", "Lu"], max_codepoint=TOP - 1), max_size=9))
def test_known_characters_are_normalised_alike_by_python_and_the_library(characters: list[str]) -> None:
    text = "".join(character for character in characters if steady()[ord(character)])
    assert normalizers.NFC().normalize_str(text) == unicodedata.normalize("NFC", text)


@given(st.lists(PARTS | st.sampled_from(["x" * 70, "あ" * 25, "e" * 64])).map("".join))
def test_nfc_by_windows_is_nfc_of_the_whole(text: str) -> None:
    rules = kernel.Rules(added.trie([]), steady(), kernel.first_lead(steady()), np.zeros(0, np.int64))
    made = _nfc(text.encode(), kernel.UNSURE, rules).decode()
    assert made == normalizers.NFC().normalize_str(text)
    if all(steady()[ord(character)] for character in text if ord(character) < TOP) and max(text, default="") < chr(TOP):
        assert _nfc(text.encode(), kernel.CHANGED, rules).decode() == made


def test_windows_are_as_short_as_they_can_be() -> None:
    rules = kernel.Rules(added.trie([]), steady(), kernel.first_lead(steady()), np.zeros(0, np.int64))
    text = ("e\u0301" + "x" * 64 + "あか\u3099" + "x" * 63 + "o\u0323\u0307z").encode()
    windows = kernel.windows(np.frombuffer(text, np.uint8), rules)
    assert [text[begin:end].decode() for begin, end in windows] == [
        "e\u0301", "か\u3099" + "x" * 63 + "o\u0323\u0307"
    ]  # fmt: skip


@needs_shared
def test_texts_of_new_characters_do_not_need_the_whole_engine() -> None:
    found = ["\u1abf\u0323 a  b", "e\u0301", "plain", "x \U000e0100"]
    expected = ask().reference.count(column(found)).tolist()
    for engine in opened():
        assert replace(engine, full=never).count(column(found)).tolist() == expected


def never() -> Engine:
    raise AssertionError("asked for")


Tokens: TypeAlias = list[dict[str, Any]]


def tiny(tokens: Tokens, **parts: Any) -> dict[str, Any]:
    """A tokenizer.json of bytes alone."""
    split = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    vocab = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    numbered = [{"id": len(vocab) + number, **FLAGS, **token} for number, token in enumerate(tokens)]
    return {"version": "1.0", "added_tokens": numbered, "normalizer": None, "pre_tokenizer": split,
            "model": {"type": "BPE", "vocab": vocab, "merges": []}, **parts}  # fmt: skip


PREFIXED = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}


@pytest.mark.parametrize(
    "whole",
    [
        *(tiny([{"content": "<a>", flag: True}]) for flag in added.FLAGS),
        tiny([{"content": "<a>"}], pre_tokenizer=PREFIXED),
        tiny([{"content": "<a>"}], pre_tokenizer={"type": "Metaspace", "replacement": "\u2581"}),
        tiny([{"content": "<a>"}], normalizer={"type": "Prepend", "prepend": "\u2581"}),
        tiny([{"content": "e\u0301"}], normalizer={"type": "NFC"}),
        tiny([{"content": "<a>"}, {"content": "<a>", "special": True}]),
        tiny([{"content": "<a>", "normalized": False}, {"content": ">b"}]),
        tiny([{"content": "<a>", "normalized": False}, {"content": "x<a>b"}]),
        tiny([{"content": "x" * (added.MOST_STATES + 1)}]),
        tiny([]),
    ],
)
def test_what_we_do_not_prove_is_left_to_the_engine(whole: dict[str, Any]) -> None:
    assert added.plan(whole, Specials.LIBRARY) is None


def test_a_special_token_as_text_that_overlaps_another_token_is_refused() -> None:
    tokens: Tokens = [{"content": "<a>", "special": True}, {"content": ">b"}]
    with pytest.raises(Unsuited, match="overlaps"):
        added.plan(tiny(tokens), Specials.TEXT)
    assert added.plan(tiny(tokens), Specials.LIBRARY)


LOOKED = ["<a>", "  ", "x"]
MISLEADING = st.lists(st.text("<a>x  é\u0301\u2019\u2000か\u3099", max_size=9))


@given(found=TEXTS | MISLEADING, normalized=st.booleans(), more=st.sampled_from(["", "y" * 70, "Œ" * 70]))
def test_a_plain_text_holds_no_token_and_nothing_that_nfc_changes(
    found: list[str], normalized: bool, more: str
) -> None:
    """Also where bytes are looked at many at a time, which the last of a buffer are not."""
    table, texts = steady() if normalized else np.zeros(0, np.uint8), column([text + more for text in found])
    rules = kernel.Rules(added.trie(LOOKED), table, kernel.first_lead(table), np.zeros(0, np.int64))
    for text, plain in zip(found, kernel.plain(content(texts), bounds(texts), rules), strict=True):
        changed = normalized and unicodedata.normalize("NFC", text) != text
        assert not (plain and (changed or any(token in text for token in LOOKED)))
        assert plain or not text.isascii() or any(token[:2] in text for token in LOOKED)


@given(found=TEXTS | MISLEADING, many=st.booleans(), more=st.sampled_from(["", "y" * 70]))
def test_texts_that_hold_a_token_are_found(found: list[str], many: bool, more: str) -> None:
    """Also where so many are looked for that only their first bytes are."""
    tokens = LOOKED + ([f"<{letter}" for letter in "bcdefghij"] if many else [])
    texts = column([text + more for text in found])
    held = kernel.holding(content(texts), bounds(texts), added.trie(tokens))
    assert held.tolist() == [any(token in text for token in tokens) for text in found]


@given(found=st.lists(st.text("<a>b \n", max_size=12), max_size=5), specials=st.sampled_from(Specials))
def test_special_and_added_tokens_are_found_in_the_order_of_the_library(found: list[str], specials: Specials) -> None:
    """By tokens of one byte and more, whether normalized or not, with the library itself as the lean engine."""
    tokens: Tokens = [{"content": "<a>", "special": True, "normalized": False}, {"content": "  "}]
    tokens += [{"content": "b"}, {"content": "bb"}]
    plan = added.plan(tiny(tokens), specials)
    assert plan
    reference = Tokenizer.from_str(orjson.dumps(tiny(tokens)).decode())
    reference.encode_special_tokens = specials is Specials.TEXT
    rules = kernel.Rules(plan.trie, np.zeros(0, np.uint8), 0, np.arange(MOST_LINES) - 1)
    engine = Splitting(Library(plan.lean), lambda: Library(b""), rules, tuple(map(str.encode, plan.raw)))
    assert engine.count(column(found)).tolist() == [len(each) for each in reference.encode_batch(found)]


class Library:
    """The reference as an engine."""

    name, version, most = "library", "1", 1 << 20

    def __init__(self, json: bytes) -> None:
        self.tokenizer = Tokenizer.from_str(json.decode()) if json else None

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        assert self.tokenizer
        return np.array([len(each) for each in self.tokenizer.encode_batch(texts.to_pylist())], np.int64)

    def given(self, texts: pa.LargeStringArray) -> list[str]:
        given: list[str] = texts.to_pylist()
        return given

    def counted(self, texts: list[str]) -> npt.NDArray[np.int64]:
        return self.count(column(texts))
