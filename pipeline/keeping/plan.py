"""Keeps over the whole run: their numbers, what they come to, and what chance alone would have made of them.

The scored documents are loaded once as thin rows, with what else speaks against each. Which of them are in at some
strictness is then a question, with duplicates counted as they will be: one of each group, of those that are in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.errors import BadSettings
from prep.filters import pareto
from prep.filters.pareto import LEVEL
from prep.filters.quantile import SCALE, Stored, points_of
from prep.manifests.ledger import TOKENS
from prep.manifests.shards import side_by_side
from prep.pipeline import draw, query, score
from prep.pipeline.dedup import GROUP
from prep.pipeline.judge import Columned, numbered
from prep.pipeline.keeping.groups import Group, groups, scored, values
from prep.pipeline.keeping.kept import Kept
from prep.pipeline.keeping.top import Top
from prep.pipeline.query import Connection
from prep.pipeline.reasons import Place, Terms
from prep.pipeline.verdict import Verdict

HELP = "add sources of the kinds in `quality.train`, name a model under `quality.model`, or write `all` for its keep"
ALONE = -1  # instead of a group's number: kept whatever the score, for want of a keep or of a score

Conditions = Mapping[int, str]  # by number of a group, which of its rows are in, in SQL


@dataclass(frozen=True)
class Planned:
    """Makes the rows that are planned with, of a batch of thin columns."""

    cells: Sequence[Place]
    terms: Terms  # without keeps
    tokenizer: str
    groups: Sequence[Group]
    tables: Mapping[int, Stored]  # by number of a cell, where its keep does not look at the score
    ranks: Sequence[int]  # which cell's copy of a duplicate survives

    def __call__(self, batch: pa.RecordBatch) -> dict[str, npt.NDArray[Any]]:
        cell = numbered(batch, self.cells)
        high, low, grouped = _duplicates(batch)
        return {
            "cell": cell,
            "rank": np.asarray(self.ranks, np.int32)[cell],
            "tie": draw.halves(batch["id_hash"])[0],
            "tokens": np.asarray(batch[TOKENS + self.tokenizer]),
            "reasons": Verdict(self.cells, self.terms, {})(batch, cell),
            "high": high, "low": low, "grouped": grouped,
            **self._scored(batch, cell),
        }  # fmt: skip

    def _scored(self, batch: pa.RecordBatch, cell: npt.NDArray[np.int32]) -> dict[str, npt.NDArray[Any]]:
        value = np.asarray(pc.fill_null(batch[score.QUALITY], 0)).astype(np.uint16)
        there = np.asarray(batch[score.QUALITY].is_valid())
        chance = draw.draw(np.asarray(batch["draw_key"]), self.terms.seed, draw.QUALITY)
        member, level = np.full(len(cell), ALONE, np.int32), np.zeros(len(cell), np.uint16)
        for place, table in self.tables.items():
            value[cell == place] = table[value[cell == place]]
        for number, group in enumerate(self.groups):
            here = there & np.isin(cell, group.cells)
            member[here] = number
            level[here] = pareto.strictest(value[here], chance[here])
        return {"member": member, "value": value, "level": level, "chance": chance}


def _duplicates(batch: pa.RecordBatch) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.bool_]]:
    if GROUP not in batch.schema.names:
        nothing = np.zeros(batch.num_rows, np.uint64)
        return nothing, nothing, nothing.astype(bool)
    high, low = draw.halves(pc.fill_null(batch[GROUP], pa.scalar(bytes(16), pa.binary(16))))
    return high, low, np.asarray(batch[GROUP].is_valid())


@dataclass
class Plan:
    """The documents of a run in a database, and the groups that are kept by score."""

    connection: Connection
    cells: Sequence[Place]
    groups: Sequence[Group]
    points: Mapping[int, Sequence[int]] = field(default_factory=dict)  # by number of a group that looks at ranks
    tops: dict[int, Top] = field(default_factory=dict)

    def there(self, conditions: Conditions) -> list[tuple[int, int]]:
        """Documents and tokens of each cell that are in, once each duplicate group has its survivor."""
        within = _within(conditions)
        found = self.connection.execute(f"""
            select cell, count(*), sum(tokens)::bigint from (
                select cell, tokens from planned where not grouped and {within}
                union all
                select cell, tokens from planned where grouped and {within}
                qualify row_number() over (partition by high, low order by rank, tie, shard, row) = 1)
            group by cell
        """).fetchall()  # noqa: S608 - made of numbers
        rows = {cell: (documents, tokens) for cell, documents, tokens in found}
        return [rows.get(number, (0, 0)) for number in range(len(self.cells))]

    def kept(self, conditions: Conditions) -> dict[int, tuple[int, int]]:
        """Documents and tokens of each group that are kept, duplicates and all."""
        found = self.connection.execute(f"""
            select member, count(*), sum(tokens)::bigint from planned
            where member <> {ALONE} and {_within(conditions)} group by member
        """).fetchall()  # noqa: S608
        return {member: (documents, tokens) for member, documents, tokens in found}

    def all(self) -> dict[int, tuple[int, int]]:
        """Documents and tokens of each group that a keep decides on."""
        return self.kept(dict.fromkeys(range(len(self.groups)), "true"))

    def top(self, number: int) -> Top:
        """A group's tokens by value, added up once."""
        return self.tops.setdefault(number, Top(self.connection, number))

    def unscored(self, group: Group) -> int:
        """Documents of a group that have no score."""
        question = "select count(*) from planned where reasons = 0 and member = ? and cell in (select unnest(?))"
        return int(self.connection.execute(question, [ALONE, list(group.cells)]).fetchall()[0][0])


def load(connection: Connection, columned: Columned, terms: Terms) -> Plan | None:
    """Load what is planned with; None where no keep holds for any cell.

    Errors: BadSettings.
    """
    cells, there = columned.cells, scored(columned.scores)
    found = groups(cells, terms, there)
    if not found:
        return None
    if not there:
        raise BadSettings(f"quality.keep.{found[0].key}: no language has a model, so no text has a score; {HELP}")
    points = score_points(columned, found)
    tables = {
        place: table
        for number, group in enumerate(found)
        for place in group.cells if cells[place][1] in there
        if (table := values(group.keep, points.get(number, ()), columned.scores, cells[place][1])) is not None
    }  # fmt: skip
    order = sorted({terms.rank(cell) for cell in cells})
    ranks = [order.index(terms.rank(cell)) for cell in cells]
    convert = Planned(cells, terms, columned.tokenizer, found, tables, ranks)
    query.load(connection, "planned", columned.units(), convert)
    return Plan(connection, cells, found, points)


def score_points(columned: Columned, groups: Sequence[Group]) -> dict[int, list[int]]:
    """The scores of each group that looks at ranks, in order and thinned; of all its scored documents."""
    places = {place: number for number, group in enumerate(groups) if group.keep.measure == "rank"
              for place in group.cells}  # fmt: skip
    counts = {number: np.zeros(SCALE + 1, np.int64) for number in set(places.values())}
    for unit in columned.scored() if counts else ():
        for batch in query.gathered(side_by_side(unit)):
            cell, valid = numbered(batch, columned.cells), np.asarray(batch[score.QUALITY].is_valid())
            stored = np.asarray(pc.fill_null(batch[score.QUALITY], 0))
            for place in np.unique(cell[valid]).tolist():
                if place in places:
                    here = stored[valid & (cell == place)]
                    counts[places[place]] += np.bincount(here, minlength=SCALE + 1)
    # A group without a score has one point: any table does.
    return {number: points_of(each) or [0] for number, each in counts.items()}


def _within(conditions: Conditions) -> str:
    parts = [f"member = {ALONE}", *(f"(member = {number} and {each})" for number, each in sorted(conditions.items()))]
    return f"reasons = 0 and ({' or '.join(parts)})"


def condition(keep: Kept) -> str:
    """Which rows of a group a keep lets in."""
    if keep.alpha is not None:
        return f"level >= {round(keep.alpha * LEVEL)}"
    edge = "" if keep.edge is None else f" or (value = {keep.least - 1} and chance <= {keep.edge})"
    return f"(value >= {keep.least}{edge})"
