"""Words of lists: ours or a user's, the longest at each place, alone where words stand between spaces."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.errors import BadSettings
from prep.filters.rules.counting import How, figures
from prep.filters.rules.figures import LISTS
from prep.filters.rules.lists import Lists, load

WORDS = Lists(
    {"adult": ("foo", "foo bar", "x"), "advertising": ("foo", "buy"), "bbs": ("Re",), "banned": ("エロ", "エロ本")}
)


def counted(language: str, text: str, words: Lists = WORDS) -> dict[str, int]:
    counts = figures(pa.array([text]), How(language, words))
    return {name: int(counts[name][0]) for name in LISTS}


@pytest.mark.parametrize(
    ("language", "text", "hits"),
    [
        ("en", "foo", (1, 1, 3, 0, 0)),
        ("en", "FOO bar", (0, 1, 7, 0, 0)),
        ("en", "foobar xfoo foo-bar x", (1, 2, 4, 0, 0)),
        ("en", "foo foo,buy re: RE", (3, 2, 6, 2, 0)),
        ("ja", "foobarx", (1, 2, 4, 0, 0)),
        ("ja", "エロ本とエロエロ", (0, 0, 0, 0, 3)),
        ("en", "éx x́ x", (0, 1, 1, 0, 0)),
    ],
)
def test_words_are_found(language: str, text: str, hits: tuple[int, ...]) -> None:
    assert tuple(counted(language, text).values()) == hits


@settings(deadline=None)
@given(st.lists(st.sampled_from(["foo", "bar", "x", "buy", " ", ".", "エ", "ロ", "本"]), max_size=30).map("".join))
def test_without_spaces_words_are_found_as_a_search_from_the_left_finds_them(text: str) -> None:
    import re

    hits = [each[0] for each in re.finditer("foo bar|foo|buy|x|エロ本|エロ", text)]
    wanted = [word for word in hits if word in WORDS["adult"]]
    found = counted("ja", text)
    assert (found["adult"], found["adult_characters"]) == (len(wanted), sum(map(len, wanted)))
    assert found["advertising"] == sum(word in WORDS["advertising"] for word in hits)


def test_a_users_file_takes_the_place_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("# mine\nfoo\n\n bar \nfoo\n", encoding="utf-8")
    assert load("ja", {"adult": str(path)})["adult"] == ("foo", "bar")
    assert load("ja", {})["adult"]
    assert load("xx", {}).words == {}
    assert load("ja", {}).digests != load("ja", {"adult": str(path)}).digests


def test_a_digest_is_that_of_the_words_whatever_their_order(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_text("a\nb\n")
    two.write_text("#\nb\na\na")
    assert load("en", {"adult": str(one)}).digests["adult"] == load("en", {"adult": str(two)}).digests["adult"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no word"),
        (b"# only\n", "holds no word"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * 100, "at most 100,000 of 64"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(BadSettings, match=said):
        load("en", {"adult": str(path)})
    with pytest.raises(BadSettings, match="No such file"):
        load("en", {"adult": str(tmp_path / "none.txt")})
