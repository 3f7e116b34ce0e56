"""Edits of a document's text that a run file declares (`edits: [aozora_ruby]`), applied once, at ingest.

Each is a pure function of one text, so neither order of documents nor batch matters. An edit may leave nothing:
whoever applies edits looks for empty text afterwards.
"""

import difflib
import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html.entities import html5
from types import MappingProxyType

from prep.errors import BadSettings


@dataclass(frozen=True)
class Edit:
    """A named change of text; `version` goes into recipes and rises when a text would come out differently."""

    change: Callable[[str], str]
    version: int

    def __call__(self, texts: list[str]) -> list[str]:
        """The texts after the edit, in order; an untouched text is the same object."""
        return [self.change(text) for text in texts]


def parse(names: Iterable[str]) -> tuple[str, ...]:
    """The names in their order, each known and given once."""
    found: list[str] = []
    for name in names:
        if name not in EDITS:
            near = difflib.get_close_matches(name, EDITS, n=1, cutoff=0)[0]
            raise BadSettings(f"edits: unknown edit {name!r}; did you mean {near!r}? Known: {', '.join(EDITS)}")
        if name in found:
            raise BadSettings(f"edits: {name!r} is named twice; name it once")
        found.append(name)
    return tuple(found)


def apply(names: tuple[str, ...], texts: list[str]) -> tuple[list[str], dict[str, int], dict[str, int]]:
    """The texts after all edits in order; per edit the UTF-8 bytes removed (below 0: added) and documents changed."""
    removed, touched = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for name in names:
        after = EDITS[name](texts)
        for old, new in zip(texts, after, strict=True):
            if new is not old and new != old:
                removed[name] += len(old.encode()) - len(new.encode())
                touched[name] += 1
        texts = after
    return texts, removed, touched


def _nfkc(text: str) -> str:
    # The tables are those of Python's Unicode version; characters assigned later may change with a newer Python.
    return text if unicodedata.is_normalized("NFKC", text) else unicodedata.normalize("NFKC", text)


_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def _entities(text: str) -> str:
    """One pass (`&amp;lt;` becomes `&lt;`); what names no character (`&#0;`, `&#xD800;`, `&foo;`) stays as it is."""
    return _ENTITY.sub(_character, text) if "&" in text and ";" in text else text


def _character(match: re.Match[str]) -> str:
    entity = match[0]
    if entity[1] != "#":
        return html5.get(entity[1:], entity)  # not html.unescape: that reads `&notit;` as `&not` and `it;`
    # As HTML: 128-159 are Windows-1252; no character gives U+FFFD (NUL, surrogates, too large) or nothing (controls).
    character = html.unescape(entity)
    return entity if character in ("", "\ufffd") else character


# Aozora Bunko's notes. One may hold another: `ほなしのあがり［＃「あが［＃「が」に傍線］り」に傍線］`; a pattern that
# stops at the first bracket leaves `り」に傍線］` behind, as real cleaned corpora show. No note crosses a line, and one
# that is not closed on its line stays.
_INNERMOST = r"［[^［］\r\n]*+］"
_INNER = rf"［(?:[^［］\r\n]++|{_INNERMOST})*+］"
_NOTE = rf"［＃(?:[^［］\r\n]++|{_INNER})*+］"
_MARKUP = re.compile(
    rf"""
    ^(?:{_NOTE})++\r?\n                             # a line of nothing but notes goes with its end
    | ※(?P<gaiji>{_NOTE})                           # a character that JIS X 0208 lacks, described
    | {_NOTE}
    | (?<=[^\s、。「『（])《[^《》\r\n]++》          # a reading; genuine 《 》 are gaiji notes in Aozora's files
    | ｜(?=[^｜《》\r\n]++《[^《》\r\n]++》)         # where the text that a reading belongs to begins
    """,
    re.MULTILINE | re.VERBOSE,
)
_LEGEND = "【テキスト中に現れる記号について】"
_HEADER = re.compile(rf"^-{{20,}}\r?\n{_LEGEND}.*?^-{{20,}}[ \t]*(?:\r?\n)*", re.MULTILINE | re.DOTALL)
_HEADER_WITHIN = 2000  # characters; before the legend stand only title, author and translator
_COLOPHON = re.compile(r"^底本：", re.MULTILINE)
_COLOPHON_WITHIN = 4000  # characters from the end
_COLOPHON_SIGNS = ("\n入力：", "青空文庫")
_CODE = re.compile(
    r"[、＃](?:第[34]水準)?([12])-([0-9]{1,2})-([0-9]{1,2})］$"  # JIS X 0213: plane, row, cell
    r"|[、＃](?:U\+|unicode)([0-9A-Fa-f]{4,6})(?:、[^、［］]*)?］$"  # Unicode, then often page and line
)
GETA = "〓"  # what Japanese printers set where a type is missing


def _aozora(text: str) -> str:
    """The work as a reader sees it: title and author stay; readings, notes, legend and colophon go.

    The colophon (from `底本：` on: edition, volunteers, dates) is much the same in every file; it goes only where it
    looks like one: within the last 4,000 characters, with `入力：` or `青空文庫` after it. Gaiji become the character
    where their note gives its JIS X 0213 or Unicode number, else 〓. Accents 〔e'〕 and ／＼ are left.
    """
    if _LEGEND in text:
        header = _HEADER.search(text)
        if header and header.start() <= _HEADER_WITHIN:
            text = text[: header.start()] + text[header.end() :]
    if "底本：" in text:
        text = _without_colophon(text)
    return _MARKUP.sub(_plain, text) if "《" in text or "［＃" in text else text


def _without_colophon(text: str) -> str:
    start = _COLOPHON.search(text, max(0, len(text) - _COLOPHON_WITHIN))
    if start is None or not any(sign in text[start.start() :] for sign in _COLOPHON_SIGNS):
        return text
    return text[: start.start()].rstrip("\r\n")


def _plain(match: re.Match[str]) -> str:
    note = match["gaiji"]
    return "" if note is None else _gaiji(note)


def _gaiji(note: str) -> str:
    code = _CODE.search(note)
    if code is None:
        return GETA
    plane, row, cell, scalar = code.groups()
    if scalar:
        number = int(scalar, 16)
        return chr(number) if 0x20 <= number < 0xD800 or 0xE000 <= number <= 0x10FFFF else GETA
    # JIS X 0213 by its EUC form: plane 1 is two bytes, plane 2 has 0x8F before them.
    try:
        return (b"\x8f" * (plane == "2") + bytes([0xA0 + int(row), 0xA0 + int(cell)])).decode("euc_jis_2004")
    except ValueError:  # no such row, or a cell without a character
        return GETA


def _mask_pii(text: str) -> str:
    from prep.filters.rules.editing import without_personal_data  # compiled functions: loaded where they are used

    return without_personal_data(text)


def _c4_lines(text: str) -> str:
    from prep.filters.rules.editing import c4_lines

    return c4_lines(text)


EDITS: Mapping[str, Edit] = MappingProxyType(
    {
        "nfkc": Edit(_nfkc, version=1),
        "aozora_ruby": Edit(_aozora, version=1),
        "strip_html_entities": Edit(_entities, version=1),
        "mask_pii": Edit(_mask_pii, version=1),
        "c4_lines": Edit(_c4_lines, version=1),
    }
)
