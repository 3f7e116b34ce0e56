"""Start-up without libraries that others load only because they are installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


class _Hidden(MetaPathFinder):
    """Finds nothing of those names. (None in `sys.modules` will not do: pyarrow's Cython takes it for the module.)"""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname in self.names:
            raise ModuleNotFoundError(fullname, name=fullname)


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Modules that cannot be imported meanwhile, unless they are loaded already."""
    finder = _Hidden(frozenset(names))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
