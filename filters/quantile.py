"""Where a score stands among reference text: the share of held-out reference documents that score lower.

A better classifier pushes the scores of web text towards 0 and changes what a fixed score means; this share keeps its
meaning. It is a monotone table over the 65,536 stored scores, so `select` reads no text and stores no second column.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from prep.errors import BadModel

POINTS = 1024  # steps that a reference sample is kept in: the share is right to 1/1024, exact for fewer documents
SCALE = 65535  # of stored scores, and of stored shares

Stored = npt.NDArray[np.uint16]


def points(reference: Stored) -> list[int]:
    """The stored scores of held-out reference documents, in order; more than `POINTS` are thinned evenly."""
    ordered = np.sort(np.asarray(reference, np.uint16))
    if len(ordered) > POINTS:
        ordered = ordered[((np.arange(POINTS) + 0.5) * len(ordered) / POINTS).astype(np.int64)]
    return [int(score) for score in ordered]


def quantile_table(kept: Sequence[int]) -> Stored:
    """For each stored score, 0 to 65,535, the share of the reference that scores lower, in steps of 1/65535.

    `kept` is what `points` gave. The table never falls, and begins at 0: nothing scores lower than 0.
    """
    if not kept:
        raise BadModel("a table of reference quantiles needs held-out reference documents, and there are none")
    lower = np.searchsorted(np.sort(np.asarray(kept, np.int64)), np.arange(SCALE + 1), side="left")
    table: Stored = np.rint(lower * (SCALE / len(kept))).astype(np.uint16)
    table.flags.writeable = False
    return table


def reference_quantile(scores: Stored, table: Stored) -> Stored:
    """The share of held-out reference text that scores lower than each stored score, in steps of 1/65535."""
    found: Stored = table[scores]
    return found
