"""How our numba functions are compiled; where they are kept, `kernels` says."""

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config
from numba.core.registry import cpu_target

from prep.hidden import hidden
from prep.kernels import place

if sys.platform != "win32":
    import fcntl

Function = TypeVar("Function", bound=Callable[..., Any])

PATIENCE, PAUSE = 60.0, 0.05  # seconds: the largest kernel takes 15 to compile on a busy machine


def _set_up() -> None:
    """What numba does before its first function, without what it loads for others: 0.4 s of CPU in place of 0.9.

    It looks for `scipy.linalg` to know whether there is BLAS, and starts what other libraries add to it (awkward, which
    gigatoken brings). It looks for BLAS again where a function wants it, and ours want nothing of awkward.
    """
    with hidden("scipy", "scipy.linalg", "awkward", "awkward.numba"), warnings.catch_warnings(action="ignore"):
        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()


_set_up()


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
    if (kept := place(function.__module__)) is not None:
        config.CACHE_DIR = str(kept)  # type: ignore[attr-defined]
    try:
        made = numba.njit(cache=True, nogil=True, **options)(function)  # type: ignore[call-overload]
    except RuntimeError:  # no folder that may be written: every process compiles for itself
        return cast(Function, numba.njit(nogil=True, **options)(function))  # type: ignore[call-overload]
    _one_at_a_time(made)
    return cast(Function, made)


def _one_at_a_time(made: Any) -> None:
    """Let one process at a time compile a function and keep it; others wait, and read what it kept.

    numba's own way, each compiles for itself, and where two do so for two sets of types at once, both take the same
    number in the list of what is kept, and the next one is given the code of the other types.
    """
    if sys.platform == "win32":
        return
    compile_, load = made.compile, made._cache.load_overload
    lock = Path(made._cache.cache_path) / f"{made.py_func.__module__}.{made.py_func.__qualname__}.lock"

    def alone(types: object) -> object:
        with ExitStack() as turn:

            def look(*asked: object) -> object:
                if (found := load(*asked)) is None:
                    turn.enter_context(_locked(lock))
                    found = load(*asked)
                return found

            made._cache.load_overload = look
            return compile_(types)

    made.compile = alone


@contextmanager
def _locked(lock: Path) -> Iterator[None]:
    """Other processes wait, but not for ever: a thread may hold what another one, that holds this, waits for."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as handle:
        last = time.monotonic() + PATIENCE
        while time.monotonic() < last:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(PAUSE)
            else:
                break
        yield
