"""Tables that are kept on disk: the same from there as made, and made again where the file is damaged."""

from pathlib import Path

import numpy as np
import pytest

from prep.errors import BadTokenizer
from prep.pipeline.tokenizers import kept
from prep.pipeline.tokenizers.kept import Made, plain

DIGEST = "c0ffee"
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
    first, second = kept.kept("some", DIGEST, make), kept.kept("some", DIGEST, make)
    assert make.calls == 1
    assert values(first) == values(second) == {"rows": [[0, 1, 2], [3, 4, 5]], "real": 0.5, "many": 7, "yes": True}
    assert [value.dtype for value in first.values()] == [value.dtype for value in second.values()]
    assert all(value.flags.writeable for value in second.values())  # numba compiles again for what may not be written


def test_another_name_or_tokenizer_is_another_file(cache: Path) -> None:
    make = Maker()
    for name, digest in (("some", DIGEST), ("other", DIGEST), ("some", "beef")):
        kept.kept(name, digest, make)
    assert make.calls == len(list(cache.glob("*.npz"))) == 3


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"no zip"])
def test_a_damaged_file_is_made_again(cache: Path, damage: bytes) -> None:
    make = Maker()
    kept.kept("some", DIGEST, make)
    (file,) = cache.glob("*.npz")
    file.write_bytes(damage)
    assert values(kept.kept("some", DIGEST, make)) == values(kept.kept("some", DIGEST, make))
    assert make.calls == 2


def test_a_flipped_byte_is_seen(cache: Path) -> None:
    make = Maker()
    kept.kept("some", DIGEST, make)
    (file,) = cache.glob("*.npz")
    whole = bytearray(file.read_bytes())
    whole[whole.index(np.arange(6, dtype=np.uint16).tobytes())] ^= 1
    file.write_bytes(whole)
    assert values(kept.kept("some", DIGEST, make))["rows"] == [[0, 1, 2], [3, 4, 5]]
    assert make.calls == 2


def test_what_cannot_be_made_is_not_kept(cache: Path) -> None:
    def make() -> Made:
        raise BadTokenizer("no")

    with pytest.raises(BadTokenizer, match="no"):
        kept.kept("some", DIGEST, make)
    assert not list(cache.glob("*"))


def test_without_a_folder_that_may_be_written_all_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PREP_CACHE", str(tmp_path / "file" / "inside"))
    make = Maker()
    assert values(kept.kept("some", DIGEST, make)) == values(kept.kept("some", DIGEST, make))
    assert make.calls == 2


def test_the_oldest_go(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    make = Maker()
    for name in ("one", "two", "three", "three", "two"):
        kept.kept(name, DIGEST, make)
    assert (make.calls, len(list(cache.glob("*.npz")))) == (3, 2)
