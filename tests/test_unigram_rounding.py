"""Where rounding decides what a word counts, our Unigram counter decides as sentencepiece: just below and just above a
power of two, for sums that end in either bit, and before and after a sum is set back at 100,000.

The models are made for it. Through the word of a model go two paths that nearly tie: one piece or two. The other
characters are pieces by themselves and take the sum where it is wanted; a window of 512 ends with them.
"""

import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import orjson
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


def test_a_sum_that_was_set_back_and_has_risen_within_a_window(same: Same) -> None:
    """It passed 100,000 between two words, and by what the pieces score it is short of it again where they are."""
    for word, pieces in ((WORD, near_tie(TOP)), (LONG, firm(TOP))):
        texts = ["x" * count + CAT * 380 + word * 2 for count in range(6_246, 6_256)]
        same(pieces | {"x": -16.0}, [*texts, word])


def test_a_start_inside_a_stretch_is_remembered(same: Same) -> None:
    """It set the sum back, in the window of the words or in the one before; where they are no sum looks so large."""
    more, longer = {"x": -400.0, "w": -1.0, "efgh": -1.0}, "ijklmnoqrstuvzhgfe"  # longer than a short stretch
    texts = ["x" * 249 + "efgh" + "p" * count + WORD * 5 for count in range(90, 200, 10)]
    same(near_tie(TOP) | more | {"p": 10.0}, texts)
    texts = ["x" * count + longer + "w" * 300 + WORD * 5 for count in range(230, 240)]
    same(near_tie(TOP) | more | {longer: -1.0}, texts)


@pytest.mark.filterwarnings("error")
def test_scores_too_large_to_add_up(same: Same) -> None:
    same({"a": -1e20, "b": -1.0, "ab": -1e20}, ["ab" * 9, "b", "a"])


@pytest.mark.parametrize("power", [2.0**13, TOP])
def test_one_word_about_a_power_of_two(same: Same, power: float) -> None:
    """So near to it that what is known of the sum before the word must be wide enough: a filler more or less decides.

    The fillers score a little less than what they are rounded to, so that the sum is wrong by a half of the last place
    for each of them, or more, so that falls are rounded up as far as they are.
    """
    for each in (1.0 + 0.51 * unit(power / 2), 1.0 + 0.49 * unit(power / 2), 1.0 + 2.0**-12):
        pieces = near_tie(power) | {"x": -each, "y": -power / 500}
        count = int(power * 0.2 / each)
        same(pieces, [*("y" * 400 + "x" * (count + more) + WORD for more in range(-60, 60, 4)), "x"])


def test_a_stretch_that_ends_where_its_window_does(same: Same) -> None:
    """No piece has more than two letters: one is enough of a full window, and the next may begin a stretch."""
    pieces = {"a": -1.0, "b": -1.1, "ab": -1.7, "ba": -1.65, "c": -3.0}
    same(pieces, ["ab" * (count // 2) + "a" * (count % 2) + "c" + "ab" * 9 for count in [*range(505, 520), 1022, 1023]])


@pytest.mark.parametrize(
    ("pieces", "texts"),
    [
        ({"x": -181.1921558020791, "z": 0.5, "v": -1.0, "a": -3.9999999999985447, "bb": -3.9999999999970894,
          "bc": -3.9999999999912688, "cac": -7.9999999999970886, "bca": -8.000000000011642, "bbb": -6.0099999999956335,
          "ebbb": -8.0, "bbbb": -7.999999999986889, "aebb": -10.000000000066938, "aebbb": -11.999999999985434,
          "bbbbb": -9.999999999869019, "bcaca": -13.999999999994033, "acaeb": 36.00000000002037,
          "acaebbb": 32.100000000023286, "acaebbbb": 30.100000000053846, "bcacaebbbb": 26.100000000073493,
          "bcacaebbbbba": 20.100000000076406} | dict.fromkeys("bce", -1.9999999999985447),
         ["x" * 723 + "z" * 1000 + "xx" + "bcacaebbbbba" * 2 + "z" * 3000 + "bcacaebbbbba" * 7 + "v" * 17
          + "bcacaebbbbba" * 22 + "\u00e9" + "bcacaebbbbba" * 8 + "x" * 13 + "v" * 10 + "bcacaebbbbbaba"
          + "bcacaebbbbba" * 3, "x"]),
        ({"x": -16.000000000000465, "y": -8.192000000000919, "e": -4.000000000001819, "g": -6.000000000001819,
          "h": -4.000000000001819, "fg": 291.99999999999636, "ef": -6.00000000000432, "ij": -4.000000000004093,
          "fgh": 292.99999999999454, "hij": -8.000000000004912, "efg": 287.99999999999466, "abcd": -8.000000000006594,
          "hijk": -10.000000000007413, "ijkl": -7.999900000007276, "ghijk": -16.000000000009003,
          "cdefghi": 282.9998999999873, "efghijkl": 281.0000999999859, "defghijk": 280.9999999999859,
          "cdefghijkl": 277.00009999998133, "abcdefghij": 276.99999999997976, "abcdefghijkl": 273.00009999997883}
         | dict.fromkeys("abcdfijkl", -2.000000000001819),
         ["x" * count + "yabcdefghijkl" for count in range(1000, 1040)]),
    ],
)  # fmt: skip
def test_sums_of_64_bits_that_rise_within_a_word(tmp_path: Path, pieces: dict[str, float], texts: list[str]) -> None:
    """Before the word the sum is on one side of a power of two, inside on the other."""
    assert_as_tokenizers(tmp_path, pieces, texts)


@pytest.mark.parametrize("power", [2.0**13, 2.0**20])
@pytest.mark.parametrize("word", [near_tie, firm, tie])
def test_sums_of_64_bits_about_a_power_of_two(
    tmp_path: Path, power: float, word: Callable[[float], dict[str, float]]
) -> None:
    """Nothing is set back: a sum may be of any size."""
    finer = 2.0**-29  # the last place of 64 bits beside that of 32
    pieces = {
        text: round(score * 4) / 4 + (score - round(score * 4) / 4) * finer for text, score in word(power).items()
    }
    pieces |= {"x": -power / 1024, "y": -power / 1024 - unit(power) * finer}
    assert_as_tokenizers(
        tmp_path, pieces, swept(1024, range(0, 40, 3), WORD * 2 + LONG * 2) + swept(1023, [0, 1], LONG)
    )


def assert_as_tokenizers(folder: Path, pieces: dict[str, float], texts: list[str]) -> None:
    """Count texts with a tokenizer.json of these pieces, and compare."""
    vocab = [["<unk>", 0.0], *([f"<0x{byte:02X}>", min(pieces.values())] for byte in range(256)), *pieces.items()]
    blanks = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    model = {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": True}
    path = folder / "tokenizer.json"
    path.write_bytes(orjson.dumps({"version": "1.0", "added_tokens": [], "normalizer": blanks, "model": model}))
    ask, array = ask_of(str(path)), pa.array(texts, pa.large_string())
    theirs = ask.reference.count(array).tolist()
    assert open_unigram(ask).count(array).tolist() == theirs
    assert len(set(theirs)) > 1
