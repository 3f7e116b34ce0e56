"""The parts of a plan that demand and supply bring: what will be served, and how little unique text there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prep.pipeline.plan import inference, repetition, tables
from prep.pipeline.plan.laws import Chinchilla, Law
from prep.pipeline.plan.question import Point, Question, Served, Supply

USUAL_DECODE_MFU = 0.01  # Sardana et al. 2024, section 3.1


@dataclass(frozen=True)
class ServedByLaw:
    """Under one law, the model asked about and the cheapest of the same loss, training and serving together."""

    law: str
    title: str
    before_params: float
    before_tokens: float
    params: float
    tokens: float
    tokens_per_param: float
    times_the_tokens: float
    saving_share: float
    training_flops: float
    serving_flops: float
    extreme: bool
    price_before: float | None = None
    price_after: float | None = None


@dataclass(frozen=True)
class Serving:
    """What serving asks for; `weighed_tokens` are those served, by what their FLOP costs beside one of training."""

    served_tokens: float
    weighed_tokens: float
    by: str
    laws: tuple[ServedByLaw, ...]


@dataclass(frozen=True)
class RepeatedPart:
    """One language or source."""

    name: str
    unique_tokens: float
    tokens: float
    epochs: float
    effective_tokens: float


@dataclass(frozen=True)
class Repeated:
    """What repeating too few unique tokens comes to (Muennighoff et al. 2023), in all and by part."""

    whole: repetition.Repetition
    parts: tuple[RepeatedPart, ...]


def serving(point: Point, laws: Sequence[Law], question: Question) -> Serving | None:
    """What serving asks for under every law that has a loss; None where nothing is said of serving."""
    served = question.served
    if served is None:
        return None
    prices = _prices(served, question)
    prompt, answers = served.in_all
    weight = prices.weight(prompt, answers) if prices else prompt + answers
    rows = [_served(law, law.surface, point, weight, prices) for law in laws if isinstance(law.surface, Chinchilla)]
    return Serving(prompt + answers, weight, "price" if prices else "FLOPs", tuple(rows))


def _prices(served: Served, question: Question) -> inference.Prices | None:
    if not served.priced:
        return None
    hardware = question.hardware
    train = hardware.kinds()[0]
    serve = tables.accelerator(served.accelerator) if served.accelerator else train
    mfu, price = hardware.utilisation.middle, hardware.price_per_hour or 1.0
    return inference.Prices(
        train_per_hour=price,
        serve_per_hour=served.price_per_hour or price,
        train_peak=train.peak_flops_per_s,
        serve_peak=served.peak_flops_per_s or serve.peak_flops_per_s,
        train_mfu=mfu,
        prefill_mfu=served.prefill_mfu or mfu,
        decode_mfu=served.decode_mfu or USUAL_DECODE_MFU,
    )


def _served(law: Law, loss: Chinchilla, point: Point, weight: float, prices: inference.Prices | None) -> ServedByLaw:
    tokens = point.tokens if point.judged else law.tokens(point.params)
    found = inference.trade(loss, point.params, tokens, weight)
    after = found.after
    money = [None, None] if prices is None else [prices.money(each.total) for each in (found.before, after)]
    return ServedByLaw(
        law=law.name,
        title=law.title,
        before_params=point.params,
        before_tokens=tokens,
        params=after.params,
        tokens=after.tokens,
        tokens_per_param=after.tokens / after.params,
        times_the_tokens=found.more_tokens,
        saving_share=found.saving,
        training_flops=after.training,
        serving_flops=after.serving,
        extreme=found.extreme,
        price_before=money[0],
        price_after=money[1],
    )


def repeated(point: Point, supply: Supply | None) -> Repeated | None:
    """What repeating too few unique tokens comes to; None where nothing is said of them."""
    if supply is None:
        return None
    parts = supply.parts(point.tokens)
    rows = [
        RepeatedPart(name, part.unique, part.tokens, part.tokens / part.unique, repetition.worth(*part))
        for name, part in parts.items()
    ]
    return Repeated(repetition.repetition(point.params, list(parts.values())), tuple(rows))
