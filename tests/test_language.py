"""Which language a text is in: plain cases, mixed ones, code, odd bytes, and models that are none."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.errors import BadModel
from prep.filters import labelfile, language
from prep.filters.language import SPAN, SPANS, WHOLE, Model, cld2, cleaned, is_code, sample
from prep.filters.tongues import tongue
from prep.pipeline.audit.probes import texts
from tests import lid

JA = "これは日本語の文章です。今日は天気がいいので、公園まで散歩に行きました。"
EN = "This is a text in plain English. The weather was fine today, and so we took a walk in the park."


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return lid.write_models(tmp_path_factory.mktemp("lid"))


def found(text: str) -> language.Found:
    return next(cld2([text.encode()]))


@pytest.mark.parametrize("name", texts())
def test_plain_prose_and_code_are_told_apart(name: str) -> None:
    assert found(texts()[name]).language == name


def test_of_a_mixed_document_the_second_language_is_told_with_its_share() -> None:
    """Also where the second one begins far behind what is looked at whole."""
    for times in (1, 2000):
        mixed = found(JA * times + "\n" + EN * times)
        assert {mixed.language, mixed.second} == {"ja", "en"}
        assert 0.2 < mixed.second_share <= mixed.share < 0.8


@pytest.mark.parametrize("text", ["", " \n", "12345 67890", "🙂🙂", "\x00\x01\x7f", "﷐\ufffe\U0001fffe"])
def test_where_there_is_nothing_to_tell_by_nothing_is_told(text: str) -> None:
    assert not found(text).reliable


@pytest.mark.parametrize("odd", [0, 8, 0xB, 0x1F, 0x7F, 0x80, 0x9F, 0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF])
def test_characters_that_cld2_raises_on_change_nothing(odd: int) -> None:
    assert found(JA + chr(odd) + JA) == found(JA + JA)


@settings(max_examples=300)
@given(st.text(max_size=400))
def test_no_text_is_too_odd(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    one = found(text)
    assert 0 <= one.second_share <= 1 >= one.share
    assert cleaned(text.encode()).decode() is not None


@given(st.lists(st.sampled_from(["a", "é", "語", "🙂", " "]), min_size=1).map("".join), st.integers(1, 4000))
def test_a_sample_is_whole_characters_and_bounded(piece: str, times: int) -> None:
    text = (piece * times).encode()
    looked = sample(text)
    looked.decode()
    assert looked == text if len(text) <= WHOLE else len(looked) <= SPANS * (SPAN + 4)


def test_a_text_is_judged_by_itself() -> None:
    alone = [next(cld2([text.encode()])) for text in (JA, EN, JA)]
    assert list(cld2(text.encode() for text in (JA, EN, JA))) == alone
    assert alone[0] == alone[2]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("def f(x):\n    return [y for y in x if y is not None]\n" * 5, True),
        ("int main(void) { const int x = 1; return x == 2; }\n" * 5, True),
        (EN, False),
        ("see (for example) [1] and (2); also (if needed) <3>. " * 5, False),
        ("12 + 3 makes 15; 4 + 5 makes 9 (or so); " * 9, False),
        ("", False),
    ],
)
def test_code_is_brackets_and_words_of_code_together(text: str, code: bool) -> None:
    assert is_code(text.encode()) == code


@pytest.mark.parametrize(
    ("name", "code"),
    [("__label__ja", "ja"), ("__label__jpn_Jpan", "ja"), ("zh-Hant", "zh"), ("cmn_Hani", "zh"), ("iw", "he"),
     ("__label__arb_Arab", "ar"), ("nb", "no"), ("nob_Latn", "no"), ("ceb", "ceb"), ("un", None), ("xx-Hang", None),
     ("__label__good", None), ("", None), ("__label__1", None)],
)  # fmt: skip
def test_names_of_languages_are_those_of_run_files(name: str, code: str | None) -> None:
    assert tongue(name) == code


@pytest.mark.parametrize("name", lid.NAMES)
def test_a_model_of_ones_own_tells_languages(models: dict[str, Path], name: str) -> None:
    model = Model(models[name])
    for label, lines in lid.TEXTS.items():
        for text in lines:
            (one,) = model([f"{text}\n__label__eng_Latn".encode()])
            assert one.language == tongue(label)
    assert next(model([b""])).language is None or not next(model([b""])).reliable


@pytest.mark.parametrize("name", lid.NAMES)
def test_a_file_that_is_cut_or_longer_is_refused(models: dict[str, Path], tmp_path: Path, name: str) -> None:
    whole = models[name].read_bytes()
    for place, data in enumerate([b"", whole[:50], whole[: len(whole) // 2], whole[:-1], whole + b"\0", b"x" * 200]):
        path = tmp_path / f"{place}.bin"
        path.write_bytes(data)
        with pytest.raises(BadModel, match=f"{place}.bin"):
            labelfile.labels_of(path)
    with pytest.raises(BadModel, match="cannot be read"):
        labelfile.labels_of(tmp_path / "none.bin")


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_damaged_file_is_refused_or_read_and_never_a_crash(models: dict[str, Path], data: st.DataObject) -> None:
    """Sizes and settings are damaged, where fastText would read past the end; weights may say what they like."""
    path = models[data.draw(st.sampled_from(sorted(models)))]
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, 400))] = data.draw(st.integers(0, 255))
    other = path.with_suffix(".damaged")
    other.write_bytes(whole)
    with suppress(BadModel):
        list(Model(other)([JA.encode(), EN.encode()]))


def test_a_model_that_is_of_no_languages_is_refused(tmp_path: Path) -> None:
    from prep.filters import quality

    good, rest = ([f"{word} {number}" for number in range(30)] for word in ("good", "rest"))
    quality.train(good, rest, 1, tmp_path / "quality.bin")
    with pytest.raises(BadModel, match="name no languages"):
        Model(tmp_path / "quality.bin")
