"""Whether a claimed size and number of tokens can be of one text, and what the right figure would be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from prep.pipeline.audit import ranges
from prep.pipeline.audit.claims import Claim
from prep.pipeline.audit.probes import Measure
from prep.pipeline.audit.ranges import Range
from prep.pipeline.numbers import FULL_WIDTH, format_bytes, format_count
from prep.pipeline.plan.check import TEXT_HIGH, TEXT_LOW, known_error

Judgement = Literal["fits", "unlikely", "wrong"]

# How many times smaller text gets, with the markup of JSON lines left out of account: C4 2.5 to 2.6 by gzip; the gzip
# and zstd files at hand 2.5 to 2.8 and 2.6 to 4.4, Japanese and English. xz and bzip2 are set as zstd.
SMALLER = {"gzip": (2.0, 2.8), "zstd": (2.2, 4.4), "xz": (2.2, 4.6), "bzip2": (2.2, 4.4)}
NEAR = 1.25  # within this factor of a range a claim is unlikely, beyond it wrong: sources vary by less
IDS = {2: "16-bit", 4: "32-bit"}  # bytes of a token's number
SAME = 0.01
UNIT = re.compile(r"[0-9] ?(?P<letter>[kmgtp])(?P<binary>i?)b(?![a-z])")
LIKELY = ("en", "ja", "fr", "code")  # where a claim names no language; numbers fit every wrong one
NAMES = {"en": "English", "ja": "Japanese", "fr": "French", "ru": "Russian", "code": "code"}
FAMILY_NAMES = {
    "japanese": "a Japanese tokenizer",
    "multilingual": "a multilingual one",
    "gpt-2": "GPT-2's, Llama 2's or their like",
}


@dataclass(frozen=True)
class Span:
    """From a low to a high figure."""

    low: float
    high: float

    def meets(self, low: float, high: float) -> bool:
        """Whether the two have a point in common; to three digits, as figures are written."""
        return round(self.low, 2) <= high and round(self.high, 2) >= low


@dataclass(frozen=True)
class Seen:
    """What an audited source holds: bytes per token of text, and of the files as they lie."""

    name: str
    tokenizer: str
    text: float
    disk: float
    compressed: bool


@dataclass(frozen=True)
class Verdict:
    """A claim, what is made of it and why, the strongest reason first, and what the figures would have to be."""

    claim: Claim
    verdict: Judgement
    ratio: float  # as claimed
    ratio_of_text: Span  # the same, unless the bytes are compressed
    range: Span | None  # of the language that was said, else of English
    reasons: tuple[str, ...]
    right_tokens: Span | None
    right_bytes: Span | None
    gib: float  # the claimed bytes


def judge(claim: Claim, measure: Measure | None = None, seen: Sequence[Seen] = ()) -> Verdict:
    """Judge a claim by what is known; by a tokenizer that was measured, where there is one, and by audited sources."""
    ratio, text = claim.bytes / claim.tokens, _text_ratio(claim)
    fitting = [each for each in _ranges(claim, measure) if text.meets(each.low, each.high)]
    error, judgement = _error(claim), _judged(claim, measure)
    about = ranges.subject(claim.language, claim.kind) or "en"
    span = _span(each for each in _ranges(claim, measure) if each.language == about)
    reasons = [
        _first(claim, text, fitting, measure),
        *([error] if error else []),
        *(_compressed_meant(claim, text, fitting, span) if judgement != "fits" else ()),
        *(_ids(claim) if judgement != "fits" else ()),
        *_seen(claim, seen),
        *_right(claim, span, about, judgement),
        _units(claim, judgement, measure),
    ]
    sizes = _sizes(claim)
    right_tokens = None if span is None else Span(sizes[0] / span.high, sizes[1] / span.low)
    right_bytes = None if span is None else Span(claim.tokens * span.low, claim.tokens * span.high)
    return Verdict(claim, judgement, ratio, text, span, tuple(reasons), right_tokens, right_bytes, claim.bytes / 2**30)


def _error(claim: Claim) -> str | None:
    return None if claim.compressed else known_error(bytes=claim.bytes, tokens=claim.tokens)


def _sizes(claim: Claim) -> tuple[float, float]:
    """Bytes of text that the claimed bytes can be."""
    low, high = SMALLER[claim.compressed] if claim.compressed else (1.0, 1.0)
    return claim.bytes * low, claim.bytes * high


def _text_ratio(claim: Claim) -> Span:
    low, high = _sizes(claim)
    return Span(low / claim.tokens, high / claim.tokens)


def _ranges(claim: Claim, measure: Measure | None) -> list[Range]:
    """What may be meant: all that is known of the language and the sort of tokenizer, as far as they are said."""
    about = ranges.subject(claim.language, claim.kind)
    if measure is not None and about is not None:
        known = ranges.known(claim.language, claim.kind, measure)
        return [] if known is None else [known]
    found = [each for each in ranges.every(about) if about is not None or each.language in LIKELY]
    if claim.family is None:
        return found
    return [each for each in found if each.family in (claim.family, "any")] or found


def _judged(claim: Claim, measure: Measure | None) -> Judgement:
    """Without a language English is taken to be meant; what fits only another one is unlikely."""
    if _error(claim):
        return "wrong"
    about, text, known = ranges.subject(claim.language, claim.kind), _text_ratio(claim), _ranges(claim, measure)
    if about is not None and not known:  # a language without figures
        return "fits" if text.meets(TEXT_LOW, TEXT_HIGH) else "wrong"
    fitting = [each for each in known if text.meets(each.low, each.high)]
    if any(each.language == (about or "en") for each in fitting):
        return "fits"
    near = any(text.meets(each.low / NEAR, each.high * NEAR) for each in known)
    return "unlikely" if fitting or (about is not None and near) else "wrong"


def _span(found: Iterable[Range]) -> Span | None:
    """From the lowest to the highest of some ranges."""
    listed = list(found)
    return Span(min(each.low for each in listed), max(each.high for each in listed)) if listed else None


def _first(claim: Claim, text: Span, fitting: list[Range], measure: Measure | None) -> str:
    ratio = f"{claim.bytes / claim.tokens:.3g} bytes a token"
    if claim.compressed:
        ratio += f" of {claim.compressed}, {text.low:.3g} to {text.high:.3g} of text"
    about = ranges.subject(claim.language, claim.kind) or "en"
    if fitting:
        return f"{ratio}, as {_listed([each for each in fitting if each.language == about] or fitting)}"
    known = [each for each in _ranges(claim, measure) if each.language in (about, "ja")]
    if known:
        return f"{ratio}; known are {_listed(known)}"
    return f"{ratio}; natural text has {TEXT_LOW} to {TEXT_HIGH}, and no figure is known for {claim.language}"


def _listed(found: Iterable[Range]) -> str:
    parts = []
    for each in found:
        name = NAMES.get(each.language, each.language)
        by = f" with {FAMILY_NAMES[each.family]}" if each.family in FAMILY_NAMES else ""
        parts.append(f"{name}{by} ({each.shown()})")
    return "; ".join(parts)


def _compressed_meant(claim: Claim, text: Span, fitting: list[Range], span: Span | None) -> Iterator[str]:
    low, high = SMALLER["gzip"]
    if claim.compressed or span is None or not Span(text.low * low, text.high * high).meets(span.low, span.high):
        return
    if text.low >= span.low:
        return
    yield (
        f"it looks like the size of compressed files: {format_bytes(claim.bytes)} of gzip are "
        f"{format_bytes(claim.bytes * low)} to {format_bytes(claim.bytes * high)} of text, {text.low * low:.3g} to "
        f"{text.low * high:.3g} bytes a token"
    )


def _ids(claim: Claim) -> Iterator[str]:
    for width, name in IDS.items():
        if abs(claim.bytes / claim.tokens / width - 1) <= SAME:
            yield f"{width} bytes a token is what {name} token numbers take on disk: the size is perhaps not of text"


def _seen(claim: Claim, seen: Sequence[Seen]) -> Iterator[str]:
    """Audited sources that have the claimed ratio, in their text or in their files."""
    ratio = claim.bytes / claim.tokens
    for each in seen:
        if each.compressed and abs(each.disk / ratio - 1) <= 0.1 < abs(each.text / ratio - 1):
            yield (
                f"the compressed files of {each.name} here have {each.disk:.3g} bytes a token by {each.tokenizer}, "
                f"their text {each.text:.3g}: the claim has the ratio of the files"
            )


def _right(claim: Claim, span: Span | None, about: str, judgement: Judgement) -> Iterator[str]:
    if span is None or judgement == "fits":
        return
    name, (low, high) = NAMES.get(about, about), _sizes(claim)
    size = format_bytes(low) if low == high else f"{format_bytes(low)} to {format_bytes(high)}"
    yield (
        f"at {span.low:.1f} to {span.high:.1f} bytes a token, {size} of {name} are {format_count(low / span.high)} to "
        f"{format_count(high / span.low)} tokens, and {format_count(claim.tokens)} tokens are "
        f"{format_bytes(claim.tokens * span.low)} to {format_bytes(claim.tokens * span.high)}"
    )


def _units(claim: Claim, judgement: Judgement, measure: Measure | None) -> str:
    """The claimed size in the other kind of unit, and what would follow had that been meant."""
    written = UNIT.search(claim.text.translate(FULL_WIDTH).lower())
    letter, binary = (written["letter"], bool(written["binary"])) if written else ("g", False)
    factor = (1024 / 1000) ** ("kmgtp".index(letter) + 1)
    other = replace(claim, bytes=claim.bytes / factor if binary else claim.bytes * factor)
    unit, exact = (f"{letter.upper()}B", format_bytes) if binary else (f"{letter.upper()}iB", in_binary)
    same = _judged(other, measure)
    follows = "and the verdict is the same" if same == judgement else f"and the claim would be: {same}"
    shown = in_binary(claim.bytes) if binary else format_bytes(claim.bytes)
    return (
        f"{shown} are {format_bytes(claim.bytes) if binary else exact(claim.bytes)}; if {unit} were meant, it would be "
        f"{other.bytes / other.tokens:.3g} bytes a token, {follows}"
    )


def in_binary(size: float) -> str:
    """A size in units of 1024: `698 GiB`."""
    for unit, power in (("TiB", 4), ("GiB", 3), ("MiB", 2), ("KiB", 1)):
        if size >= 1024**power:
            return (
                f"{size / 1024**power:.3g} {unit}" if size / 1024**power < 1000 else f"{size / 1024**power:,.0f} {unit}"
            )
    return f"{size:.0f} B"
