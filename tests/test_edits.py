"""Declared edits: what each changes, what it leaves, and that the bytes are booked."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.errors import BadSettings
from prep.filters.edits import EDITS, apply, parse
from tests.shared import CORPUS, needs_shared

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
MARKUP = st.text("［］＃※《》｜「」、漢かな\n\r 12-U+底本：青空文庫", max_size=60)

# What stands in a file, and what a reader sees.
PIECES = [
    ("漢字《かんじ》", "漢字"),
    ("｜あの人《ひと》", "あの人"),
    ("字［＃「字」に傍点］", "字"),
    ("字［＃「字［＃「字」に傍線］」は底本では「｜宇《う》」］", "字"),
    ("※［＃二の字点、1-2-22］《じ》", "〻"),
    ("と。\n　", "と。\n　"),
]

# After Shiraki Shizu's `珠` and Futabatei's `あいびき` as Aozora Bunko has them, shortened; both in the public domain.
BOOK = """\
あいびき
イワン・ツルゲーネフ　Ivan Turgenev
二葉亭四迷訳

-------------------------------------------------------
【テキスト中に現れる記号について】

《》：ルビ
（例）端物《はもの》の

［＃］：入力者注　主に外字の説明や、傍点の位置の指定
（例）※［＃「てへん＋掌」、第4水準2-13-47］《ささ》えて
-------------------------------------------------------

［＃ここから１字下げ］
　このあいびきは先年｜仏蘭西《フランス》で死去した人の端物《はもの》の作です。
［＃ここで字下げ終わり］

　襟は耳朶を※［＃「てへん＋掌」、第4水準2-13-47］《ささ》えて、おむつ［＃「おむつ」に傍点］をかへ、
［＃２字下げ］［＃図１（fig50713_02.png、横346×縦44）入る］
巍《たかし》が［＃「巍《たかし》が」は底本では「巍《たかし》を］子供をつれて……



底本：「日本文学全集1」集英社
　　　1969（昭和44）年12月25日初版
入力：j.utiyama
青空文庫作成ファイル：
このファイルは、インターネットの図書館、青空文庫（http://www.aozora.gr.jp/）で作られました。
"""
READ = """\
あいびき
イワン・ツルゲーネフ　Ivan Turgenev
二葉亭四迷訳

　このあいびきは先年仏蘭西で死去した人の端物の作です。

　襟は耳朶を撑えて、おむつをかへ、
巍が子供をつれて……"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_book_is_left_as_a_reader_sees_it(newline: str) -> None:
    assert _edit("aozora_ruby", BOOK.replace("\n", newline)) == READ.replace("\n", newline)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("｜漢字《かんじ》と漢字《かんじ》", "漢字と漢字"),
        ("Ｋ《ケー》、｜あの人《ひと》", "Ｋ、あの人"),
        ("れ［＃「れど［＃「ど」に傍線］」に傍線］・", "れ・"),
        ("［＃「※［＃「口＋奄」、第3水準1-15-6］」に傍点］唵", "唵"),
        ("※［＃二の字点、1-2-22］", "〻"),
        ("※［＃始め二重山括弧、1-1-52］題※［＃終わり二重山括弧、1-1-53］", "《題》"),
        ("※［＃「はしごだか」、U+9AD9、12-3］橋", "髙橋"),
        ("※［＃「姉」の正字、「女＋※［＃第3水準1-85-57］のつくり」、256-3］", "〓"),
        ("※［＃「土へん＋角」、27-5］", "〓"),
        ("※［＃「あ」、1-99-99］※［＃「い」、U+D800］", "〓〓"),
        ("前［＃改ページ］\n後", "前\n後"),
        ("前\n［＃改ページ］\n後", "前\n後"),
    ],
)
def test_aozora_by_example(text: str, expected: str) -> None:
    assert _edit("aozora_ruby", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "閉じない［＃「注記\n次の行］",
        "閉じない《るび\n次の行》",
        "《題》という本、《別》の本",
        "甲｜乙",
        "欧文〔e'tude〕、いろ／＼",
        "-----------------------\n区切り\n-----------------------\n",
        "底本：という語から始まる行がある。\n" + "本文。\n" * 2000,
        "底本：「何か」\nただの本文",
        "※印",
    ],
)
def test_aozora_leaves_what_is_not_well_formed_or_not_its_own(text: str) -> None:
    assert _edit("aozora_ruby", text) == text


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES)))
def test_well_formed_marks_leave_the_text_they_mark(pieces: list[tuple[str, str]]) -> None:
    assert _edit("aozora_ruby", "".join(marked for marked, _ in pieces)) == "".join(plain for _, plain in pieces)


@needs_shared
def test_real_books_lose_nothing_but_marks() -> None:
    """The shared books came without marks (only broken ends such as `」に傍線］`): not a byte may change."""
    texts = [path.read_text("utf-8") for path in sorted((CORPUS / "books_ja" / "txt").glob("*.txt"))]
    after, removed, touched = apply(("aozora_ruby",), texts)
    assert (after, removed, touched) == (texts, {"aozora_ruby": 0}, {"aozora_ruby": 0})
    assert len(texts) == 120


@needs_shared
def test_marks_put_into_real_books_come_out_again() -> None:
    texts = [path.read_text("utf-8") for path in sorted((CORPUS / "books_ja" / "txt").glob("*.txt"))]
    head, end = BOOK.split("［＃ここ", 1)[0], "\n\n\n" + BOOK[BOOK.index("底本：") :]
    for text in texts:
        plain = text.strip("\r\n")
        marked = re.sub(r"([一-龯]{2,4})(?=[ぁ-ん])", r"｜\1《よみ》［＃「\1」に傍点］", plain)
        title = READ.split("\n　", 1)[0]
        assert _edit("aozora_ruby", head + marked + end) == title + "\n" + plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("R&amp;D &lt;b&gt; caf&eacute; &#8217; &#x2019; &hellip;", "R&D <b> café ’ ’ …"),
        ("&amp;lt;", "&lt;"),
        ("&#150;", "–"),
        ("&copy 2024 &notit; &foo; &; & ; AT&T;", "&copy 2024 &notit; &foo; &; & ; AT&T;"),
        ("&#0; &#xD800; &#x110000; &#1; &#xFDD0;", "&#0; &#xD800; &#x110000; &#1; &#xFDD0;"),
    ],
)
def test_entities_by_example(text: str, expected: str) -> None:
    assert _edit("strip_html_entities", text) == expected


@settings(deadline=None)
@given(ANY)
def test_escaped_text_comes_back_and_holds_no_broken_character(text: str) -> None:
    text = text.replace("&", "+").replace("\0", "")
    assert _edit("strip_html_entities", html.escape(text)) == text
    numbers = "".join(f"&#{ord(sign)};" for sign in text) + "&#xDFFF;&#00;"
    after = _edit("strip_html_entities", numbers)
    after.encode()
    assert "\0" not in after


@pytest.mark.parametrize(("text", "expected"), [("ｶﾞｷﾞ", "ガギ"), ("ＡＢＣ１２３", "ABC123"), ("㍻", "平成"), ("é", "é")])
def test_nfkc_by_example(text: str, expected: str) -> None:
    assert _edit("nfkc", text) == expected


@pytest.mark.parametrize("name", EDITS)
@settings(deadline=None)
@given(texts=st.lists(ANY | MARKUP, max_size=5))
def test_an_edit_judges_each_text_alone_and_books_its_bytes(name: str, texts: list[str]) -> None:
    after, removed, touched = apply((name,), texts)
    assert after == [_edit(name, text) for text in texts]
    assert removed[name] == sum(len(text.encode()) for text in texts) - sum(len(text.encode()) for text in after)
    assert touched[name] == sum(old != new for old, new in zip(texts, after, strict=True))


def test_edits_run_in_the_declared_order_and_are_booked_apart() -> None:
    texts = ["&#65313;", "ｱ", "plain"]
    assert apply(("strip_html_entities", "nfkc"), texts) == (
        ["A", "ア", "plain"],
        {"strip_html_entities": 8 - 3, "nfkc": 2},
        {"strip_html_entities": 1, "nfkc": 2},
    )
    assert apply(("nfkc", "strip_html_entities"), texts)[0] == ["Ａ", "ア", "plain"]
    assert apply((), texts) == (texts, {}, {})


def test_nfkc_may_add_bytes() -> None:
    assert apply(("nfkc",), ["㍻㌀"])[1]["nfkc"] < 0


@pytest.mark.parametrize("name", EDITS)
def test_an_untouched_text_is_the_same_object(name: str) -> None:
    text = "素の文。 All plain & simple."
    assert EDITS[name]([text])[0] is text


HOSTILE = ["［＃" * 30_000, "［＃［" * 20_000, "｜" * 90_000, "漢《" * 40_000, "&#" * 50_000, "※［＃［＃］" * 20_000]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_takes_linear_time(text: str) -> None:
    for edit in EDITS.values():
        edit([text])


def test_unknown_and_repeated_names_are_refused() -> None:
    assert parse(["nfkc", "aozora_ruby"]) == ("nfkc", "aozora_ruby")
    with pytest.raises(BadSettings, match=r"'aozora_rubi'; did you mean 'aozora_ruby'"):
        parse(["aozora_rubi"])
    with pytest.raises(BadSettings, match="named twice"):
        parse(["nfkc", "nfkc"])


def test_every_edit_has_a_version() -> None:
    assert set(EDITS) == {"nfkc", "aozora_ruby", "strip_html_entities", "mask_pii", "c4_lines"}
    assert all(edit.version >= 1 for edit in EDITS.values())


def _edit(name: str, text: str) -> str:
    return EDITS[name]([text])[0]
