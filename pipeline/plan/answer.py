"""What `prep plan` answers, as plain data: `as_json` writes it as it stands, with the unit in every name.

    found = answer(Question(params=10e9))
    found.tokens, found.laws, found.costs

Losses are in nats per token of the tokenizer that a law was fitted with, so those of two laws do not compare.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prep.pipeline.plan import cost, demand, published, sections, tables
from prep.pipeline.plan.cost import Cost, Interval, Mfu
from prep.pipeline.plan.demand import Repeated, Serving
from prep.pipeline.plan.laws import Law, flops
from prep.pipeline.plan.question import Point, Question, resolve
from prep.pipeline.plan.sections import Beside, Judged, Layers, Stored

SCHEMA = "prep-plan/1"
INNER = 0.8  # share of the bootstrap samples of a law of one's own that an interval holds


@dataclass(frozen=True)
class ByLaw:
    """One law's advice: its optimum for what was asked, and what it says of a plan that is judged."""

    law: str
    title: str
    source: str
    warning: str
    counts_params: str
    params: float
    tokens: float
    tokens_per_param: float
    flops: float
    loss_nats_per_token: float | None
    times_outside_fitted: float
    printed_tokens: float | None = None
    tokens_low: float | None = None
    tokens_high: float | None = None
    plan_tokens_over_optimum: float | None = None
    plan_loss_nats_per_token: float | None = None


@dataclass(frozen=True)
class Answer:
    """A plan. `params` are all parameters, `active_params` those a token passes through where they are fewer."""

    asked: str
    law: str
    params: float
    active_params: float | None
    tokens: float
    flops: float
    tokens_per_param: float
    tokens_per_active_param: float | None
    flops_interval: Interval | None
    laws: tuple[ByLaw, ...]
    judged: Judged | None
    mfu: Mfu
    costs: tuple[Cost, ...]
    stored: Stored
    layers: Layers | None
    inference: Serving | None
    repetition: Repeated | None
    known_models: tuple[Beside, ...]
    notes: tuple[str, ...] = ()

    @property
    def chosen(self) -> ByLaw:
        """The advice of the law that was asked for."""
        return self.laws[0]


def answer(question: Question) -> Answer:
    """The whole plan.

    Errors: BadSettings.
    """
    law = published.law(question.law)
    point = resolve(question, law)
    active = question.active_params
    params = point.params if active is None or question.params is None else question.params
    laws = _laws(law)
    return Answer(
        asked=point.asked,
        law=law.name,
        params=params,
        active_params=active,
        tokens=point.tokens,
        flops=point.flops,
        tokens_per_param=point.tokens / params,
        tokens_per_active_param=None if active is None else point.tokens / active,
        flops_interval=point.spread,
        laws=tuple(_by_law(each, point, question.law) for each in laws),
        judged=sections.judged(point, law) if point.judged else None,
        mfu=question.hardware.utilisation,
        costs=tuple(
            cost.cost(point.flops, kind, question.hardware.utilisation, question.hardware.rates)
            for kind in question.hardware.kinds()
        ),
        stored=sections.stored(point.tokens, question.text),
        layers=sections.layers(point, params, question.architecture),
        inference=demand.serving(point, laws, question),
        repetition=demand.repeated(point, question.supply),
        known_models=tuple(sections.beside(each) for each in tables.like(params)),
        notes=tuple(sections.notes(point, law, question)),
    )


def _laws(chosen: Law) -> list[Law]:
    """The law that was asked for, then all others."""
    return [chosen, *(each for each in published.LAWS.values() if each.name != chosen.name)]


def _by_law(law: Law, point: Point, name: str) -> ByLaw:
    if point.asked == "tokens":
        params, tokens = law.params(point.tokens), point.tokens
    elif point.asked in ("flops", "hardware"):
        params, tokens = law.optimum(point.spread.likely if point.spread else point.flops)
    else:
        params, tokens = point.params, law.tokens(point.params)
    low, high = _interval(law, name, point)
    return ByLaw(
        law=law.name,
        title=law.title,
        source=law.source,
        warning=law.warning,
        counts_params=law.counts,
        params=params,
        tokens=tokens,
        tokens_per_param=tokens / params,
        flops=flops(params, tokens),
        loss_nats_per_token=law.loss(params, tokens),
        times_outside_fitted=law.fitted.beyond(params, tokens),
        printed_tokens=next((row[1] for row in law.printed if abs(row[0] / params - 1) < 1e-6), None),
        tokens_low=low,
        tokens_high=high,
        plan_tokens_over_optimum=point.tokens / tokens if point.judged else None,
        plan_loss_nats_per_token=law.loss(point.params, point.tokens) if point.judged else None,
    )


def _interval(law: Law, name: str, point: Point) -> tuple[float | None, float | None]:
    """Of a law of one's own with bootstrap samples: the tokens that the inner 80% of them ask for."""
    if law.name != published.law(name).name or not Path(name).is_file() or point.asked == "tokens":
        return None, None
    from prep.pipeline.plan import lawfile

    laws = lawfile.read(name).resampled()
    by_compute = point.asked in ("flops", "hardware")
    found = sorted(each.optimum(point.flops).tokens if by_compute else each.tokens(point.params) for each in laws)
    if not found:
        return None, None
    edge = int(len(found) * (1 - INNER) / 2)
    return found[edge], found[-1 - edge]


def as_json(found: Answer) -> dict[str, Any]:
    """The answer for programs; docs/planning.md says what each key holds."""
    return {"schema": SCHEMA, **asdict(found)}
