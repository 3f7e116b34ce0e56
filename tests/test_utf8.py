"""Texts that are not UTF-8 are told apart from those that are, byte for byte as Python's own decoder does."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prep.pipeline.tokenizers.utf8 import are_utf8

# Bytes at the edges of what may follow what, and what is left of characters that are cut.
EDGES = st.sampled_from([bytes([byte]) for byte in (0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2)])
LEADS = st.sampled_from([bytes([byte]) for byte in (0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF)])
PIECES = st.lists(st.text(max_size=3).map(str.encode) | EDGES | LEADS, max_size=6).map(b"".join)
AROUND = st.sampled_from([b"", b"a", "é".encode(), "語".encode(), "😀".encode()])


def judged(texts: list[bytes], before: bytes = b"", after: bytes = b"") -> bool:
    """Of texts that stand between others, of which nothing is asked."""
    whole = np.frombuffer(before + b"".join(texts) + after, np.uint8)
    ends = len(before) + np.cumsum([0, *map(len, texts)])
    return are_utf8(whole, ends.astype(np.int64))


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(texts=st.lists(PIECES, max_size=4), before=PIECES, after=PIECES)
def test_each_text_is_judged_as_python_does(texts: list[bytes], before: bytes, after: bytes) -> None:
    assert judged(texts, before, after) == all(map(is_utf8, texts))


@given(wrong=PIECES, filler=AROUND.filter(bool), left=st.integers(0, 70), right=st.integers(0, 70), after=PIECES)
def test_wherever_it_stands_in_a_long_text(wrong: bytes, filler: bytes, left: int, right: int, after: bytes) -> None:
    text = filler * left + wrong + filler * right
    assert judged([text], after=after) == is_utf8(text)


def test_every_pair_of_a_lead_and_what_follows() -> None:
    for first in range(0xC0, 0x100):
        for second in range(0x80, 0xC0):
            for rest in (b"", b"\x80", b"\x80\x80"):
                text = bytes([first, second]) + rest
                assert judged([text]) == is_utf8(text), text
                long = b"a" * 40 + text + b"a" * 60
                assert judged([long]) == is_utf8(long), text
