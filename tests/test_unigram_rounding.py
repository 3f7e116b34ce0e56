"""Where rounding decides what a word counts, our Unigram counter decides as sentencepiece: just below and just above a
power of two, for sums that end in either bit, and before and after a sum is set back at 100,000.

The models are made for it. Through the word of a model go two paths that nearly tie: one piece or two. The other
characters are pieces by themselves and take the sum where it is wanted; a window of 512 ends with them.
"""

import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pytest

from prep.pipeline.tokenizers.opening import ask_of
from prep.pipeline.tokenizers.spmodel import BYTE, CONTROL, NORMAL, UNKNOWN, USER_DEFINED
from prep.pipeline.tokenizers.unigram.engine import open_unigram
from tests.test_unigram import train

WORD, LONG = "ab", "abcd"
FILL = 511  # the 512th character is looked at with the next window
TOP = 2.0**16  # the sums from here to 100,000 are rounded most
CAT = "\U0001f408"  # 4 bytes: as a user-defined symbol it scores 0.3

Same = Callable[[dict[str, float], list[str]], None]


def unit(power: float) -> float:
    """The last place of the sums of 32 bits from a power of two on."""
    return power * 2.0**-23


def near_tie(power: float, each: float = 0.25) -> dict[str, float]:
    """One piece is a little better, and is taken below the power of two; above it two round to less."""
    step = unit(power)
    return {WORD: -2 * each - 0.6 * step, WORD[0]: -each - 0.4 * step, WORD[1]: -each - 0.4 * step}


def firm(power: float) -> dict[str, float]:
    """One piece is so much better that it is taken at every sum below the power of two; above it four round to less."""
    step = unit(power)
    return {LONG: -1 - 0.51 * step} | dict.fromkeys(LONG, -0.25 - 0.49 * step)


def tie(power: float) -> dict[str, float]:
    """From the power of two on, one piece is taken where the sum ends in 0, two where it ends in 1, and so it stays."""
    step = unit(power)
    return {WORD: -0.5 - 0.5 * step, WORD[0]: -0.25 - 0.25 * step, WORD[1]: -0.25 - 0.25 * step}


def message(text: bytes, score: float, kind: int) -> bytes:
    """A piece as a protobuf has it."""
    inside = b"\x0a" + bytes([len(text)]) + text + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind])
    return b"\x0a" + bytes([len(inside)]) + inside


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a model says besides its pieces: unknown characters are bytes, and no blank is put before a text."""
    options = {"byte_fallback": True, "vocab_size": 330, "add_dummy_prefix": False}
    content, at = train(tmp_path_factory.mktemp("rules"), **options).read_bytes(), 0
    while content[at] == 0x0A:
        at += 2 + content[at + 1]
    return content[at:]


@pytest.fixture
def same(rules: bytes, tmp_path: Path) -> Same:
    """Count texts with a model of these pieces, and compare."""

    def compare(pieces: dict[str, float], texts: list[str]) -> None:
        found = [message(b"<unk>", 0.0, UNKNOWN), message(b"<s>", 0.0, CONTROL), message(b"</s>", 0.0, CONTROL)]
        found += [message(b"<0x%02X>" % byte, 0.0, BYTE) for byte in range(256)]
        found += [message(text.encode(), score, NORMAL) for text, score in pieces.items()]
        if any(CAT in text for text in texts):  # where a piece is above 0 less is known of a sum
            found.append(message(CAT.encode(), 0.0, USER_DEFINED))
        path = tmp_path / "m.model"
        path.write_bytes(b"".join(found) + rules)
        ask, array = ask_of(str(path)), pa.array(texts, pa.large_string())
        ours, theirs = open_unigram(ask).count(array).tolist(), ask.reference.count(array).tolist()
        wrong = [number for number, (our, their) in enumerate(zip(ours, theirs, strict=True)) if our != their]
        assert not wrong, [(number, ours[number], theirs[number]) for number in wrong[:5]]
        assert len(set(theirs)) > 1

    return compare


def swept(count: int, steps: Iterable[int], rest: str) -> list[str]:
    """Texts that begin with so many fillers, more and more of them the one that scores less."""
    return ["x" * (count - step) + "y" * step + rest for step in steps]


@pytest.mark.parametrize("word", [near_tie, firm, tie])
@pytest.mark.parametrize("over", [0.0, 0.001, 0.0155])
@pytest.mark.parametrize("times", [2, 8, 60])
def test_words_about_a_power_of_two(
    same: Same, word: Callable[[float], dict[str, float]], over: float, times: int
) -> None:
    """The sum where the words begin goes from 16 below 8,192 to 112 above it.

    What a filler scores over 16 is rounded away, but not where falls are added up in parts of 1 / 64.
    """
    pieces = word(2.0**13) | {"x": -16 - over, "y": -16.25 - over}
    same(pieces, swept(FILL, range(FILL), max(pieces, key=len) * times))


@pytest.mark.parametrize("bit", "xz")
def test_words_where_sums_end_in_either_bit(same: Same, bit: str) -> None:
    """Every other filler is even, so that a text has one of the two bits all the way."""
    pieces = tie(2.0**13) | {"x": -16.0, "z": -16.0 - unit(2.0**13), "y": -17.0}
    same(pieces, [bit + "y" * 600 + WORD * times for times in (1, 3, 60)])


@pytest.mark.parametrize("times", [2, 8, 60])
def test_words_about_the_sum_that_is_set_back(same: Same, times: int) -> None:
    """From 99,900 to 100,028 where the words begin; in the middle of a second round; and about 65,536 of it."""
    pieces = near_tie(TOP) | {"x": -195.5, "y": -195.75}
    words = WORD * times
    same(pieces, swept(FILL, range(FILL), words))
    same(pieces, ["x" * count + words + "x" * (FILL - 10) + words for count in range(900, 1_000, 10)])
    same(near_tie(TOP) | {"x": -162.0, "y": -162.25}, swept(2 * FILL, range(404), words))


def test_a_sum_inside_a_stretch_is_set_back(same: Same) -> None:
    """The best path is short of 100,000; a start inside the last stretch before the words is past it."""
    pieces = near_tie(TOP) | {"x": -196.875, "y": -197.125, "efgh": -1.0}
    same(pieces, [*swept(FILL, (0,), WORD * 60), *swept(FILL - 4, range(0, FILL - 4, 8), "efgh" + WORD * 60)])


def test_many_pieces_to_a_stretch_are_rounded_alike(same: Same) -> None:
    """The sum has fallen by 5 more than the pieces score: stretches of 28 pieces, each rounded up by half a place."""
    pieces = near_tie(TOP) | {"x": -100.0, "w": -1.0, "q": -10 - 0.51 * unit(2.0**15), "qq": -50.0}
    lead = "x" * 345 + ("q" * 28 + "w") * 110
    same(pieces, [lead + "w" * count + WORD * 8 for count in range(60, 180)])


def test_a_sum_that_rises_over_a_power_of_two(same: Same) -> None:
    """The words are counted where the sum is nearer to 0 than where their window begins."""
    pieces = near_tie(2.0**13) | {"x": -16.125, "y": -16.375}
    same(pieces, swept(FILL, range(0, FILL, 3), CAT * 300 + WORD * 60))


def test_a_sum_that_has_risen_since_it_was_set_back(same: Same) -> None:
    """So much that it looks as if it had never fallen to 100,000."""
    pieces = near_tie(TOP) | {"x": -16.0}
    same(pieces, ["x" * count + CAT * 2_600 + WORD * 60 for count in range(6_230, 6_270)])


def test_a_rise_that_is_rounded_up_many_times(same: Same) -> None:
    """The sum is 125 more than the pieces score."""
    pieces = firm(TOP) | {"p": 0.5 + 0.51 * unit(2.0**15)}
    same(pieces, ["p" * count + LONG * 3 for count in range(130_200, 130_400, 20)])


def test_a_sum_that_was_set_back_to_above_zero(same: Same) -> None:
    """A start inside a stretch had fallen past 100,000, and the sum rises to 409 more than pieces above 0 score."""
    for word, pieces in ((WORD, near_tie(TOP)), (LONG, firm(TOP))):
        more = {"x": -400.0, "p": 1.0, "efgh": -1.0}
        same(pieces | more, ["x" * 249 + "efgh" + "p" * count + word * 5 for count in range(65_120, 65_240, 8)])
