"""How our numba functions are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """By numba, kept on disk, without Python's lock; to the type checker it stays the function."""
    return cast(Function, njit(cache=True, nogil=True)(function))
