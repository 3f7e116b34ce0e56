"""What one value of a run file must look like, whichever setting it is of: names, languages, texts, numbers, lists."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from prep.pipeline.numbers import parse_bytes, parse_count, parse_share

LARGEST = 2**63 - 1  # what a column of 64-bit integers holds
LONGEST_NAME = 100  # bytes: a name of a file, which ends at 255, may hold those of a source and of a kind

WORD, MAPPING = "<word>", "<mapping>"  # how the errors of pydantic call the two shapes that some settings may have
NAME = re.compile(r"\w[\w.-]*")
DETECT = "detect"  # of a source: the language of each document is found
LANGUAGE = re.compile(r"[a-z]{2,3}|code|other")


def name_checked(text: str) -> str:
    """Names become column names, file names and words of SQL."""
    if NAME.fullmatch(text) and len(text.encode()) <= LONGEST_NAME and ".." not in text:
        return text
    most = f"{LONGEST_NAME} bytes, of which a kana takes 3"
    rule = f"letters of any script, digits, _ . - and at most {most}, with a letter, digit or _ first"
    odd = next((char for char in text if not re.fullmatch(r"[\w.-]", char)), None)
    why = f"holds {_character(odd)}" if odd else "is no name"
    raise ValueError(f"{text[:LONGEST_NAME]!r} {why}; a name is {rule}")


def language_checked(text: str) -> str:
    """Form only: whether the code names a language is not our business."""
    if LANGUAGE.fullmatch(text):
        return text
    raise ValueError(
        f"{text!r} is no language; write an ISO 639 code in small letters such as ja or en, or code, other; a "
        "source's may be detect"
    )


def spoken_checked(text: str) -> str:
    """The language of a source, or the word that has it found."""
    return text if text == DETECT else language_checked(text)


def text_checked(text: str) -> str:
    """Refuses what no path, licence or field is meant to be."""
    if not text.strip():
        raise ValueError("is empty; give a text or drop the key")
    odd = next((char for char in text if unicodedata.category(char) in ("Cc", "Cs")), None)
    if odd:
        raise ValueError(f"{text!r} holds {_character(odd)}; take it out (in a path, write ? for it)")
    return text


def encoding_checked(name: str) -> str:
    """Only encodings of text: Python also knows `rot13` and `zip`."""
    try:
        "".encode(name)
    except (LookupError, ValueError) as error:
        raise ValueError(f"{name!r} is no text encoding; write utf-8, shift_jis, cp932, euc_jp, latin-1 ...") from error
    return name


def _character(char: str) -> str:
    return f"{char!r} ({unicodedata.name(char, f'U+{ord(char):04X}')})"


def _several(value: object) -> object:
    """One word stands for a list of one; a list names nothing twice."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        return value
    words = [each for each in value if isinstance(each, str)]
    twice = next((word for place, word in enumerate(words) if word in words[:place]), None)
    if twice is not None:
        raise ValueError(f"{twice!r} stands twice; name it once")
    return tuple(value)


def shape_of(value: object) -> str:
    """Which of the two shapes a value has."""
    return MAPPING if isinstance(value, dict | BaseModel) else WORD


Text = Annotated[str, AfterValidator(text_checked)]
Name = Annotated[str, AfterValidator(name_checked)]
Language = Annotated[str, AfterValidator(language_checked)]
Count = Annotated[int, Field(gt=0, le=LARGEST), BeforeValidator(parse_count)]  # 10M, 1_000, 10e9
Bytes = Annotated[int, Field(gt=0, le=LARGEST), BeforeValidator(parse_bytes)]  # 256MB, 8MiB
Share = Annotated[float, BeforeValidator(parse_share)]  # 20% or 0.2
Several = BeforeValidator(_several)
Words = Annotated[tuple[Text, ...], Several]
SomeWords = Annotated[tuple[Text, ...], Field(min_length=1), Several]


class Settings(BaseModel):
    """What all settings share: nothing unknown, nothing coerced, nothing changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class FromField(Settings):
    """A property that each record carries in a field; `values` renames, and what it does not name becomes `other`.

    Without `values`, a language or kind keeps what the run file names elsewhere; see `runfile.resolve`.
    """

    field: Text
    values: dict[str, Text] | None = None


# The shape decides which of the two is meant, so that a slip is reported once and not once for each.
_Field = Annotated[FromField, Tag(MAPPING)]
ByShape = Discriminator(shape_of)
LanguageOrField = Annotated[Annotated[Annotated[str, AfterValidator(spoken_checked)], Tag(WORD)] | _Field, ByShape]
NameOrField = Annotated[Annotated[Name, Tag(WORD)] | _Field, ByShape]
TextOrField = Annotated[Annotated[Text, Tag(WORD)] | _Field, ByShape]
