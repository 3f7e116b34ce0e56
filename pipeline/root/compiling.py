"""How our numba functions are compiled, and where they are kept.

numba keeps what it compiled beside the source and makes it anew where that one file changed. But a function holds the
constants and the inlined functions of other files too: after a change there it would read past the end of its arrays.
So ours are kept, in the user's cache, in a folder named by the digest of all files beside them.
"""

import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config

from prep import machine
from prep.cached import folder

if sys.platform != "win32":
    import fcntl

Function = TypeVar("Function", bound=Callable[..., Any])

OURS = (Path(__file__), Path(machine.__file__))
KERNELS = ("prep.pipeline.tokenizers", "prep.filters.rules", "prep.filters")  # folders whose functions use each other's


@cache
def _place(package: str) -> str | None:
    """Where compiled functions of a folder are kept; None where numba must find a place of its own."""
    kept = folder("compiled")
    if kept is None:
        return None
    here = Path(str(sys.modules[package].__file__)).parent
    sources = sorted([*here.glob("*.py"), *here.glob("unigram/*.py")])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in (*OURS, *sources))).hexdigest()
    try:
        (kept / digest[:16]).mkdir(parents=True, exist_ok=True)
    except OSError:  # it cannot be written
        return None
    return str(kept / digest[:16])


def compiled(function: Function) -> Function:
    """By numba, kept on disk, without Python's lock; to the type checker it stays the function."""
    return _compiled(function, {})


def lean(function: Function) -> Function:
    """As `compiled`, for what makes no array, as its callees do not: nobody counts who uses the arrays it is given.

    Counting is two locked instructions whenever an array is passed or looked up in a tuple, and took a third of the
    time of the Unigram kernel: 64 and 91 MB/s of Japanese.
    """
    return _compiled(function, {"_nrt": False})


def _compiled(function: Function, options: dict[str, bool]) -> Function:
    package = next(name for name in KERNELS if function.__module__.startswith(name))
    if (place := _place(package)) is not None:
        config.CACHE_DIR = place  # type: ignore[attr-defined]
    try:
        made = numba.njit(cache=True, nogil=True, **options)(function)  # type: ignore[call-overload]
    except RuntimeError:  # no folder that may be written: every process compiles for itself
        return cast(Function, numba.njit(nogil=True, **options)(function))  # type: ignore[call-overload]
    _one_at_a_time(made)
    return cast(Function, made)


def _one_at_a_time(made: Any) -> None:
    """Let one process at a time keep what it compiled.

    numba reads the list of what is kept, takes the next number and writes: two processes that compile a function for
    two sets of types at once take the same number, and the next one is given the code of the other types.
    """
    if sys.platform == "win32":
        return
    file, save = made._cache._cache_file, made._cache._cache_file.save
    lock = Path(made._cache.cache_path) / "lock"

    def alone(key: object, data: object) -> None:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            save(key, data)

    file.save = alone
