"""Claims of so many bytes and so many tokens, as people write them: a line, a CSV file, the table of a data card.

The two quantities are read as `prep plan --check` reads them. Around them may stand a name and a colon, a language, a
tokenizer, and a word such as `gzip`: "C4: 305 GB gzip = 156B tokens", "mC4 Japanese: 400GB = 136B tokens llm-jp".
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from prep.errors import BadSettings
from prep.pipeline.audit.ranges import Family
from prep.pipeline.numbers import FULL_WIDTH, parse_count, parse_size
from prep.pipeline.plan import claims as written

LARGEST = 20_000_000  # bytes of a file of claims; the largest card of the hub has 2 MB
FORMS = '"GPT-3: 500B tokens = 750GB", "C4: 305 GB gzip = 156B tokens", "10GiB Japanese = 2.5B tokens llm-jp"'
COMPRESSORS = {
    "gzip": "gzip", "gzipped": "gzip", "gz": "gzip", "zstd": "zstd", "zst": "zstd", "xz": "xz", "bz2": "bzip2",
    "compressed": "gzip", "圧縮": "gzip",
}  # fmt: skip
LANGUAGES = {
    "english": "en", "en": "en", "英語": "en", "japanese": "ja", "ja": "ja", "日本語": "ja", "french": "fr", "fr": "fr",
    "russian": "ru", "ru": "ru", "german": "de", "spanish": "es", "italian": "it", "portuguese": "pt", "chinese": "zh",
    "korean": "ko", "swedish": "sv", "dutch": "nl", "polish": "pl", "turkish": "tr", "vietnamese": "vi", "arabic": "ar",
    "thai": "th", "hindi": "hi", "indonesian": "id", "ukrainian": "uk", "code": "code",
    "python": "code", "コード": "code", "numbers": "numbers",
}  # fmt: skip
# By the figures in configs/bytes_per_token.json, and by the vocabularies that their makers state.
TOKENIZERS: dict[str, Family] = {
    "gpt-2": "gpt-2", "gpt2": "gpt-2", "gpt-neox": "gpt-2", "neox": "gpt-2", "pythia": "gpt-2", "cl100k": "gpt-2",
    "gpt-3.5": "gpt-2", "gpt-4": "gpt-2", "p50k": "gpt-2", "r50k": "gpt-2", "llama 2": "gpt-2", "llama-2": "gpt-2",
    "mistral": "gpt-2", "o200k": "multilingual", "gpt-4o": "multilingual", "qwen": "multilingual",
    "qwen2": "multilingual", "qwen3": "multilingual", "deepseek": "multilingual", "tekken": "multilingual",
    "llm-jp": "japanese", "open-calm": "japanese", "calm2": "japanese", "rinna": "japanese", "shisa": "japanese",
    "swallow": "japanese", "rakutenai": "japanese", "line": "japanese",
}  # fmt: skip
YES, NO = {"yes", "true", "1", "y"}, {"", "no", "false", "0", "n", "none"}
DECIMAL_COMMA = re.compile(r"(?<![\d,.])(?:0,\d+|\d+,\d{1,2})(?![\d,])")
COLUMNS = {
    "name": ("name", "dataset", "corpus", "source", "claim"),
    "tokens": ("tokens", "token", "n_tokens"),
    "bytes": ("bytes", "size", "text", "n_bytes", "text bytes"),
    "language": ("language", "lang"),
    "kind": ("kind",),
    "tokenizer": ("tokenizer",),
    "compressed": ("compressed", "compression"),
}
CARD_TOKENIZER = re.compile(r"tokens of the tokenizer `([^`\n]{1,200})`")


@dataclass(frozen=True)
class Claim:
    """So many bytes are said to be so many tokens. `compressed` is by what, where the bytes are those of files."""

    name: str
    text: str
    tokens: float
    bytes: float
    language: str | None = None
    kind: str | None = None
    tokenizer: str | None = None
    compressed: str | None = None

    @property
    def family(self) -> Family | None:
        """What sort of tokenizer its name stands for, where the name is known."""
        return family_named(self.tokenizer or "")


def family_named(name: str) -> Family | None:
    """By the longest known name in it."""
    lower = name.lower()
    found = [each for each in TOKENIZERS if re.search(_whole(each), lower)]
    return TOKENIZERS[max(found, key=len)] if found else None


def _whole(word: str) -> str:
    return rf"(?<![0-9a-z]){re.escape(word)}(?![0-9a-z])" if word.isascii() else re.escape(word)


def read(text: str, flag: str = "--claim") -> Claim:
    """Read a claim.

    Errors: BadSettings, with what is not understood and what is accepted.
    """
    where = f"{flag} {text!r}"
    _no_decimal_comma(text, where)
    name, colon, rest = (part.strip() for part in text.translate(FULL_WIDTH).partition(":"))
    whole = f"{name} {rest}" if colon else name
    left, said = _words(rest if colon else whole)
    try:
        quantities = written.read(left, where)
    except BadSettings:
        left, said = _words(whole)  # "750GB: 500B tokens" has no name
        name, quantities = "", written.read(left, where)
    size, tokens = quantities.value("bytes"), quantities.value("tokens")
    if size is None or tokens is None:
        raise BadSettings(
            f"{where} has no size of text with its tokens; write {FORMS}; "
            f"`prep plan --check` judges parameters and tokens"
        )
    named = name if colon else ""
    said = {**_words(named)[1], **said}
    return Claim(named or text, text, tokens, size, said.get("language"), None, said.get("tokenizer"), said.get("by"))


def _words(text: str) -> tuple[str, dict[str, str]]:
    """What is left when the words about language, tokenizer and compression are taken out, and those words."""
    left, said = text.lower(), {}
    if re.search(r"uncompressed|非圧縮", left):
        left = re.sub(r"uncompressed|非圧縮", " ", left)
    for key, words in (("tokenizer", TOKENIZERS), ("by", COMPRESSORS), ("language", LANGUAGES)):
        for word in sorted(words, key=len, reverse=True):
            found = re.search(_whole(word), left)
            if found:
                said[key] = word if key == "tokenizer" else str(words[word])
                left = f"{left[: found.start()]} {left[found.end() :]}"
                break
    return left, said


def _no_decimal_comma(text: str, where: str) -> None:
    found = DECIMAL_COMMA.search(text.translate(FULL_WIDTH))
    if found:
        raise BadSettings(
            f"{where}: {found[0]!r} has a decimal comma; a comma parts thousands here, so write "
            f"{found[0].replace(',', '.')!r}"
        )


def read_file(path: str) -> tuple[list[Claim], list[str]]:
    """The claims of a CSV file or a data card, and what of it was not used.

    Errors: BadSettings, with the file, the line and the value.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BadSettings(
            f"--claims {path}: cannot be read: {error.strerror}; name a CSV file or a README.md"
        ) from error
    if len(content) > LARGEST:
        raise BadSettings(
            f"--claims {path}: {len(content):,} bytes are no list of claims; at most {LARGEST:,} are read"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadSettings(f"--claims {path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    return _card(path, text) if path.lower().endswith((".md", ".markdown")) else _csv(path, text)


def _csv(path: str, text: str) -> tuple[list[Claim], list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadSettings(f"--claims {path}, line {reader.line_num}: {error}; write a comma-separated file") from error
    if not rows:
        raise BadSettings(f"--claims {path}: is empty; write a first line such as name,tokens,bytes,language")
    places = _places(rows[0][1])
    if not {"tokens", "bytes"} <= places.keys():
        raise BadSettings(
            f"--claims {path}, line 1: no columns `tokens` and `bytes` among {', '.join(rows[0][1])}; write a first "
            "line such as name,tokens,bytes,language,tokenizer,compressed"
        )
    unused = [head for place, head in enumerate(rows[0][1]) if place not in places.values()]
    notes = [f"{path}: columns not used: {', '.join(unused)}"] if unused else []
    return [_claim(f"--claims {path}, line {line}", _cells(row, places)) for line, row in rows[1:]], notes


def _places(heads: list[str]) -> dict[str, int]:
    """Where each column stands; of two that could be one, the first name listed."""
    lower = [head.strip().lower() for head in heads]
    found: dict[str, int] = {}
    for column, names in COLUMNS.items():
        place = next((lower.index(name) for name in names if name in lower), None)
        if place is not None and place not in found.values():
            found[column] = place
    return found


def _cells(row: list[str], places: Mapping[str, int]) -> dict[str, str]:
    return {column: row[place].strip() if place < len(row) else "" for column, place in places.items()}


def _claim(where: str, cells: Mapping[str, str]) -> Claim:
    values = []
    for column, parse in (("tokens", parse_count), ("bytes", parse_size)):
        _no_decimal_comma(cells[column], where)
        try:
            values.append(parse(cells[column]))
        except ValueError as error:
            raise BadSettings(f"{where}, {column}: {error}") from error
        if not values[-1]:
            raise BadSettings(f"{where}, {column}: {cells[column]!r} is zero; drop the line")
    said = cells.get("compressed", "").lower()
    if said not in YES | NO | COMPRESSORS.keys():
        raise BadSettings(f"{where}, compressed: {said!r} is not understood; write gzip, zstd, yes or no")
    name = cells.get("name") or f"{cells['bytes']} = {cells['tokens']} tokens"
    by = COMPRESSORS.get(said, "gzip" if said in YES else None)
    language = cells.get("language", "").lower()
    language = LANGUAGES.get(language, language)
    return Claim(
        name, f"{cells['bytes']} = {cells['tokens']} tokens", values[0], values[1], language or None,
        cells.get("kind") or None, cells.get("tokenizer") or None, by,
    )  # fmt: skip


def _card(path: str, text: str) -> tuple[list[Claim], list[str]]:
    """The rows of every table that has both sizes and tokens; rows without tokens are named, not judged."""
    tokenizer = CARD_TOKENIZER.search(text)
    found, unused = [], []
    for line, heads, row in _table_rows(text):
        places = _places(heads)
        if not {"tokens", "bytes"} <= places.keys():
            continue
        cells = _cells(row, places)
        if cells["tokens"] in ("0", "") or cells["bytes"] in ("0 B", "0", ""):
            unused.append(f"{path}, line {line}: no tokens or no text")
            continue
        named = [cells[column] for column in ("name", "language", "kind") if cells.get(column)]
        cells = {"tokenizer": tokenizer[1] if tokenizer else "", **cells, "name": "/".join(named)}
        found.append(_claim(f"--claims {path}, line {line}", cells))
    if not found:
        raise BadSettings(f"--claims {path}: no table with columns `text` (or `bytes`) and `tokens`")
    return found, unused


def _table_rows(text: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """Line, heads and cells of every row of every Markdown table."""
    heads: list[str] | None = None
    before: list[str] = []
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.lstrip().startswith("|"):
            heads, before = None, []
            continue
        cells = _split(content.strip())
        if heads is not None:
            yield line, heads, cells
        elif all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            heads = before
        before = cells


def _split(row: str) -> list[str]:
    """The cells of a row, as `card` escapes them."""
    cells = re.split(r"(?<!\\)\|", row.strip("|"))
    return [html.unescape(cell.replace("\\|", "|").replace("\\\\", "\\")).strip() for cell in cells]
