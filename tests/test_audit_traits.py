"""What a text looks like: scripts, markup, mojibake; and that the innocent are not accused."""

import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from prep.pipeline.audit import traits
from prep.pipeline.audit.probes import texts
from prep.pipeline.audit.traits import Tally, language_of, of
from tests.shared import CORPUS, needs_shared

ja = "ひらがなと漢字の文章です。「縺れた糸」と繧繝縁、昔の本。"
BROKEN = {
    "UTF-8 as Latin-1": ja.encode().decode("latin-1"),
    "UTF-8 as cp1252": "déjà vu, crème brûlée".encode().decode("cp1252"),
    "quotes as cp1252": "It’s “ok”".encode().decode("cp1252", "ignore"),
    "kana as cp932": "ひらがなの文章です".encode().decode("cp932", "ignore"),
    "Shift_JIS as UTF-8": "日本語".encode("shift_jis").decode("utf-8", "replace"),
    "Shift_JIS as Latin-1": "ひらがな".encode("shift_jis").decode("latin-1"),
    "Shift_JIS as cp1252": "日本語の文章です".encode("shift_jis").decode("cp1252", "ignore"),
    "EUC-JP as Latin-1": "日本語の文章です".encode("euc_jp").decode("latin-1"),
    "EUC-JP as cp932": "日本語の文章ですよね".encode("euc_jp").decode("cp932", "ignore"),
    "ISO-2022-JP without escapes": "ひらがなですよ".encode("iso2022_jp").decode("ascii").replace("\x1b", ""),
    "Cyrillic as cp1252": "Привет мир".encode().decode("cp1252", "ignore"),
}
CLEAN = [
    "« Être » : où ça ? À l’été, naïve — garçon, œuvre, ÂGE, Île.", "«\u00a0né\u00a0»", "NÃO É SÃO «ATENÇÃO» Olá, você",
    "România, Âmbito, Señor ¿Qué? ¡Olé!", "Er sagte ‚ja‘, ‚nein‘ und ‚doch‘.", ja, "･･････ ｱｲｳ･ｴｵ",
    "¥100 ¥200 ¤ ©® 3 × 4 µm²", "Ελληνικά, русский, 한국어, 中文", "ƒ(x) = x²",
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_was_decoded_wrongly_is_seen(text: str) -> None:
    assert of(text).mojibake == 1


@pytest.mark.parametrize("text", CLEAN)
def test_clean_text_is_not_accused(text: str) -> None:
    assert of(text).mojibake == 0


@pytest.mark.parametrize("language", texts())
def test_plain_prose_and_code_are_told_apart(language: str) -> None:
    assert language_of(of(texts()[language])) == language


@pytest.mark.parametrize("text", ["", "12345 67890", "xyzzy qwerty", " ".join(texts().values())])
def test_what_is_not_plain_is_not_guessed(text: str) -> None:
    assert language_of(of(text)) is None


def test_scripts_are_shares_of_the_letters() -> None:
    found = of("abcd かな 漢字 12 !?")
    assert found.scripts == {"Latin": 0.5, "Kana": 0.25, "Han": 0.25}
    assert found.digits == pytest.approx(2 / 16)
    assert found.spaces == pytest.approx(4 / 16)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("<p>ab</p>", 7 / 9),
        ('<a href="x">ab</a>', 16 / 18),
        ("{{cite|x}}ab", 10 / 12),
        ("a&nbsp;b", 6 / 8),
        ("if a < b and c > d: Vec<u8>, List<T>", 0),
    ],
)
def test_markup_is_told_from_comparisons_and_types(text: str, share: float) -> None:
    assert of(text).markup == pytest.approx(share)


def test_encoded_data_is_a_long_run() -> None:
    assert of("word " + "QUJD" * 50).runs == pytest.approx(200 / 205)
    assert of("ordinary words, none of them so long").runs == 0


@given(st.lists(st.text(max_size=60), max_size=8), st.integers(0, 8))
def test_where_texts_are_parted_makes_no_difference(words: list[str], cut: int) -> None:
    texts = [word.encode("utf-8", "replace").decode() for word in words]
    one, two = Tally(), Tally()
    one.add(pa.array(texts[:cut], pa.large_string()))
    two.add(pa.array(texts[cut:], pa.large_string()))
    together = pickle.loads(pickle.dumps(one)).plus(two).traits()
    assert together.scripts == of(*texts).scripts
    assert together.markup == pytest.approx(of(*texts).markup)
    assert together.mojibake == pytest.approx(of(*texts).mojibake)


def test_slices_and_nulls_are_read_as_what_they_are() -> None:
    tally = Tally()
    tally.add(pa.array(["xxxx", "かな", None, "12"], pa.large_string())[1:3])
    assert tally.traits().scripts == {"Kana": 1.0}
    assert tally.traits().documents == 1


@needs_shared
def test_real_texts_are_of_their_language_and_whole() -> None:
    french = pq.read_table(CORPUS / "books_fr" / "eltec_fra.parquet", columns=["text"])["text"].to_pylist()
    with (CORPUS / "books_ja" / "aozora.jsonl.zst").open("rb") as file:
        old = zstandard.ZstdDecompressor().stream_reader(file).read(2_000_000).decode("utf-8", "ignore")
    for text, language in ((french, "fr"), (old.split("\n"), "ja")):
        found = traits.of(*text)
        assert language_of(found) == language
        assert found.mojibake == 0
