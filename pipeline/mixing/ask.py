"""What a run file may ask of the mix: `mix:` as frozen, typed settings, each amount in the words that people use.

A level parts its tokens among names: languages (or groups), then kinds or sources, then what is in those. What a name
gets is a share (`5%`), parts beside other parts (`7 parts`), its own tokens so many times beside others' (`3x`), or a
fixed amount (`2 epochs`, `5M tokens`); `rest` takes what is left, by a way of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, Tag, model_validator

from prep.pipeline.findings import near
from prep.pipeline.numbers import FULL_WIDTH, LONGEST, parse_count, parse_share
from prep.pipeline.values import (
    MAPPING,
    WORD,
    ByShape,
    Count,
    Language,
    Name,
    Settings,
    Several,
    Share,
    SomeWords,
    Text,
)

CODE_SHARE = 0.2  # of a preset's tokens: equal is 40/40/20, enplus 60/20/20
REST = "rest"
PROPORTIONAL, UNIMAX, TEMPERATURE = "proportional", "unimax", "temperature"
WAYS = (PROPORTIONAL, UNIMAX, f"{TEMPERATURE} 3.33")
PARTS = "5%, 7 parts, 3x, 2 epochs or 5M tokens"

AMOUNT = re.compile(r"(?P<number>[-.0-9].*?) *(?P<unit>parts?|x|epochs?|tokens?)")
FIELDS = {"part": "weight", "x": "times", "epoch": "epochs", "token": "tokens"}


def way_checked(text: str) -> str:
    """`proportional`, `unimax`, or `temperature` and a number, in one spelling."""
    word, _, number = " ".join(text.split()).partition(" ")
    if word in (PROPORTIONAL, UNIMAX) and not number:
        return word
    if word != TEMPERATURE:
        close = near(word, (PROPORTIONAL, UNIMAX, TEMPERATURE))
        meant = f"nearest: {close}" if close else f"write {', '.join(WAYS)}, or name who gets what"
        raise ValueError(f"{text!r} is no way to part tokens; {meant}")
    try:
        degree = float(number)
    except ValueError as error:
        raise ValueError(f"{text!r} needs a number behind it, such as {WAYS[-1]}") from error
    if not 0.01 <= degree <= 1000:
        raise ValueError(f"{text!r} is outside 0.01 to 1000; 1 is proportional, more is more even")
    return f"{TEMPERATURE} {degree!r}".removesuffix(".0")


def worded(value: object) -> object:
    """An amount as people write it, spelt out: `2 epochs` is `{epochs: 2}`, `5%` is `{share: 5%}`."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    text = str(value).translate(FULL_WIDTH).strip().lower()
    found = AMOUNT.fullmatch(text) if len(text) <= LONGEST else None
    if found is not None:
        field = FIELDS[found["unit"].removesuffix("s")]
        return {field: _number(value, found["number"], parse_count if field == "tokens" else float)}
    if isinstance(value, str) and re.fullmatch("[a-z].*", text):
        return {"within": value}
    try:
        return {"share": parse_share(value)}
    except ValueError as error:
        raise ValueError(f"{value!r} is no share from 0 to 1, and no amount; write {PARTS}") from error


def _number(value: object, text: str, read: Callable[[str], float]) -> float:
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"{value!r} is no amount; write {PARTS}") from error


def _temperature(value: object) -> object:
    """`{temperature: 3.33}` is how other tools have it."""
    alone = isinstance(value, dict) and value.keys() == {TEMPERATURE} and isinstance(value[TEMPERATURE], int | float)
    return f"{TEMPERATURE} {value[TEMPERATURE]}" if alone else value  # type: ignore[index]


class Part(Settings):
    """What a name gets of its level; `epochs` beside a share or a weight are those that somebody printed, checked."""

    share: Share | None = None
    weight: Annotated[float, Field(ge=0)] | None = None
    times: Annotated[float, Field(ge=0)] | None = None
    tokens: Count | None = None
    epochs: Annotated[float, Field(gt=0)] | None = None
    within: Level = PROPORTIONAL

    @model_validator(mode="before")
    @classmethod
    def _worded(cls, value: Any) -> Any:
        return worded(value)

    @model_validator(mode="after")
    def _one_amount(self) -> Part:
        given = [name for name in ("share", "weight", "times", "tokens") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{given[1]} stands beside {given[0]}; give one of them")
        if self.epochs is not None and given and given[0] in ("times", "tokens"):
            raise ValueError(f"epochs stand beside {given[0]}; give one of them")
        return self

    @property
    def fixed(self) -> bool:
        """Whether it gets the same number of tokens whatever the corpus has."""
        return self.tokens is not None or (self.epochs is not None and self.share is None and self.weight is None)

    @property
    def amount(self) -> str | None:
        """Which kind of amount it is: share, weight, times, fixed; None: none is given."""
        if self.fixed:
            return "fixed"
        return next((name for name in ("share", "weight", "times") if getattr(self, name) is not None), None)


Way = Annotated[str, AfterValidator(way_checked)]
Level = Annotated[
    Annotated[Way, Tag(WORD)] | Annotated[dict[Name, Part], Tag(MAPPING)], ByShape, BeforeValidator(_temperature)
]
Part.model_rebuild()


class Floor(Settings):
    """At least so much of a source, whatever its share comes to."""

    tokens: Count | None = None
    epochs: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _worded(cls, value: Any) -> Any:
        return worded(value)

    @model_validator(mode="after")
    def _one_amount(self) -> Floor:
        if (self.tokens is None) == (self.epochs is None):
            raise ValueError("a floor is tokens or epochs; write `5M tokens` or `1 epoch`")
        return self


Epochs = Annotated[float, Field(ge=1, le=1000)]
SomeEpochs = Annotated[float, Field(gt=0, le=1000)]


Short = Literal["fail", "fill_within_language", "fill_all", "shrink"]


class Parting(Settings):
    """Who gets what of some tokens: a preset or shares, what is in those, and the least that somebody must have."""

    preset: Text | None = None
    pair: Annotated[tuple[Language, Language], Several] | None = None
    code: Share | None = None
    shares: Level = {}
    within: Annotated[
        Annotated[Way, Tag(WORD)] | Annotated[dict[Name, Level], Tag(MAPPING)], ByShape, BeforeValidator(_temperature)
    ] = PROPORTIONAL
    floors: dict[Name, Floor] = {}


class Mix(Parting):
    """How the corpus's tokens are parted, how often a document may come again, and what to do where text is short."""

    groups: dict[Name, SomeWords] = {}
    max_epochs: Annotated[Annotated[Epochs, Tag(WORD)] | Annotated[dict[Name, SomeEpochs], Tag(MAPPING)], ByShape] = (
        1.0  # not 1: the settings' JSON must not tell the default from `1`
    )
    when_short: Short = "fail"


class PhaseMix(Parting):
    """Who gets what of a phase; what the run's `mix` says of groups and epochs holds for the whole corpus."""

    when_short: Short | None = None  # None: as the run's mix has it

    @model_validator(mode="before")
    @classmethod
    def _of_the_corpus(cls, value: Any) -> Any:
        for key in ("groups", "max_epochs"):
            if isinstance(value, dict) and key in value:
                raise ValueError(f"{key} hold for the whole corpus, all phases together; write them in the run's `mix`")
        return value


class Phase(Settings):
    """A stretch of the corpus: so much of the budget, or what the others leave, by a mix of its own or the run's."""

    name: Name
    share: Share | None = None
    tokens: Count | None = None
    mix: PhaseMix | None = None

    @model_validator(mode="after")
    def _one_amount(self) -> Phase:
        if self.share is not None and self.tokens is not None:
            raise ValueError("tokens stand beside share; give one of them, or neither: the phase takes the rest")
        return self
