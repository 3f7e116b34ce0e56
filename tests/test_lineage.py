"""Laws of the pieces that `prep verify` is made of: JSON read with doubt, pages compared, links of the chain."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.manifests import lineage, store, verify
from prep.manifests.lineage import Finding, Made
from prep.manifests.record import Manifest, Receipt, Recipe, Shard, readable

COUNTS = st.integers(0, 3)
ROWS = st.lists(
    st.fixed_dictionaries({"source": st.sampled_from("ab"), "kind": st.sampled_from("xy"), "documents": COUNTS}),
    max_size=4,
    unique_by=lambda row: (row["source"], row["kind"]),
)
PAGES = st.fixed_dictionaries({"cells": ROWS, "asked": COUNTS, "lines": st.dictionaries(st.text(max_size=2), COUNTS)})
SHARD = Shard("part-0123456789abcdef0123-0000.arrow", 3, 100, "ab")


def write(out: Path, recipe: Recipe, **inputs: Manifest) -> Manifest:
    """A finished result without shards."""
    recipe = replace(recipe, inputs={name: manifest.digest for name, manifest in inputs.items()})
    manifest = Manifest(recipe.stage, recipe.digest, recipe.inputs, {}, (), {})
    folder = str(out / recipe.folder)
    store.write_recipe(folder, recipe)
    store.write_manifest(folder, manifest)
    current = store.current(str(out))
    store.write_current(str(out), {**current, recipe.stage: recipe.folder})
    return manifest


def whole(out: Path) -> tuple[lineage.Lineage, list[Finding]]:
    found: list[Finding] = []
    chain = lineage.of_output(str(out), found)
    return chain, [*found, *lineage.recipes(chain)]


@given(PAGES)
def test_a_page_does_not_differ_from_itself_in_any_order(page: dict[str, Any]) -> None:
    turned = {name: value[::-1] if isinstance(value, list) else value for name, value in reversed(page.items())}
    assert list(verify.differences(page, turned)) == []


@given(PAGES, PAGES)
def test_two_pages_differ_at_the_same_places_from_either_side(one: dict[str, Any], two: dict[str, Any]) -> None:
    there = {(place, str(a), str(b)) for place, a, b in verify.differences(one, two)}
    assert there == {(place, str(a), str(b)) for place, b, a in verify.differences(two, one)}
    same = all(
        sorted(map(str, one[name])) == sorted(map(str, two[name])) if name == "cells" else one[name] == two[name]
        for name in one
    )
    assert (there == set()) == same


def test_a_difference_tells_its_place_and_both_values() -> None:
    said = {"cells": [{"source": "a", "language": "ja", "kind": "web", "documents": 2, "tokens": {"t": 1}}]}
    counted = {"cells": [{"source": "a", "language": "ja", "kind": "web", "documents": 3, "tokens": {"t": 1}}]}
    assert list(verify.differences(said, counted)) == [("cells.a/ja/web.documents", 2, 3)]


def test_true_is_not_one() -> None:
    assert list(verify.differences({"n": 1}, {"n": True})) == [("n", 1, True)]


@pytest.mark.parametrize(
    "value",
    [
        Recipe("mix", 1, {"a": [1, 2.5, None, "é"]}, {"ingest": "x"}),
        Manifest("mix", "r", {"ingest": "x"}, {"a": "int64"}, (SHARD,), {"cells": []}),
        Receipt("0123456789abcdef0123", 0, True, 3, (SHARD,), {"cells": []}, {"digests": {"a": "b"}}),
    ],
)
def test_what_was_written_is_read_back_and_what_was_edited_is_found(tmp_path: Path, value: Any) -> None:
    path, found = tmp_path / "x.json", list[Finding]()
    path.write_bytes(readable(asdict(value)))
    assert lineage.parsed(type(value), str(path), found) == value
    assert found == []
    plain, content = asdict(value), readable(asdict(value))
    for edited in (content + b" ", content.replace(b"{", b'{"more": 1,', 1), content[:-1]):
        path.write_bytes(edited)
        assert lineage.parsed(type(value), str(path), found) == value
        assert found.pop().check == "edited"
    for name in plain:
        path.write_bytes(readable({**plain, name: 1.5}))
        assert lineage.parsed(type(value), str(path), found) is None
        assert found.pop().check == "unreadable"


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[]", b"null", b'{"a": NaN}', b"[" * 100_000, b'{"stage": "\\ud800"}']
)
def test_what_is_no_manifest_is_a_finding(tmp_path: Path, content: bytes) -> None:
    path, found = tmp_path / "manifest.json", list[Finding]()
    path.write_bytes(content)
    assert lineage.parsed(Manifest, str(path), found) is None
    assert [one.check for one in found] == ["unreadable"]
    assert lineage.parsed(Manifest, str(tmp_path), found) is None
    assert lineage.parsed(Manifest, str(tmp_path / "gone"), found) is None
    assert [one.check for one in found[1:]] == ["unreadable", "missing"]


def test_a_manifest_of_another_format_is_not_read(tmp_path: Path) -> None:
    found: list[Finding] = []
    later = replace(Manifest("mix", "r", {}, {}, (), {}), format="prep-manifest/9")
    store.write_manifest(str(tmp_path), later)
    assert lineage.parsed(Manifest, str(tmp_path / "manifest.json"), found) is None
    assert "prep-manifest/9" in found[0].text


def test_a_chain_is_linked_by_digests(tmp_path: Path) -> None:
    ingest = write(tmp_path, Recipe("ingest", 1, {"seed": 1}))
    dedup = write(tmp_path, Recipe("dedup", 1, {}), ingest=ingest)
    write(tmp_path, Recipe("mix", 1, {}), ingest=ingest, dedup=dedup)
    chain, found = whole(tmp_path)
    assert found == []
    mix = next(result for result in chain.results if result.name == "mix")
    assert {name: made.manifest for name, made in chain.inputs[mix.folder].items()} == {
        "ingest": ingest,
        "dedup": dedup,
    }


def test_what_an_earlier_run_made_is_found_where_a_later_result_stands_in_its_name(tmp_path: Path) -> None:
    first = write(tmp_path, Recipe("ingest", 1, {"seed": 1}))
    write(tmp_path, Recipe("dedup", 1, {}), ingest=first)
    write(tmp_path, Recipe("ingest", 1, {"seed": 2}))
    chain, found = whole(tmp_path)
    assert found == []
    assert sorted(result.name for result in chain.results) == ["dedup", "ingest", "ingest"]


def test_a_result_of_an_input_that_is_nowhere_is_found(tmp_path: Path) -> None:
    write(tmp_path, Recipe("dedup", 1, {}), ingest=Manifest("ingest", "r", {}, {}, (), {}))
    _, found = whole(tmp_path)
    assert [one.check for one in found] == ["inputs"]


def test_results_that_claim_to_be_made_from_each_other_end_in_findings(tmp_path: Path) -> None:
    for name, other in (("mix", "size"), ("size", "mix")):
        write(tmp_path, Recipe(name, 1, {}), **{other: Manifest(other, "r", {}, {}, (), {})})
    _, found = whole(tmp_path)
    assert [one.check for one in found] == ["inputs", "inputs"]


def test_a_recipe_must_fit_its_manifest_its_folder_and_its_name(tmp_path: Path) -> None:
    write(tmp_path, Recipe("ingest", 1, {"seed": 1}))
    [folder] = (tmp_path / "ingest").iterdir()
    plain = json.loads((folder / "recipe.json").read_bytes())
    (folder / "recipe.json").write_bytes(readable({**plain, "settings": {"seed": 2}}))
    assert [one.check for one in whole(tmp_path)[1]] == ["recipe", "recipe"]
    (folder / "recipe.json").write_bytes(readable(plain))
    store.write_current(str(tmp_path), {"count.x": f"ingest/{folder.name}"})
    assert len(whole(tmp_path)[1]) == 3  # recipe and manifest are of another stage, and of no tokenizer x


def test_receipts_stand_for_the_shards_of_their_manifest(tmp_path: Path) -> None:
    receipt = Receipt("0123456789abcdef0123", 0, True, 3, (SHARD,), {}, {})

    def told(manifest: Manifest, *receipts: Receipt) -> list[str]:
        for old in tmp_path.glob("*.json"):
            old.unlink()
        for one in receipts:
            store.write_receipt(str(tmp_path), one)
        found: list[Finding] = []
        verify.receipts(Made("mix", str(tmp_path), None, manifest), manifest, found)
        return [one.check for one in found]

    manifest = Manifest("mix", "r", {}, {}, (SHARD,), {})
    assert told(manifest, receipt) == []
    assert told(manifest) == ["receipt"]
    assert told(replace(manifest, shards=()), receipt) == ["receipt"]
    assert told(replace(manifest, shards=(replace(SHARD, rows=4),)), receipt) == ["receipt"]
    assert told(replace(manifest, facts={"a": {"b": 1}}), receipt) == ["facts"]
    assert told(manifest, replace(receipt, last=False)) == ["order"]
    assert told(manifest, replace(receipt, index=1)) == ["order"]
