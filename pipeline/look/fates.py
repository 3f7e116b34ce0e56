"""What becomes of each document: as `size` wrote it, or as it would be judged now where `size` has not come yet."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import TypeAdapter

from prep.manifests import store
from prep.manifests.ledger import COPIES
from prep.manifests.shards import Columns, table
from prep.pipeline import chain, mix, query
from prep.pipeline.judge import Columned, Thin, judge
from prep.pipeline.keeping.groups import borders
from prep.pipeline.keeping.kept import Border, Kept
from prep.pipeline.look.finished import Finished
from prep.pipeline.query import Connection, Limits
from prep.pipeline.reasons import Terms
from prep.pipeline.sizing.columns import LEFT_OUT
from prep.pipeline.stage import Result, document_shards

THEN = "left_out_then"  # beside `left_out`: what it would be under other settings
COPIES_THEN = "copies_then"

Bits = npt.NDArray[np.uint64]


class Fates(Protocol):
    """Why each document is left out, shard by shard."""

    @property
    def sized(self) -> bool:
        """Whether the budget has spoken too."""

    def of(self, shard: int) -> pa.Table:
        """`left_out`, a number of bits, and `copies` where it is known how often a document is in."""


@dataclass(frozen=True)
class Sized:
    """As `size` wrote them."""

    result: Result
    sized: bool = True

    def of(self, shard: int) -> pa.Table:
        """Of the shard file."""
        _, path = document_shards(self.result)[shard]
        return table([Columns(path, (LEFT_OUT, COPIES))])


@dataclass(frozen=True)
class Judged:
    """By the verdicts alone, in a database that is open."""

    connection: Connection
    sized: bool = False

    def of(self, shard: int) -> pa.Table:
        """Asked of the table `judged`."""
        question = f"select reasons as {LEFT_OUT} from judged where shard = ? order by row"  # noqa: S608
        return query.ask(self.connection, question, [shard])


@dataclass(frozen=True)
class Changed:
    """What is, and beside it what would be."""

    before: Sized
    after: Sized
    sized: bool = True

    def of(self, shard: int) -> pa.Table:
        """Both, row for row."""
        now, then = self.before.of(shard), self.after.of(shard)
        return now.append_column(THEN, then[LEFT_OUT]).append_column(COPIES_THEN, then[COPIES])


def fates(finished: Finished, limits: Limits, stack: ExitStack) -> Fates:
    """The fates of the documents of a run, as far as they are decided.

    Errors: BadInput, where not even their tokens are counted.
    """
    if "size" in finished.results:
        return Sized(finished.results["size"])
    connection = stack.enter_context(query.database(limits, finished.run.out))
    judge(connection, judging(finished), terms(finished))
    return Judged(connection)


def terms(finished: Finished) -> Terms:
    """What documents of the run are judged by, with the numbers of its keeps."""
    found = asked_terms(finished)
    return found if "size" in finished.results else replace(found, kept=_kept(finished, found))


def asked_terms(finished: Finished) -> Terms:
    """The same as far as the run file says it: as the recipe of `size` has it, else as that of `mix` would."""
    if "size" in finished.results:
        settings = store.recipe(finished.results["size"].folder).settings
    else:
        settings = mix.job(finished.run, judging(finished), Thin(finished.run, Limits())).recipe.settings
    found: Terms = TypeAdapter(Terms).validate_python(settings["terms"])
    return found


def _kept(finished: Finished, found: Terms) -> tuple[Kept, ...]:
    """The keeps of `mix`, else those that it would find."""
    if "mix" in finished.results:
        return tuple(Kept.read(row) for row in finished.results["mix"].manifest.ledger["keeps"])
    with query.database(Limits(), finished.run.out) as connection:
        return mix.decided(finished.run, judging(finished), found, connection).keeps


def borders_of(finished: Finished) -> dict[int, Border]:
    """Which scores are kept at which draws, by number of the cell."""
    columned = judging(finished)
    return borders(columned.cells, terms(finished), columned.scores)


def judging(finished: Finished) -> Columned:
    """What documents are judged by.

    Errors: BadInput.
    """
    finished.need(f"count.{finished.run.budgeted}", "documents are judged once their tokens are counted")
    return chain.columns(finished.run, finished.results)


def first(bits: Bits) -> Bits:
    """The lowest bit of each: the reason that the books take."""
    lowest: Bits = bits & (~bits + np.uint64(1))
    return lowest
