"""Personal data is found where it is meant, left where it is not, and masked once and for all."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.filters import edits
from prep.filters.rules import lists
from prep.filters.rules.counting import How, figures
from prep.filters.rules.editing import PLACEHOLDERS, c4_lines, without_personal_data
from prep.filters.rules.figures import PERSONAL
from tests import rulebook
from tests.test_rules_counts import TEXT

SLOW = settings(deadline=None)
MAIL, PHONE, IP, IP6 = PLACEHOLDERS.values()


def found(text: str) -> tuple[int, ...]:
    counts = figures(pa.array([text]), How("en", lists.Lists({})))
    return tuple(int(counts[name][0]) for name in PERSONAL)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to a.b+c@mail.co.jp.", f"Write to {MAIL}."),
        ("<x_y@sub.domain.org>, z@q.de!", f"<{MAIL}>, {MAIL}!"),
        ("連絡はinfo@kaisha.jpまで", f"連絡は{MAIL}まで"),
        ("03-1234-5678", PHONE),
        ("電話０３－１２３４－５６７８。", f"電話{PHONE}。"),
        ("(03)1234-5678 or 090-1234-5678", f"{PHONE} or {PHONE}"),
        ("TEL:0120-123-456", f"TEL:{PHONE}"),
        ("08012345678", PHONE),
        ("075-123-4567, 0166-12-3456, 09808-1-2345", f"{PHONE}, {PHONE}, {PHONE}"),
        ("+81-80-1234-5678 +33 6 12 34 56 78 +14155550100", f"{PHONE} {PHONE} {PHONE}"),
        ("06 12 34 56 78 et 01.23.45.67.89", f"{PHONE} et {PHONE}"),
        ("(415) 555-0199; 415-555-0199; 1-415-555-0199", f"{PHONE}; {PHONE}; {PHONE}"),
        ("from 81.2.69.142:80", f"from {IP}:80"),
        ("host 2a02:26f0:5700::17d2:1234 up", f"host {IP6} up"),
        ("2001:4860:4860:0:0:0:0:8888", IP6),
    ],
)  # fmt: skip
def test_what_is_meant_is_found_and_masked(text: str, masked: str) -> None:
    assert sum(found(text)) > 0
    assert without_personal_data(text) == masked
    assert found(masked) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "version 81.2.69.142", "v81.2.69.142", "バージョン 81.2.69.142", "1.2.3.4", "1.2.3.4.50", "192.168.1.30",
        "10.0.0.99",
        "127.0.0.200", "192.0.2.77", "256.1.1.1", "01.2.3.40", "2023-01-02", "2023.01.02", "12:34:56",
        "2023:10:20:30:40",
        "978-4-00-310101-8", "123-4567", "1234567890", "100-200-3000", "3.14159", "10,000,000", "a@b", "@home",
        "x@example.com",
        "std::vector", "face::dead", "fe80::1:2:3", "2001:db8::1:2", "http://a.b/00-11", "1 234 567 890", "0-0-0",
        "+5", "p. 12-34",
        "2020 2021 2022 2023", "0120", "AB-03-1234-5678",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_left(text: str) -> None:
    assert found(text) == (0, 0, 0, 0)
    assert without_personal_data(text) is text


PIECES = (
    "a@b.co",
    "@",
    ".",
    "03-1234-5678",
    "+81 90 1234 5678",
    "81.2.69.142",
    "2a02:26f0::17d2",
    "x",
    " ",
    "9",
    "-",
    "(",
    ":",
    "、",
)


@SLOW
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | TEXT)
def test_a_masked_text_holds_nothing_more_to_mask(text: str) -> None:
    masked = without_personal_data(text)
    assert without_personal_data(masked) == masked
    assert (masked == text) == (found(text) == (0, 0, 0, 0))


@SLOW
@given(TEXT)
def test_the_edit_keeps_the_lines_that_the_rule_keeps(text: str) -> None:
    assert c4_lines(text) == rulebook.c4(text, "en")[1]
    [removed] = figures(pa.array([text]), How("en", lists.Lists({})))["c4_removed_bytes"]
    assert len(text.encode()) - len(c4_lines(text).encode()) == removed


def test_edits_of_a_run_file_are_these() -> None:
    texts = ["mail me: a@b.co\nThis line is kept, as it ends.\nmenu | home"]
    after, removed, touched = edits.apply(("mask_pii", "c4_lines"), texts)
    assert after == ["This line is kept, as it ends."]
    assert touched == {"mask_pii": 1, "c4_lines": 1}
    assert removed == {
        "mask_pii": len("a@b.co") - len(MAIL),
        "c4_lines": len(f"mail me: {MAIL}\n") + len("\nmenu | home"),
    }
