"""What the paths of a source name, what files are called, and how they are cut into pieces."""

import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.errors import BadSource
from prep.pipeline.sources import units
from prep.pipeline.sources.listing import Listing, listing
from prep.pipeline.sources.match import matches
from prep.pipeline.sources.piece import Fields, File, Where
from prep.pipeline.sources.reading import Reading


def look(base: Path, *paths: str, **where: Any) -> Listing:
    return listing(Where("src", paths, **where), base)


def names(found: Listing) -> list[str]:
    return sorted(file.name for piece in found.pieces for file in piece.files)


def tree(base: Path, *paths: str) -> Path:
    for path in paths:
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_text(path)
    return base


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("d/*.txt", ["a.txt"]),
        ("d/**/*.txt", ["a.txt", "e/b.txt", "e/f/c.txt"]),
        ("d/**", ["a.txt", "e/b.txt", "e/f/c.txt", "x.md"]),
        ("d", ["a.txt", "e/b.txt", "e/f/c.txt", "x.md"]),
        ("d/e/b.txt", ["b.txt"]),
        ("d/?/*.txt", ["e/b.txt"]),
        ("*/[ax].*", ["d/a.txt", "d/x.md"]),
        ("./d/../d/*.md", ["x.md"]),
        ("d/", ["a.txt", "e/b.txt", "e/f/c.txt", "x.md"]),
    ],
)
def test_names_are_relative_to_the_part_of_the_path_without_globs(
    tmp_path: Path, pattern: str, expected: list[str]
) -> None:
    tree(tmp_path, "d/a.txt", "d/x.md", "d/e/b.txt", "d/e/f/c.txt")
    assert names(look(tmp_path, pattern)) == expected
    assert names(look(Path("/"), f"{tmp_path}/{pattern}")) == expected


@given(st.lists(st.sampled_from("ab"), max_size=4), st.lists(st.sampled_from(["a", "*", "**", "?"]), max_size=4))
def test_globs_match_as_the_regular_expression_they_stand_for(path: list[str], pattern: list[str]) -> None:
    forms = {"a": "a/", "*": "[^/]+/", "**": "(?:[^/]+/)*", "?": "[^/]/"}
    expected = re.fullmatch("".join(forms[part] for part in pattern), "".join(part + "/" for part in path))
    assert matches(tuple(path), tuple(pattern)) == (expected is not None)


def test_files_of_several_paths_have_names_of_their_own(tmp_path: Path) -> None:
    tree(tmp_path, "p/a/x.txt", "p/b/x.txt", "q/b/x.txt", "q/b/y.txt")
    assert names(look(tmp_path, "p/a", "q/b/y.txt")) == ["x.txt", "y.txt"]
    assert names(look(tmp_path, "p/a", "p/b")) == ["a/x.txt", "b/x.txt"]
    assert names(look(tmp_path, "p/b", "q/b")) == ["p/b/x.txt", "q/b/x.txt", "q/b/y.txt"]
    assert names(look(tmp_path, "p", "p/a", "p/*/x.txt")) == ["a/x.txt", "b/x.txt"]


@pytest.mark.parametrize(
    "name", ["a b.txt", "名前.txt", "t\tab.txt", "[1]*?.txt", "~x.txt", "new\nline.txt", "%FF.txt"]
)
def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    tree(tmp_path, name, "1.txt")
    assert names(look(tmp_path, "*.txt")) == sorted(["1.txt", name])
    assert names(look(tmp_path, f"./{name}")) == [name]


def test_a_name_that_is_not_utf8_is_written_in_percents_and_read(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe3\x81\x82.jsonl")).write_text('{"text": "a"}')
    (piece,) = look(tmp_path, "*").pieces
    assert piece.files[0].name == "%FFあ.jsonl"
    assert json.dumps(piece.identity(), ensure_ascii=False).encode()
    reading = Reading(piece, Fields())
    assert [batch["text"].to_pylist() for batch in reading] == [["a"]]
    assert list(reading.digests) == ["%FFあ.jsonl"]


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ("**/site-packages/**", ["a.py", "lib/c.py", "lib/d.tmp"]),
        ("*.tmp", ["a.py", "lib/c.py", "lib/site-packages/p/b.py", "site-packages/e.py"]),
        ("lib/*", ["a.py", "lib/site-packages/p/b.py", "site-packages/e.py"]),
        ("src/lib/**", ["a.py", "site-packages/e.py"]),
    ],
)
def test_what_is_excluded_is_counted(tmp_path: Path, exclude: str, left: list[str]) -> None:
    tree(
        tmp_path, "src/a.py", "src/lib/site-packages/p/b.py", "src/lib/c.py", "src/lib/d.tmp", "src/site-packages/e.py"
    )
    for path in ("src", "src/**"):
        found = look(tmp_path, path, exclude=(exclude,))
        assert names(found) == left
        assert found.excluded == 5 - len(left)


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    tree(tmp_path, "s/a/x.txt", "out/y.txt", "out/z.txt")
    (tmp_path / "s/a/up").symlink_to("..")
    (tmp_path / "s/self").symlink_to("self")
    (tmp_path / "s/gone").symlink_to("nowhere")
    (tmp_path / "s/0").symlink_to("a")
    (tmp_path / "s/0x.txt").symlink_to("a/x.txt")
    (tmp_path / "s/out").symlink_to("../out")
    (tmp_path / "s/y.txt").symlink_to("../out/y.txt")
    found = look(tmp_path, "s")
    assert names(found) == ["a/x.txt", "out/y.txt", "out/z.txt"]
    assert dict(found.skipped) == {
        "s/0": "folder seen under another name",
        "s/0x.txt": "link to a file that is listed",
        "s/a/up": "folder seen under another name",
        "s/gone": "dangling link",
        "s/self": "link to itself",
        "s/y.txt": "link to a file that is listed",
    }


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    tree(tmp_path, "s/a.txt", "s/.hidden", "s/.git/config")
    os.mkfifo(tmp_path / "s/fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s/sock"))
        found = look(tmp_path, "s")
    assert names(found) == ["a.txt"]
    assert dict(found.skipped) == {
        "s/.git": "hidden",
        "s/.hidden": "hidden",
        "s/fifo": "not a regular file",
        "s/sock": "not a regular file",
    }
    with pytest.raises(BadSource, match=r"fifo.*not a regular file"):
        look(tmp_path, "s/fifo")
    assert names(look(tmp_path, "s/.git/*", "s/.hid*")) == [".hidden", "config"]


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root may read everything, so its tests are somebody else for a while."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_what_may_not_be_read_is_named_unless_it_is_excluded(nobody: None) -> None:
    with TemporaryDirectory() as folder:
        base = tree(Path(folder), "s/a.txt", "s/b.txt", "t/u/c.txt", "t/d.txt")
        (base / "s/a.txt").chmod(0)
        (base / "t/u").chmod(0)
        for path in ("s", "s/*.txt", "s/a.txt"):
            with pytest.raises(BadSource, match=r"s/a\.txt': no permission to read"):
                look(base, path)
        for path in ("t", "t/**/*.txt", "t/u"):
            with pytest.raises(BadSource, match="t/u': no permission to list"):
                look(base, path)
        with pytest.raises(BadSource, match=r"t/u/c\.txt': no permission"):
            look(base, "t/u/c.txt")
        assert names(look(base, "s", "t", exclude=("a.txt", "t/u/**"))) == ["b.txt", "d.txt"]
        (base / "t/u").chmod(0o700)


def test_a_path_that_names_nothing_says_what_was_meant(tmp_path: Path) -> None:
    tree(tmp_path, "corpus/wiki_ja/a.jsonl", "deep/er/b.txt")
    (tmp_path / "empty").mkdir()
    for pattern, words in {
        "corpus/wikija/*.jsonl": "'src'.*'corpus/wikija/[*].jsonl' names no file.*" + re.escape(str(tmp_path)),
        "corpus/wiki_jp": "did you mean '.*/corpus/wiki_ja'",
        "corpsu/wiki_ja": "did you mean '.*/corpus'",
        "corpus/wiki_ja/a.json": "did you mean '.*/a.jsonl'",
        "deep/*": r"end the pattern with /\*\* to read what is below\) \(1\)",
        "empty": "names no file",
        "memory://nothing/*": "names no file|cannot be listed",
    }.items():
        with pytest.raises(BadSource, match=words):
            look(tmp_path, "deep/er", pattern)


def test_formats_go_by_the_suffix_below_compression() -> None:
    named = "a.jsonl.gz b.JSON c.ndjson.zst d.parquet e.feather f.tsv g.warc.wet.gz h.txt.gz i.md j .warc k.d/l"
    kinds = "jsonl jsonl jsonl parquet arrow csv warc text text text warc text"
    assert [units.format_of(name) for name in named.split()] == kinds.split()


def test_large_json_lines_and_parquet_are_split_and_archives_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "SPLIT", 10)
    (tmp_path / "a.jsonl").write_bytes(b"x" * 25)
    (tmp_path / "b.jsonl").write_bytes(b"\x1f\x8b" + b"x" * 23)
    (tmp_path / "c.csv").write_bytes(b"x" * 25)
    cut = [(piece.files[0].name, piece.start, piece.stop, piece.size) for piece in look(tmp_path, "*").pieces]
    ranges = [("a.jsonl", 0, 10, 10), ("a.jsonl", 10, 20, 10), ("a.jsonl", 20, 25, 5)]
    assert cut == [*ranges, ("b.jsonl", 0, None, 25), ("c.csv", 0, None, 25)]


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(0, 10**7), max_size=60), st.text("abc", min_size=1))
def test_a_new_text_file_changes_its_own_group_only(sizes: dict[str, int], new: str) -> None:
    def grouped(sizes: dict[str, int]) -> set[tuple[File, ...]]:
        return set(units.groups([File(name, name, sizes[name]) for name in sorted(sizes)]))

    before, after = grouped(sizes), grouped(sizes | {new: 5})
    assert len(before - after) <= 2
    assert sum(map(len, after)) == len(sizes | {new: 5})


def test_the_identity_of_a_piece_knows_no_machine(tmp_path: Path) -> None:
    base = tree(tmp_path, "one/s/a.txt", "two/s/a.txt")
    one, two = (look(base / folder, "s").pieces[0] for folder in ("one", "two"))
    assert one.identity() == two.identity()
    assert str(tmp_path) not in json.dumps(one.identity())


def test_remote_files_are_listed_and_read_as_local_ones(tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    for name in ("r/a.jsonl", "r/sub/b.jsonl", "r/c.txt"):
        store.pipe_file(f"/{name}", b'{"text": "x"}\n')
    assert names(look(tmp_path, "memory://r")) == ["a.jsonl", "c.txt", "sub/b.jsonl"]
    assert names(look(tmp_path, "memory://r/*.jsonl")) == ["a.jsonl"]
    assert names(look(tmp_path, "memory://r/**/*.jsonl")) == ["a.jsonl", "sub/b.jsonl"]
    (piece,) = look(tmp_path, "memory://r/sub/b.jsonl").pieces
    assert piece.files[0].name == "b.jsonl"
    assert [batch["text"].to_pylist() for batch in Reading(piece, Fields())] == [["x"]]
    store.pipe_file("/r/sub/b.jsonl", b"longer than it was when listed")
    with pytest.raises(BadSource, match="changed"):
        list(Reading(piece, Fields()))
    with pytest.raises(BadSource, match="nope"):
        look(tmp_path, "nope://r/x")
