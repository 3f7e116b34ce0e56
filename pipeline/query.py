"""Thin columns in DuckDB: loaded once into a file, asked in SQL, out of core under a memory limit."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.errors import NoSpace, Unable
from prep.manifests import files
from prep.manifests.shards import Columns, side_by_side
from prep.pipeline.draw import halves

Connection = duckdb.DuckDBPyConnection
_GATHER = 1 << 18  # rows handed to DuckDB at once: an insert per record batch of 4,096 rows costs ten times more


@dataclass(frozen=True)
class Limits:
    """What the machine gives to questions: memory in bytes, threads, and where they may spill."""

    memory: int = 1_000_000_000
    threads: int = 1
    scratch: str | None = None


# What DuckDB says where its file, its log or what it spills finds no room.
_FULL = ("No space left on device", "max_temp_directory_size")


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """What DuckDB lacks of the machine, in words of ours.

    Errors: NoSpace, where the disk of the scratch folder is full; Unable, where memory or the disk is in the way.
    """
    try:
        yield
    except (RuntimeError, duckdb.InvalidInputException) as error:  # what becomes of Ctrl-C inside a question
        if str(error) == "Query interrupted" or "KeyboardInterrupt" in str(error):
            raise KeyboardInterrupt from error
        raise
    except duckdb.OperationalError as error:
        first = str(error).partition("\n")[0]
        if any(sign in str(error) for sign in _FULL):
            raise NoSpace(
                f"{folder}: the disk is full; what was finished is kept: make room, or give --scratch a folder on a "
                "larger disk, and run again"
            ) from error
        if isinstance(error, duckdb.OutOfMemoryException):
            raise Unable(f"{first}; run again with more --memory, or fewer --workers") from error
        if isinstance(error, duckdb.IOException):
            raise Unable(f"{folder}: {first}; check its disk, or give another folder by --scratch") from error
        raise


@contextmanager
def database(limits: Limits, out: str) -> Iterator[Connection]:
    """A DuckDB file of its own in the scratch folder (by default the output folder), gone when the block ends.

    Errors: NoSpace, Unable.
    """
    parent = Path(limits.scratch or (out if files.is_local(out) else tempfile.gettempdir()))
    with told(parent), _scratch(parent) as folder:
        connection = duckdb.connect(
            str(Path(folder) / "thin.duckdb"),
            config={
                "memory_limit": f"{limits.memory // 1_000_000}MB",
                "threads": limits.threads,
                "temp_directory": folder,
                # False spares memory, but with DuckDB 2.0.0 on several threads 33 of 40 answers to an `order by` then
                # came out of order as Arrow tables.
                "preserve_insertion_order": True,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def _scratch(parent: Path) -> Iterator[str]:
    with files.told(str(parent)):
        parent.mkdir(parents=True, exist_ok=True)
        made = tempfile.TemporaryDirectory(prefix=files.TEMPORARY, dir=parent)
    with made as folder:
        yield folder


Convert = Callable[[pa.RecordBatch], dict[str, npt.NDArray[Any]]]


def load(connection: Connection, name: str, units: Iterable[Sequence[Columns]], convert: Convert) -> None:
    """Make a table of the rows of many units: `shard` and `row` (int32) say where each stands, `convert` the rest."""
    for shard, unit in enumerate(units):
        row = 0
        for table in gathered(side_by_side(unit)):
            columns = convert(table)
            there = {
                "shard": np.full(table.num_rows, shard, dtype=np.int32),
                "row": np.arange(row, row + table.num_rows, dtype=np.int32),
                **columns,
            }
            append(connection, name, pa.table(there))
            row += table.num_rows


def gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches large enough to be worth an insert."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(part.num_rows for part in held) >= _GATHER:
            yield pa.concat_batches(held)
            held = []
    if held:
        yield pa.concat_batches(held)


def append(connection: Connection, name: str, rows: pa.Table) -> None:
    """Add rows to a table, made where it is not there yet."""
    connection.register("incoming", rows)
    try:
        exists = connection.execute("select 1 from duckdb_tables() where table_name = ?", [name]).fetchall()
        verb = f"insert into {name}" if exists else f"create table {name} as"
        connection.execute(f"{verb} select * from incoming")  # noqa: S608 - names are ours, not a user's
    finally:
        connection.unregister("incoming")


def ask(connection: Connection, question: str, values: Sequence[object] = ()) -> pa.Table:
    """The answer to one question, as an Arrow table."""
    return connection.sql(question, params=list(values)).to_arrow_table()


def repeated(connection: Connection, units: Sequence[Sequence[Columns]], column: str) -> list[tuple[int, int]]:
    """Shard and row of the first two documents that share a value of a 16-byte hash column; empty where none do."""

    def convert(batch: pa.RecordBatch) -> dict[str, npt.NDArray[Any]]:
        high, low = halves(batch[column])
        return {"high": high, "low": low}

    load(connection, "hashed", units, convert)
    found = connection.execute("""
        with first as (select high, low from hashed group by high, low having count(*) > 1 order by high, low limit 1)
        select shard, row from hashed semi join first using (high, low) order by shard, row limit 2
    """).fetchall()
    connection.execute("drop table if exists hashed")
    return [(int(shard), int(row)) for shard, row in found]


def value(columns: Columns, row: int) -> dict[str, Any]:
    """One row of some columns of a shard."""
    for batch in side_by_side([columns]):
        if row < batch.num_rows:
            found: dict[str, Any] = batch.slice(row, 1).to_pylist()[0]
            return found
        row -= batch.num_rows
    raise IndexError(f"{columns.path} has no such row")
