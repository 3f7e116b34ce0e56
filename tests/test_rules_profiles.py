"""Rule profiles are read, changed by a run file, and refused where they do not belong."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import BadSettings
from prep.filters.rules.figures import COUNTS, FIGURES, needed, value
from prep.filters.rules.profile import HELD, Profile, Rule, failed
from prep.pipeline import profiles
from prep.pipeline.settings import Rules

SHIPPED = {
    "gopher_quality": ("en", 10), "gopher_repetition": ("fr", 14), "c4": ("en", 3), "fineweb": ("en", 5),
    "fineweb2_ja": ("ja", 23), "fineweb2_fr": ("fr", 23), "swallow_ja": ("ja", 23), "hojichar_ja": ("ja", 10),
    "llmjp_ja": ("ja", 7), "code": ("code", 4),
}  # fmt: skip


def rules(**keys: object) -> Rules:
    return Rules.model_validate(keys)


def test_every_profile_that_is_shipped_is_read_and_suits_a_language() -> None:
    assert set(profiles.shipped()) == set(SHIPPED)
    for name, (language, many) in SHIPPED.items():
        told = profiles.told(name)
        assert (told.name, len(told.rules), told.suits(language)) == (name, many, True)
        assert told.source


def test_the_rules_of_a_language_stand_in_the_order_of_the_run_file() -> None:
    found = profiles.of(rules(profiles={"en": ["fineweb", "c4"], "code": "code"}))
    assert list(found) == ["en", "code"]
    assert found["en"].names[0] == "fineweb.empty"
    assert found["en"].names[-1] == "c4.few_sentences"


def test_an_override_changes_a_threshold_or_takes_the_rule_out() -> None:
    told = profiles.of(rules(profiles={"en": "c4"}, override={"c4.few_sentences": 3, "c4.curly_bracket": "off"}))
    assert [(rule.name, rule.threshold) for rule in told["en"].rules] == [
        ("c4.lorem_ipsum", 1),
        ("c4.few_sentences", 3),
    ]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"profiles": {"ja": "gopher_quality"}}, "words between spaces, which ja does not have; take fineweb2_ja or"),
        ({"profiles": {"zh": ["fineweb"]}}, "which zh does not have; leave it out"),
        ({"profiles": {"code": ["c4"]}}, "take code, or write `force: [c4]`"),
        ({"profiles": {"de": ["fineweb2_fr"]}}, "is made for fr"),
        ({"profiles": {"en": ["gopher"]}}, "nearest: gopher_"),
        ({"profiles": {"en": ["no/such.yaml"]}}, "No such file"),
        ({"profiles": {"en": ["c4"]}, "override": {"c4.few_sentence": 3}}, "nearest: c4.few_sentences"),
        ({"profiles": {"ja": ["fineweb2_ja", "swallow_ja", "hojichar_ja"]}}, "56 rules, and at most 54"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_next_step(keys: dict[str, object], said: str) -> None:
    with pytest.raises(BadSettings) as caught:
        profiles.of(rules(**keys))
    assert said in str(caught.value)


def test_what_is_forced_is_taken() -> None:
    assert len(profiles.of(rules(profiles={"ja": "gopher_quality"}, force="gopher_quality"))["ja"].rules) == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: {a: {figure: words, below: 1}}", "`languages:` is missing"),
        ("languages: [en]\nrules: {a: {figure: wrds, below: 1}}", "own.yaml:2:9: a: unknown figure 'wrds'; nearest: "),
        ("languages: [en]\nrules: {a: {figure: words}}", "say one of below, above"),
        ("languages: [en]\nrules: {a: {figure: words, below: 1, above: 2}}", "say one of below, above"),
        ("languages: [en]\nrules: {a: {figure: words, below: x}}", "'x' where a number belongs"),
        ("languages: en\nrules: {a: {figure: words, below: 1}}", "languages is a list"),
        ("languages: [en]\nrules: {}", "no mapping of rules"),
        ("language: [en]\nrules: {a: {figure: words, below: 1}}", "unknown key 'language'; nearest: languages"),
        ("languages: [en", "own.yaml:"),
    ],
)  # fmt: skip
def test_a_file_of_ones_own_is_read_or_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(BadSettings) as caught:
        profiles.of(rules(profiles={"en": [str(path)]}))
    assert said in str(caught.value)


def test_a_profile_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("languages: [en]\nrules:\n  few: {figure: words, at_most: 3}\n")
    assert profiles.of(rules(profiles={"en": str(path)}))["en"].rules == (Rule("mine.few", "words", "at_most", 3.0),)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.sampled_from(sorted(HELD)), st.data())
def test_a_verdict_is_the_one_of_pythons_own_division(part: int, of: int, fails: str, data: st.DataObject) -> None:
    threshold = data.draw(st.sampled_from([0.1, 0.2, 0.3, part / of if of else 1.0]))
    profile = Profile((Rule("a", "words", "below", 0.0), Rule("b", "hash_share", fails, threshold)))  # type: ignore[arg-type]
    counts = {"hashes": np.array([part], np.uint32), "words": np.array([of], np.uint32)}
    ratio = part / of if of else float("inf") if part else float("nan")
    against = {"below": ratio < threshold, "above": ratio > threshold, "at_least": ratio >= threshold}
    assert failed(counts, profile)[0] == 2 * against.get(fails, ratio <= threshold)


def test_what_was_not_counted_fails_nothing() -> None:
    profile = Profile(tuple(Rule(name, "words", name, 5.0) for name in HELD))  # type: ignore[arg-type]
    assert not failed({"words": np.array([np.nan, np.nan])}, profile).any()


def test_every_figure_is_made_of_counts() -> None:
    counts = {name: np.array([2], np.uint32) for name in COUNTS}
    for name in FIGURES:
        assert set(needed(name)) <= set(COUNTS)
        assert value(counts, name).dtype == np.float64
