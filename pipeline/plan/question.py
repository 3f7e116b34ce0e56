"""What is asked of the planner, and the model, tokens and FLOPs that it comes to under one law."""

from __future__ import annotations

from dataclasses import dataclass, field

from prep.errors import BadSettings
from prep.pipeline.plan import cost, published, tables
from prep.pipeline.plan.cost import Interval, Mfu, Rates
from prep.pipeline.plan.laws import Law, flops
from prep.pipeline.plan.repetition import Part
from prep.pipeline.plan.shape import Shape
from prep.pipeline.plan.tables import Accelerator

USUAL_ACCELERATORS = ("a100", "h100-sxm")


@dataclass(frozen=True)
class Hardware:
    """What trains: one or several kinds of accelerator to compare, how many, how long, at what utilisation."""

    accelerators: tuple[str, ...] = USUAL_ACCELERATORS
    number: float | None = None
    days: float | None = None
    mfu: float | None = None
    watts: float | None = None
    price_per_hour: float | None = None

    @property
    def utilisation(self) -> Mfu:
        """As given, or that of known runs."""
        return cost.of_known_runs() if self.mfu is None else cost.given(self.mfu)

    @property
    def rates(self) -> Rates:
        """What a day of one accelerator is multiplied by."""
        return Rates(self.number, self.days, self.watts, self.price_per_hour)

    def kinds(self) -> list[Accelerator]:
        """The accelerators by their names."""
        return [tables.accelerator(name) for name in self.accelerators]

    def budget(self) -> Interval | None:
        """FLOPs of so many accelerators in so many days; None where either is not given.

        Errors: BadSettings, where it is not said which accelerator.
        """
        if self.number is None or self.days is None:
            return None
        if len(self.accelerators) != 1:
            raise BadSettings(
                "--gpus and --days make a budget of one kind of accelerator; add --gpu, such as --gpu a100"
            )
        return cost.affordable(self.kinds()[0], self.number * self.days, self.utilisation)


@dataclass(frozen=True)
class Served:
    """What the model will serve, and what that costs beside training; no prices: FLOPs are weighed alike."""

    tokens: float | None = None
    requests: float | None = None
    prompt_tokens: float = 0.0
    answer_tokens: float = 0.0
    price_per_hour: float | None = None
    accelerator: str | None = None
    peak_flops_per_s: float | None = None
    prefill_mfu: float | None = None
    decode_mfu: float | None = None

    @property
    def in_all(self) -> tuple[float, float]:
        """Tokens of prompts and of answers; tokens that do not say which are answers."""
        if self.requests is not None:
            return self.requests * self.prompt_tokens, self.requests * self.answer_tokens
        return 0.0, self.tokens or 0.0

    @property
    def _rates(self) -> tuple[float | str | None, ...]:
        return self.price_per_hour, self.accelerator, self.peak_flops_per_s, self.prefill_mfu, self.decode_mfu

    @property
    def priced(self) -> bool:
        """Whether training and serving differ in machine, price or utilisation."""
        return any(each is not None for each in self._rates)


@dataclass(frozen=True)
class Architecture:
    """What is known of the model's shape; `vocabulary` and `d_model` alone count the embeddings."""

    vocabulary: int | None = None
    d_model: int | None = None
    untied: bool = False
    shape: Shape | None = None


@dataclass(frozen=True)
class Text:
    """Bytes a token measured by language, from a finished count; and where it was read."""

    folder: str
    tokenizer: str
    bytes_per_token: dict[str, float]


@dataclass(frozen=True)
class Supply:
    """The unique tokens there are, in all or by name; `parts` hold each name's share of the training tokens."""

    unique: dict[str, float]
    shares: dict[str, float] = field(default_factory=dict)

    def parts(self, tokens: float) -> dict[str, Part]:
        """How the tokens of a plan fall on what there is: by share, or in proportion."""
        whole = sum(self.unique.values())
        shares = self.shares or {name: unique / whole for name, unique in self.unique.items()}
        return {name: Part(tokens * share, self.unique[name]) for name, share in shares.items() if share > 0}


@dataclass(frozen=True)
class Question:
    """A plan as it is asked for. Give one of params, tokens, flops or a hardware budget, or two to have them judged."""

    params: float | None = None
    tokens: float | None = None
    flops: float | None = None
    active_params: float | None = None
    law: str = published.DEFAULT
    hardware: Hardware = Hardware()
    architecture: Architecture = Architecture()
    served: Served | None = None
    supply: Supply | None = None
    text: Text | None = None


@dataclass(frozen=True)
class Point:
    """N (those that compute, where some are inactive), D and 6·N·D; `judged` where the law had no say in it."""

    params: float
    tokens: float
    flops: float
    asked: str
    judged: bool
    spread: Interval | None = None  # of the FLOPs, where they come from hardware of uncertain utilisation


def resolve(question: Question, law: Law) -> Point:
    """What the question comes to under a law.

    Errors: BadSettings, where it says too little, too much, or what cannot be.
    """
    params, spread = _computing(question), question.hardware.budget()
    if question.flops is not None and spread is not None:
        raise BadSettings("--flops and --gpus with --days are two budgets of compute; give one of them")
    compute = question.flops if spread is None else spread.likely
    if params is not None and question.tokens is not None:
        if question.flops is not None:
            raise BadSettings("--params, --tokens and --flops: two of them make the third; drop one")
        return Point(params, question.tokens, flops(params, question.tokens), "params+tokens", judged=True)
    if compute is not None:
        return _of_compute(question, law, compute, spread)
    if params is not None:
        tokens = law.tokens(params)
        return Point(params, tokens, flops(params, tokens), "params", judged=False)
    if question.tokens is not None:
        params = law.params(question.tokens)
        return Point(params, question.tokens, flops(params, question.tokens), "tokens", judged=False)
    raise BadSettings("say what is known: --params 10B, --tokens 1T, --flops 1e22, or --gpu a100 --gpus 64 --days 30")


def _computing(question: Question) -> float | None:
    if question.active_params is None:
        return question.params
    if question.params is None:
        raise BadSettings("--active-params goes with --params, the parameters of all experts together")
    if question.active_params > question.params:
        raise BadSettings(
            f"--active-params {question.active_params:.6g} are more than --params {question.params:.6g}; "
            "active parameters are those that one token passes through"
        )
    return question.active_params


def _of_compute(question: Question, law: Law, compute: float, spread: Interval | None) -> Point:
    asked = "flops" if spread is None else "hardware"
    params = _computing(question)
    if params is not None:
        return Point(params, compute / (6 * params), compute, f"params+{asked}", judged=True, spread=spread)
    if question.tokens is not None:
        params = compute / (6 * question.tokens)
        return Point(params, question.tokens, compute, f"tokens+{asked}", judged=True, spread=spread)
    best = law.optimum(compute)
    return Point(best.params, best.tokens, flops(*best), asked, judged=False, spread=spread)
