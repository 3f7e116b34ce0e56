"""The parts of a plan beside the laws: what a surplus buys, disk, layers, known models, notes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from prep.errors import BadSettings
from prep.pipeline.numbers import format_count
from prep.pipeline.plan import inference, published, shape, tables
from prep.pipeline.plan.check import known_error
from prep.pipeline.plan.laws import Chinchilla, Law, flops
from prep.pipeline.plan.question import Architecture, Point, Question, Text

SMALL_VOCABULARY = 65_536  # ids of a vocabulary up to here fit into two bytes
FAR = 3.0  # times beyond what a law was fitted on: worth a word


@dataclass(frozen=True)
class Judged:
    """N and D that were both given, against the optimum: what the tokens too many or too few do."""

    optimal_tokens: float
    tokens_over_optimum: float
    surplus_tokens: float
    loss_law: str
    loss_law_title: str
    loss_nats_per_token: float
    loss_at_optimal_tokens: float
    same_flops_params: float
    same_flops_tokens: float
    same_flops_loss: float
    same_loss_params: float
    same_loss_tokens: float
    same_loss_flops: float


@dataclass(frozen=True)
class TextBytes:
    """What the tokens are as text, in bytes, from `low` to `high`; equal where measured."""

    language: str
    tokenizer: str
    bytes_per_token_low: float
    bytes_per_token_high: float
    bytes_low: float
    bytes_high: float
    source: str


@dataclass(frozen=True)
class Stored:
    """Disk for the text and for the ids."""

    texts: tuple[TextBytes, ...]
    ids_uint16_bytes: float
    ids_uint32_bytes: float
    largest_uint16_vocabulary: int = SMALL_VOCABULARY


@dataclass(frozen=True)
class Layers:
    """What the shape says: parameters without embeddings, and FLOPs counted by layer."""

    embedding_params: int | None
    non_embedding_params: float | None
    exact_flops: float | None
    exact_over_6nd: float | None
    exact_flops_with_vocabulary: float | None


@dataclass(frozen=True)
class Beside:
    """A known model of like size."""

    name: str
    year: int
    params: float
    active_params: float | None
    tokens: float
    tokens_per_param: float
    source: str


def with_loss(law: Law) -> tuple[str, Chinchilla]:
    """The law's loss; for a law that is a frontier alone that of the replication, which comes nearest to approach 1."""
    if isinstance(law.surface, Chinchilla):
        return law.name, law.surface
    return "besiroglu", published.BESIROGLU


def judged(point: Point, law: Law) -> Judged:
    """What a plan's tokens too many or too few do."""
    name, loss = with_loss(law)
    frontier = published.law(name) if name != law.name else law
    level, optimal = loss(point.params, point.tokens), law.tokens(point.params)
    best = frontier.optimum(point.flops)
    equal = _same_loss(frontier, loss, level)
    return Judged(
        optimal_tokens=optimal,
        tokens_over_optimum=point.tokens / optimal,
        surplus_tokens=point.tokens - optimal,
        loss_law=name,
        loss_law_title=frontier.title,
        loss_nats_per_token=level,
        loss_at_optimal_tokens=loss(point.params, optimal),
        same_flops_params=best.params,
        same_flops_tokens=best.tokens,
        same_flops_loss=loss(*best),
        same_loss_params=equal[0],
        same_loss_tokens=equal[1],
        same_loss_flops=flops(*equal),
    )


def _same_loss(frontier: Law, loss: Chinchilla, level: float) -> tuple[float, float]:
    """The compute-optimal model of this loss: where the frontier, on which loss falls with compute, reaches it."""
    low, high = 0.0, 200.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if loss(*frontier.optimum(math.exp(middle))) > level else (low, middle)
    return frontier.optimum(math.exp(high))


def stored(tokens: float, text: Text | None) -> Stored:
    """Disk for the text, measured where it was counted and else by what is usual, and for the ids."""
    measured = {} if text is None else text.bytes_per_token
    rows = [
        TextBytes(name, f"{text.tokenizer}, measured", ratio, ratio, ratio * tokens, ratio * tokens, text.folder)
        for name, ratio in measured.items()
        if text is not None
    ]
    usual = [
        TextBytes(
            each.language, each.tokenizer, each.low, each.high, each.low * tokens, each.high * tokens, each.source
        )
        for each in tables.text_sizes()
        if each.language not in measured
    ]
    return Stored((*rows, *usual), 2 * tokens, 4 * tokens)


def layers(point: Point, params: float, given: Architecture) -> Layers | None:
    """What the shape says; None where none is given.

    Errors: BadSettings, where it has more embeddings than the model has parameters.
    """
    if given.shape is None and (given.vocabulary is None or given.d_model is None):
        return None
    width = given.d_model or (given.shape.d_model if given.shape else 0)
    vocabulary = given.vocabulary
    embeddings = None if vocabulary is None else shape.embedding_params(vocabulary, width, 2 if given.untied else 1)
    if embeddings is not None and embeddings >= params:
        raise BadSettings(
            f"--vocab and --d-model make {format_count(embeddings)} of embeddings, but the model has "
            f"{format_count(params)} parameters in all; --params counts embeddings too"
        )
    exact = whole = None
    if given.shape is not None:
        exact = shape.training_flops(given.shape, point.tokens)
        whole = None if vocabulary is None else shape.training_flops(given.shape, point.tokens, vocabulary)
    return Layers(
        embedding_params=embeddings,
        non_embedding_params=None if embeddings is None else params - embeddings,
        exact_flops=exact,
        exact_over_6nd=None if exact is None else exact / point.flops,
        exact_flops_with_vocabulary=whole,
    )


def beside(model: tables.Model) -> Beside:
    """A known model, as it stands beside a plan."""
    tokens = model.tokens or 0.0
    return Beside(
        model.name, model.year, model.params, model.active_params, tokens, tokens / model.params, model.source
    )


def notes(point: Point, law: Law, question: Question) -> Iterator[str]:
    """What a reader should know before trusting the numbers."""
    error = known_error(params=point.params, tokens=point.tokens) if point.judged else None
    if error:
        yield f"a figure that goes around and is wrong: {error}"
    if law.warning:
        yield f"{law.title}: {law.warning}"
    beyond = law.fitted.beyond(point.params, point.tokens)
    if beyond > FAR:
        yield f"{format_count(float(f'{beyond:.2g}'))} times beyond what {law.title} was fitted on: an extrapolation"
    if question.active_params is not None:
        yield (
            f"a mixture of experts: compute and laws are those of the {format_count(question.active_params)} active "
            "parameters; the laws were fitted on dense models, so this is an extrapolation"
        )
    if point.tokens / point.params > inference.EXTREME_RATIO:
        yield "beyond 500 tokens a parameter laws promise more than tokens bring (arXiv:2401.00448, table 1)"
    budget = question.hardware.budget()
    if point.asked == "params+tokens" and budget is not None:
        yield f"it takes {point.flops / budget.likely:.2g} times the FLOPs that the hardware makes in the days given"
