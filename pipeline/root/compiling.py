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
import numpy as np
from llvmlite import ir
from numba.core import cgutils, config
from numba.extending import intrinsic

from prep.cached import folder

if sys.platform != "win32":
    import fcntl

Function = TypeVar("Function", bound=Callable[..., Any])

KERNELS = ("prep.pipeline.tokenizers", "prep.filters.rules", "prep.filters")  # folders whose functions use each other's


@cache
def _place(package: str) -> str | None:
    """Where compiled functions of a folder are kept; None where numba must find a place of its own."""
    kept = folder("compiled")
    if kept is None:
        return None
    here = Path(str(sys.modules[package].__file__)).parent
    sources = sorted([*here.glob("*.py"), *here.glob("unigram/*.py")])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in (Path(__file__), *sources))).hexdigest()
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


@intrinsic
def _trailing_zeros(_typing: Any, number: Any) -> Any:
    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(0))

    return numba.types.int64(numba.types.uint64), emit


trailing_zeros = cast(Callable[[Any], int], _trailing_zeros)  # 64 for 0


@intrinsic
def _prefetch(_typing, array, index):  # type: ignore[no-untyped-def]
    """Begin to fetch the cache line of an element, for later."""

    def emit(context, builder, signature, args):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        address = builder.bitcast(builder.gep(data, [args[1]]), cgutils.voidptr_t)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
        builder.call(fetch, [address, number(0), number(3), number(1)])  # to read; keep; data
        return context.get_dummy_value()

    return numba.types.void(array, index), emit


prefetch = cast(Callable[[Any, Any], None], _prefetch)


def _loaded(builder: Any, arguments: Any) -> Any:
    loaded = builder.load(builder.inttoptr(builder.add(*arguments), ir.IntType(64).as_pointer()))
    loaded.align = 1
    return loaded


@intrinsic
def _load(_typing: Any, address: Any, offset: Any) -> Any:
    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _loaded(builder, arguments)

    return numba.types.uint64(numba.types.int64, numba.types.int64), emit


@intrinsic
def _peek(_typing: Any, address: Any, offset: Any) -> Any:
    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _loaded(builder, arguments)

    return numba.types.int64(numba.types.int64, numba.types.int64), emit


@intrinsic
def _poke(_typing: Any, address: Any, offset: Any, number: Any) -> Any:
    def emit(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(builder.add(*arguments[:2]), ir.IntType(64).as_pointer())
        builder.store(arguments[2], place).align = 1
        return context.get_dummy_value()

    return numba.types.void(numba.types.int64, numba.types.int64, numba.types.int64), emit


# Eight bytes at any address, as a number without and with a sign; and to write them.
load = cast(Callable[[int, int], np.uint64], _load)
peek = cast(Callable[[int, int], int], _peek)
poke = cast(Callable[[int, int, int], None], _poke)
