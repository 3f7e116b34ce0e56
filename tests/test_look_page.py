"""Whatever a text holds, it cannot act: not in a terminal, not in a browser."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.pipeline.chain import Machine
from prep.pipeline.look import finished, page, show
from prep.pipeline.look.asked import Asked
from prep.pipeline.look.gather import Look, look
from prep.pipeline.safe import safe
from tests.tiny import made, tiny_run

HOSTILE = [
    "</div></article><script>alert(1)</script><img src=http://evil.example/x.png onerror=alert(1)>",
    "\x1b[2J\x1b]0;title\x07 \x00 \x9b31m red",
    "\u202egnp.exe\u2066 \u2028 line",
    "日本語の本文です。<b>太字</b>&amp;&lt; " * 3,
    "<style>body{display:none}</style><link rel=stylesheet href=//evil.example/a.css>",
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Look:
    folder = tmp_path_factory.mktemp("page")
    config = tiny_run(folder, budget={"tokens": 1000})
    path = folder / "corpus/wiki_ja.jsonl"
    rows = [
        {"id": f"{number}\"><script>alert('id')</script>/日本語 {number}", "text": text}
        for number, text in enumerate(HOSTILE)
    ]
    path.write_text(path.read_text() + "".join(json.dumps(row) + "\n" for row in rows))
    made(config)
    return look(finished.load(config), Asked(source="wiki_ja", number=1000), Machine(1))


class Elements(HTMLParser):
    """Every tag and attribute, and the text inside elements of the class `text`."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.texts: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= set(attrs)
        self.inside = ("class", "text") in attrs
        if self.inside:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[-1] += data


def parsed(found: Look) -> Elements:
    elements = Elements()
    elements.feed("".join(page.page(found)))
    elements.close()
    return elements


def test_a_page_holds_no_element_of_a_text(found: Look) -> None:
    elements = parsed(found)
    assert elements.tags.isdisjoint({"script", "img", "link", "iframe"})
    assert not [name for name, _ in elements.attributes if name in ("src", "href") or name.startswith("on")]
    assert elements.texts == [safe(one.text) for one in found.documents]


def test_a_page_needs_nothing_beside_it_and_may_fetch_nothing(found: Look) -> None:
    whole = "".join(page.page(found))
    assert "default-src 'none'" in whole
    assert whole.count("<style>") == 1
    assert "@import" not in whole
    assert "url(" not in whole


def test_a_page_is_utf8_and_names_languages(found: Look) -> None:
    assert ("charset", "utf-8") in parsed(found).attributes
    assert ("lang", "ja") in parsed(found).attributes


def test_plain_text_moves_no_cursor(found: Look) -> None:
    whole = "".join(show.text(found))
    assert all(char == "\n" or char == "\t" or char >= " " for char in whole)
    assert "\\x1b[2J" in whole
    assert "\\u202egnp" in whole
    assert "\x9b" not in whole


@given(st.text())
def test_safe_text_is_the_text_but_for_what_acts(text: str) -> None:
    shown = safe(text)
    assert safe(shown) == shown
    assert safe("".join(char for char in text if char.isprintable())) == "".join(c for c in text if c.isprintable())


def test_no_path_of_this_machine_is_on_a_page(found: Look, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert str(tmp_path_factory.getbasetemp()) not in "".join(page.page(found))
    assert str(Path.home()) not in "".join(page.page(found))
