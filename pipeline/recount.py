"""What `verify` must know of each stage: how its units are named, what its files hold, how its books are counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from prep.errors import PrepError
from prep.manifests import files, ledger, verify
from prep.manifests.ledger import CELL, Row
from prep.manifests.lineage import Finding
from prep.manifests.record import KEY, Recipe, Shard, digest
from prep.manifests.shards import Columns, read, schema_of, table
from prep.pipeline import export, meter
from prep.pipeline.count import COLUMNS, Count
from prep.pipeline.dedup import Dedup
from prep.pipeline.export import Export
from prep.pipeline.ingest import ASIDE, ASIDE_PREFIX, Ingest, Property
from prep.pipeline.language import By, Identify
from prep.pipeline.mix import Mixed
from prep.pipeline.rules import Rules
from prep.pipeline.score import NEWER, REFERENCE, Score
from prep.pipeline.size import Size
from prep.pipeline.sizing import books as size_books
from prep.pipeline.stage import cell_books, content_key, described
from prep.pipeline.train import Train
from prep.pipeline.training.sample import Asked
from prep.pipeline.vocabulary.learn import Learn, booked

SCORING = {"models": Score.version, "languages": Rules.version, "by": Identify.version}  # by a setting each has alone
VERSIONS = {stage.name: stage.version for stage in (Ingest, Count, Train, Learn, Score, Dedup, Mixed, Size, Export)}
# What reading a file may raise that is not what was written, beside our own errors.
_BROKEN = (PrepError, pa.ArrowException, zstandard.ZstdError, OSError, ValueError, KeyError, TypeError, IndexError)


def known(recipe: Recipe) -> bool:
    """Whether this version of `prep` knows how that stage names its units and counts its books."""
    version = next((version for name, version in SCORING.items() if name in recipe.settings), None)
    return recipe.version == (version if recipe.stage == Score.name else VERSIONS.get(recipe.stage))


@dataclass(frozen=True)
class Part:
    """A shard of documents: what names it, and the languages in it."""

    name: str
    sha256: str
    languages: frozenset[str]

    @property
    def key(self) -> str:
        """What it is to the stages that read it."""
        return content_key(self.name, self.sha256)


def keys(recipe: Recipe, documents: Sequence[Part], written: Sequence[str]) -> list[str] | None:
    """The keys of a result's units, in order, as its recipe makes them; None where the recipe does not tell.

    `written` are the names of the units' first files.
    """
    stage, settings = recipe.stage, recipe.settings
    if stage == Ingest.name:
        pairs: list[tuple[Any, Any]] = [
            (source["stage"], {"piece": piece, "fields": source["fields"]})
            for _, source in sorted(settings.items())
            for piece in source["listing"]
        ]
    elif stage == Count.name:
        pairs = [(settings, [[part.key, list(COLUMNS)]]) for part in documents]
    elif stage == Score.name:
        pairs = [(_spoken(settings, part.languages), [[part.key, ["text", "language"]]]) for part in documents]
    elif stage == Dedup.name:
        pairs = [(settings, f"{recipe.digest}/{part.name}") for part in documents]
    elif stage in (Train.name, Learn.name):
        pairs = [(settings, recipe.digest)]
    elif stage == Mixed.name:
        phased = {"phased": True} if "phases" in settings else {}
        pairs = [({"name": stage, "version": recipe.version, **phased}, f"{recipe.digest}/targets")]
    elif stage == Export.name:
        made_by = _export(settings)
        files_ = (described(made_by.of(*part_of(name))) for name in written)
        pairs = [({**each, "version": recipe.version}, [recipe.digest, place]) for place, each in enumerate(files_)]
    else:
        return None  # the units of `size` hold the draws of its cuts, which stand in no file
    return [digest({"stage": made, "unit": unit})[:KEY] for made, unit in pairs]


def _export(settings: Mapping[str, Any]) -> Export:
    """The stage that a recipe of `export` is of."""
    names = ("formats", "tokenizers", "scored", "exact")
    return Export(**{name: settings[name] for name in names}, phased=settings.get("phased", False))


FILE = re.compile(r"(?:^|.*/)(?:data|arrow|jsonl)/(?P<part>.+)-(?P<number>\d{5,})-of-(?P<count>\d{5,})\.[a-z.]+")


def part_of(name: str) -> tuple[str, int, int]:
    """Of a file of the corpus its part, its number in it, and how many that part has; a name that tells none is one."""
    found = FILE.fullmatch(name)
    return (found["part"], int(found["number"]), int(found["count"])) if found else (name, 0, 0)


def _spoken(settings: Mapping[str, Any], languages: frozenset[str]) -> dict[str, Any]:
    """What scores, counts for rules or identifies, as far as a shard's own languages go."""
    found = {name: each for name, each in settings.items() if name not in (REFERENCE, NEWER)}
    for by_language in settings.keys() & {"models", "scales", "languages"}:
        found[by_language] = {name: each for name, each in settings[by_language].items() if name in languages}
    if "compressed" in settings:
        found["compressed"] = [name for name in settings["compressed"] if name in languages]
    return found


@dataclass(frozen=True)
class Probe:
    """What a worker is told: files of one unit, and how to count them.

    `others` are more SHA-256 by which a file may be known as whole; `beside` are whole shards of earlier stages, None
    where they are not to be had; `taken` is None where there is no receipt.
    """

    recipe: Recipe
    folder: str
    shards: tuple[Shard, ...]
    others: frozenset[str]
    schema: Mapping[str, str]
    beside: tuple[str, ...] | None
    taken: int | None


@dataclass(frozen=True)
class Probed:
    """What a worker found: what differs, the files that are whole, and the books where they could be counted."""

    findings: tuple[Finding, ...]
    whole: frozenset[str]
    page: dict[str, Any] | None


def probe(given: Probe) -> Probed:
    """Read the files of one unit again. Runs in a worker."""
    found: list[Finding] = []
    whole: set[str] = set()
    for shard in given.shards:
        path = files.join(given.folder, shard.name)
        differs, opens = verify.shard(given.folder, shard, given.others)
        found += differs
        if opens:
            whole.add(path)
            found += guarded(path, held(path, shard, given))
        meter.add(shard.bytes)
    page = None
    if len(whole) == len(given.shards) and known(given.recipe) and given.beside is not None:
        try:
            page = books(given)
        except _BROKEN as error:
            path = files.join(given.folder, given.shards[0].name)
            found.append(Finding(path, "unreadable", f"its books cannot be counted: {error}"))
    return Probed(tuple(found), frozenset(whole), page)


def guarded(path: str, checks: Iterator[Finding]) -> Iterator[Finding]:
    """The same findings; a file that cannot be read is one more."""
    try:
        yield from checks
    except _BROKEN as error:
        yield Finding(path, "unreadable", str(error))


def held(path: str, shard: Shard, given: Probe) -> Iterator[Finding]:
    """Rows and schema of one file against the manifest."""
    rows, schema = _looked(path)
    if schema is not None:
        said = dict(given.schema)
        if given.recipe.stage == Ingest.name and shard.name.startswith(ASIDE_PREFIX):
            said = {field.name: str(field.type) for field in ASIDE}
        for name in sorted(said.keys() | schema.keys()):
            one, two = schema.get(name, "nothing"), said.get(name, "nothing")
            if two not in (one, None) and one is not None:
                yield Finding(path, "schema", f"column {name} is {one}, the manifest says {two}")
    if rows is not None and rows != shard.rows:
        yield Finding(path, "rows", f"has {rows:,} rows, the manifest says {shard.rows:,}")
    if given.recipe.stage != Ingest.name and given.taken not in (None, shard.rows):
        yield Finding(path, "rows", f"stands for {shard.rows:,} rows, its receipt took {given.taken:,}")


def _looked(path: str) -> tuple[int | None, dict[str, str | None] | None]:
    """Rows of a file, and its columns with their types (None where the format has none)."""
    if path.endswith(".arrow"):
        schema = schema_of(path)
        thin = next((field.name for field in schema if pa.types.is_primitive(field.type)), schema.names[0])
        return sum(batch.num_rows for batch in read(Columns(path, (thin,)))), _types(schema)
    if path.endswith(".parquet"):
        file = pq.ParquetFile(files.open_random(path))
        return file.metadata.num_rows, _types(file.schema_arrow)
    if path.endswith(".jsonl.zst"):
        return _lines(path)
    return None, None


def _types(schema: pa.Schema) -> dict[str, str | None]:
    return {field.name: str(field.type) for field in schema}


def _lines(path: str) -> tuple[int, dict[str, str | None] | None]:
    rows, head = 0, b""
    with zstandard.ZstdDecompressor().stream_reader(files.open_random(path)) as stream:
        while chunk := stream.read(1 << 20):
            head += chunk if not rows else b""
            rows += chunk.count(b"\n")
    line: dict[str, Any] = orjson.loads(head[: head.index(b"\n")]) if rows else {}
    return rows, dict.fromkeys(line) if rows else None


def books(given: Probe) -> dict[str, Any]:
    """The ledger's page of one unit, counted as its stage counts it."""
    stage, beside = given.recipe.stage, given.beside or ()
    written = tuple(files.join(given.folder, shard.name) for shard in given.shards)
    return _BOOKS.get(stage, _celled)(given, written, beside)


def _celled(given: Probe, written: tuple[str, ...], beside: tuple[str, ...]) -> dict[str, Any]:
    return cell_books(written, beside)


def _ingested(given: Probe, written: tuple[str, ...], beside: tuple[str, ...]) -> dict[str, Any]:
    if given.taken is None:
        return {"cells": ledger.count(written[:1])}
    named = {
        name
        for path in written
        for batch in read(Columns(path, ("source",)))
        for name in batch["source"].unique().to_pylist()
    }
    source = named.pop() if len(named) == 1 else next(iter(_sources_of(given)), "")
    return Ingest(source, Property(), Property()).books(written, beside, given.taken)


def _sources_of(given: Probe) -> Iterator[str]:
    """The source of an empty unit: by its key, which tells which piece it was made from."""
    key = given.shards[0].name.removeprefix("part-")[:KEY]
    for name, source in given.recipe.settings.items():
        if key in (keys(Recipe(Ingest.name, given.recipe.version, {name: source}), (), ()) or ()):
            yield name


def _scored(given: Probe, written: tuple[str, ...], beside: tuple[str, ...]) -> dict[str, Any]:
    """Of scores and counts for rules the cells; of what identifies, the languages found in them too."""
    if "by" in given.recipe.settings:
        return Identify(By()).books(written, beside, given.taken or 0)
    return cell_books(written, beside)


def _sized(given: Probe, written: tuple[str, ...], beside: tuple[str, ...]) -> dict[str, Any]:
    return Size((), given.recipe.settings["tokenizer"]).books(written, beside, given.taken or 0)


def _trained(given: Probe, written: tuple[str, ...], beside: tuple[str, ...]) -> dict[str, Any]:
    return Train("", Asked((), (), (), 0), {}).books(written, beside, given.taken or 0)


def _learnt(given: Probe, written: tuple[str, ...], beside: tuple[str, ...]) -> dict[str, Any]:
    return booked(written[0])


def _mixed(given: Probe, written: tuple[str, ...], beside: tuple[str, ...]) -> dict[str, Any]:
    return {"targets": table([Columns(written[0])]).to_pylist(), "asked": given.recipe.settings["tokens"]}


def _exported(given: Probe, written: tuple[str, ...], beside: tuple[str, ...]) -> dict[str, Any]:
    return _export(given.recipe.settings).of(*part_of(written[0])).books(written, beside, given.taken or 0)


_BOOKS: dict[str, Callable[[Probe, tuple[str, ...], tuple[str, ...]], dict[str, Any]]] = {
    Score.name: _scored,
    Ingest.name: _ingested,
    Size.name: _sized,
    Train.name: _trained,
    Learn.name: _learnt,
    Mixed.name: _mixed,
    Export.name: _exported,
}


def totals(stage: str, pages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The pages of every unit of a result, added up."""
    if stage in (Mixed.name, Train.name, Learn.name):
        return dict(pages[0]) if pages else {}
    if stage == Size.name:
        added = {
            "listed": size_books.add_listed(page.get("listed", {}) for page in pages),
            "phases": size_books.add_phases(page.get("phases", ()) for page in pages),
        }
        selection = size_books.add(page["selection"] for page in pages)
        return {"selection": selection, **{name: found for name, found in added.items() if found}}
    if stage == Export.name:
        return export.totals(pages)
    whole = {"cells": ledger.add(page["cells"] for page in pages)}
    if all("intake" in page for page in pages) and stage == Ingest.name:
        whole["intake"] = ledger.intake(page["intake"] for page in pages)
    return whole


def free(selection: Sequence[Row]) -> list[Row]:
    """What `mix` had to choose from, told by what `size` chose and by what it left out for the budget alone."""
    rows = []
    for row in selection:
        left_out = dict(row["left_out"])
        full = left_out.pop("BUDGET", {})
        counts = {name: row[name] + full.get(name, 0) for name in verify.COUNTS}
        rows.append({**{name: row[name] for name in CELL}, **counts, "left_out": left_out})
    return rows
