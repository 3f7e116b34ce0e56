"""Where a score stands among other text: the share of documents that score lower.

Of the reference, held out of training, or of the text itself that is chosen from. A better classifier pushes the scores
of web text towards 0 and changes what a fixed score means; a share keeps its meaning. It is a monotone table over the
65,536 stored scores, so no text is read for it and no second column stored.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from prep.errors import BadModel

POINTS = 1024  # steps that a reference sample is kept in: the share is right to 1/1024, exact for fewer documents
SCALE = 65535  # of stored scores, and of stored shares

Stored = npt.NDArray[np.uint16]


def points(reference: Stored) -> list[int]:
    """The stored scores of documents, in order; more than `POINTS` are thinned evenly."""
    return points_of(np.bincount(np.asarray(reference, np.uint16), minlength=SCALE + 1))


def points_of(documents: npt.NDArray[np.int64]) -> list[int]:
    """The same of the number of documents of each stored score."""
    upto = np.cumsum(documents)
    whole = int(upto[-1])
    places = np.arange(whole) if whole <= POINTS else ((np.arange(POINTS) + 0.5) * whole / POINTS).astype(np.int64)
    return [int(score) for score in np.searchsorted(upto, places, side="right")]


def quantile_table(kept: Sequence[int]) -> Stored:
    """For each stored score, 0 to 65,535, the share of the documents that score lower, in steps of 1/65535.

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
