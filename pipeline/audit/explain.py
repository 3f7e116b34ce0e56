"""Why a ratio is out of its range: causes that the text and the tokenizer themselves show, the strongest first.

A cause is named only with its evidence, and each sentence ends with what to do. What does not move a ratio out of its
range but should be known, such as a language that is not the declared one, is told as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from prep.pipeline.audit import ranges
from prep.pipeline.audit.figures import Source, Tokens, Traits
from prep.pipeline.audit.languages import language_of
from prep.pipeline.audit.probes import Measure
from prep.pipeline.audit.ranges import Range
from prep.pipeline.numbers import format_share

Verdict = Literal["in range", "below", "above", "unknown"]
Cause = Literal[
    "language", "tokenizer", "unknown characters", "mojibake", "markup", "encoded data", "numbers", "spaces",
    "short documents", "code", "unexplained",
]  # fmt: skip

# Shares from which a cause is named. Clean sources at hand have: markup 0.001 and less, mojibake 0.005 (pages of many
# languages 0.018), digits 0.10 (arithmetic), spaces 0.20 (prose) and 0.32 (Python), runs 0.000.
MARKUP, MOJIBAKE, DIGITS, SPACES, RUNS, CODE = 0.03, 0.01, 0.15, 0.25, 0.02, 0.3
SHORT = 60.0  # bytes per document: chat and titles; a first word without a space before it is another token
POOR = 0.75  # a tokenizer with so much of the range's low end on plain prose was not made for the language


@dataclass(frozen=True)
class Reason:
    """One cause, with its evidence and the next step; `weight` orders them."""

    cause: Cause
    text: str
    weight: float


@dataclass(frozen=True)
class Judged:
    """One source by one tokenizer, set against what is known."""

    source: str
    tokenizer: str
    language: str | None
    guessed: bool
    range: Range | None
    verdict: Verdict
    reasons: tuple[Reason, ...]


def language(source: Source) -> tuple[str | None, bool]:
    """The declared language, or a guess, and whether it is a guess."""
    if source.language is not None:
        return source.language, False
    return language_of(source.traits), True


def judge(source: Source, measures: Mapping[str, Measure]) -> tuple[Judged, ...]:
    """A source by each tokenizer that was measured on the probes."""
    return tuple(_judged(source, each, measures[each.tokenizer]) for each in source.tokens)


def _judged(source: Source, tokens: Tokens, measure: Measure) -> Judged:
    spoken, guessed = language(source)
    known = ranges.known(spoken, source.kind, measure)
    verdict = _verdict(tokens, known)
    reasons = sorted(_reasons(source, tokens, measure, verdict), key=lambda each: -each.weight)
    if verdict in ("below", "above") and not reasons:
        reasons = [Reason("unexplained", UNEXPLAINED, 0.0)]
    return Judged(source.name, tokens.tokenizer, spoken, guessed, known, verdict, tuple(reasons))


UNEXPLAINED = (
    "nothing in the sample explains it: script, markup, encoding, digits and spaces are ordinary; read some documents, "
    "and check that --field names the text"
)


def _verdict(tokens: Tokens, known: Range | None) -> Verdict:
    """By the whole interval: what may lie inside is not accused."""
    if known is None:
        return "unknown"
    if known.holds(tokens.ratio.value) or (tokens.ratio.low <= known.high and tokens.ratio.high >= known.low):
        return "in range"
    return "below" if tokens.ratio.value < known.low else "above"


def remarks(source: Source) -> Iterator[Reason]:
    """What should be known of a source whatever its ratios are."""
    if not source.traits.documents:
        return
    yield from _other_language(source)
    yield from _mojibake(source.traits)


def _reasons(source: Source, tokens: Tokens, measure: Measure, verdict: Verdict) -> Iterator[Reason]:
    if verdict not in ("below", "above"):
        return
    yield from _tokenizer(source, measure, verdict)
    if not source.traits.documents:
        return
    yield from _other_language(source)
    if verdict == "below":
        yield from _mojibake(source.traits)
        yield from _denser(source.traits)
        yield from _short(source)
    yield from _spaces(source.traits, verdict)


def _tokenizer(source: Source, measure: Measure, verdict: Verdict) -> Iterator[Reason]:
    """What the tokenizer does on plain prose of the same language."""
    spoken, _ = language(source)
    about = ranges.subject(spoken, source.kind)
    own, known = measure.ratios.get(about or ""), ranges.known(spoken, source.kind, measure)
    if own is None or known is None:
        return
    if own > ranges.UNKNOWN_ABOVE:
        yield Reason(
            "unknown characters",
            f"{measure.tokenizer} does not know the characters of {about}: on plain sentences it makes {own:.0f} bytes "
            "one token, which is its token for the unknown. Its counts mean nothing here; take one trained on "
            f"{about}, or with byte fallback",
            1.0,
        )
    elif verdict == "below" and own < known.low:
        better = max((each.high for each in ranges.every(about)), default=known.high)
        yield Reason(
            "tokenizer",
            f"{measure.tokenizer} is not made for {about}: on plain sentences too it has {own:.2f} bytes a token, "
            f"where tokenizers have {known.low:.1f} to {better:.1f}. Take one trained on {about}",
            0.9 if own < POOR * known.low else 0.6,
        )


def _other_language(source: Source) -> Iterator[Reason]:
    declared, guess = ranges.subject(source.language, None), language_of(source.traits)
    if declared is None or guess is None or guess == declared or "code" in (declared, guess):
        return
    yield Reason(
        "language",
        f"declared {source.language}, but it reads as {guess}: {_percent(source.traits.languages[guess])} of the text "
        f"is found to be in it, and the letters are {_scripts(source.traits)}. Declare language: {guess}, or look "
        "for what was mixed in",
        0.95,
    )


def _scripts(traits: Traits) -> str:
    best = sorted(traits.scripts.items(), key=lambda each: -each[1])[:3]
    return ", ".join(f"{name} {format_share(round(share, 2))}" for name, share in best if share >= 0.01)


def _mojibake(traits: Traits) -> Iterator[Reason]:
    if traits.mojibake >= MOJIBAKE:
        yield Reason(
            "mojibake",
            f"{_percent(traits.mojibake)} of the documents look decoded by a wrong encoding (such as Ã© for é, 縺 for "
            "hiragana, or U+FFFD). Read the files as what they are with `encoding:`, or drop those documents",
            min(0.9, 0.3 + traits.mojibake),
        )


def _denser(traits: Traits) -> Iterator[Reason]:
    """What has fewer bytes per token than prose has."""
    if traits.markup >= MARKUP:
        yield Reason(
            "markup",
            f"{_percent(traits.markup)} of the text is markup: tags, entities, wiki templates. Extract the text first",
            min(0.9, 0.35 + 2 * traits.markup),
        )
    if traits.runs >= RUNS:
        yield Reason(
            "encoded data",
            f"{_percent(traits.runs)} of the text stands in unbroken runs of 100 characters and more, as base64 and "
            "hashes do. Drop those documents",
            min(0.9, 0.4 + 2 * traits.runs),
        )
    if traits.digits >= DIGITS:
        yield Reason(
            "numbers",
            f"{_percent(traits.digits)} of the characters are digits; text has 1% to 5%, and numbers 0.9 to 2.6 bytes "
            "a token. Declare kind: numbers, or drop tables",
            min(0.85, 0.3 + traits.digits),
        )
    if traits.languages.get("code", 0.0) >= CODE:
        yield Reason(
            "code",
            f"{_percent(traits.symbols)} of the characters are brackets and operators, as in code, where prose has "
            "0.5%. Declare kind: code if it is",
            0.5,
        )


def _spaces(traits: Traits, verdict: Verdict) -> Iterator[Reason]:
    if traits.spaces >= SPACES:
        effect = "each is a token in some tokenizers" if verdict == "below" else "this tokenizer joins them into one"
        yield Reason(
            "spaces",
            f"{_percent(traits.spaces)} of the characters are white space, prose has 15% to 20%; {effect}. Join runs "
            "of spaces, unless it is code",
            min(0.8, traits.spaces),
        )


def _short(source: Source) -> Iterator[Reason]:
    mean = source.text.value / source.documents.value if source.documents.value else SHORT
    if mean < SHORT:
        yield Reason(
            "short documents",
            f"documents have {mean:.0f} bytes on average, and the first word of each costs more. Join them, or count "
            "with it",
            0.25,
        )


def _percent(share: float) -> str:
    return format_share(round(share, 3))
