"""`quality.keep` of a run file: how the scored text of a language or a source is kept."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from prep.filters.pareto import LARGEST_ALPHA, LEVEL
from prep.pipeline.values import Count, Settings, Share

Measure = Literal["score", "quantile", "rank"]
WAYS = ("pareto", "threshold", "share", "tokens")
AUTO, ALL = "auto", "all"
EXAMPLES = "{pareto: auto}, {pareto: 9}, {threshold: 10%}, {share: 30%}, {tokens: 20M}, or all"


def alpha_checked(value: object) -> object:
    """A number, or the word that has one solved for."""
    if value is None or value == AUTO:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no alpha; write {AUTO}, or a number such as 9 (GPT-3) or 3")
    if not 0 < value <= LARGEST_ALPHA:
        raise ValueError(f"{value!r} is outside 0 to {LARGEST_ALPHA}; GPT-3 took 9, and `all` keeps everything")
    if round(value * LEVEL) / LEVEL != value:
        raise ValueError(f"{value!r} is between two steps of {1 / LEVEL:g}; write at most two decimals")
    return float(value)


class Keep(Settings):
    """One of the ways; `on` says what alpha and threshold are of: the score, the reference quantile, or the rank."""

    pareto: Annotated[float | Literal["auto"] | None, BeforeValidator(alpha_checked)] = None
    threshold: Share | None = None
    share: Annotated[Share, Field(gt=0)] | None = None  # of the tokens, the best scored
    tokens: Count | None = None  # the best scored
    on: Measure | None = None

    @model_validator(mode="before")
    @classmethod
    def _all(cls, value: Any) -> Any:
        return {"threshold": 0.0} if value == ALL else {"pareto": AUTO} if value == AUTO else value

    @model_validator(mode="after")
    def _one(self) -> Keep:
        given = [name for name in WAYS if getattr(self, name) is not None]
        if len(given) != 1:
            much = f"{given[1]} stands beside {given[0]}" if given else "says nothing of how"
            raise ValueError(f"{much}; give one of {EXAMPLES}")
        if self.on is not None and given[0] in ("share", "tokens"):
            raise ValueError(f"`on` means nothing beside {given[0]}, which takes the best by either; drop it")
        return self

    @property
    def measure(self) -> Measure:
        """What is looked at. An alpha that is solved for is of the rank, unless `on` says otherwise."""
        return self.on or ("rank" if self.pareto == AUTO else "score")


KEEP_AUTO = Keep(pareto="auto")  # of scored text of which the run file says nothing
