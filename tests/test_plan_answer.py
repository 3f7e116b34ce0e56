"""A whole plan: from any known quantity to the others, judged where two are given."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import BadSettings
from prep.manifests import store
from prep.manifests.record import Manifest
from prep.pipeline.plan import measured, published
from prep.pipeline.plan.answer import Answer, answer, as_json
from prep.pipeline.plan.question import Architecture, Hardware, Question, Served, Supply
from prep.pipeline.plan.shape import Shape
from tests.tiny import tiny_run

sizes = st.floats(6, 13).map(lambda power: 10.0**power)
laws = st.sampled_from(list(published.LAWS))
TEN = answer(Question(params=10e9))


@given(params=sizes, law=laws)
def test_params_tokens_and_flops_lead_to_the_same_plan(params: float, law: str) -> None:
    one = answer(Question(params=params, law=law))
    by_tokens = answer(Question(tokens=one.tokens, law=law))
    by_flops = answer(Question(flops=published.law(law).flops(params), law=law))
    for other in (by_tokens, by_flops):
        assert math.isclose(other.params, params, rel_tol=1e-9)
        assert math.isclose(other.tokens, one.tokens, rel_tol=1e-9)
    assert one.judged is by_tokens.judged is by_flops.judged is None


@given(params=sizes, ratio=st.floats(0.1, 5000), law=laws)
def test_a_judged_plan_keeps_what_was_given(params: float, ratio: float, law: str) -> None:
    found = answer(Question(params=params, tokens=params * ratio, law=law))
    assert found.judged is not None
    assert (found.params, found.tokens, found.flops) == (params, params * ratio, 6 * params * (params * ratio))
    assert math.isclose(found.judged.surplus_tokens, found.tokens - published.law(law).tokens(params))
    assert found.judged.same_flops_loss <= found.judged.loss_nats_per_token * (1 + 1e-12)
    assert found.judged.same_loss_flops <= found.flops * (1 + 1e-6)


def test_the_law_that_is_asked_for_comes_first_and_all_others_follow() -> None:
    for name in published.LAWS:
        found = answer(Question(params=1e9, law=name))
        assert found.laws[0].law == found.law == name
        assert {each.law for each in found.laws} == set(published.LAWS)


def test_ten_billion_parameters_are_answered_as_the_papers_do() -> None:
    by = {each.law: each for each in TEN.laws}
    assert round(TEN.tokens / 1e9, 1) == 205.7
    assert round(by["besiroglu"].tokens / 1e9, 1) == 202.7
    assert by["chinchilla-2"].printed_tokens == 219.5e9
    assert by["chinchilla-3-table"].printed_tokens == 410.1e9
    assert round(by["chinchilla-3"].tokens / 1e9) == 452
    assert TEN.costs[0].accelerator_days.low < 1396 < TEN.costs[0].accelerator_days.high
    assert [each.accelerator for each in TEN.costs] == ["a100", "h100-sxm"]


def test_hardware_makes_a_budget_with_an_interval() -> None:
    found = answer(Question(hardware=Hardware(("h100-sxm",), 20, 15)))
    assert found.asked == "hardware"
    assert found.flops_interval is not None
    assert found.flops_interval.low < found.flops == found.flops_interval.likely < found.flops_interval.high
    assert found.costs[0].calendar_days is not None
    assert math.isclose(found.costs[0].calendar_days.likely, 15)
    sure = answer(Question(hardware=Hardware(("h100-sxm",), 20, 15, mfu=0.4)))
    assert sure.flops == 20 * 15 * 86400 * 989e12 * 0.4


def test_a_deadline_says_how_many_are_needed() -> None:
    found = answer(Question(params=10e9, hardware=Hardware(days=30)))
    needed = found.costs[0].accelerators_needed
    assert needed is not None
    assert math.isclose(needed.likely * 30, found.costs[0].accelerator_days.likely)


def test_energy_and_price_follow_the_days() -> None:
    cost = answer(Question(params=10e9, hardware=Hardware(watts=1000, price_per_hour=2))).costs[0]
    assert cost.energy_kwh is not None
    assert cost.price is not None
    assert math.isclose(cost.energy_kwh.high, cost.accelerator_days.high * 24)
    assert math.isclose(cost.price.low, cost.accelerator_days.low * 48)


def test_a_mixture_of_experts_computes_on_its_active_parameters() -> None:
    found = answer(Question(params=1.2e12, active_params=97e9, tokens=600e9))
    assert found.flops == 6 * 97e9 * 600e9
    assert found.tokens_per_param == 0.5
    assert round(found.tokens_per_active_param or 0, 1) == 6.2
    assert any("dense" in note for note in found.notes)
    assert found.known_models[0].name == "GLaM"


def test_a_plan_that_repeats_a_circulating_error_is_told_so() -> None:
    assert any("tenfold" in note for note in answer(Question(params=7e9, tokens=13e12)).notes)
    assert not any("tenfold" in note for note in answer(Question(params=70e9, tokens=1.4e12)).notes)


def test_the_shape_counts_embeddings_and_layers() -> None:
    given = Architecture(32_000, 1792, shape=Shape(26, 1792, 14, 128, 7168))
    found = answer(Question(params=1.143e9, architecture=given)).layers
    assert found is not None
    assert found.embedding_params == 32_000 * 1792
    assert found.non_embedding_params == 1.143e9 - 32_000 * 1792
    assert round(found.exact_over_6nd or 0, 3) == 1.045
    assert (found.exact_flops_with_vocabulary or 0) > (found.exact_flops or 0)
    untied = answer(Question(params=1.143e9, architecture=replace(given, untied=True))).layers
    assert untied is not None
    assert untied.embedding_params == 2 * 32_000 * 1792


def test_serving_and_too_little_text_are_answered_when_asked() -> None:
    found = answer(Question(params=30e9, law="sardana", served=Served(tokens=1e13), supply=Supply({"all": 50e9})))
    assert found.inference is not None
    assert found.repetition is not None
    assert round(found.inference.laws[0].params / 1e9, 1) == 13.6
    assert round(found.inference.laws[0].saving_share, 2) == 0.28
    assert math.isclose(found.repetition.whole.epochs, found.tokens / 50e9)
    assert (TEN.inference, TEN.repetition, TEN.layers) == (None, None, None)


def test_prices_weigh_what_is_served() -> None:
    served = Served(requests=1.5e9, prompt_tokens=70, answer_tokens=215, price_per_hour=1.1)
    found = answer(
        Question(params=30e9, law="sardana", served=served, hardware=Hardware(("a100",), price_per_hour=1.5))
    )
    assert found.inference is not None
    assert found.inference.by == "price"
    assert found.inference.weighed_tokens > found.inference.served_tokens == 1.5e9 * 285
    row = found.inference.laws[0]
    assert row.price_before is not None
    assert row.price_after is not None
    assert math.isclose(1 - row.price_after / row.price_before, row.saving_share)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (Question(), "--params 10B"),
        (Question(params=1e9, tokens=1e9, flops=1e20), "two of them make the third"),
        (Question(flops=1e20, hardware=Hardware(("a100",), 8, 3)), "two budgets"),
        (Question(hardware=Hardware(number=8, days=3)), "add --gpu"),
        (Question(active_params=1e9), "--active-params goes with --params"),
        (Question(params=1e9, active_params=2e9), "2e\\+09 are more than"),
        (Question(params=1e9, law="kaplan-2"), "kaplan-2"),
    ],
)
def test_a_question_that_says_too_little_or_too_much_is_refused(question: Question, says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        answer(question)


def test_every_key_of_the_json_is_in_the_documentation() -> None:
    docs = (Path(__file__).resolve().parents[1] / "docs" / "planning.md").read_text(encoding="utf-8")
    missing = {key for key in as_json(TEN) if f"`{key}`" not in docs}
    assert not missing
    assert json.loads(json.dumps(as_json(TEN)))["schema"] == "prep-plan/1"


def counted(folder: Path, tokenizers: tuple[str, ...] = ("main",), stage: str = "count") -> Path:
    cells = [
        {"source": f"{kind}_{lang}", "language": lang, "kind": kind, "documents": 1, "bytes": size, "chars": size,
         "tokens": dict.fromkeys(tokenizers, tokens)}
        for lang, kind, size, tokens in (("ja", "web", 500, 100), ("ja", "books", 300, 100), ("en", "web", 400, 100))
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    store.write_manifest(str(folder), Manifest(stage, "0" * 64, {}, {}, (), {"cells": cells}))
    return folder


def test_a_finished_count_gives_bytes_a_token_and_unique_tokens(tmp_path: Path) -> None:
    found = measured.read(str(counted(tmp_path)))
    assert found.text().bytes_per_token == {"en": 4.0, "ja": 4.0}
    assert found.supply("language", {}).unique == {"en": 100, "ja": 200}
    assert found.supply("source", {}).unique == {"books_ja": 100, "web_en": 100, "web_ja": 100}
    plan = answer(Question(params=1e9, tokens=600, text=found.text(), supply=found.supply("language", {"ja": 1.0})))
    assert plan.stored.texts[0].bytes_low == plan.stored.texts[0].bytes_high == 2400
    assert plan.repetition is not None
    assert [(each.name, each.epochs) for each in plan.repetition.parts] == [("ja", 3.0)]


def test_shares_are_followed_and_without_them_the_text_is_used_alike(tmp_path: Path) -> None:
    found = measured.read(str(counted(tmp_path)))
    even = answer(Question(params=1e9, tokens=600, supply=found.supply("language", {}))).repetition
    asked = answer(Question(params=1e9, tokens=600, supply=found.supply("language", {"ja": 0.5, "en": 0.5}))).repetition
    assert even is not None
    assert asked is not None
    assert [each.epochs for each in even.parts] == [2.0, 2.0]
    assert [each.epochs for each in asked.parts] == [1.5, 3.0]
    assert asked.whole.effective_tokens < even.whole.effective_tokens


def test_the_folder_of_a_run_is_followed_to_its_counts(tmp_path: Path) -> None:
    counted(tmp_path / "count" / "one", ("one",))
    counted(tmp_path / "count" / "two", ("two",))
    store.write_current(str(tmp_path), {"count.one": "count/one", "count.two": "count/two"})
    assert measured.read(str(tmp_path), "two").tokenizer == "two"
    with pytest.raises(BadSettings, match="--tokenizer one or two"):
        measured.read(str(tmp_path))
    with pytest.raises(BadSettings, match=r"three.*one, two"):
        measured.read(str(tmp_path), "three")


def test_a_run_file_is_followed_to_its_folder(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    counted(tmp_path / "out" / "count" / "one", ("one",))
    store.write_current(str(tmp_path / "out"), {"count.one": "count/one"})
    assert measured.read(config).tokenizer == "one"


def test_a_folder_without_a_finished_count_is_refused(tmp_path: Path) -> None:
    counted(tmp_path / "ingest", stage="dedup")
    for place in (tmp_path, tmp_path / "ingest", tmp_path / "nowhere"):
        with pytest.raises(BadSettings, match="no finished `count`"):
            measured.read(str(place))
    with pytest.raises(BadSettings, match=r"fr.*en, ja"):
        measured.read(str(counted(tmp_path / "count"))).supply("language", {"fr": 1.0})


def test_an_answer_is_plain_data() -> None:
    assert isinstance(TEN, Answer)
    assert json.dumps(as_json(TEN)) == json.dumps(as_json(answer(Question(params=10e9))))
