"""The adversarial set: the same everywhere, small, and with everything in it that it promises."""

import unicodedata
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.pipeline.tokenizers import adversarial, open_tokenizer
from prep.pipeline.tokenizers.counter import Ask, Specials
from prep.pipeline.tokenizers.files import Files, Kind, find
from prep.pipeline.tokenizers.patterns import PATTERNS
from tests.planted import Characters, ask
from tests.shared import TOKENIZERS, needs_shared

TEXTS = adversarial.texts()
WHOLE = "".join(TEXTS)


def test_the_set_is_the_same_on_every_python_and_platform() -> None:
    # On a change that is meant, put the new digest here: every remembered self-check becomes void by it.
    assert adversarial.digest(TEXTS) == "9b75c1c248692838d22376a75f026666771d6970be260adeaede55c43c50cf27"
    assert adversarial.texts() == TEXTS


def test_it_is_small_enough_to_be_read_by_the_slowest_reference() -> None:
    assert 4_000 < len(TEXTS) < 6_000
    assert sum(len(text.encode()) for text in TEXTS) < 500_000  # encode: no lone surrogates


def test_no_text_twice_and_the_empty_one_is_there() -> None:
    assert len(set(TEXTS)) == len(TEXTS)
    assert TEXTS[0] == ""


@pytest.mark.parametrize("name", [
    "HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA", "HANGUL SYLLABLE", "HANGUL CHOSEONG", "ARABIC", "HEBREW", "THAI",
    "DEVANAGARI", "TAMIL", "GEORGIAN", "OLD PERSIAN", "EMOJI MODIFIER", "REGIONAL INDICATOR", "VARIATION SELECTOR",
    "CJK COMPATIBILITY IDEOGRAPH", "TAG ",
])  # fmt: skip
def test_scripts_and_signs_are_there(name: str) -> None:
    assert any(unicodedata.name(character, "").startswith(name) for character in set(WHOLE))


@pytest.mark.parametrize(
    "category", ["Mn", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn", "Nd", "No", "Lo", "Lm", "Sk", "So"]
)
def test_categories_are_there(category: str) -> None:
    assert any(unicodedata.category(character) == category for character in set(WHOLE))


def test_every_space_stands_at_both_ends_and_within() -> None:
    spaces = [chr(code) for code in range(0x110000) if chr(code).isspace()]
    assert len(spaces) > 25
    for space in spaces:
        assert {f"{space}x", f"x{space}", f"word{space}word"} <= set(TEXTS)


def test_every_ascii_character_stands_alone() -> None:
    assert set(map(chr, range(256))) <= set(TEXTS)


def test_long_runs_and_words() -> None:
    assert {" " * 3_000, "a" * 5_000, "あ" * 5_000, " ", "\t" * 64, "\U0010ffff"} <= set(TEXTS)
    assert sum(len(text) >= 5_000 and " " not in text for text in TEXTS) >= 5


def test_forms_differ_from_one_another() -> None:
    forms = {unicodedata.normalize(form, "é") for form in adversarial.FORMS}
    assert all(any(form in text for text in TEXTS) for form in forms)
    assert any("が" in text for text in TEXTS)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=150))
def test_a_tokenizers_own_specials_are_within_texts(own: list[str]) -> None:
    found = adversarial.texts(own)
    assert set(TEXTS) - set(adversarial._mixtures()) <= set(found)
    whole = "\x1f\x1f".join(found)
    assert all(special in whole for special in own)


def test_many_specials_do_not_swell_the_set() -> None:
    many = [f"<|reserved_special_token_{number}|>" for number in range(100_000)]
    assert sum(len(text.encode()) for text in adversarial.texts(many)) < 900_000


def asked(file: Path) -> Ask:
    files = find(str(file))
    return Ask(files, "", None, Specials.LIBRARY, Characters)


def test_specials_are_read_from_a_tokenizer_json() -> None:
    added = {"added_tokens": [{"content": "<eod>"}, {"content": "[X]"}]}
    files = Files("t", Kind.JSON, (orjson.dumps(added),))
    assert adversarial.own_specials(Ask(files, "", None, Specials.LIBRARY, Characters)) == ["<eod>", "[X]"]
    assert adversarial.own_specials(ask()) == []


def test_specials_are_read_from_a_pattern() -> None:
    files, split = Files("t", Kind.RANKS, (b"",)), PATTERNS["o200k_base"]
    found = adversarial.own_specials(Ask(files, "", split, Specials.LIBRARY, Characters))
    assert found == ["<|endoftext|>", "<|endofprompt|>"]


@needs_shared
@pytest.mark.parametrize(
    ("folder", "some"), [("llm-jp-v4.0-alpha", 608), ("mistral-v3", 1_027), ("llm-jp-v3.1-100k", 262)]
)
def test_specials_are_read_from_a_model(folder: str, some: int) -> None:
    found = adversarial.own_specials(asked(TOKENIZERS / folder / "tokenizer.model"))
    assert {"<unk>", "<s>", "</s>", "<0x0A>"} <= set(found)
    assert len(found) == len(set(found)) == some


@needs_shared
def test_an_instruction_token_of_mistral_is_among_the_texts() -> None:
    file = TOKENIZERS / "mistral-v3" / "tokenizer.model"
    assert "a[TOOL_CALLS]b" in adversarial.texts(adversarial.own_specials(asked(file)))
    assert open_tokenizer(str(file)).vocabulary > 32_000
