"""Characters that Unicode's normal form NFC leaves as they are, whatever stands beside them."""

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

TOP = 0x40000  # above: tags, variation selectors and private use, none of them frequent; all unsure
SURROGATES = range(0xD800, 0xE000)
STEADY, KNOWN = 1, 2
JAMO = (range(0x1161, 0x1176), range(0x11A8, 0x11C3))  # vowels and finals, which join the Hangul letter before them


@cache
def steady() -> npt.NDArray[np.uint8]:
    """By code point below `TOP`, `STEADY`, `KNOWN`, or 0.

    Steady are those assigned, of combining class 0, and with NFC_Quick_Check = Yes. A text of these alone is its own
    NFC (UAX 15, section 9), and stays so in all later versions of Unicode: the reference's may not be Python's.
    Known are the others of Unicode 3.2, which all versions in use normalise alike. tokenizers 0.23 orders 98 marks
    otherwise than Python 3.11, as they are too new for it; none of them was in 3.2. Made in 50 ms.
    """
    codes = np.concatenate([np.arange(SURROGATES.start), np.arange(SURROGATES.stop, TOP)]).astype("<u4")
    characters = codes.tobytes().decode("utf-32-le")
    kinds = "".join(map(unicodedata.category, characters)).encode()  # two letters each
    table = np.zeros(TOP, np.uint8)
    table[codes] = np.frombuffer(kinds, "S2") != b"Cn"
    marks = codes[np.frombuffer(kinds, "S1")[::2] == b"M"]  # no others have a combining class
    moved = {code for code in marks.tolist() if unicodedata.combining(chr(code))} | _composed(characters)
    table[[*moved]] = [KNOWN * (unicodedata.ucd_3_2_0.category(chr(code)) != "Cn") for code in moved]
    table.flags.writeable = False
    return table


def _composed(characters: str) -> set[int]:
    """What NFC changes alone (singletons, and those excluded from composition), or may join to the one before it."""
    found = {code for jamo in JAMO for code in jamo}
    for character, parts in zip(characters, map(unicodedata.decomposition, characters), strict=True):
        if parts and parts[0] != "<":
            if unicodedata.normalize("NFC", character) != character:
                found.add(ord(character))
            if " " in parts:
                found.add(int(parts.split()[-1], 16))
    return found


def all_steady(text: str) -> bool:
    """Whether the text is its own NFC, and so is every part of it."""
    return all(ord(character) < TOP and steady()[ord(character)] == STEADY for character in text)
