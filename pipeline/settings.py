"""The run file as frozen, typed settings. Reading and error reporting live in `runfile.py`.

What one value must look like is held in `values.py`; what the parts say about each other in `crosscheck.py`. A new key
needs a line in `configs/template.yaml` too; a test compares the two.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, Tag, model_validator

from prep.errors import BadSettings
from prep.pipeline.keeping.ask import Keep
from prep.pipeline.mixing.ask import Mix, Phase
from prep.pipeline.plan.published import DEFAULT, law
from prep.pipeline.sizing.ask import Exclude, Validation
from prep.pipeline.values import (
    LARGEST,
    MAPPING,
    WORD,
    ByShape,
    Bytes,
    Count,
    Language,
    LanguageOrField,
    Name,
    NameOrField,
    Settings,
    Several,
    Share,
    SomeWords,
    Text,
    TextOrField,
    Words,
    encoding_checked,
)

MAX_DOCUMENT = 8_000_000  # bytes of text; the reference tokenizers take 60 to 130 times a document's size
MAX_BAD = 0.001  # of a source's records; see `Source.max_bad`

Edit = Literal["nfkc", "aozora_ruby", "strip_html_entities", "mask_pii", "c4_lines"]
Format = Literal["parquet", "arrow", "jsonl"]
WordList = Literal["advertising", "adult", "bbs", "banned", "stop_words"]


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


Threshold = Annotated[float | Literal["off"], BeforeValidator(threshold_checked)]


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
    """How many tokens the corpus holds: given, or by a law for a model of `params` parameters.

    With `eod` a document costs its tokens and so many more wherever tokens are added up: available, asked, cut.
    `exact` cuts documents so that the sum is met; `choose` says which documents of a source are taken.
    """

    params: Count | None = None
    law: Annotated[str, AfterValidator(law_checked)] = DEFAULT
    tokens: Count | None = None
    in_: Name | None = Field(None, alias="in")
    eod: Annotated[int, Field(ge=0, le=2)] = 0  # tokens that the trainer adds to each document
    exact: bool = False
    choose: Literal["draw", "quality"] = "draw"


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


class Train(Settings):
    """Kinds whose text the classifier learns as good, and kinds it learns as the rest; `shared`: one model for all."""

    reference: SomeWords
    against: SomeWords
    shared: bool = False


class Quality(Settings):
    """The quality classifier: trained on the run's own sources, or a named model, never retrained."""

    train: Train | None = None
    model: dict[Language, Text] = {}
    filter: Words = ("web",)
    keep: dict[Name, Keep] = {}  # by language or source; scored text of which it says nothing is kept by `auto`


class Rules(Settings):
    """Rules that filter text: profiles by language, by name or as files; see docs/rules.md."""

    profiles: Annotated[dict[Language, SomeWords], Field(min_length=1)]
    filter: Words = ("web", "code")
    override: dict[Text, Threshold] = {}
    words: dict[Language, dict[WordList, Text]] = {}
    force: Words = ()


class Identify(Settings):
    """What tells the language of each document, and how much of one must be in the language that it is declared in.

    Without `keep`, what is found is counted and nothing is left out for it.
    """

    by: Literal["cld2"] | None = None
    model: Text | None = None
    keep: Annotated[Annotated[Share, Tag(WORD)] | Annotated[dict[Name, Share], Tag(MAPPING)], ByShape] | None = (
        None  # of all, or by source, language or `rest`
    )

    @property
    def least(self) -> dict[str, float]:
        """By source, language or `rest`."""
        keep = {"rest": self.keep} if isinstance(self.keep, float) else self.keep or {}
        return dict(sorted(keep.items()))


class Dedup(Settings):
    """Which duplicates are found."""

    exact: bool = True


class Export(Settings):
    """What the finished corpus is written as."""

    formats: Annotated[tuple[Format, ...], Field(min_length=1), Several] = ("parquet",)
    shard: Bytes = 256_000_000
    order: Literal["interleaved", "curriculum", "shuffle"] = "interleaved"
    layout: Literal["one", "by_cell"] = "one"
    repeats: Literal["copies", "weights"] = "copies"


class Run(Settings):
    """A whole run file."""

    out: Text
    seed: Annotated[int, Field(ge=0, le=LARGEST)] = 0
    budget: Budget
    tokenizers: Annotated[dict[Name, Tokenizer], Field(min_length=1)]
    sources: Annotated[dict[Name, Source], Field(min_length=1)]
    quality: Quality | None = None
    rules: Rules | None = None
    identify: Identify | None = None
    dedup: Dedup = Dedup()
    exclude: Exclude | None = None
    validation: Validation | None = None
    mix: Mix
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)] | None = None  # None: the corpus is one
    export: Export = Export()

    @property
    def budgeted(self) -> str:
        """The name of the tokenizer whose tokens are the budget's.

        Errors: BadSettings.
        """
        name = self.budget.in_ or next(iter(self.tokenizers))
        if name not in self.tokenizers:
            raise BadSettings(f"budget.in: {name!r} is no tokenizer of the run file")
        return name
