"""The best scored text up to so many tokens: the score, and the draw within that score, at which it ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from prep.filters.quantile import SCALE
from prep.pipeline.query import Connection


@dataclass(frozen=True)
class Top:
    """A group's tokens by value, the texts of each duplicate group once."""

    connection: Connection
    member: int

    @cached_property
    def table(self) -> str:
        """Made when it is first asked for."""
        name = f"once_{self.member}"
        self.connection.execute(f"""
            create table {name} as
            select value, chance, tokens from planned where reasons = 0 and member = {self.member} and not grouped
            union all
            select value, chance, tokens from planned where reasons = 0 and member = {self.member} and grouped
            qualify row_number() over (partition by high, low order by value desc, chance, tie, shard, row) = 1
        """)  # noqa: S608 - made of numbers
        return name

    @cached_property
    def by_value(self) -> list[tuple[int, int]]:
        """Values from the best down, with their tokens."""
        question = f"select value, sum(tokens)::bigint from {self.table} group by value order by value desc"  # noqa: S608
        return [(int(value), int(tokens)) for value, tokens in self.connection.execute(question).fetchall()]

    @property
    def tokens(self) -> int:
        """Of all texts of the group."""
        return sum(tokens for _, tokens in self.by_value)

    def cut(self, most: int) -> tuple[int, int | None]:
        """The value from which all texts fit into so many tokens, and the last draw of the value below, if any."""
        full = 0
        for value, tokens in self.by_value:
            if full + tokens > most:
                return value + 1, self._edge(value, most - full)
            full += tokens
        return 0, None

    def _edge(self, value: int, room: int) -> int | None:
        """The last draw up to which texts of one value fit; those that share a draw go together."""
        question = (
            f"select chance, sum(tokens)::bigint from {self.table} where value = ? group by chance order by chance"  # noqa: S608
        )
        rows = self.connection.execute(question, [value]).fetchall()
        fitting = int(np.searchsorted(np.cumsum([tokens for _, tokens in rows]), room, side="right"))
        return int(rows[fitting - 1][0]) if fitting else None


NOTHING = SCALE + 1  # as the least value: none is kept
