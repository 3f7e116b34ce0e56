"""Tables that are kept on disk: the same from there as made, and made again where the file is damaged."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers import kept
from prep.pipeline.tokenizers.files import Files, Kind
from prep.pipeline.tokenizers.kept import Made, plain

FILES = Files("here", Kind.MODEL, (b"one",))
MADE: Made = {"rows": np.arange(6, dtype=np.uint16).reshape(2, 3), "real": 0.5, "many": 7, "yes": True}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PREP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / kept.FOLDER


class Maker:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Made:
        self.calls += 1
        return MADE


def values(found: kept.Kept) -> dict[str, object]:
    return {name: plain(value).tolist() if value.ndim else plain(value) for name, value in found.items()}  # type: ignore[attr-defined]


def test_what_is_read_is_what_was_made(cache: Path) -> None:
    make = Maker()
    first, second = kept.kept("some", FILES, make), kept.kept("some", FILES, make)
    assert make.calls == 1
    assert values(first) == values(second) == {"rows": [[0, 1, 2], [3, 4, 5]], "real": 0.5, "many": 7, "yes": True}
    assert [value.dtype for value in first.values()] == [value.dtype for value in second.values()]
    assert all(value.flags.writeable for value in second.values())  # numba compiles again for what may not be written


def test_another_name_or_content_is_another_file_and_another_path_is_not(cache: Path) -> None:
    make = Maker()
    for name, files in (("some", FILES), ("other", FILES), ("some", replace(FILES, contents=(b"two",)))):
        kept.kept(name, files, make)
    kept.kept("some", FILES, make, b"beside it")
    kept.kept("some", replace(FILES, path="there"), make)
    assert make.calls == len(list(cache.glob(f"*{kept.ENDING}"))) == 4


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", hashlib.sha256(b"no zip").digest() + b"no"])
def test_a_damaged_file_is_made_again(cache: Path, damage: bytes) -> None:
    make = Maker()
    kept.kept("some", FILES, make)
    (file,) = cache.glob(f"*{kept.ENDING}")
    file.write_bytes(damage)
    assert values(kept.kept("some", FILES, make)) == values(kept.kept("some", FILES, make))
    assert make.calls == 2


def test_whichever_byte_is_flipped_what_is_read_is_what_was_made(cache: Path) -> None:
    make = Maker()
    kept.kept("some", FILES, make)
    (file,) = cache.glob(f"*{kept.ENDING}")
    whole = file.read_bytes()
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        found = kept.kept("some", FILES, make)
        assert values(found) == {"rows": [[0, 1, 2], [3, 4, 5]], "real": 0.5, "many": 7, "yes": True}, at
    assert make.calls == 1 + len(whole)


def test_what_cannot_be_made_is_not_kept(cache: Path) -> None:
    def make() -> Made:
        raise BadTokenizer("no")

    with pytest.raises(BadTokenizer, match="no"):
        kept.kept("some", FILES, make)
    assert not list(cache.glob("*"))


def test_without_a_folder_that_may_be_written_all_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PREP_CACHE", str(tmp_path / "file" / "inside"))
    make = Maker()
    assert values(kept.kept("some", FILES, make)) == values(kept.kept("some", FILES, make))
    assert make.calls == 2


def test_the_oldest_go(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    make = Maker()
    for name in ("one", "two", "three", "three", "two"):
        kept.kept(name, FILES, make)
    assert (make.calls, len(list(cache.glob(f"*{kept.ENDING}")))) == (3, 2)
