"""Known ranges, how tokenizers are classed without a name, and why a ratio is out of its range."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from prep.pipeline.audit import explain, ranges
from prep.pipeline.audit.counting import portrait
from prep.pipeline.audit.figures import Estimate, Source, Tokens, Traits
from prep.pipeline.audit.probes import Measure, measure, texts
from prep.pipeline.audit.traits import of
from prep.pipeline.settings import Tokenizer
from tests.shared import TOKENIZERS, needs_shared

GPT2 = {"en": 4.64, "ja": 2.13, "fr": 2.74, "de": 2.75, "es": 2.79, "ru": 1.64, "zh": 1.4, "ko": 1.19, "code": 2.38}
LLMJP = {"en": 4.49, "ja": 5.73, "fr": 3.49, "de": 3.55, "es": 3.55, "ru": 4.59, "zh": 3.26, "ko": 5.36, "code": 3.17}
O200K = {"en": 4.64, "ja": 3.69, "fr": 4.29, "de": 4.55, "es": 4.77, "ru": 6.12, "zh": 3.76, "ko": 4.12, "code": 4.09}
CHARS = {**GPT2, "en": 1.07, "fr": 1.06}  # spells Latin letters
NONE = {**GPT2, "ja": 321.0}  # no byte fallback
PROSE = texts()["en"]


def source(text: str, ratio: float, language: str | None = "en", **more: object) -> Source:
    exact = Estimate(ratio, ratio, ratio, True)
    one = Estimate(1000.0, 1000.0, 1000.0, True)
    tokens = Tokens("t", "hf-json", 5, "reference", exact, exact, one, 10, 1000)
    plain = Source(
        "s", language, None, 1, 1, 500, 500, False, "exact", replace(one, value=1.0), one, one, of(text), (tokens,)
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def causes(found: Source, ratios: Mapping[str, float] = GPT2) -> list[str]:
    (judged,) = explain.judge(found, {"t": Measure("t", ratios)})
    return [each.cause for each in judged.reasons]


@pytest.mark.parametrize(("ratios", "family"), [(GPT2, "gpt-2"), (LLMJP, "japanese"), (O200K, "multilingual")])
def test_a_tokenizer_is_classed_by_what_it_does(ratios: Mapping[str, float], family: str) -> None:
    assert ranges.family_of(Measure("any name", ratios)) == family


@needs_shared
@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("gpt2", "gpt-2"),
        ("mistral-v3", "gpt-2"),
        ("llm-jp-v2.2-50k", "japanese"),
        ("llm-jp-v3.1-100k", "japanese"),
        ("llm-jp-v4.0-alpha", "japanese"),
    ],
)
def test_real_tokenizers_are_classed(path: str, family: str) -> None:
    assert ranges.family_of(measure(path, portrait(Tokenizer(path=str(TOKENIZERS / path))).tokens)) == family


@pytest.mark.parametrize(
    ("language", "kind", "ratios", "low", "high"),
    [
        ("ja", None, LLMJP, 3.6, 7.0),
        ("ja", "web", GPT2, 1.7, 3.1),
        ("ja", "books", O200K, 3.1, 4.8),
        ("ja-JP", None, LLMJP, 3.6, 7.0),
        ("en", None, GPT2, 3.2, 5.0),
        ("en", "web", GPT2, 3.3, 4.8),
        ("ru", None, GPT2, 1.5, 2.2),
        ("ru", None, O200K, 3.7, 6.2),
        ("en", "code", GPT2, 2.1, 4.5),
        ("other", "numbers", GPT2, 0.9, 2.6),
        ("ko", None, O200K, 0.6 * 4.12, 1.25 * 4.12),
    ],
)
def test_the_range_is_of_language_kind_and_tokenizer(
    language: str, kind: str | None, ratios: Mapping[str, float], low: float, high: float
) -> None:
    found = ranges.known(language, kind, Measure("t", ratios))
    assert found is not None
    assert [found.low, found.high] == pytest.approx([low, high])
    assert found.sources


@pytest.mark.parametrize("language", [None, "xx", "other"])
def test_where_nothing_is_known_nothing_is_said(language: str | None) -> None:
    assert ranges.known(language, None, Measure("t", GPT2)) is None


def test_measured_figures_only_widen_the_published_ones() -> None:
    for row in ranges.rows():
        whole = ranges.by_family(row.language, row.family if row.family != "any" else "gpt-2", row.kind)
        assert whole is not None
        assert whole.low <= row.low <= row.high <= whole.high


@pytest.mark.parametrize(
    ("text", "ratio", "language", "ratios", "cause"),
    [
        (PROSE, 1.1, "en", CHARS, "tokenizer"),
        (texts()["ja"], 200.0, "ja", NONE, "unknown characters"),
        ("<p>" * 200 + PROSE, 2.5, "en", GPT2, "markup"),
        ("Ã© " * 200 + PROSE, 2.5, "en", GPT2, "mojibake"),
        (texts()["ja"], 2.0, "en", GPT2, "language"),
        ("0123456789 " * 50 + PROSE, 2.0, "en", GPT2, "numbers"),
        (PROSE + "QUJD" * 100, 2.0, "en", GPT2, "encoded data"),
        (PROSE.replace(" ", "      "), 6.0, "en", GPT2, "spaces"),
        (texts()["code"], 2.2, "en", GPT2, "code"),
        (PROSE, 2.0, "en", GPT2, "unexplained"),
    ],
)
def test_what_is_out_of_range_gets_its_cause_first(
    text: str, ratio: float, language: str, ratios: Mapping[str, float], cause: str
) -> None:
    assert causes(source(text, ratio, language), ratios)[0] == cause


def test_short_documents_are_named_last() -> None:
    short = source("ok " * 3, 2.0, documents=Estimate(100.0, 100.0, 100.0, True))
    assert causes(short)[-1] == "short documents"


def test_what_is_in_range_needs_no_reason_but_may_need_a_remark() -> None:
    assert causes(source(PROSE, 4.0)) == []
    assert not list(explain.remarks(source(PROSE, 4.0)))
    assert [each.cause for each in explain.remarks(source(texts()["ja"], 4.0, "fr"))] == ["language"]


def test_an_interval_that_reaches_the_range_is_not_accused() -> None:
    near = source(PROSE, 3.1)
    (tokens,) = near.tokens
    wide = replace(near, tokens=(replace(tokens, ratio=Estimate(3.1, 2.9, 3.3)),))
    assert causes(near) == ["unexplained"]
    assert causes(wide) == []


def test_a_guessed_language_is_marked_as_guessed() -> None:
    assert explain.language(source(texts()["ja"], 4.0, None)) == ("ja", True)
    assert explain.language(source(texts()["ja"], 4.0, "en")) == ("en", False)
    assert explain.language(replace(source(PROSE, 4.0, None), traits=Traits({}, 0, 0, 0, 0))) == (None, True)
