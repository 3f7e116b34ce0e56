"""Where compiled functions are kept, without numba, which takes half a second to load.

numba keeps what it compiled beside the source and makes it anew where that one file changed. But a function holds the
constants and the inlined functions of other files too: after a change there it would read past the end of its arrays.
So ours are kept, in the user's cache, in a folder named by the digest of all files beside them.
"""

import hashlib
import sys
from functools import cache
from pathlib import Path

from prep.cached import folder

OURS = tuple(Path(__file__).with_name(name) for name in ("compiling.py", "machine.py"))
PACKAGES = ("prep.pipeline.tokenizers", "prep.filters.rules", "prep.filters")  # whose functions use each other's


def place(module: str) -> Path | None:
    """The folder of a module's compiled functions; None where numba must find a place of its own."""
    return _place(next(name for name in PACKAGES if module.startswith(name)))


def is_compiled(module: str) -> bool:
    """Whether some function of a module is kept."""
    kept = place(module)
    return kept is not None and any(kept.glob(f"*/{module.rpartition('.')[2]}.*.nbi"))


@cache
def _place(package: str) -> Path | None:
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
    return kept / digest[:16]
