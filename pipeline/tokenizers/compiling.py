"""How our numba functions are compiled, and where they are kept.

numba keeps what it compiled beside the source and makes it anew where that one file changed. But a function holds the
constants and the inlined functions of other files too: after a change there it would read past the end of its arrays.
So ours are kept in a folder named by the digest of all the files that have any, in the user's cache.
"""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba.core import cgutils, config
from numba.extending import intrinsic

from prep.pipeline.tokenizers.cached import folder

if sys.platform != "win32":
    import fcntl

Function = TypeVar("Function", bound=Callable[..., Any])


def _keep() -> None:
    """Where there is no cache folder, or it cannot be written, numba finds a place of its own."""
    place = folder("compiled")
    if place is None:
        return
    here = Path(__file__).parent
    sources = [path.read_bytes() for path in sorted([*here.glob("*.py"), *here.glob("unigram/*.py")])]
    digest = hashlib.sha256(
        b"".join(source for source in sources if b"numba" in source or b"compiled" in source)
    ).hexdigest()
    try:
        (place / digest[:16]).mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    config.CACHE_DIR = str(place / digest[:16])  # type: ignore[attr-defined]


_keep()


def compiled(function: Function) -> Function:
    """By numba, kept on disk, without Python's lock; to the type checker it stays the function."""
    try:
        made = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder that may be written: every process compiles for itself
        return cast(Function, numba.njit(nogil=True)(function))
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
def prefetch(_typing, array, index):  # type: ignore[no-untyped-def]
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
