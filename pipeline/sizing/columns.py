"""The columns that `size` writes, by which documents are in the corpus or left out."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from prep.manifests.ledger import COPIES

LEFT_OUT = "left_out"  # the bits of `Reason`; 0 where the document is in the corpus
LISTED = "listed"  # the number of the list of `exclude:` that names it, from 1; 0 for none
KEPT_TOKENS, KEPT_BYTES = "kept_tokens", "kept_bytes"  # of the last copy, where it is cut; else null
TYPES = (pa.uint32(), pa.int64(), pa.int64())  # of these three, COPIES first


def per_phase(names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Of each phase how often a document is in, and the tokens and bytes that are kept of its last copy there."""
    if not names:
        return [(COPIES, KEPT_TOKENS, KEPT_BYTES)]
    return [(f"{COPIES}.{name}", f"{KEPT_TOKENS}.{name}", f"{KEPT_BYTES}.{name}") for name in names]


def phases_of(schema: pa.Schema) -> list[str]:
    """The names of the phases that columns are of."""
    return [name.removeprefix(f"{COPIES}.") for name in schema.names if name.startswith(f"{COPIES}.")]
