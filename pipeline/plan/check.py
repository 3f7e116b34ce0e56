"""Whether a claim can be right: against known models, the laws, and what a token holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prep.pipeline.numbers import format_bytes, format_count
from prep.pipeline.plan import cost, published, tables
from prep.pipeline.plan.claims import Claim, read
from prep.pipeline.plan.laws import flops
from prep.pipeline.plan.tables import Model

Judgement = Literal["as published", "plausible", "questionable", "wrong"]

SAME_CLAIM = 0.01  # figures that go around are copied as they stand
SAME_SIZE, SAME_TOKENS = 0.05, 0.1  # a "7B" has 6.7B; 1.3T and 1.4T are the same Chinchilla
OFF_OPTIMUM = 2.0  # published laws differ by as much
ORDINARY_RATIO = 500.0  # tokens a parameter; of the known models only small ones of late go beyond
TEXT_LOW, TEXT_HIGH = 1.9, 7.5  # bytes a token of natural text, all languages and tokenizers measured
COMPRESSED_HIGH = 2.2  # gzip makes text 2 to 2.6 times smaller, and 1.0 to 2.2 bytes a token of the rest
SLIPS = ((1, -1), (-1, 1), (1, 0), (-1, 0), (0, 1), (0, -1))  # powers of ten by which N and D may be off


@dataclass(frozen=True)
class Verdict:
    """The claim, what is made of it, why (most important first), and what it comes to."""

    claim: str
    judgement: Judgement
    reasons: tuple[str, ...]
    params: float | None = None
    tokens: float | None = None
    bytes: float | None = None
    tokens_per_param: float | None = None
    flops: float | None = None
    optimal_tokens: float | None = None
    bytes_per_token: float | None = None
    accelerator_days: float | None = None
    affordable_tokens: cost.Interval | None = None


def check(text: str) -> Verdict:
    """Judge a claim.

    Errors: BadSettings, where it cannot be read.
    """
    claim = read(text)
    if claim.value("bytes") is not None:
        return _text(claim)
    if claim.value("accelerator_days") is not None:
        return _cost(claim)
    return _training(claim)


def _training(claim: Claim) -> Verdict:
    params, tokens = claim.value("params") or 0.0, claim.value("tokens") or 0.0
    optimal = published.LAWS[published.DEFAULT].tokens(params)
    judgement, reasons = _judged(claim, params, tokens, optimal)
    return Verdict(
        claim.text, judgement, tuple(reasons), params=params, tokens=tokens, tokens_per_param=tokens / params,
        flops=flops(params, tokens), optimal_tokens=optimal,
    )  # fmt: skip


def _judged(claim: Claim, params: float, tokens: float, optimal: float) -> tuple[Judgement, list[str]]:
    against = _against_optimum(params, tokens, optimal)
    error = known_error(params=params, tokens=tokens)
    if error:
        return "wrong", [error, against]
    if claim.model is not None and not _same(claim.model, params, tokens):
        return "wrong", [f"{_shown(claim.model)} is what was published ({claim.model.source})", against]
    model = next((each for each in tables.models() if _same(each, params, tokens)), None)
    if model:
        note = f"; {model.note}" if model.note else ""
        return "as published", [f"{_shown(model)} ({model.source}{note})", against]
    if tokens / optimal >= 1 / OFF_OPTIMUM and tokens / params <= ORDINARY_RATIO:
        return "plausible", [against, *_company(params, tokens)]
    slip = _slip(params, tokens)
    return "questionable", [*([slip] if slip else []), against, *_company(params, tokens)]


def _against_optimum(params: float, tokens: float, optimal: float) -> str:
    ratio = tokens / optimal
    side = "over" if ratio >= 1 else "under"
    times = max(ratio, 1 / ratio)
    how = "at the compute optimum" if times < 1.15 else f"{side} the compute optimum by {_figure(times)} times"
    return (
        f"{_figure(tokens / params)} tokens a parameter is {how}: {format_count(optimal)} for "
        f"{format_count(params)} (Chinchilla, approach 1)"
    )


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2g}"


def _company(params: float, tokens: float) -> list[str]:
    like = "; ".join(_shown(each) for each in tables.like(params))
    if tokens / published.LAWS[published.DEFAULT].tokens(params) < OFF_OPTIMUM:
        return [f"models of like size: {like}"]
    highest = max((each for each in tables.models() if each.tokens), key=lambda each: each.tokens / each.params)  # type: ignore[operator]
    found = [f"more than the optimum is usual where a model will be served; models of like size: {like}"]
    if highest.tokens and tokens / params > highest.tokens / highest.params:
        found.insert(0, f"no known model has as many tokens a parameter; {_shown(highest)} comes nearest")
    return found


def _slip(params: float, tokens: float) -> str | None:
    """A known model whose figures these would be, were one or both of them off by ten."""
    for n, d in SLIPS:
        model = next((each for each in tables.models() if _same(each, params * 10**n, tokens * 10**d)), None)
        if model:
            what = "both figures are" if n and d else "the parameters are" if n else "the tokens are"
            blind = "; the two slips cancel in 6ND, so that the FLOPs look right" if n + d == 0 else ""
            return f"{what} ten times off if {_shown(model)} is meant{blind}"
    return None


def _shown(model: Model) -> str:
    return f"{model.name}, {format_count(model.params)} on {format_count(model.tokens or 0)} tokens"


def _near(one: float | None, other: float, share: float) -> bool:
    return one is not None and abs(one / other - 1) <= share


def _same(model: Model, params: float, tokens: float) -> bool:
    figures = (model.tokens, *model.tokens_also)
    return _near(model.params, params, SAME_SIZE) and any(_near(each, tokens, SAME_TOKENS) for each in figures)


def known_error(**claimed: float) -> str | None:
    """What is wrong with a figure that goes around, and its source; by `params` or `bytes`, and `tokens`."""
    for each in tables.circulating():
        if all(_near(getattr(each, name), value, SAME_CLAIM) for name, value in claimed.items()):
            return f"{each.why} ({each.source})"
    return None


def _text(claim: Claim) -> Verdict:
    size, tokens = claim.value("bytes") or 0.0, claim.value("tokens") or 0.0
    ratio = size / tokens
    known = known_error(bytes=size, tokens=tokens)
    reasons = [f"{ratio:.3g} bytes a token{_what_holds(ratio)}"]
    if 1.0 <= ratio <= COMPRESSED_HIGH:
        reasons.append("is this the size of compressed files? gzip makes text 2 to 2.6 times smaller")
    english = tables.text_sizes()[0]
    reasons.append(
        f"{format_bytes(size)} of English text are {format_count(size / english.high)} to "
        f"{format_count(size / english.low)} tokens at {english.low} to {english.high} bytes a token"
    )
    if known:
        reasons.insert(1, known)
    likely: Judgement = "plausible" if TEXT_LOW <= ratio <= TEXT_HIGH else "questionable"
    return Verdict(
        claim.text, "wrong" if known else likely, tuple(reasons), tokens=tokens, bytes=size, bytes_per_token=ratio
    )


def _what_holds(ratio: float) -> str:
    found = [each for each in tables.text_sizes() if each.low <= ratio <= each.high]
    if not found:
        return ": no text in any tokenizer here comes to that"
    return ", as has " + "; ".join(f"{each.language} ({each.tokenizer})" for each in found)


def _cost(claim: Claim) -> Verdict:
    params, days = claim.value("params") or 0.0, claim.value("accelerator_days") or 0.0
    machine = tables.accelerator(next(each.accelerator for each in claim.quantities if each.accelerator))
    made = cost.affordable(machine, days, cost.of_known_runs()).times(1 / (6 * params))
    optimal = published.LAWS[published.DEFAULT].tokens(params)
    short = made.high < optimal
    fits = made.low <= optimal <= made.high
    reason = (
        f"{days:,.0f} {machine.title}-days train {format_count(params)} on {format_count(made.low)} to "
        f"{format_count(made.high)} tokens (MFU of known runs); the compute optimum is {format_count(optimal)}"
    )
    judgement: Judgement = "plausible" if fits else "questionable"
    more = ["too little for the optimum"] if short else [] if fits else ["more than the optimum needs"]
    return Verdict(
        claim.text, judgement, (reason, *more), params=params, optimal_tokens=optimal, accelerator_days=days,
        affordable_tokens=made,
    )  # fmt: skip
