"""Where a text is cut so that what is left has a number of tokens: at the end of a character, counted anew."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

Count = Callable[[str], int]  # tokens of a text, by the reference

BEYOND = 8  # characters past the border that are looked at: a longer text may have fewer tokens
BACK = 16  # characters before it that may end a line or a sentence at the same number of tokens
GUESSES = 30  # counts after which the search halves, should the text mislead it
# Unicode's property Sentence_Terminal for the scripts that are written in bulk; a full stop ends one before a space.
STOPS = frozenset("。！？｡．!?‼⁇⁈⁉…।॥؟۔։።፧፨។៕၊။༎།᠃᠉")
CLOSING = frozenset("」』）】》〉〕］｝\"'”’»)]}")
JOINER = "\u200d"
EXTENDING = frozenset(
    "\uff9e\uff9f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
)  # no marks by category: voicing, skin


@dataclass(frozen=True)
class Border:
    """The end of a prefix: its characters and its tokens."""

    chars: int
    tokens: int


def border(text: str, wanted: int, whole: int, count: Count) -> Border:
    """The longest prefix of at most `wanted` tokens, of a text of `whole`; if it can be, at a line's or sentence's end.

    Tokens of prefixes grow by and large, but a token may span several characters, or a character several tokens: where
    no prefix has `wanted` tokens, the border has fewer.
    """
    if wanted >= whole:
        return Border(len(text), whole)
    if wanted < 1:
        return Border(0, 0)
    found = _beyond(text, _search(text, wanted, whole, count), wanted, count)
    if found.tokens == wanted:
        return _at_an_end(text, found, count)
    return found


def _search(text: str, wanted: int, whole: int, count: Count) -> Border:
    """A prefix of at most `wanted` tokens whose next character would bring it above."""
    low, high = Border(0, 0), Border(len(text), whole)
    per_token = len(text) / whole
    for guess in range(GUESSES + len(text).bit_length()):
        if high.chars - low.chars <= 1:
            break
        near = low if wanted - low.tokens <= high.tokens - wanted else high
        step = max(1, round(1.5 * per_token * abs(wanted - near.tokens)) or guess)
        place = low.chars + step if near is low else high.chars - step
        if guess >= GUESSES or not low.chars < place < high.chars:
            place = (low.chars + high.chars) // 2
        here = Border(place, count(text[:place]))
        low, high = (here, high) if here.tokens <= wanted else (low, here)
    return low


def _beyond(text: str, found: Border, wanted: int, count: Count) -> Border:
    """The longest of the prefixes a few characters on that has no more tokens, and cuts no character from its marks."""
    for chars in range(min(len(text) - 1, found.chars + BEYOND), found.chars, -1):
        if whole_character(text, chars) and (tokens := count(text[:chars])) <= wanted:
            return Border(chars, tokens)
    chars = found.chars
    while chars and not whole_character(text, chars):
        chars -= 1
    return found if chars == found.chars else Border(chars, count(text[:chars]))


def _at_an_end(text: str, found: Border, count: Count) -> Border:
    """Of the prefixes of as many tokens a few characters back, one that ends a line, else a sentence, else the same."""
    for ends in (ends_line, ends_sentence):
        for chars in range(found.chars, max(0, found.chars - BACK), -1):
            if ends(text, chars) and count(text[:chars]) == found.tokens:
                return Border(chars, found.tokens)
    return found


def whole_character(text: str, chars: int) -> bool:
    """Whether a cut leaves marks (accents, voicing, joined signs) with the character that they belong to."""
    if not 0 < chars < len(text):
        return True
    following = text[chars]
    return (
        following != JOINER
        and following not in EXTENDING
        and text[chars - 1] != JOINER
        and not unicodedata.category(following).startswith("M")
        and not (text[chars - 1] == "\r" and following == "\n")
    )


def ends_line(text: str, chars: int) -> bool:
    """Whether a line ends here."""
    return chars > 0 and text[chars - 1] == "\n"


def ends_sentence(text: str, chars: int) -> bool:
    """Whether a sentence ends here, with the quotes and brackets that close after it."""
    last = chars - 1
    while last > 0 and text[last] in CLOSING:
        last -= 1
    if last < 0 or text[chars : chars + 1] in CLOSING:
        return False
    return text[last] in STOPS or (text[last] == "." and (chars == len(text) or text[chars].isspace()))
