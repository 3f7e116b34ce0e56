"""Which documents may be in the corpus: every reason against each, over thin columns. Used by `mix` and by `size`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prep.errors import BrokenShard
from prep.filters.rules.figures import PREFIX
from prep.manifests import files, ledger, store
from prep.manifests.ledger import CELL, TOKENS
from prep.manifests.shards import Columns, side_by_side
from prep.pipeline import draw, language, query, rules, score
from prep.pipeline.dedup import GROUP
from prep.pipeline.keeping.ask import AUTO
from prep.pipeline.keeping.groups import borders, groups, scored
from prep.pipeline.keeping.kept import Border
from prep.pipeline.query import Connection, Limits
from prep.pipeline.reasons import ELIGIBLE, Place, Reason, Terms
from prep.pipeline.settings import Run
from prep.pipeline.sizing import held_out, survivors
from prep.pipeline.sizing.excluding import NO_LISTS, Excluded
from prep.pipeline.stage import Result, document_shards
from prep.pipeline.verdict import Verdict


@dataclass(frozen=True)
class Columned:
    """The finished results whose columns are judged, and what they say of each cell."""

    ingested: Result
    counted: Result
    scores: Mapping[str, Result]  # by name: score.quality and its like
    grouped: Result | None
    tokenizer: str
    counts: tuple[str, ...] = ()  # that the run's rules look at

    @property
    def cells(self) -> list[Place]:
        """Every cell, in order; a cell's number is its place here."""
        return [(row["source"], row["language"], row["kind"]) for row in self.counted.manifest.ledger["cells"]]

    @property
    def inputs(self) -> dict[str, Result]:
        """By stage."""
        found = {"ingest": self.ingested, f"count.{self.tokenizer}": self.counted, **self.scores}
        return found if self.grouped is None else {**found, "dedup": self.grouped}

    def units(self, more: Iterable[str] = ()) -> list[list[Columns]]:
        """The thin columns of each shard, side by side; `more` are columns of the documents."""
        wanted = {
            "ingest": (*dict.fromkeys((*CELL, "n_bytes", "draw_key", "id_hash", *sorted(more))),),
            f"count.{self.tokenizer}": (TOKENS + self.tokenizer,),
            score.NAME: (score.QUALITY,),
            language.NAME: language.COLUMNS,
            rules.NAME: tuple(PREFIX + name for name in self.counts),
            "dedup": (GROUP,),
        }
        paths = {name: [path for _, path in document_shards(result)] for name, result in self.inputs.items()}
        paths = {name: shards for name, shards in paths.items() if wanted[name]}
        for name, shards in paths.items():
            if len(shards) != len(paths["ingest"]):
                path, asked = files.join(self.inputs[name].folder, store.MANIFEST), len(paths["ingest"])
                text = f"{path}: shards: are {len(shards):,}, those of documents {asked:,}"
                raise BrokenShard(f"{text}; delete it and run again")
        return [[Columns(paths[name][shard], wanted[name]) for name in paths] for shard in range(len(paths["ingest"]))]

    def scored(self) -> list[list[Columns]]:
        """The cell and the score of each document, by shard."""
        wanted = ((self.ingested, CELL), (self.scores[score.NAME], (score.QUALITY,)))
        paths = [[Columns(path, names) for _, path in document_shards(result)] for result, names in wanted]
        return [list(unit) for unit in zip(*paths, strict=True)]


class Thin:
    """The thin columns of a run in DuckDB: loaded and judged for whoever asks first, and kept for the next."""

    def __init__(self, run: Run, limits: Limits) -> None:
        """Nothing is opened yet."""
        self._run, self._limits, self._stack = run, limits, ExitStack()
        self._terms: Terms | None = None
        self._connection: Connection | None = None
        self.excluded = NO_LISTS
        self.held: list[int | None] = []
        self._listed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def database(self) -> AbstractContextManager[Connection]:
        """Another one, for questions that come before all is judged."""
        return query.database(self._limits, self._run.out)

    def judged(self, columned: Columned, terms: Terms) -> Connection:
        """With the table `judged`, without regard to the lists of `exclude:`."""
        if self._connection is None or self._terms != terms or self._listed:
            self._stack.close()
            self._listed = False
            self.excluded = Excluded.of(self._run)
            self._connection = self._stack.enter_context(query.database(self._limits, self._run.out))
            load(self._connection, columned, terms, self.excluded)
            self.held, self._terms = decide(self._connection, columned, terms), terms
        return self._connection

    def listed(self, columned: Columned, terms: Terms) -> Connection:
        """With the table `judged`, what the lists name left out; to be asked last."""
        if self._listed and self._connection is not None:
            return self._connection
        connection = self.judged(columned, terms)
        if self.excluded.lists:
            decide(connection, columned, terms, self.held, listed=True)
            self._listed = True
        return connection


def judge(connection: Connection, columned: Columned, terms: Terms) -> list[int | None]:
    """Make the table `judged`, without regard to the lists of `exclude:`; gives what `decide` finds held out.

    `judged` has a row a document: shard, row, cell, draw, tie, tokens, bytes, key, reasons, listed (by which
    list, 0 for none). In a cell documents are chosen by `key`, ties by `tie`.
    """
    load(connection, columned, terms, NO_LISTS)
    return decide(connection, columned, terms)


def load(connection: Connection, columned: Columned, terms: Terms, excluded: Excluded) -> None:
    """Make the tables that `decide` looks at: `seen`, of every document, and `grouped`, of those with duplicates."""
    kept = borders(columned.cells, terms, columned.scores)
    convert = Judge(columned.cells, terms, columned.tokenizer, kept, excluded)
    more = ("text_hash",) if terms.validation else ()
    for shard, unit in enumerate(columned.units({*more, *excluded.columns})):
        row = 0
        for batch in query.gathered(side_by_side(unit)):
            numbers = pa.table(
                {
                    "shard": np.full(batch.num_rows, shard, dtype=np.int32),
                    "row": np.arange(row, row + batch.num_rows, dtype=np.int32),
                    **convert(batch),
                }
            )
            query.append(connection, "seen", numbers)
            query.append(connection, "grouped", survivors.grouped(batch, numbers))
            row += batch.num_rows


def decide(
    connection: Connection,
    columned: Columned,
    terms: Terms,
    held: Sequence[int | None] | None = None,
    *,
    listed: bool = False,
) -> list[int | None]:
    """Make `judged` of what was loaded; `listed`: documents that the lists name are left out.

    `held` is, for each cell, the draw up to which documents are held out for validation; it is found where not given.
    """
    survivors.mark(connection, columned.cells, terms, listed=listed)
    found = _held_out(connection, columned, terms) if held is None else held
    upto = pa.table({"cell": pa.array(range(len(found)), pa.int32()), "upto": pa.array(found, pa.uint64())})
    connection.register("held", upto)
    connection.execute("drop table if exists judged")
    where = "listed" if listed else "0::smallint"
    for shard in range(len(document_shards(columned.ingested))):  # one at a time: the join is of one shard's rows
        connection.execute(
            f"""
            {"insert into judged" if shard else "create table judged as"}
            select * exclude (found, vdraw, upto),
                   case when found = 0 and vdraw <= upto then {Reason.VALIDATION:d} else found end::ubigint as reasons
            from (select shard, row, cell, draw, tie, tokens, bytes, key, {where} as listed, vdraw,
                         (reasons | {survivors.named(listed)} | coalesce(bits, 0))::ubigint as found
                  from (select * from seen where shard = ?)
                  left join (select row, bits from marks where shard = ?) using (row))
            join held using (cell)
            order by row""",  # noqa: S608 - constants
            [shard, shard],
        )
    connection.unregister("held")
    return list(found)


def _held_out(connection: Connection, columned: Columned, terms: Terms) -> list[int | None]:
    by_score = groups(columned.cells, terms, scored(columned.scores))
    moving = {number for group in by_score if group.keep.pareto == AUTO for number in group.cells}
    return held_out.drawn(connection, columned.cells, terms.validation, moving)


@dataclass(frozen=True)
class Judge:
    """Makes the numbers of a batch of thin columns."""

    cells: Sequence[Place]
    terms: Terms
    tokenizer: str
    borders: Mapping[int, Border]
    excluded: Excluded

    def __call__(self, batch: pa.RecordBatch) -> dict[str, npt.NDArray[Any]]:
        cell = numbered(batch, self.cells)
        drawn = draw.draw(np.asarray(batch["draw_key"]), self.terms.seed, draw.ORDER)
        listed = self.excluded.marks(batch, cell, self.cells)
        return {
            "cell": cell,
            "draw": drawn,
            "tie": draw.halves(batch["id_hash"])[0],
            "tokens": np.asarray(batch[TOKENS + self.tokenizer]),
            "bytes": np.asarray(batch["n_bytes"]),
            "reasons": Verdict(self.cells, self.terms, self.borders)(batch, cell),
            "key": best_first(batch, drawn) if self.terms.choose == "quality" else drawn,
            "vdraw": held_out.draws(batch, self.terms.seed),
            "listed": listed,
            "spread": self.excluded.spread[listed],
        }


def best_first(batch: pa.RecordBatch, drawn: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Keys by falling quality, by draw where it is the same; a cell without scores keeps the order of its draws."""
    if score.QUALITY not in batch.schema.names:
        return drawn
    worse = np.uint64(65535) - np.asarray(pc.fill_null(batch[score.QUALITY], 0)).astype(np.uint64)
    keys = worse << np.uint64(48) | drawn >> np.uint64(16)
    return np.where(np.asarray(batch[score.QUALITY].is_valid()), keys, drawn)


def numbered(batch: pa.RecordBatch, cells: Sequence[Place]) -> npt.NDArray[np.int32]:
    """The number of each row's cell.

    Errors: BrokenShard, where a document is of none of them.
    """
    numbers = {"\x1f".join(place): number for number, place in enumerate(cells)}
    coded = pc.binary_join_element_wise(*(batch[name] for name in CELL), "\x1f").dictionary_encode()
    there = coded.dictionary.to_pylist()
    strange = next((name for name in there if name not in numbers), None)
    if strange is not None:
        text = f"a document is of {strange.replace(chr(31), '/')}, which the manifests of its count and documents lack"
        raise BrokenShard(f"{text}; `prep verify` names the file that differs")
    names = np.array([numbers[name] for name in there], dtype=np.int32)
    return np.asarray(names[np.asarray(coded.indices)], dtype=np.int32)


def available(connection: Connection, cells: Sequence[Place]) -> list[ledger.Row]:
    """Documents, bytes and tokens of each cell that nothing speaks against, and those left out by first reason."""
    found = connection.execute("""
        select cell, case when reasons = 0 then 0 else reasons & -reasons end as first,
               count(*), sum(bytes)::bigint, sum(tokens)::bigint
        from (select cell, reasons::bigint as reasons, bytes, tokens from judged)
        group by all order by all
    """).fetchall()
    rows: dict[int, ledger.Row] = {
        number: {**dict(zip(CELL, cell, strict=True)), "documents": 0, "bytes": 0, "tokens": 0, "left_out": {}}
        for number, cell in enumerate(cells)
    }
    for number, first, documents, n_bytes, tokens in found:
        counts = {"documents": documents, "bytes": n_bytes, "tokens": tokens}
        if first == ELIGIBLE:
            rows[number].update(counts)
        else:
            rows[number]["left_out"][Reason(first).name] = counts
    return list(rows.values())
