"""From a budget as the run file words it to a number of tokens."""

from __future__ import annotations

from prep.errors import BadSettings
from prep.pipeline.plan import published
from prep.pipeline.settings import Budget


def tokens(budget: Budget) -> int:
    """The tokens that the corpus may hold: as given, or as a law finds best for a model of `params` parameters."""
    if budget.tokens is not None:
        return budget.tokens
    if budget.params is None:
        raise BadSettings("budget: give `tokens`, or `params` with a `law`")
    return round(published.law(budget.law).tokens(budget.params))
