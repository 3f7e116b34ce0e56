"""The demo corpus is what its README says: counts, languages, and the flaws planted in it."""

import csv
import json
import re
import unicodedata
from collections import defaultdict
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[1] / "configs" / "demo"

COUNTS = {
    "encyclopedia.ja.jsonl": 40,
    "encyclopedia.en.jsonl": 40,
    "encyclopedia.fr.jsonl": 25,
    "books_ja": 30,
    "books_en.jsonl": 30,
    "books_fr.jsonl": 20,
    "web.ja.jsonl": 60,
    "web.en.csv": 60,
    "web.fr.jsonl": 40,
}
FIELDS = {
    "encyclopedia": {"id", "text", "title", "url"},
    "books": {"id", "text"},
    "web": {"id", "text", "url", "license"},
}
FLAWED_LINES = {18: "cut", 37: "number", 52: "empty"}  # of web.ja.jsonl
DUPLICATES = {
    ("web-ja-001", "web-ja-021"),
    ("web-ja-002", "web-ja-037"),
    ("web-ja-004", "web-ja-048"),
    ("web-en-010", "web-ja-033"),
    ("web-en-020", "web-en-025"),
    ("web-en-008", "web-en-046"),
    ("web-en-038", "web-fr-015"),
    ("web-fr-002", "web-fr-020"),
}
FOREIGN = {"web-ja-033", "web-fr-015"}  # English texts on a Japanese and a French page
KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9d]|&#12354;")
FRENCH = re.compile(r"[éèêàâçùûîôœ]|&[a-z]+acute;|\b(le|la|les|de|un|une|et|ou)\b|\bslt\b", re.IGNORECASE)


def records(name: str) -> list[dict[str, str]]:
    """The whole documents of one source, flawed lines of `web.ja.jsonl` left out."""
    path = DEMO / name
    if path.is_dir():
        return [{"id": file.stem, "text": file.read_text("utf-8")} for file in sorted(path.glob("*.txt"))]
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    lines = path.read_text("utf-8").removesuffix("\n").split("\n")
    flawed = FLAWED_LINES if name == "web.ja.jsonl" else {}
    return [json.loads(line) for number, line in enumerate(lines, 1) if number not in flawed]


@pytest.mark.parametrize("name", COUNTS)
def test_each_source_has_its_count_its_fields_and_unique_ids(name: str) -> None:
    found = records(name)
    assert len(found) == len({record["id"] for record in found}) == COUNTS[name]
    fields = FIELDS[re.split(r"[._]", name)[0]]
    assert all(set(record) == fields and record["text"].strip() for record in found)


def test_every_file_is_plain_utf8_that_ends_with_a_newline() -> None:
    listed = {DEMO / name for name in COUNTS} | {DEMO / "README.md"}
    assert set(DEMO.iterdir()) == listed
    for path in (file for file in DEMO.rglob("*") if file.is_file()):
        raw = path.read_bytes()
        assert raw.decode("utf-8").endswith("\n"), path
        assert b"\r" not in raw, path


@pytest.mark.parametrize("name", COUNTS)
def test_texts_are_in_the_language_of_their_file(name: str) -> None:
    texts = [record["text"] for record in records(name) if record["id"] not in FOREIGN]
    if "ja" in name:
        assert all(KANA.search(text) for text in texts)
    elif "fr" in name:
        assert all(FRENCH.search(text) for text in texts)
    else:
        assert not any(KANA.search(text) for text in texts)
        assert all(re.search(r"[a-z]", text) for text in texts)


def test_the_planted_duplicates_and_no_others_are_there() -> None:
    ids = defaultdict(list)
    for name in COUNTS:
        for record in records(name):
            ids[record["text"].strip()].append(record["id"])
    assert {tuple(sorted(group)) for group in ids.values() if len(group) > 1} == DUPLICATES


def test_the_three_flawed_lines_of_the_japanese_web_are_there() -> None:
    lines = (DEMO / "web.ja.jsonl").read_text("utf-8").split("\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(lines[18 - 1])
    assert json.loads(lines[37 - 1])["text"] == 12
    assert json.loads(lines[52 - 1])["text"] == ""


def test_eight_japanese_books_carry_ruby_and_annotations() -> None:
    ruby = {record["id"] for record in records("books_ja") if "《" in record["text"]}
    assert len(ruby) == 8
    assert all(name.startswith("aozora-") for name in ruby)
    texts = "".join(record["text"] for record in records("books_ja"))
    assert texts.count("｜") >= 5
    assert texts.count("［＃") >= 5


def test_web_texts_hold_entities_and_characters_that_nfkc_changes() -> None:
    for name in ("web.ja.jsonl", "web.en.csv", "web.fr.jsonl"):
        assert any(re.search(r"&(#\d+|[a-z]+);", record["text"]) for record in records(name)), name
    wide = re.compile(r"[\uff21-\uff5a\uff66-\uff9d]")
    changed = [text for text in (r["text"] for r in records("web.ja.jsonl")) if wide.search(text)]
    assert len(changed) >= 3
    assert all(unicodedata.normalize("NFKC", text) != text for text in changed)


def test_the_english_csv_has_quoted_newlines() -> None:
    assert sum("\n" in record["text"] for record in records("web.en.csv")) >= 10
