"""How tables look that a run ends with."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from prep.manifests.ledger import CELL

FOLDED = ("skipped", "rejected", "removed by edits", "found in", "by")  # columns whose words may take several lines
WORDS = (*CELL, *FOLDED, "of", "by", "rule", "phase")  # and these, which are no figures, stand left


def table(title: str, *heads: str) -> Table:
    """A table without rows yet."""
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title_style="bold")
    for head in heads:
        made.add_column(
            "lang" if head == "language" else head,
            justify="left" if head in WORDS else "right",
            overflow="fold",
            no_wrap=head not in FOLDED,
        )
    return made
