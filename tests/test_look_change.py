"""`--if` answers as a run with the changed file would, and makes nothing."""

from pathlib import Path
from typing import Any

import pytest

from prep.errors import BadSettings, Short
from prep.pipeline.chain import Machine
from prep.pipeline.look import finished
from prep.pipeline.look.asked import Asked
from prep.pipeline.look.changed import overridden
from prep.pipeline.look.gather import Look, look
from tests.test_look import ALL, judged_run
from tests.tiny import documents, made, tiny_run, tree

CHANGES: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("keep.en.pareto=0.5",), {"quality": {"keep": {"en": {"pareto": 0.5}}}}),
    (("quality.keep.en.threshold=0.3",), {"quality": {"keep": {"en": {"threshold": 0.3}}}}),
    (("budget.tokens=2_000",), {"budget": {"tokens": 2000}}),
    (("mix.code=0%", "budget.tokens=1k"), {"mix": {"code": 0}, "budget": {"tokens": 1000}}),
    (("mix.preset=enplus",), {"mix": {"preset": "enplus"}}),
    (("sources.web_en.exempt=true",), {}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("change")
    judged_run(folder)
    return folder


def asked(folder: Path, *changes: str, **flags: Any) -> Look:
    run = finished.load(str(folder / "out"))
    return look(run, Asked(**{"number": ALL, "changes": changes, **flags}), Machine(1))


@pytest.mark.parametrize(("changes", "settings"), CHANGES)
def test_what_it_names_is_the_difference_between_two_runs(
    folder: Path, tmp_path: Path, changes: tuple[str, ...], settings: dict[str, Any]
) -> None:
    before = documents(made(str(folder / "run.yaml")))
    found = asked(folder, *changes)
    run = overridden(finished.load(str(folder / "out")), changes)
    for key, part in settings.items():
        for name, value in part.items():
            given = run.model_dump()[key][name]
            assert given == value or all(given[each].items() >= value[each].items() for each in value)
    after = documents(made_of(run, tmp_path / "out"))
    differ = {
        one["id"]: (one["left_out"], two["left_out"])
        for one, two in zip(before, after, strict=True)
        if one["left_out"] != two["left_out"]
    }
    assert {one.id for one in found.documents} == differ.keys()
    assert differ
    for one in found.documents:
        assert one.then is not None
        assert (bool(one.reasons), bool(one.then)) == tuple(map(bool, differ[one.id]))
    tokens = [sum(row["copies"] * row["n_tokens.tiny"] for row in rows) for rows in (before, after)]
    assert found.corpus == tuple(tokens)
    assert sum(number for number, _ in found.counts.values()) == len(differ)


def made_of(run: Any, out: Path) -> Any:
    from prep.pipeline import commands

    return commands.run(run.model_copy(update={"out": str(out)}), Machine(1), "size")


def test_it_makes_nothing_in_the_output_folder(folder: Path) -> None:
    before = tree(folder / "out")
    asked(folder, "keep.en.pareto=0.5")
    assert tree(folder / "out") == before
    assert not list((folder / "out").glob(".tmp-*"))


def test_what_enters_and_leaves_is_shown_before_what_stays_out(folder: Path) -> None:
    found = asked(folder, "budget.tokens=2_000", "keep.en.pareto=0.5", number=6)
    assert len(found.documents) == 6
    assert {one.stratum for one in found.documents} <= {"enters", "leaves"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("keep.en.pareto", "write a key and a value"),
        ("kep.en.pareto=1", "nearest: keep|unknown key"),
        ("quality.kep.en.pareto=1", "nearest: keep"),
        ("keep.en.pareto=minus", "--if"),
        ("keep.en.pareto=[1", "no YAML"),
        ("sources.web_en.max_document=1MB", "reads source web_en anew"),
        ("sources.new.path=x", "--if"),
    ],
)
def test_a_change_that_cannot_be_is_told(folder: Path, change: str, said: str) -> None:
    with pytest.raises(BadSettings, match=said) as told:
        asked(folder, change)
    assert ":1:" not in str(told.value)


def test_a_change_that_reads_text_is_refused(folder: Path) -> None:
    with pytest.raises(BadSettings, match=r"makes .* anew, which reads the text"):
        asked(folder, "tokenizers.other=" + str(folder / "tok/tokenizer.json"))


def test_a_change_that_the_sources_cannot_feed_says_what_is_short(folder: Path) -> None:
    with pytest.raises(Short, match="epochs"):
        asked(folder, "budget.tokens=1B")


def test_a_run_that_is_not_sized_is_compared_with_nothing(tmp_path: Path) -> None:
    config = tiny_run(tmp_path)
    made(config, until="mix")
    with pytest.raises(Exception, match="prep size"):
        look(finished.load(config), Asked(changes=("budget.tokens=2000",)), Machine(1))
