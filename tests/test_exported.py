"""An exported folder alone: whatever a reader would open in it beside the corpus, or instead of it, is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from prep.manifests import files
from prep.manifests.lineage import Finding
from prep.pipeline import card, splits, verify
from tests.test_card import SHAPES
from tests.tiny import made, tiny_run, varied_run


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Changed in place by tests, and put back."""
    folder = tmp_path_factory.mktemp("corpus")
    return Path(made(tiny_run(folder, validation={"tokens": 300}))["export"].folder)


def found(corpus: Path) -> list[Finding]:
    return list(verify.verify(str(corpus), 1).findings)


def named(corpus: Path) -> set[str]:
    return {finding.file.removeprefix(f"{corpus}/") for finding in found(corpus)}


ADDED = (
    "data/sub/train-x.parquet", "data/validation/validation-00000-of-00001.parquet", "data/train-evil.PARQUET",
    "data/x.csv", "data/x.jsonl.gz", "train.json", "NOTES.md", "corpus.py", "dataset_infos.json", ".huggingface.yaml",
    "provenance/x.parquet", "provenance/size/data/train.parquet", "data/.hidden", "a/b/c/d.txt", "weights.txt",
    ".gitattributes.csv", "data/README.md", "data/part-0123456789abcdef0123-0000.json",
)  # fmt: skip


@pytest.mark.parametrize("name", ADDED)
def test_a_file_too_many_is_named_wherever_it_lies(corpus: Path, name: str) -> None:
    path = corpus / name
    new = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    try:
        assert {file for file in named(corpus) if not file.startswith(f"{name}/")} == {name}
    finally:
        path.unlink()
        for folder in new:
            folder.rmdir()


def test_what_the_hub_adds_is_none(corpus: Path) -> None:
    for name in (".gitattributes", ".git/config", ".cache/huggingface/download/x.metadata"):
        (corpus / name).parent.mkdir(parents=True, exist_ok=True)
        (corpus / name).write_bytes(b"x")
    assert found(corpus) == []


def test_a_link_to_a_whole_file_is_none_as_in_the_cache_of_the_hub(corpus: Path, tmp_path: Path) -> None:
    place = next((corpus / "data").iterdir())
    place.rename(tmp_path / "blob")
    place.symlink_to(tmp_path / "blob")
    try:
        assert found(corpus) == []
    finally:
        place.unlink()
        (tmp_path / "blob").rename(place)


def test_a_link_to_a_folder_is_named(corpus: Path, tmp_path: Path) -> None:
    (corpus / "more").symlink_to(tmp_path)
    try:
        assert named(corpus) == {"more"}
    finally:
        (corpus / "more").unlink()


def with_head(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    """The card with another header."""

    def changed(content: bytes) -> bytes:
        head, prose = content.decode().removeprefix("---\n").split("\n---\n", 1)
        plain = YAML(typ="safe").load(head)
        change(plain)
        return f"---\n{card._yaml(plain)}\n---\n{prose}".encode()

    return changed


def data_files(value: Any) -> Callable[[bytes], bytes]:
    return with_head(lambda head: head["configs"][0].update(data_files=value))


LAUGHS = "\n".join([
    "---", "a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)), "configs: *a29",
    "---", "",
])  # fmt: skip
LED_ELSEWHERE: dict[str, Callable[[bytes], bytes]] = {
    "a pattern of all": data_files("data/sub/*"),
    "one split fewer": with_head(lambda head: head["configs"][0]["data_files"].pop()),
    "the splits in each other's place": with_head(lambda head: head["configs"][0]["data_files"].reverse()),
    "a second config": with_head(lambda head: head["configs"].append({"config_name": "x", "data_files": "x.csv"})),
    "a folder to begin from": with_head(lambda head: head["configs"][0].update(data_dir="x")),
    "not the default": with_head(lambda head: head["configs"][0].update(default=False)),
    "no configs": with_head(lambda head: head.pop("configs")),
    "configs of nothing": with_head(lambda head: head.update(configs=None)),
    "no header": lambda content: content.split(b"\n---\n", 1)[1],
    "a mark before it": lambda content: b"\xef\xbb\xbf" + content,
    "no YAML": lambda content: content.replace(b"configs:", b"configs: ]", 1),
    "configs twice": lambda content: content.replace(b"---\n", b"---\nconfigs: []\n", 1),
    "no text": lambda content: b"\xff" + content,
    "nothing": lambda content: b"",
    "a list": lambda content: b"---\n- 1\n---\n",
    "deep": lambda content: b"---\nconfigs: " + b"[" * 100_000 + b"\n---\n",
    "a billion laughs": lambda content: LAUGHS.encode(),
}


@pytest.mark.parametrize("change", LED_ELSEWHERE.values(), ids=LED_ELSEWHERE)
def test_a_card_that_leads_elsewhere_is_named(corpus: Path, change: Callable[[bytes], bytes]) -> None:
    path = corpus / card.NAME
    before = path.read_bytes()
    path.write_bytes(change(before))
    try:
        assert named(corpus) == {card.NAME}
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_card_that_is_gone_is_missed(corpus: Path, tmp_path: Path, as_folder: bool) -> None:
    path = corpus / card.NAME
    path.rename(tmp_path / card.NAME)
    if as_folder:
        path.mkdir()
    try:
        assert named(corpus) == {card.NAME}
    finally:
        if as_folder:
            path.rmdir()
        (tmp_path / card.NAME).rename(path)


@settings(max_examples=20)
@given(prose=st.text())
def test_what_a_card_says_beside_is_free(corpus: Path, prose: str) -> None:
    path = corpus / card.NAME
    before = path.read_bytes()
    more = with_head(lambda head: head.update(license="cc-by-4.0", pretty_name=prose.strip()[:1] or "x", tags=["a"]))
    path.write_bytes(more(before).split(b"\n---\n", 1)[0] + b"\n---\n" + prose.encode())
    try:
        assert found(corpus) == []
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("shape", SHAPES, ids=["plain", "phases", "phases by cell", "by cell"])
def test_every_layout_passes_alone(shared: Path, shape: dict[str, Any]) -> None:
    config = varied_run(shared, **{"budget": {"tokens": 20_000}, "validation": {"tokens": 2_000}, **shape})
    folder = Path(made(config)["export"].folder)
    assert found(folder) == []
    assert (folder / "weights.txt").exists() == ("export" in shape)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder that runs of the same sources share."""
    return tmp_path_factory.mktemp("shared")


@pytest.mark.parametrize(
    ("layout", "parts", "train"),
    [
        ("one", [], "train"),
        ("one", ["train", "train"], "train"),
        ("by_cell", [], "*/train"),
        ("by_cell", ["a+en+web/train", "b+en+web/train"], "*/train"),
        ("one", ["1-main/train", "2-anneal/train"], ["1-main/train", "2-anneal/train"]),
        ("by_cell", ["1-main/a/train", "1-main/b/train", "2-x/a/train"], ["1-main/*/train", "2-x/*/train"]),
    ],
)
def test_splits_are_patterns_of_the_parts(layout: str, parts: list[str], train: str | list[str]) -> None:
    def pattern(part: str) -> str:
        return f"data/{part}-*.parquet"

    names = [f"jsonl/{part}-{number:05d}-of-00009.jsonl.zst" for number, part in enumerate([*parts, "validation"])]
    told = {"split": "train", "path": [pattern(part) for part in train] if isinstance(train, list) else pattern(train)}
    assert splits.splits("parquet", layout, names[:-1]) == [told]
    held = {"split": "validation", "path": pattern("validation")}
    assert splits.splits("parquet", layout, names) == [told, held]


def test_all_below_a_folder_is_named_on_this_machine_and_in_a_store(tmp_path: Path) -> None:
    names = ["a", "b/c", "b/d/e"]
    memory = fsspec.filesystem("memory")
    for name in names:
        memory.pipe_file(f"/below/{name}", b"x")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    for folder in (str(tmp_path), f"{tmp_path}/", "memory://below", "memory://below/"):
        assert list(files.below(folder)) == names
