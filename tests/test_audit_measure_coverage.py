"""Real sources, drawn again and again without replacement: the interval holds the exact ratio as often as it says."""

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from prep.pipeline import intake
from prep.pipeline.audit.counting import Counting
from prep.pipeline.audit.estimate import LEAST, Sample, certain
from prep.pipeline.audit.reading import Task, opened
from prep.pipeline.settings import Source
from prep.pipeline.tokenizers import open_tokenizer
from tests.shared import CORPUS, TOKENIZERS, needs_shared
from tests.test_audit_estimate import RESAMPLES, Floats, held

MODEL = TOKENIZERS / "llm-jp-v3.1-100k" / "tokenizer.model"  # sentencepiece counts 20 MB/s, the others 2
SOURCES = (
    "books_en", "books_fr", "books_ja", "news_en", "news_ja", "parallel_ja_en", "web_en", "web_fr", "web_ja",
    "web_other", "wiki_en", "wiki_fr", "wiki_ja",
)  # fmt: skip
PRECISION = 0.02  # loose, so that most of these small sources stay open


@cache
def documents(name: str) -> tuple[Floats, Floats]:
    """Bytes and tokens of each document of a source, as the reference counts them."""
    source = Source(path=(str(CORPUS / name),), language="other", kind="web")
    stage, counter = intake.stage(name, source), open_tokenizer(str(MODEL))
    n_bytes, tokens = [], []
    for piece in intake.listed_source(name, source, CORPUS).pieces:
        for rows in stage(iter(opened(Task(piece, source, 0, None, 0, Counting({}, {}))))):
            part = stage.split(rows)["part"]
            n_bytes.append(part["n_bytes"].to_numpy().astype(np.float64))
            tokens.append(counter.count(part["text"]).astype(np.float64))
    return np.concatenate(n_bytes), np.concatenate(tokens)


def halves(n_bytes: Floats, tokens: Floats) -> Iterator[bool]:
    """Whether half of a source's documents tell the ratio of all."""
    sure, chance = certain(n_bytes), np.random.default_rng(1)
    rest, truth = np.flatnonzero(~sure), n_bytes.sum() / tokens.sum()
    beside = (float(n_bytes[sure].sum()), float(tokens[sure].sum()))
    for _ in range(RESAMPLES):
        drawn = chance.permutation(rest)[: len(rest) // 2]
        found = Sample(n_bytes[drawn], tokens[drawn], len(rest), float(n_bytes[rest].sum()), beside).bytes_per_token()
        yield found.low <= truth <= found.high


@cache
def covered(name: str) -> tuple[int, int]:
    """How many resamples stayed open, and how many of those held the ratio; small sources are drawn by halves."""
    n_bytes, tokens = documents(name)
    if len(n_bytes) < 2 * LEAST:
        return RESAMPLES, sum(halves(n_bytes, tokens))
    opened_, right, lost = held(n_bytes, tokens, PRECISION, RESAMPLES)
    assert lost == 0
    return opened_, right


@needs_shared
@pytest.mark.parametrize("name", SOURCES)
def test_the_interval_of_a_real_source_holds_its_ratio(name: str) -> None:
    opened_, right = covered(name)
    assert opened_ > RESAMPLES / 2
    assert right / opened_ >= 0.92, f"{right} of {opened_}"


@needs_shared
def test_over_all_real_sources_it_does_so_as_often_as_it_says() -> None:
    found = [covered(name) for name in SOURCES]
    pooled = sum(right for _, right in found) / sum(opened_ for opened_, _ in found)
    assert 0.94 <= pooled <= 0.97, [math.floor(1000 * right / opened_) for opened_, right in found]
