"""Of equal texts exactly one that may be in the corpus is: the most trusted one, and never none of them."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from prep.pipeline.stage import Result
from tests.tiny import Row, documents, made, tiny_run, varied_run, varied_texts, write_models, write_rows

MAY_BE_IN = (0, 128)  # `left_out` of what is chosen, or has no room in the budget
DUPLICATE = 32


def groups(results: dict[str, Result]) -> dict[bytes, list[Row]]:
    found: dict[bytes, list[Row]] = defaultdict(list)
    for row in documents(results):
        found[row["text"].encode()].append(row)
    return found


def test_groups_are_of_equal_texts_and_of_nothing_else(tmp_path: Path) -> None:
    results = made(varied_run(tmp_path), until="size")
    for rows in groups(results).values():
        assert {row["duplicate_group"] for row in rows} == ({rows[0]["text_hash"]} if len(rows) > 1 else {None})


def test_of_each_group_exactly_one_survives(tmp_path: Path) -> None:
    results = made(varied_run(tmp_path, mix={"preset": "enplus"}), until="size")
    several = [rows for rows in groups(results).values() if len(rows) > 1]
    assert len(several) > 3
    for rows in several:
        asked = [row for row in rows if row["language"] != "other"]
        assert sum(row["left_out"] in MAY_BE_IN for row in rows) == bool(asked)
        assert sum(bool(row["left_out"] & DUPLICATE) for row in rows) == len(rows) - 1


def same_in_three(tmp_path: Path, **changes: Any) -> dict[str, Result]:
    """The same forty texts in three English sources of different kinds, and as many of their own."""
    texts = varied_texts("books_en", 40)
    sources: dict[str, dict[str, Any]] = {}
    for name, kind in (("a", "web"), ("b", "news"), ("c", "encyclopedia")):
        rows = [{"text": text} for text in (*texts, *(f"{name} {text}" for text in texts))]
        path = write_rows(tmp_path / f"{name}.jsonl", rows)
        sources[name] = {"path": str(path), "language": "en", "kind": kind}
    for name, more in changes.pop("sources", {}).items():
        sources[name] |= more
    config = tiny_run(tmp_path, budget={"tokens": 500}, **changes)
    plain = json.loads(Path(config).read_text())
    Path(config).write_text(json.dumps({**plain, "sources": sources, "mix": {"shares": {"en": 1.0}}}))
    return made(config, until="size")


def survivors(results: dict[str, Result]) -> list[str]:
    """Sources of the survivors of the shared texts, one each."""
    found = []
    for rows in groups(results).values():
        if len(rows) > 1:
            [one] = [row for row in rows if not row["left_out"] & ~128]
            found.append(one["source"])
    assert len(found) == 40
    return found


def test_chance_decides_between_equals_and_the_same_way_again(tmp_path: Path) -> None:
    found = survivors(same_in_three(tmp_path / "x"))
    assert set(found) == {"a", "b", "c"}
    assert survivors(same_in_three(tmp_path / "y")) == found


def test_priority_decides_before_chance(tmp_path: Path) -> None:
    results = same_in_three(tmp_path, sources={"a": {"priority": -1}, "b": {"priority": 2}, "c": {"priority": 1}})
    assert set(survivors(results)) == {"b"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_models(tmp_path_factory.mktemp("models"))


def test_reference_and_exempt_sources_survive_before_any_priority(tmp_path: Path) -> None:
    learnt = {"train": {"reference": ["encyclopedia"], "against": ["web"]}, "filter": ["web"]}
    results = same_in_three(tmp_path / "r", sources={"a": {"priority": 9}}, quality=learnt)
    assert set(survivors(results)) == {"c"}
    results = same_in_three(tmp_path / "e", sources={"a": {"priority": 9}, "b": {"exempt": True}})
    assert set(survivors(results)) == {"b"}
    both = {"a": {"priority": 9}, "b": {"exempt": True}, "c": {"priority": 1}}
    assert set(survivors(same_in_three(tmp_path / "both", sources=both, quality=learnt))) == {"c"}


def test_where_the_preferred_copy_falls_to_the_quality_keep_another_survives(
    tmp_path: Path, models: dict[str, str]
) -> None:
    """Nothing of `a` is good enough, and it goes before the others."""
    judged = {"model": {"en": models["en"]}, "filter": ["web"], "keep": {"en": {"threshold": 1.0}}}
    results = same_in_three(tmp_path, sources={"a": {"priority": 9}, "b": {"priority": 1}}, quality=judged)
    assert set(survivors(results)) == {"b"}
    assert not [row for row in documents(results) if row["source"] == "a" and row["copies"]]


def test_without_dedup_every_copy_may_be_in(tmp_path: Path) -> None:
    results = same_in_three(tmp_path, dedup={"exact": False})
    assert not any(row["left_out"] & DUPLICATE for row in documents(results))
