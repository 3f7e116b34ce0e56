"""Terms, and plans over rows made by hand: what the tests of keeping and of verdicts are stated on."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from prep.filters import pareto
from prep.pipeline import draw
from prep.pipeline.keeping.ask import Keep
from prep.pipeline.keeping.groups import Group
from prep.pipeline.keeping.plan import ALONE, Plan
from prep.pipeline.reasons import Place, Terms

CELLS: list[Place] = [
    ("wiki_ja", "ja", "encyclopedia"),
    ("web_a", "ja", "web"),
    ("web_b", "ja", "web"),
    ("en", "en", "web"),
]


def terms(**changes: Any) -> Terms:
    """Terms that speak against nothing, but for the changes."""
    plain: dict[str, Any] = {
        "languages": ("ja", "en"), "grouped": {}, "filtered": ("web",), "keep": {}, "exempt": (), "first": (),
        "priority": {}, "seed": 1, "validation": {}, "choose": "draw", "rules": {}, "ruled": ("web",), "spoken": {},
    }  # fmt: skip
    every = {name: plain.get(name) for name in Terms.__dataclass_fields__ if name in plain}
    return Terms(**{**every, **changes})


def planned(groups: list[Group], count: int, seed: int = 1, copies: int = 0, chance: int = 3) -> Plan:
    """Random documents of every cell, some of them copies of one another; what is drawn for them hangs on the seed."""
    random = np.random.default_rng(chance)
    cell = random.integers(0, len(CELLS), count).astype(np.int32)
    value = (65535 * random.beta(0.4, 2, count)).astype(np.uint16)
    tokens, keys = random.integers(1, 900, count), random.integers(0, 2**64, count, dtype=np.uint64)
    high = np.zeros(count, np.uint64)
    for text in range(copies):
        rows = random.choice(count, random.integers(2, 5), replace=False)
        high[rows], tokens[rows] = text + 1, tokens[rows[0]]
        value[rows] = value[rows[0]]
    member = np.full(count, ALONE, np.int32)
    for number, group in enumerate(groups):
        member[np.isin(cell, group.cells)] = number
    draws = draw.draw(keys, seed, draw.QUALITY)
    table = pa.table(
        {
            "shard": np.zeros(count, np.int32), "row": np.arange(count, dtype=np.int32), "cell": cell,
            "rank": (cell > 0).astype(np.int32), "tie": random.integers(0, 2**64, count, dtype=np.uint64),
            "tokens": tokens, "reasons": np.where(random.random(count) < 0.1, 8, 0).astype(np.uint64),
            "high": high, "low": high, "grouped": high > 0, "member": member, "value": value,
            "level": pareto.strictest(value, draws), "chance": draws,
        }
    )  # fmt: skip
    connection = duckdb.connect()
    connection.register("given", table)
    connection.execute("create table planned as select * from given")
    return Plan(connection, CELLS, groups)


def group(keep: Keep, *cells: int, key: str = "ja", said: bool = True) -> Group:
    """A group of some cells."""
    return Group(key, "language", keep, said, cells)


def rows(plan: Plan) -> list[dict[str, Any]]:
    """The documents of a plan."""
    found: list[dict[str, Any]] = plan.connection.sql("select * from planned order by row").to_arrow_table().to_pylist()
    return found
