"""The stage that counts: what its recipe holds, what it writes, and that it reads no text twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from prep.errors import BadSettings
from prep.filters.rules import lists
from prep.filters.rules.counting import How, figures
from prep.manifests.shards import Columns, table
from prep.pipeline import rules, runfile
from prep.pipeline.settings import Rules
from prep.pipeline.stage import Result, document_shards
from tests.test_runfile import BASE, changed, written, wrong
from tests.tiny import made, tiny_run

PROFILES = {"en": ["c4", "fineweb"], "ja": ["swallow_ja"], "code": "code"}


def scored(tmp_path: Path, **changes: Any) -> dict[str, Result]:
    return made(tiny_run(tmp_path, rules={"profiles": PROFILES, **changes}), until="score")


def columns(result: Result) -> list[pa.Table]:
    return [table([Columns(path)]) for _, path in document_shards(result)]


def test_every_document_of_a_language_with_rules_is_counted(tmp_path: Path) -> None:
    results = scored(tmp_path, profiles={"en": "c4"})
    for texts, counted in zip(columns(results["ingest"]), columns(results[rules.NAME]), strict=True):
        assert counted.num_rows == texts.num_rows
        english = np.array(texts["language"].to_pylist()) == "en"
        words = counted["figure.words"]
        assert np.asarray(words.is_valid()).tolist() == english.tolist()
        if english.any():
            plain = figures(texts["text"].combine_chunks(), How("en", lists.load("en", {})))
            assert words.to_pylist() == plain["words"].tolist()
        assert counted["figure.hiragana"].null_count == counted.num_rows


def test_a_threshold_reads_no_text_and_a_word_list_does(tmp_path: Path) -> None:
    one = scored(tmp_path)[rules.NAME]
    other = scored(tmp_path, override={"c4.few_sentences": 2, "fineweb.list_ratio": "off"}, filter=["web"])[rules.NAME]
    assert one.folder == other.folder
    words = tmp_path / "words.txt"
    words.write_text("東京\n", encoding="utf-8")
    listed = scored(tmp_path, words={"ja": {"adult": str(words)}})[rules.NAME]
    assert listed.folder != one.folder
    assert sum(each["figure.adult"].drop_null().to_numpy().sum() for each in columns(listed)) > 0


def test_rules_for_another_language_count_that_language_alone(tmp_path: Path) -> None:
    one, other = scored(tmp_path, profiles={"en": "c4"})[rules.NAME], scored(tmp_path)[rules.NAME]
    inodes = [{each.stat().st_ino for each in Path(result.folder).glob("part-*.arrow")} for result in (one, other)]
    assert len(inodes[0] & inodes[1]) == 1


def test_a_profile_that_asks_how_text_compresses_makes_it_be_tried() -> None:
    settings = Rules.model_validate({"profiles": {"ja": "llmjp_ja"}})
    assert rules.stage(settings).compressed == ("ja",)
    off = dict.fromkeys(("llmjp_ja.compresses_well", "llmjp_ja.compresses_badly"), "off")
    without = Rules.model_validate({"profiles": {"ja": "llmjp_ja"}, "override": off})
    assert rules.stage(without).compressed == ()


@pytest.mark.parametrize(
    ("keys", "to", "said"),
    [
        (
            ("profiles", "ja"),
            ["swallow_ja", "c4"],
            "rules.profiles.ja: c4 counts words between spaces, which ja does not",
        ),
        (("profiles", "fr"), ["c4"], "rules.profiles.fr: 'fr' is the language of no source"),
        (("filter",), ["wbe"], "rules.filter: 'wbe' is the kind of no source; nearest: web"),
        (("override",), {"c4.x": 1}, "rules.override.c4.x: 'c4.x' is no rule of this run"),
        (("override",), {"c4.few_sentences": "no"}, "'no' is no threshold; write a number, or off"),
        (("words",), {"ja": {"adlut": "x"}}, "nearest: adult"),
        (("profile",), {}, "unknown key; nearest: profiles"),
    ],
)
def test_what_is_wrong_in_a_run_file_is_told_by_line(keys: tuple[str, ...], to: Any, said: str) -> None:
    data = changed("rules", to={"profiles": {"en": ["c4"]}})
    part = data["rules"]
    for key in keys[:-1]:
        part = part.setdefault(key, {})
    part[keys[-1]] = to
    assert any(said in line for line in wrong(written(data))), wrong(written(data))


def test_rules_are_read_from_a_run_file() -> None:
    data = {**BASE, "rules": {"profiles": {"ja": "swallow_ja"}, "override": {"swallow_ja.few_letters": 200}}}
    run = runfile.loads(written(data), "run.yaml")
    assert run.rules is not None
    assert run.rules.override == {"swallow_ja.few_letters": 200.0}


def test_a_list_that_is_not_there_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="No such file"):
        scored(tmp_path, words={"ja": {"adult": str(tmp_path / "none")}})
