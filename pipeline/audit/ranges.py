"""How many bytes of text a token stands for, as is known: by language, kind, and what sort of tokenizer it is.

The sort is not taken from a name. It is measured, on a few sentences (`probes`), and so is the range where no figure is
known for a language: what the tokenizer itself does on plain prose, widened by what real sources differ from that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from prep.pipeline.audit.probes import Measure
from prep.pipeline.plan import tables

Family = Literal["japanese", "multilingual", "gpt-2"]
Basis = Literal["published", "measured", "published and measured", "own sentences"]

# Bytes per token on the Japanese probe. GPT-2 has 2.1, Llama, Mistral, GPT-NeoX and cl100k 2.5 to 2.8, o200k 3.7, the
# three llm-jp tokenizers 4.2, 5.7 and 6.9.
KNOWS_JAPANESE = 3.2
# A Japanese tokenizer is better at Japanese than at Chinese, which shares its characters: 1.4 to 1.9 times; o200k 1.0.
JAPANESE_OVER_CHINESE = 1.2
SPELLED_RUSSIAN = 2.4  # GPT-2 1.6 on the Russian probe, which is byte by byte; all others 2.6 to 6.1
UNKNOWN_ABOVE = 12.0  # bytes per token: nothing is read so fast; whole runs have become one unknown token
# Of the ratio on the probe: real sources in four languages and nine tokenizers had 0.67 (old Japanese, web pages)
# to 1.12 (wiki), code 0.96 to 1.08. Wider by a little, for these were sixteen sources.
OWN_LOW, OWN_HIGH = 0.6, 1.25
CODE_KINDS = {"code", "program", "source", "source-code"}
NUMBER_KINDS = {"numbers", "table", "tables", "csv", "numeric"}
MATH_KINDS = {"math", "mathematics", "maths"}
LANGUAGES = {
    "jpn": "ja", "japanese": "ja", "eng": "en", "english": "en", "fra": "fr", "fre": "fr", "french": "fr", "rus": "ru",
    "russian": "ru", "python": "code",
}  # fmt: skip


@dataclass(frozen=True)
class Range:
    """Bytes per token that are ordinary, and on what ground."""

    language: str
    kind: str | None
    family: str
    low: float
    high: float
    basis: Basis
    sources: tuple[str, ...]

    def holds(self, ratio: float) -> bool:
        """Whether a ratio is ordinary; to three digits, as figures are written."""
        return round(self.low, 2) <= round(ratio, 2) <= round(self.high, 2)

    def shown(self) -> str:
        """`4.2 to 7.0`."""
        return f"{self.low:.1f} to {self.high:.1f}"


@dataclass(frozen=True)
class Row:
    """A range of the data file that an audit adds to what planning uses."""

    language: str
    family: str
    low: float
    high: float
    measured: bool
    source: str
    kind: str | None = None


@cache
def rows() -> tuple[Row, ...]:
    """All rows, those that planning uses first."""
    shared = (Row(each.language, each.family, each.low, each.high, False, each.source) for each in tables.text_sizes())
    return (*shared, *(Row(**each) for each in tables.rows("bytes_per_token.json", "audit")))


def family_of(measure: Measure) -> Family:
    """What sort of tokenizer this is for Japanese, by what it does on the probes."""
    japanese, chinese = measure.ratios["ja"], measure.ratios["zh"]
    if not KNOWS_JAPANESE <= japanese <= UNKNOWN_ABOVE:
        return "gpt-2"
    return "japanese" if japanese >= JAPANESE_OVER_CHINESE * chinese else "multilingual"


def subject(language: str | None, kind: str | None) -> str | None:
    """Under what the ranges know a text: its language, unless it is code, mathematics or numbers."""
    for name, kinds in (("code", CODE_KINDS), ("numbers", NUMBER_KINDS), ("math", MATH_KINDS)):
        if (kind or "").lower() in kinds:
            return name
    if language is None:
        return None
    lower = language.lower().replace("_", "-")
    return LANGUAGES.get(lower, lower.split("-")[0])


def known(language: str | None, kind: str | None, measure: Measure) -> Range | None:
    """The range for a text and a tokenizer that was measured; None where the language is not known either."""
    about = subject(language, kind)
    if about is None:
        return None
    family: str = family_of(measure)
    if about == "ru":
        family = "gpt-2" if measure.ratios["ru"] <= SPELLED_RUSSIAN else "multilingual"
    published = by_family(about, family, kind)
    return published or _own(about, measure)


def by_family(about: str, family: str, kind: str | None = None) -> Range | None:
    """The range of the data file: from the lowest to the highest of what was published and measured."""
    fitting = [each for each in rows() if each.language == about and each.family in (family, "any")]
    special = [each for each in fitting if each.kind is not None and each.kind == kind]
    fitting = special or [each for each in fitting if each.kind is None]
    if not fitting:
        return None
    measured = {each.measured for each in fitting}
    basis: Basis = "published and measured" if len(measured) > 1 else "measured" if True in measured else "published"
    return Range(
        about, special[0].kind if special else None, fitting[0].family, min(each.low for each in fitting),
        max(each.high for each in fitting), basis, tuple(each.source for each in fitting),
    )  # fmt: skip


def every(about: str | None = None) -> Iterator[Range]:
    """All ranges of the data file, or those of a language."""
    seen = dict.fromkeys((each.language, each.family) for each in rows())
    for language, family in seen:
        found = by_family(language, family) if about in (None, language) else None
        if found is not None:
            yield found


def _own(about: str, measure: Measure) -> Range | None:
    ratio = measure.ratios.get(about)
    if ratio is None or ratio > UNKNOWN_ABOVE:
        return None
    source = f"{measure.tokenizer} has {ratio:.2f} on our sentences; real sources had 0.67 to 1.15 of that"
    return Range(about, None, "own", OWN_LOW * ratio, OWN_HIGH * ratio, "own sentences", (source,))
