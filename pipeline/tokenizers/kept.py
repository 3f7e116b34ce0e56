"""What an engine looks things up in, kept on disk by the first process that made it.

Tries and tables take Python one to two seconds for each tokenizer, in every worker, and are read again in 20 ms. A file
hangs on the tokenizer, on all code here, and on what libraries and Python say of characters. It begins with the digest
of the rest, for kernels follow whatever stands there: a damaged one is made again. Arrays only, and no pickles; whoever
can write them can write compiled code.
"""

import hashlib
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from prep.cached import folder
from prep.errors import Unable
from prep.manifests.files import write
from prep.manifests.record import digest
from prep.pipeline.tokenizers.cached import code
from prep.pipeline.tokenizers.files import Files

FOLDER, ENDING = "tables", ".tables"
MOST = 48  # files that are kept, two or three of a tokenizer and 1 to 10 MB each; the oldest go
ASKED = ("numpy", "sentencepiece", "tokenizers")  # what is made hangs on their versions

Made = Mapping[str, npt.NDArray[np.generic] | float]
Kept = dict[str, npt.NDArray[np.generic]]


def kept(name: str, files: Files, make: Callable[[], Made], beside: bytes = b"") -> Kept:
    """What `make` gives for a tokenizer's files, and for what stands `beside` them, now or in an earlier process.

    Arrays, and numbers as arrays of no dimension.

    Errors: whatever `make` raises, and then nothing is kept.
    """
    place = folder(FOLDER)
    path = None if place is None else str(place / f"{_key(name, files.digest(beside))}{ENDING}")
    if path is not None and (found := _read(path)) is not None:
        return found
    made = {key: np.asarray(value, order="C") for key, value in make().items()}
    if path is not None:
        _write(path, made)
    return made


def plain(value: npt.NDArray[np.generic]) -> object:
    """An array, or the number that was given as one."""
    return value if value.ndim else value.item()


def _key(name: str, tokenizer: str) -> str:
    libraries = {library: version(library) for library in ASKED}
    machine = [platform.python_version(), platform.machine()]
    return digest({"asked": [name, code(), tokenizer], "libraries": libraries, "machine": machine})


def _read(path: str) -> Kept | None:
    try:
        whole = Path(path).read_bytes()
    except OSError:
        return None
    size = hashlib.sha256().digest_size
    if hashlib.sha256(whole[size:]).digest() != whole[:size]:
        return None
    with np.load(BytesIO(whole[size:]), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def _write(path: str, made: Kept) -> None:
    """Whole or not at all; a folder that cannot be written only costs the next process two seconds."""
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **made)
    content = buffer.getvalue()
    try:
        write(path, hashlib.sha256(content).digest() + content)
        for old in sorted(Path(path).parent.glob(f"*{ENDING}"), key=_age)[:-MOST]:
            old.unlink(missing_ok=True)
    except (Unable, OSError):  # NoSpace is an Unable
        return


def _age(path: Path) -> int:
    """When it was written; what another process removes meanwhile is the oldest."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
