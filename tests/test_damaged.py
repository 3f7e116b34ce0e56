"""State files of any content: `prep run`, `prep verify` and `prep clean` go on, or end with an error of ours."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from prep.errors import BadInput, BrokenShard, PrepError
from prep.manifests import store
from prep.manifests.record import readable
from prep.manifests.shapes import load
from prep.pipeline import clean, commands, feeding, lastrun, verify
from prep.pipeline.seen import Seen
from tests.test_verify import JSON
from tests.tiny import made, tiny_run

DEEP = b"[" * 100_000
OWN = ("current.json", "seen.json", "last-run.json")
STAGES = ("ingest", "count", "dedup", "mix", "size", "export")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run file of a finished run, which tests damage; `out.whole` stands beside it as it was."""
    folder = tmp_path_factory.mktemp("whole")
    config = tiny_run(folder)
    made(config)
    shutil.copytree(folder / "out", folder / "out.whole")
    return Path(config)


def again(config: Path) -> Path:
    """The output folder as it was before any damage."""
    out = config.parent / "out"
    shutil.rmtree(out)
    shutil.copytree(config.parent / "out.whole", out)
    return out


def run(config: Path) -> None:
    commands.tables(made(str(config)))


def verified(config: Path) -> None:
    verify.verify(str(config), 1)


def cleaned(config: Path) -> None:
    clean.clean(str(config), lambda plan: False)
    clean.clean(str(config.parent / "out"), lambda plan: False)


def fed(config: Path) -> None:
    feeding.feeding(*feeding.read(str(config.parent / "out")), "hoffmann_parametric")


COMMANDS: tuple[Callable[[Path], None], ...] = (verified, cleaned, run)


def errors(config: Path) -> list[str]:
    """What the commands ended with, one after another; any other exception is the test's."""
    found = []
    for act in COMMANDS:
        try:
            act(config)
        except PrepError as error:
            found.append(str(error))
    return found


def edited(path: Path, change: Callable[[Any], Any]) -> None:
    path.write_bytes(readable(change(json.loads(path.read_bytes()))))


def one_of(out: Path, stage: str, name: str) -> Path:
    return min(out.glob(f"{stage}/*/{name}"))


@pytest.mark.parametrize("name", ["current.json", "seen.json", "last-run.json", "manifest.json", "part-*-0000.json"])
@pytest.mark.parametrize(
    "content", [b"\xff{}", DEEP, b'{"a":' * 100_000, b"", b"[]", b"3", b"{}", b'{"a": NaN}', b'{"\\ud800": 1}', None]
)
def test_a_file_of_other_content_ends_in_an_error_that_names_it(whole: Path, name: str, content: bytes | None) -> None:
    out = again(whole)
    path = out / name if name in OWN else one_of(out, "count", name)
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    if name.startswith("part"):
        (path.parent / "manifest.json").unlink()
    told = errors(whole)
    assert any(str(path) in text for text in told) or content == b"{}", told
    assert content is not None or name != "manifest.json" or told


KEYS: list[tuple[str, str, Callable[[Any], Any], str]] = [
    ("ingest", "manifest.json", lambda plain: {**plain, "evidence": "abc"}, "evidence"),
    ("ingest", "manifest.json", lambda plain: {**plain, "evidence": {"a": 1}}, "evidence"),
    ("ingest", "manifest.json", lambda plain: {**plain, "ledger": None}, "ledger"),
    ("ingest", "manifest.json", lambda plain: {**plain, "ledger": {}}, "ledger.cells"),
    ("count", "manifest.json", lambda plain: {**plain, "ledger": {"cells": [{}]}}, "ledger.cells.0"),
    ("ingest", "manifest.json", lambda plain: {**plain, "stage": "x"}, "recipe"),
    ("ingest", "manifest.json", lambda plain: {**plain, "more": 1}, "more"),
    ("ingest", "manifest.json", lambda plain: {**plain, "format": "x"}, "format"),
    ("count", "manifest.json", lambda plain: {**plain, "shards": []}, "shards"),
    ("size", "manifest.json", lambda plain: {**plain, "ledger": {}}, "ledger.selection"),
    ("mix", "manifest.json", lambda plain: {**plain, "ledger": {}}, "ledger.asked"),
    ("ingest", "part-*.json", lambda plain: {**plain, "ledger": None}, "ledger"),
    ("ingest", "part-*.json", lambda plain: {**plain, "ledger": {**plain["ledger"], "intake": []}}, "ledger.intake"),
    ("ingest", "part-*.json", lambda plain: {**plain, "facts": None}, "facts"),
    ("ingest", "part-*.json", lambda plain: {**plain, "facts": {"digests": 3}}, "facts.digests"),
    ("count", "part-*.json", lambda plain: {**plain, "shards": []}, "shards"),
    ("count", "part-*.json", lambda plain: {**plain, "taken": "x"}, "taken"),
    ("count", "part-*.json", lambda plain: {**plain, "taken": -1}, "taken"),
    ("count", "part-*.json", lambda plain: {**plain, "evidence": {"source": "x"}}, "evidence.engine"),
    ("count", "part-*.json", lambda plain: {**plain, "key": "x"}, "receipt"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "name", "change", "key"), KEYS)
def test_a_wrong_key_is_named_with_its_file_and_the_way_out(
    whole: Path, stage: str, name: str, change: Callable[[Any], Any], key: str
) -> None:
    out = again(whole)
    path = one_of(out, stage, name)
    edited(path, change)
    if name != "manifest.json":
        (path.parent / "manifest.json").unlink()
        shutil.rmtree(out / "count") if stage == "ingest" else None
    with pytest.raises(BrokenShard) as told:
        run(whole)
    assert str(path) in str(told.value)
    assert key in str(told.value).replace(str(path), "")
    assert "delete it" in str(told.value)
    path.unlink()
    (path.parent / "manifest.json").unlink(missing_ok=True)
    run(whole)
    assert verify.verify(str(whole), 1).findings == ()


@pytest.mark.parametrize(
    "entry", [3, {}, None, {"size": "1", "changed": 0, "etag": None, "digests": {}}, {"digests": {"[x:y]": "0"}}]
)
def test_what_was_seen_is_of_its_shape_or_is_deleted(whole: Path, entry: Any) -> None:
    path = again(whole) / "seen.json"
    [first, *_] = plain = json.loads(path.read_bytes())
    whole_entry = {**plain[first], **entry} if isinstance(entry, dict) and entry and "size" not in entry else entry
    path.write_bytes(readable({**plain, first: whole_entry}))
    with pytest.raises(BrokenShard, match=r"seen\.json: .*delete it and run again"):
        run(whole)
    path.unlink()
    run(whole)


@given(st.dictionaries(st.text(max_size=3), st.fixed_dictionaries({
    "size": st.integers(0), "changed": st.integers(), "etag": st.none() | st.text(max_size=3),
    "digests": st.dictionaries(
        st.sampled_from(["", "[0:67108864]", "[67108864:None]"]), st.text("0123456789abcdef", max_size=4), max_size=2
    ),
})))  # fmt: skip
@settings(max_examples=20)
def test_what_a_run_has_seen_is_read_back(tmp_path_factory: pytest.TempPathFactory, known: dict[str, Any]) -> None:
    out = tmp_path_factory.mktemp("out")
    (out / "seen.json").write_bytes(readable(known))
    assert Seen(str(out))._known == known


@pytest.mark.parametrize("content", [b"\xff", b"{}", DEEP, b"3", None])
def test_settings_of_the_last_run_that_cannot_be_read_are_told(whole: Path, content: bytes | None) -> None:
    path = again(whole) / lastrun.NAME
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    for aim in (verify.aim, clean.aim):
        with pytest.raises(BadInput, match=r"last-run\.json does not hold the settings"):
            aim(str(whole))
    for act in (fed, lambda config: clean.clean(str(config.parent / "out"), lambda plan: False)):
        with pytest.raises(BrokenShard, match=r"last-run\.json"):
            act(whole)
    if content is not None:
        run(whole)
        verified(whole)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in a value but the whole of it."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(inner, (*path, key))


@settings(max_examples=60, phases=[Phase.generate])
@given(data=st.data(), value=JSON, gone=st.booleans(), unfinished=st.booleans())
def test_any_value_at_any_place_of_any_state_file_ends_in_no_other_exception(
    whole: Path, data: st.DataObject, value: object, gone: bool, unfinished: bool
) -> None:
    out = again(whole)
    path = data.draw(st.sampled_from(sorted(out.rglob("*.json"))))
    plain = json.loads(path.read_bytes())
    *way, last = data.draw(st.sampled_from(list(places(plain))))
    inner = plain
    for key in way:
        inner = inner[key]
    if gone:
        del inner[last]
    else:
        inner[last] = value
    path.write_bytes(readable(plain))
    if unfinished and path.name not in OWN and path.name != "manifest.json":
        (path.parent / "manifest.json").unlink(missing_ok=True)
    errors(whole)


def test_a_recipe_that_is_not_that_of_its_folder_is_not_followed(whole: Path) -> None:
    path = one_of(again(whole), "size", "recipe.json")
    edited(path, lambda plain: {**plain, "settings": {}})
    with pytest.raises(BrokenShard, match="was edited"):
        store.recipe(str(path.parent))
    made(tiny_run(whole.parent, seed=9), until="size")  # only looks at it to say what changed
    tiny_run(whole.parent)


def test_an_error_of_shape_is_short_and_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"a": {"b": ["long" * 1000]}}))
    with pytest.raises(BrokenShard) as told:
        load(dict[str, dict[str, int]], f"{tmp_path}/x.json", "delete it")
    assert (
        str(told.value)
        == f"{tmp_path}/x.json: a.b: Input should be a valid integer, not a value of type list; delete it"
    )
