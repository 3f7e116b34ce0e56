"""How our numba functions are compiled, and where they are kept.

numba keeps what it compiled beside the source and makes it anew where that one file changed. But a function holds the
constants and the inlined functions of other files too: after a change there it would read past the end of its arrays.
So ours are kept, in the user's cache, in a folder named by the digest of all files beside them.
"""

import hashlib
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config
from numba.core.registry import cpu_target

from prep import machine
from prep.cached import folder
from prep.hidden import hidden

if sys.platform != "win32":
    import fcntl

Function = TypeVar("Function", bound=Callable[..., Any])

OURS = (Path(__file__), Path(machine.__file__))
KERNELS = ("prep.pipeline.tokenizers", "prep.filters.rules", "prep.filters")  # folders whose functions use each other's


def _set_up() -> None:
    """What numba does before its first function, without what it loads for others: 0.4 s of CPU in place of 0.9.

    It looks for `scipy.linalg` to know whether there is BLAS, and starts what other libraries add to it (awkward, which
    gigatoken brings). It looks for BLAS again where a function wants it, and ours want nothing of awkward.
    """
    with hidden("scipy", "scipy.linalg", "awkward", "awkward.numba"), warnings.catch_warnings(action="ignore"):
        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()


_set_up()


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


def part(function: Function) -> Function:
    """A `lean` function that compiled ones alone may call: without the two wrappers that Python would call it through.

    They take a fifth of the time to compile. numba would follow the address of the missing one: Python is refused here.
    """
    return _part(function, inlined=False)


def inlined(function: Callable[..., Any]) -> Any:
    """As `part`, and copied into every function that calls it. Not by numba's own inlining, which types each copy."""
    return _part(function, inlined=True)


def _part(function: Function, inlined: bool) -> Function:
    wrappers = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    made: Any = numba.njit(nogil=True, _nrt=False, forceinline=inlined, **wrappers)(function)  # type: ignore[call-overload]

    def refuse(*_args: object, **_named: object) -> None:
        raise TypeError(f"{function.__qualname__} is a part of compiled functions: Python cannot call it")

    made._insert, made._compile_for_args = lambda *_args, **_named: None, refuse
    return cast(Function, made)


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
