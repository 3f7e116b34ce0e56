"""Texts cut where no token joins count as by the reference, whatever they are made of."""

from functools import cache

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.check_reference_counts import texts
from prep.pipeline.tokenizers import Ask, Specials, ask_of
from prep.pipeline.tokenizers.adversarial import texts as adversarial
from prep.pipeline.tokenizers.counter import Unsuited
from prep.pipeline.tokenizers.segments import Segments, open_segments
from prep.pipeline.tokenizers.segments_characters import ASK, CUT, KEEP, WIDTH
from prep.pipeline.tokenizers.segments_kernel import MISSES, WINDOW
from prep.pipeline.tokenizers.segments_tables import Added, Rules, Tables, kinds, tables
from prep.pipeline.tokenizers.segments_vocabulary import vocabulary
from tests.shared import CORPUS, TOKENIZERS, needs_shared

NAMES = ["gpt2", "gpt-neox-20b", "cl100k_base", "o200k_base"]
PIECES = st.sampled_from([
    "の", "です", "か\u3099", "は\u309a", "か\u0301\u3099", "が", "日", "本語", "漢", "々", "ー", "ｶﾞ", "한", "국어",
    "가\u11a8", "。", "、", "「", "」", "！", "・", "…", " ", "  ", "\u3000", "\n", "\n\n", "\r\n", "\t", "a",
    "B", "cD", "'s", "'", "l'été", "don't", "É", "яд", "ſ", "\u0391\u0345", "ثَ", "abcdefgh", "longer than eight",
    "é", "e\u0301", "\u0301", "7", "12345", "３", "-", "/", "(", ".", ",", ", ", "?!", ".x", "«\u00a0", "\u2019",
    "𠮷", "葛\U000e0100",
    "👩\u200d👧", "<|endoftext|>", "  \u3000彼", "\u00a0", "〇", "\ufa19", "word", " Word",
    "<|", "|||", "|||EMAIL_ADDRESS|||", "<", "|", "   ", " " * 23, " " * 24, " " * 25, " " * 50, "\n    ", "\n\t  x",
    "snake_case", "won't", "'re", "'LL", "'said", "«", " »", "€", "\u202f", "\u2009", "\v", "½", "²", "\u200b", "٣",
    "x" * 70, "Donaudampfschiff", "=" * 70,
])  # fmt: skip
TEXTS = st.lists(st.lists(PIECES, max_size=14).map("".join), max_size=6)


@cache
def ask(name: str, specials: Specials = Specials.LIBRARY) -> Ask:
    ranks = name.endswith("_base")
    return ask_of(str(TOKENIZERS / name / (f"{name}.tiktoken" if ranks else "")), name if ranks else None, specials)


@cache
def opened(name: str, specials: Specials = Specials.LIBRARY) -> Segments:
    return open_segments(ask(name, specials))


def assert_equal(name: str, found: pa.LargeStringArray, specials: Specials = Specials.LIBRARY) -> None:
    counted, expected = opened(name, specials).count(found), ask(name, specials).reference.count(found)
    wrong = np.flatnonzero(counted != expected)
    assert not len(wrong), f"{found[wrong[0]]} has {counted[wrong[0]]}, not {expected[wrong[0]]}"


@needs_shared
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=100)
@given(found=TEXTS)
def test_any_mixture_counts_as_by_the_reference(name: str, found: list[str]) -> None:
    assert_equal(name, pa.array(found, pa.large_string()))


@needs_shared
@pytest.mark.parametrize("specials", Specials)
@pytest.mark.parametrize("name", NAMES)
def test_adversarial_texts_count_as_by_the_reference(name: str, specials: Specials) -> None:
    assert_equal(name, pa.array(adversarial()[::40], pa.large_string()), specials)


@needs_shared
@pytest.mark.parametrize("file", ["web_ja/pages.jsonl.zst", "web_en/c4_samples.jsonl"])
@pytest.mark.parametrize("name", NAMES)
def test_real_texts_count_as_by_the_reference(name: str, file: str) -> None:
    assert_equal(name, texts(CORPUS / file)[:8])


@needs_shared
@pytest.mark.parametrize("name", ["gpt-neox-20b", "o200k_base"])
@settings(max_examples=30)
@given(found=TEXTS, cut=st.integers(0, 6), kind=st.sampled_from([pa.string(), pa.large_string()]))
def test_batches_and_slices_do_not_matter(name: str, found: list[str], cut: int, kind: pa.DataType) -> None:
    column = pa.array(found, kind)
    parts = [opened(name).count(part) for part in (column[:cut], column[cut:])]
    assert np.concatenate(parts).tolist() == opened(name).count(column).tolist()


@needs_shared
def test_letters_after_a_capital_are_not_cut_from_it() -> None:
    """In o200k the first text is a漢漢|Bc; cut before the second letter, 漢Bc would be one word."""
    assert_equal("o200k_base", pa.array(["Aa漢漢Bc", "漢漢Bc", "a漢漢B", "a漢。漢Bc", "a'漢漢Bc", "型型Abc型Abc"] * 2))


@needs_shared
@pytest.mark.parametrize("name", ["gpt2", "o200k_base"])
def test_texts_longer_and_shorter_than_a_window_count_alike(name: str) -> None:
    """A window ends within a text, where it ends, and before a mark that takes the last cut back."""
    long = [f"{'a ' * (WINDOW + more)}e\u0301 b\u0301{' c' * more}" for more in range(-4, 3)]
    assert_equal(name, pa.array([*long, *(["", "x"] * WINDOW), "l'été, é " * WINDOW, *long], pa.large_string()))


@needs_shared
def test_windows_that_are_fuller_than_full_fit_what_is_handed_back() -> None:
    """A run of spaces may add two cuts to a window that lacks one; all of its segments may be left to count."""
    assert MISSES % WINDOW == 0
    texts = pa.array([f"{chr(0x1F300 + each % 700)}{'  ' * (each % 3)}{each}👩" for each in range(3 * MISSES)])
    for shift in range(3):
        assert_equal("gpt-neox-20b", pa.array(["".join(texts[shift:].to_pylist())]))


@needs_shared
def test_more_misses_than_are_handed_back_at_once() -> None:
    letters = [chr(0x4E00 + one) + "a" + chr(0x4E00 + two) for one in range(0, 20_000, 60) for two in range(150)]
    assert_equal("gpt2", pa.array(["".join(letters), *letters[:99], "".join(letters)]))


@needs_shared
@pytest.mark.parametrize("specials", Specials)
@pytest.mark.parametrize("name", ["gpt2", "gpt-neox-20b", "o200k_base"])
def test_what_an_added_token_begins_with_is_looked_at_each_time(name: str, specials: Specials) -> None:
    """Of each pair the first text leaves in the memo what the second one's token is made of."""
    signs = ["<|", "x<|", " <|", "=<|", "|||", "<|endoftext", "a <|end b", "|||EMAIL", "|||EMAIL_ADDRESS|||x"]
    ends = ["x", "endoftext|>", " endoftext|>", "EMAIL_ADDRESS|||", "padding|>", ""]
    assert_equal(name, pa.array([sign + end for sign in signs for end in ends] * 2), specials)


@needs_shared
@pytest.mark.parametrize("name", NAMES)
def test_runs_of_spaces_beside_anything(name: str) -> None:
    runs = [" " * size for size in (1, 2, 3, 23, 24, 25, 26, 48, 49, 50, 72, 73)]
    sides = ["", "a", "7", ".", "'s", "\n", "\t", "\u3000", "\xa0", "é", "漢", "\u0301", "👩", "\r\n", "<|endoftext|>"]
    assert_equal(name, pa.array([left + run + right for run in runs for left in sides for right in sides]))


class Broken:
    """Stands behind, and fails when it is told."""

    name, version = "broken", "1"

    def __init__(self, engine: Segments) -> None:
        self.behind, self.fails = engine.behind, True

    def count(self, texts: pa.StringArray | pa.LargeStringArray) -> npt.NDArray[np.int64]:
        if self.fails:
            raise ValueError("told to")
        return self.behind.count(texts)


@needs_shared
def test_a_failure_behind_leaves_nothing_half_counted() -> None:
    found = pa.array(["彼 wrote 3👩通の手紙。", "彼 wrote 4👩通の手紙。"], pa.large_string())
    fresh = open_segments(ask("gpt2"))
    behind = Broken(fresh)
    engine = Segments(behind, fresh.tables, fresh.merging, fresh.desk)
    with pytest.raises(ValueError, match="told to"):
        engine.count(found)
    behind.fails = False
    assert engine.count(found).tolist() == ask("gpt2").reference.count(found).tolist()


def may_cut(left: str, right: str, table: Tables) -> bool:
    """As the scanner asks it, of two letters."""
    assert table.rules[int(kinds()[ord(left)]) * WIDTH + int(kinds()[ord(right)])] == ASK
    bit = int(table.lefts[ord(left)]) * table.width + int(table.rights[ord(right)])
    return not table.joined[bit >> 3] >> (bit & 7) & 1


LETTERS = st.text("あいうの々ー一丁七", min_size=1, max_size=4).map(str.encode)
PARTS = st.tuples(LETTERS, st.integers(0, 2), st.integers(0, 2)).map(lambda p: p[0][p[1] : len(p[0]) - p[2]])


@settings(max_examples=25)
@given(tokens=st.lists(PARTS, max_size=8), left=st.sampled_from("あのー一丁"), right=st.sampled_from("あいう々七"))
def test_two_letters_are_cut_apart_unless_a_token_lies_across(tokens: list[bytes], left: str, right: str) -> None:
    """Slowly: lay each token over the bytes of the two at every place, where only what overlaps must agree."""
    pair, junction = (left + right).encode(), 3
    across = any(
        all(pair[at + i] == byte for i, byte in enumerate(token) if 0 <= at + i < 6) and at < junction < at + len(token)
        for token in tokens
        for at in range(-len(token), 6)
    )
    assert may_cut(left, right, tables(tokens, Rules(apart=False, cased=False), Added())) == (not across)


NEVER = [
    " 漢",
    "\n漢",
    "\u3000。",
    "漢\u3099",
    "漢'",
    "'漢",
    "か\u0301",
    "ab",
    "éa",
    "漢a",
    "a漢",
    "  ",
    "e\u0301",
    "|>",
    " a",
    "'s",
]
ALWAYS = ["漢。", "漢 ", "7漢", "漢7", "a ", "é ", "é,", "я\n", "a.", "7.", ". ", "。 "]


@pytest.mark.parametrize("rules", [Rules(True, False), Rules(False, False), Rules(False, True)])
def test_the_splits_themselves_say_where_to_cut(rules: Rules) -> None:
    table = tables([], rules, Added(("<|x|>",)))
    found = {
        pair: table.rules[table.kinds[ord(pair[0])] * WIDTH + table.kinds[ord(pair[1])]] for pair in NEVER + ALWAYS
    }
    assert found == dict.fromkeys(NEVER, KEEP) | dict.fromkeys(ALWAYS, CUT)


@needs_shared
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"normalizer": {"type": "NFKC"}}, "normalizer NFKC"),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}}, "split"),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}}, "split"),
        ({"added_tokens": [{"content": "日本"}]}, "no sign"),
        ({"added_tokens": [{"content": " "}]}, "single space"),
        ({"added_tokens": [{"content": "x|"}]}, "no sign"),
        ({"added_tokens": [{"content": "  ", "single_word": True}]}, "beside it"),
        ({"dropout": 0.1}, "drops merges"),
        ({"end_of_word_suffix": "</w>"}, "suffix"),
        ({"byte_fallback": True}, "<0x00>"),
        ({"vocab": {"a": 0}}, "vocabulary"),
        ({"ignore_merges": True, "merges": []}, "no merging makes"),
    ],
)
def test_what_is_not_sure_is_refused(change: dict[str, object], reason: str) -> None:
    found = ask("gpt-neox-20b")
    whole = orjson.loads(found.files.contents[0])
    outer = change.keys() <= {"normalizer", "pre_tokenizer", "added_tokens"}
    (whole if outer else whole["model"]).update(change)
    files = type(found.files)(found.files.path, found.files.kind, (orjson.dumps(whole),))
    with pytest.raises(Unsuited, match=reason):
        open_segments(Ask(files, found.digest, None, found.specials, lambda: found.reference))


@needs_shared
def test_other_families_are_refused() -> None:
    for name in ("mistral-v3", "llama-hf-json"):
        with pytest.raises(Unsuited):
            open_segments(ask(name))


@needs_shared
def test_whole_tokens_of_ranks_are_what_merging_makes() -> None:
    assert len(vocabulary(ask("cl100k_base")).tokens) == 100_256
