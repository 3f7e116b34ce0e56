"""The run file as frozen, typed settings. Reading and error reporting live in `runfile.py`.

What one value must look like is held here; what the parts say about each other is held in `crosscheck.py`. A new key
needs a line in `configs/template.yaml` too; a test compares the two.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from prep.errors import BadSettings
from prep.pipeline.numbers import parse_bytes, parse_count, parse_share
from prep.pipeline.plan.published import DEFAULT, law

LARGEST = 2**63 - 1  # what a column of 64-bit integers holds
MAX_DOCUMENT = 8_000_000  # bytes of text; the reference tokenizers take 60 to 130 times a document's size
MAX_BAD = 0.001  # of a source's records; see `Source.max_bad`
CODE_SHARE = 0.2  # of a preset's tokens: equal is 40/40/20, enplus 60/20/20
LONGEST_NAME = 100  # a name becomes part of file names, which end at 255 bytes; a kana takes 3

WORD, MAPPING = "<word>", "<mapping>"  # how the errors of pydantic call the two shapes that some settings may have
NAME = re.compile(r"\w[\w.-]*")
LANGUAGE = re.compile(r"[a-z]{2,3}|code|other")


def name_checked(text: str) -> str:
    """Names become column names, file names and words of SQL."""
    if NAME.fullmatch(text) and len(text) <= LONGEST_NAME and ".." not in text:
        return text
    rule = f"letters of any script, digits, _ . - and at most {LONGEST_NAME}, with a letter, digit or _ first"
    odd = next((char for char in text if not re.fullmatch(r"[\w.-]", char)), None)
    why = f"holds {_character(odd)}" if odd else "is no name"
    raise ValueError(f"{text[:LONGEST_NAME]!r} {why}; a name is {rule}")


def language_checked(text: str) -> str:
    """Form only: whether the code names a language is not our business."""
    if LANGUAGE.fullmatch(text):
        return text
    raise ValueError(
        f"{text!r} is no language; write an ISO 639 code in small letters such as ja or en, or code, other"
    )


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


def threshold_checked(value: object) -> object:
    """The number that a rule is held against, or that it is off."""
    if value == "off" or (isinstance(value, int | float) and not isinstance(value, bool)):
        return float(value) if value != "off" else value
    raise ValueError(f"{value!r} is no threshold; write a number, or off")


def law_checked(name: str) -> str:
    """A law that `prep plan` knows too."""
    try:
        law(name)
    except BadSettings as error:
        raise ValueError(str(error)) from error
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


def _shape(value: object) -> str:
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
Edit = Literal["nfkc", "aozora_ruby", "strip_html_entities"]
WordList = Literal["advertising", "adult", "bbs", "banned", "stop_words"]
Threshold = Annotated[float | Literal["off"], BeforeValidator(threshold_checked)]
Format = Literal["parquet", "arrow", "jsonl"]


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
_ByShape = Discriminator(_shape)
LanguageOrField = Annotated[Annotated[Language, Tag(WORD)] | _Field, _ByShape]
NameOrField = Annotated[Annotated[Name, Tag(WORD)] | _Field, _ByShape]
TextOrField = Annotated[Annotated[Text, Tag(WORD)] | _Field, _ByShape]


class Source(Settings):
    """One source: where its records are and what they are."""

    path: Words = ()
    exclude: Words = ()
    format: Literal["jsonl", "parquet", "arrow", "csv", "text", "warc"] | None = None
    encoding: Annotated[str, AfterValidator(encoding_checked)] = "utf-8"
    hf: Text | None = None
    name: Text | None = None
    split: Text = "train"
    revision: Text | None = None
    language: LanguageOrField
    kind: NameOrField
    licence: TextOrField | None = None
    url: TextOrField | None = None
    fields: dict[Literal["id", "text"], Text] = {}
    edits: Annotated[tuple[Edit, ...], Several] = ()
    on_duplicate_id: Literal["fail", "qualify"] = "fail"
    max_bad: Share | None = None  # None: MAX_BAD of the records or 10 of them, whichever is more
    max_document: Bytes = MAX_DOCUMENT
    priority: int = 0
    exempt: bool = False


class Budget(Settings):
    """How many tokens the corpus holds: given, or by a law for a model of `params` parameters."""

    params: Count | None = None
    law: Annotated[str, AfterValidator(law_checked)] = DEFAULT
    tokens: Count | None = None
    in_: Name | None = Field(None, alias="in")


class Tokenizer(Settings):
    """A tokenizer file; `.tiktoken` ranks need the `pattern` that splits text, by name.

    `specials` says what a special token is that is written inside a text, such as `<|endoftext|>`.
    """

    path: Text
    pattern: Text | None = None
    specials: Literal["library", "text", "token"] = "library"

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


class Keep(Settings):
    """How a language's filtered text is kept by score: one of the two."""

    pareto: Annotated[float, Field(gt=0)] | None = None
    threshold: Share | None = None


class Train(Settings):
    """Kinds whose text the classifier learns as good, and kinds it learns as the rest."""

    reference: SomeWords
    against: SomeWords


class Quality(Settings):
    """The quality classifier: trained on the run's own sources, or a named model, never retrained."""

    train: Train | None = None
    model: dict[Language, Text] = {}
    filter: Words = ("web",)
    keep: dict[Language, Keep] = {}


class Rules(Settings):
    """Rules that filter text: profiles by language, by name or as files; see docs/rules.md."""

    profiles: Annotated[dict[Language, SomeWords], Field(min_length=1)]
    filter: Words = ("web", "code")
    override: dict[Text, Threshold] = {}
    words: dict[Language, dict[WordList, Text]] = {}
    force: Words = ()


class Dedup(Settings):
    """Which duplicates are found."""

    exact: bool = True


class Mix(Settings):
    """Shares of tokens by language, and what to do where a language is short."""

    preset: Text | None = None
    pair: Annotated[tuple[Language, Language], Several] | None = None
    code: Share | None = None
    shares: dict[Language, Share] = {}
    within: Annotated[
        Annotated[Literal["proportional"], Tag(WORD)] | Annotated[dict[Language, dict[Name, Share]], Tag(MAPPING)],
        _ByShape,
    ] = "proportional"
    max_epochs: Annotated[float, Field(ge=1, le=1000)] = (
        1.0  # not 1: the settings' JSON must not tell the default from `1`
    )
    when_short: Literal["fail", "shrink"] = "fail"


class Export(Settings):
    """What the finished corpus is written as."""

    formats: Annotated[tuple[Format, ...], Field(min_length=1), Several] = ("parquet",)
    shard: Bytes = 256_000_000


class Run(Settings):
    """A whole run file."""

    out: Text
    seed: Annotated[int, Field(ge=0, le=LARGEST)] = 0
    budget: Budget
    tokenizers: Annotated[dict[Name, Tokenizer], Field(min_length=1)]
    sources: Annotated[dict[Name, Source], Field(min_length=1)]
    quality: Quality | None = None
    rules: Rules | None = None
    dedup: Dedup = Dedup()
    mix: Mix
    export: Export = Export()
