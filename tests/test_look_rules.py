"""Single rules by their names: which documents fail them, by which figure, and what another threshold would change."""

from pathlib import Path
from typing import Any

import pytest

from prep.errors import BadInput
from prep.pipeline.chain import Machine
from prep.pipeline.look import finished
from prep.pipeline.look.asked import Asked
from prep.pipeline.look.finished import Finished
from prep.pipeline.look.gather import Look, look
from prep.pipeline.look.words import details
from tests.test_explain import one
from tests.test_look import ALL
from tests.tiny import documents, made, tiny_run

Row = dict[str, Any]
RULES = {"profiles": {"en": ["gopher_quality"]}, "filter": ["web"]}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    config = tiny_run(
        tmp_path_factory.mktemp("rules"), rules=RULES, mix={"max_epochs": 1000}, identify={"by": "cld2"},
    )  # fmt: skip
    made(config)
    return config


@pytest.fixture(scope="module")
def run(config: str) -> Finished:
    return finished.load(config)


def looked(run: Finished, **flags: Any) -> Look:
    return look(run, Asked(**{"number": ALL, **flags}), Machine(1))


def test_each_rule_finds_the_documents_with_its_bit(config: str, run: Finished) -> None:
    rows = documents(made(config))
    failed = {rule.name for each in looked(run, source="web_en").documents for rule in each.rules if rule.failed}
    assert failed
    for name in failed:
        found = looked(run, left_out=name).documents
        assert found
        for each in found:
            [rule] = [rule for rule in each.rules if rule.name == name]
            assert rule.failed
            assert name in each.reasons
            assert "rules" in each.reasons
            assert any(said.startswith(f"{name}: ") for said in details(each))
        short = name.rpartition(".")[2]
        assert {each.id for each in looked(run, left_out=short).documents} >= {each.id for each in found}
    by_rules = {row["id"] for row in rows if row["left_out"] & 8}
    assert {each.id for each in looked(run, left_out="rules").documents} == by_rules


def test_a_document_is_explained_with_every_rule_it_is_held_against(run: Finished) -> None:
    told = one(run, looked(run, left_out="rules").documents[0].id)
    assert {rule.name for rule in told.document.rules if rule.failed} == {
        why.reason for why in told.why if "." in why.reason
    }
    assert len(told.document.rules) > len([rule for rule in told.document.rules if rule.failed])
    assert all("fails" in why.text for why in told.why if "." in why.reason)


def test_other_languages_are_held_against_nothing(run: Finished) -> None:
    assert all(not each.rules for each in looked(run, source="wiki_ja").documents)


def test_a_rule_that_is_not_there_is_told_with_the_nearest(run: Finished) -> None:
    name = looked(run, left_out="rules").documents[0].rules[0].name
    with pytest.raises(BadInput, match=f"nearest: {name}"):
        looked(run, left_out=f"{name}s")


def test_before_size_rules_are_judged_all_the_same(tmp_path: Path, run: Finished) -> None:
    config = tiny_run(
        tmp_path, rules={"profiles": {"en": ["gopher_quality"]}, "filter": ["web"]}, identify={"by": "cld2"}
    )
    made(config, until="dedup")
    early = looked(finished.load(config), left_out="rules").documents
    assert {each.id for each in early} == {each.id for each in looked(run, left_out="rules").documents}


def test_another_threshold_of_a_rule_is_a_change_like_any_other(config: str, run: Finished) -> None:
    failing = looked(run, left_out="rules").documents
    [rule, *_] = [rule for each in failing for rule in each.rules if rule.failed and rule.fails == "below"]
    alone = {each.id for each in failing if [held.name for held in each.rules if held.failed] == [rule.name]}
    found = looked(run, changes=(f"rules.override.{rule.name}=0",))
    assert alone
    assert {each.id for each in found.documents if each.reasons and "rules" not in (each.then or ())} == alone
