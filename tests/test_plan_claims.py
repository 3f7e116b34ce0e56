"""Claims as people write them: what is read, what is wrong with it, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import BadSettings
from prep.pipeline.plan import cost, published, tables
from prep.pipeline.plan.check import check
from prep.pipeline.plan.claims import read

READ = {
    "70B 1.4T": {"params": 70e9, "tokens": 1.4e12},
    "70B on 1.4T tokens": {"params": 70e9, "tokens": 1.4e12},
    "1.4T tokens, 70B parameters": {"params": 70e9, "tokens": 1.4e12},
    "N=70e9, D=1.4e12": {"params": 70e9, "tokens": 1.4e12},
    "700億パラメータ 1.4兆トークン": {"params": 70e9, "tokens": 1.4e12},
    "７０億 １３兆": {"params": 7e9, "tokens": 13e12},
    "750GB = 500B tokens": {"bytes": 750e9, "tokens": 500e9},
    "500B tokens in 750 GB": {"bytes": 750e9, "tokens": 500e9},
    "10GiB 2.5B": {"bytes": 10 * 2**30, "tokens": 2.5e9},
    "10B 1000 A100-days": {"params": 10e9, "accelerator_days": 1000},
    "10B in 24,000 A100 hours": {"params": 10e9, "accelerator_days": 1000},
    "LLaMA 7B 1T": {"params": 6.7e9, "tokens": 1e12},
    "Llama 3.1 8B on 15T tokens": {"params": 8030261248, "tokens": 15e12},
    "GPT-3 175B 300B": {"params": 175e9, "tokens": 300e9},
}
UNREAD = [
    "", "70B", "10X 5B", "-3B 5B", "0 5B", "70B 0", "1B 2B 3B", "70B 1.4T 3GB", "nan nan", "5GB 3GB", "5GB", "1.5 30",
    "10B 3 foo-days", "70B parameters 80B parameters", "inf 1T", "10B tokens", "A100-days", "7B 1e99",
]  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), READ.items())
def test_a_claim_is_read_as_it_is_meant(text: str, meant: dict[str, float]) -> None:
    assert {each.kind: each.value for each in read(text).quantities} == meant


@pytest.mark.parametrize("text", UNREAD, ids=repr)
def test_what_is_no_claim_is_refused_and_shown(text: str) -> None:
    with pytest.raises(BadSettings) as caught:
        check(text)
    assert repr(text) in str(caught.value)
    assert len(str(caught.value)) < 400


@given(st.text("0123456789.eBTGKM -=,億", max_size=24))
def test_no_text_ends_otherwise_than_judged_or_refused(text: str) -> None:
    try:
        verdict = check(text)
    except BadSettings:
        return
    assert verdict.judgement in ("as published", "plausible", "questionable", "wrong")
    assert verdict.reasons


@pytest.mark.parametrize(
    ("claim", "judgement", "says"),
    [
        ("7B 13T", "wrong", "two tenfold slips in opposite directions"),
        ("Chinchilla 7B 13T", "wrong", "6ND stays the same"),
        ("750GB = 500B tokens", "wrong", "is this the size of compressed files?"),
        ("10B 50B", "questionable", "under the compute optimum by 4.1 times: 205.7B"),
        ("70B 1.4T", "as published", "Chinchilla"),
        ("70B 1.3T", "as published", "1.3T in DeepMind's blog"),
        ("137B 168B", "wrong", "432B"),
        ("540B 768B", "wrong", "780B"),
        ("6.5B 14T", "questionable", "both figures are ten times off if LLaMA 65B"),
        ("Chinchilla 13T", "wrong", "70B on 1.4T tokens is what was published"),
        ("8B 15T", "as published", "Llama 3.1 8B"),
        ("13B 3T", "plausible", "usual where a model will be served"),
        ("10B 200B", "plausible", "at the compute optimum"),
        ("3B 40T", "questionable", "no known model has as many tokens a parameter"),
        ("10B 1000 A100-days", "questionable", "117.9B to 175.5B"),
        ("10B 1400 A100-days", "plausible", "205.7B"),
        ("10B 9000 A100-days", "questionable", "more than the optimum needs"),
        ("40GB 10B tokens", "plausible", "en (any of these)"),
        ("300GB 1B tokens", "questionable", "no text in any tokenizer"),
    ],
)
def test_claims_get_their_reason(claim: str, judgement: str, says: str) -> None:
    verdict = check(claim)
    assert verdict.judgement == judgement
    assert any(says in reason for reason in verdict.reasons), verdict.reasons


def test_every_circulating_figure_is_called_wrong_with_its_source() -> None:
    for each in tables.circulating():
        first = f"{each.bytes / 1e9:g}GB" if each.bytes else f"{each.params:.0f}"
        verdict = check(f"{first} {each.tokens:.0f} tokens")
        assert verdict.judgement == "wrong"
        assert any(each.source in reason for reason in verdict.reasons)


def test_every_known_model_is_as_published_and_is_no_circulating_error() -> None:
    wrong = {(each.params, each.tokens) for each in tables.circulating()}
    for model in tables.models():
        if model.tokens and (model.params, model.tokens) not in wrong:
            assert check(f"{model.params:.0f} {model.tokens:.0f}").judgement == "as published", model.name


def test_known_models_have_sources_and_their_utilisation_is_that_of_the_record() -> None:
    assert len({model.name for model in tables.models()}) == len(tables.models()) > 40
    for model in tables.models():
        assert model.source
        assert model.mfu is None or 0.1 < model.mfu < 0.6
    quartiles = cost.of_known_runs()
    assert [round(each, 3) for each in (quartiles.low, quartiles.middle, quartiles.high)] == [0.262, 0.328, 0.391]


def test_models_of_like_size_are_there_for_every_size() -> None:
    for power in range(60, 140):
        found = tables.like(10 ** (power / 10))
        assert len(found) == 2
        assert all(each.tokens for each in found)


@pytest.mark.parametrize(
    ("name", "meant"), {"A100": "a100", "H100": "h100-sxm", "h100 pcie": "h100-pcie", "TPUv4": "tpu-v4"}.items()
)
def test_accelerators_are_known_by_what_people_call_them(name: str, meant: str) -> None:
    assert tables.accelerator(name).name == meant


def test_an_unknown_accelerator_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(BadSettings, match=r"h100x.*a100, h100-sxm"):
        tables.accelerator("h100x")


def test_every_name_of_an_accelerator_is_its_own() -> None:
    names = [name for each in tables.accelerators().values() for name in (each.name, *each.aliases)]
    assert len(names) == len(set(names))
    assert {each.accelerator for each in tables.models() if each.accelerator} <= set(tables.accelerators())


def test_the_default_law_is_the_first_in_the_table() -> None:
    assert next(iter(published.LAWS)) == published.DEFAULT
