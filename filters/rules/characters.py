"""What each character is to the rules: bits of one number, in a table of all code points."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.uint32]

SPACE, BREAK, ALPHA, ALNUM, DIGIT, DECIMAL, UPPER, LOWER = (1 << bit for bit in range(8))
SYMBOL, TERMINAL, PUNCTUATION, EDGE, QUOTE, ICON, SPECIAL, MARK = (1 << bit for bit in range(8, 16))
HIRAGANA, KATAKANA, KANJI, SENTENCE, CURRENCY = (1 << bit for bit in range(16, 21))

LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"  # where str.splitlines ends a line

# Words of these and nothing else are "symbols" to datatrove's Gopher filter; full-width one is in its list.
SYMBOLS = "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»" + "".join(
    map(chr, (*range(9), 11, 12, *range(13, 32), *range(127, 160)))
)

# Ends of sentences in all scripts, as FineWeb's filters have them: code points and ranges.
ENDS = (
    "21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736 "
    "17D4-17D6 17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F "
    "203C-203D 2047-2049 2E2E 2E3C 2E53-2E54 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F "
    "A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 "
    "10F86-10F89 11047-11048 110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 "
    "1123B-1123C 112A9 1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944 11946 "
    "11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 16B44 "
    "16E98 1BC9F 1DA88"
)

# What stands at the edge of a word without being part of it.
QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉⟦⟧"
EDGES = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪—–" + QUOTES

# HojiChar's special characters beside ASCII punctuation and white space, and all emoji.
SPECIALS = (
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\r\x0b\x0c\u3000’“”–▬…✦�£•€«»°·═×士＾˘⇓（）§″′´¿−±∈¢ø‚„½¼¾¹²³―⁃，ˌ¸‹›"
    "ʺˈʻ¦‐⠀‰‑≤≥‖"
    "◆●■►▼▲▴∆▻¡★☆✱ː。¯˜¥ɪ≈†：⁄♡✓⊕․．⋅÷１‟；،、¨ाी्े◦˚゜ʼ≖¤℃√！？【】‿∞➤～πه۩☛₨➩☻๑٪♥ıॽ《‘©﴿٬▷Г♫∟™ª₪®「—❖」﴾》\ufffc"
)

KANJI_RANGES = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
ALSO_KANJI = "々〆〇"
KANA = {
    HIRAGANA: ((0x3041, 0x309F),),
    KATAKANA: ((0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),
}
PLANES = (range(0x40000), range(0xE0000, 0xE1000))  # where characters are assigned
KINDS = {
    "P": PUNCTUATION,
    "Lu": UPPER,
    "Lt": UPPER,
    "Ll": LOWER,
    "So": ICON,
    "M": MARK,
    "L": ALPHA | ALNUM,
    "Sc": CURRENCY,
}


@cache
def table() -> Table:
    """The bits of every code point, by this Python's Unicode version. Takes 0.2 s."""
    found = np.zeros(0x110000, np.uint32)
    for plane in PLANES:
        for point in plane:
            kind = unicodedata.category(chr(point))
            if kind[0] in "NZC" and kind != "Cn":
                found[point] = _rare(chr(point))
            found[point] |= KINDS.get(kind, 0) | KINDS.get(kind[0], 0)
    for bit, characters in {SYMBOL: SYMBOLS, EDGE: EDGES, QUOTE: QUOTES, SPECIAL: SPECIALS, BREAK: LINE_BREAKS}.items():
        found[[ord(each) for each in characters]] |= bit
    for first, last in _ranges(ENDS):
        found[first : last + 1] |= TERMINAL | SYMBOL
        found[first : last + 1] |= SENTENCE if (first, last) != (0x61D, 0x61F) else 0
    for bit, ranges in {KANJI: KANJI_RANGES, **KANA}.items():
        for first, last in ranges:
            found[first : last + 1] |= bit
    found[[ord(each) for each in ALSO_KANJI]] |= KANJI
    found[(found & ICON).astype(bool)] |= SPECIAL | EDGE
    return found


def _rare(character: str) -> int:
    """Numbers, blanks and controls, whose properties their category does not tell."""
    digit = DIGIT if "0" <= character <= "9" else 0
    decimal = DECIMAL if character.isdecimal() else 0
    return digit | decimal | (ALNUM if character.isalnum() else 0) | (SPACE if character.isspace() else 0)


def _ranges(text: str) -> list[tuple[int, int]]:
    pairs = [each.partition("-") for each in text.split()]
    return [(int(first, 16), int(last or first, 16)) for first, _, last in pairs]
