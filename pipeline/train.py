"""Train the quality classifier of a language: reference text against the rest, on documents of lowest draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prep.errors import BadModel
from prep.filters import features, quality
from prep.manifests import files, store
from prep.manifests.record import Receipt, Recipe, part_name
from prep.manifests.shards import Columns, Sink, Writer, side_by_side
from prep.pipeline import draw
from prep.pipeline.ingest import HASH
from prep.pipeline.run import PART, Output
from prep.pipeline.score import Model
from prep.pipeline.settings import Run
from prep.pipeline.spread import Spread
from prep.pipeline.stage import MACHINE, Asked, Job, Result, Task, content_key, described

MOST_DOCUMENTS = 6000  # a side: the curve is flat beyond, see docs/decisions.md
SPANS = 4  # of a document: a long book is not the whole of its side
MODEL = "model"
LIST = pa.schema([("id_hash", HASH), ("source", pa.string()), ("good", pa.bool_()), ("line", pa.large_string())])


@dataclass(frozen=True)
class Train:
    """Writes the list of what was learnt from, and the model."""

    name: ClassVar[str] = "train"
    version: ClassVar[int] = 1
    shard_bytes: ClassVar[int] = 1 << 62

    language: str
    reference: tuple[str, ...]
    against: tuple[str, ...]
    seed: int
    most: int = MOST_DOCUMENTS
    spans: int = SPANS
    features: int = features.VERSION
    scratch: str | None = field(default=None, metadata=MACHINE)

    def schema(self) -> pa.Schema:
        """Of the training list, without the text."""
        return LIST.remove(LIST.get_field_index("line"))

    def outputs(self, key: str, index: int) -> dict[str, Output]:
        """The list, and the model."""
        return {
            PART: Output(part_name(key, index), partial(Writer, schema=self.schema())),
            MODEL: Output(f"{MODEL}-{self.language}.bin", partial(Trainer, seed=self.seed, scratch=self.scratch)),
        }

    def split(self, batch: pa.RecordBatch) -> dict[str, pa.RecordBatch]:
        """The list keeps no text."""
        return {PART: batch.drop_columns("line"), MODEL: batch}

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The sample is the rows."""
        return batches

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Lines learnt from, by source, and the model's digest."""
        lines: dict[str, dict[str, int]] = {"good": {}, "rest": {}}
        for batch in side_by_side([Columns(written[0], ("source", "good"))]):
            for source, good in zip(batch["source"].to_pylist(), batch["good"].to_pylist(), strict=True):
                side = lines["good" if good else "rest"]
                side[source] = side.get(source, 0) + 1
        return {"lines": lines, "model": quality.digest_of(written[1])}


class Trainer:
    """Takes the lines of a training list, and writes a model."""

    def __init__(self, sink: Sink, seed: int, scratch: str | None) -> None:
        """`seed` is fastText's; `scratch` is swept when a run begins, so a killed training leaves nothing behind."""
        self._sink, self._seed, self._scratch = sink, seed, scratch
        self._lines: dict[bool, list[str]] = {True: [], False: []}

    def write(self, batch: pa.RecordBatch) -> None:
        """Remember lines."""
        for good, line in zip(batch["good"].to_pylist(), batch["line"].to_pylist(), strict=True):
            self._lines[good].append(line)

    def close(self) -> int:
        """Train, and write what comes out."""
        with TemporaryDirectory(prefix=files.TEMPORARY, dir=self._scratch) as folder:
            model = Path(folder) / "model.bin"
            quality.train(self._lines[True], self._lines[False], self._seed, model)
            self._sink.write(model.read_bytes())
        return sum(map(len, self._lines.values()))


@dataclass(frozen=True)
class Looked:
    """What a worker is told: the shard, the stage, and the highest draw in the sample of each side."""

    path: str
    stage: Train
    cuts: Mapping[bool, int]


def side(stage: Train, batch: pa.RecordBatch) -> npt.NDArray[np.int8]:
    """1 for reference text of the language, 0 for the rest, -1 for what is neither."""
    languages, kinds = (np.asarray(batch[name].to_numpy(zero_copy_only=False)) for name in ("language", "kind"))
    here = languages == stage.language
    good, rest = (here & np.isin(kinds, list(names)) for names in (stage.reference, stage.against))
    return np.where(good, 1, np.where(rest, 0, -1)).astype(np.int8)


def draws(looked: Looked) -> dict[bool, Any]:
    """The lowest draws of each side in one shard."""
    found: dict[bool, list[Any]] = {True: [np.empty(0, np.uint64)], False: [np.empty(0, np.uint64)]}
    for batch in side_by_side([Columns(looked.path, ("language", "kind", "draw_key"))]):
        sides = side(looked.stage, batch)
        drawn = draw.draw(np.asarray(batch["draw_key"]), looked.stage.seed, draw.TRAINING)
        for good in found:
            found[good].append(drawn[sides == int(good)])
    # Each draw once: copies of a text share theirs, and a boilerplate in 20,000 copies must not be a whole side.
    return {good: np.unique(np.concatenate(parts))[: looked.stage.most] for good, parts in found.items()}


def sample(looked: Looked) -> pa.Table:
    """The sampled documents of one shard as lines of features, with their draws."""
    rows: list[dict[str, Any]] = []
    columns = ("id_hash", "text", "source", "language", "kind", "draw_key")
    for batch in side_by_side([Columns(looked.path, columns)]):
        sides = side(looked.stage, batch)
        drawn = draw.draw(np.asarray(batch["draw_key"]), looked.stage.seed, draw.TRAINING)
        cuts = np.array([looked.cuts[False], looked.cuts[True], 0], dtype=np.uint64)[sides]
        chosen = np.sort(np.concatenate([_first(sides == good, drawn, cuts) for good in (0, 1)]))
        for row, record in zip(chosen.tolist(), batch.take(pa.array(chosen)).to_pylist(), strict=True):
            rows += _lines(looked.stage, record, bool(sides[row]), int(drawn[row]))
    return pa.Table.from_pylist(rows, LIST.append(pa.field("draw", pa.uint64())))


def _first(
    here: npt.NDArray[np.bool_], drawn: npt.NDArray[np.uint64], cuts: npt.NDArray[np.uint64]
) -> npt.NDArray[np.intp]:
    """The rows of one side up to its cut, the first of those that share a draw."""
    rows = np.flatnonzero(here & (drawn <= cuts))
    return rows[np.unique(drawn[rows], return_index=True)[1]]


def _lines(stage: Train, record: dict[str, Any], good: bool, drawn: int) -> Iterator[dict[str, Any]]:
    for span in features.spans(record["text"], stage.language, stage.spans):
        if line := features.line(span, stage.language):
            yield {"id_hash": record["id_hash"], "source": record["source"], "good": good, "line": line, "draw": drawn}


def job(run: Run, language: str, ingested: Result) -> Job:
    """Train the model of one language. It depends on the shards that hold text of either side, and on no other."""
    if run.quality is None or run.quality.train is None:
        raise BadModel("the run file has no `quality.train`")
    stage = Train(
        language,
        tuple(run.quality.train.reference),
        tuple(run.quality.train.against),
        run.seed,
        scratch=_scratch(run.out),
    )
    shards = [
        (key, files.join(ingested.folder, name))
        for key, name in store.parts(ingested.manifest)
        if _has(store.receipt(ingested.folder, key), stage)
    ]
    content = {shard.name: shard.sha256 for shard in ingested.manifest.shards}
    parts = [content_key(key, content[f"part-{key}.arrow"]) for key, _ in shards]
    recipe = Recipe(Train.name, Train.version, described(stage), {"ingest": parts})

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        looked = [Looked(path, stage, {}) for _, path in shards]
        lowest = list(spread(draws, looked))
        cuts = {good: _cut(np.concatenate([found[good] for found in lowest]), stage) for good in (True, False)}
        lines = pa.concat_tables(spread(sample, [replace(one, cuts=cuts) for one in looked]))
        rows = _once(lines).sort_by([(name, "ascending") for name in ("good", "draw", "line")]).select(LIST.names)
        return [Task(stage, Asked(recipe.digest, lambda: iter(rows.to_batches()), ()))]

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        return receipts[0].ledger

    return Job(recipe, tasks, balance, {}, here=True)


def _once(lines: pa.Table) -> pa.Table:
    """The lines of one document for each side and draw: that of the lowest hash of its id."""
    owner: dict[tuple[bool, int], bytes] = {}
    places = list(zip(lines["good"].to_pylist(), lines["draw"].to_pylist(), strict=True))
    hashes = lines["id_hash"].to_pylist()
    for place, id_hash in zip(places, hashes, strict=True):
        owner[place] = min(owner.get(place, id_hash), id_hash)
    kept = [owner[place] == id_hash for place, id_hash in zip(places, hashes, strict=True)]
    return lines.filter(pa.array(kept, pa.bool_()))


def _scratch(out: str) -> str | None:
    return out if files.is_local(out) else None


def _cut(drawn: npt.NDArray[np.uint64], stage: Train) -> int:
    """The highest draw in the sample of a side."""
    lowest = np.unique(drawn)[: stage.most]
    return int(lowest[-1]) if len(lowest) else 0


def _has(receipt: Receipt, stage: Train) -> bool:
    kinds = {*stage.reference, *stage.against}
    return any(row["language"] == stage.language and row["kind"] in kinds for row in receipt.ledger["cells"])


def languages(run: Run, ingested: Result) -> list[str]:
    """The languages to train for: all that have text of both sides, for what no keep names is kept by `auto`.

    Errors: BadModel, where a language that the run file keeps by score lacks text of one side.
    """
    if run.quality is None or run.quality.train is None:
        return []
    there = {(row["language"], row["kind"]) for row in ingested.manifest.ledger["cells"]}
    kept = run.quality.keep.keys() - run.sources.keys()  # else it is the source's own keep
    spoken = sorted({language for language, _ in there} | kept)
    found = []
    for language in spoken:
        kinds = {kind for other, kind in there if other == language}
        lacking = [
            name
            for name, side_ in (("reference", run.quality.train.reference), ("against", run.quality.train.against))
            if not kinds & set(side_)
        ]
        if not lacking:
            found.append(language)
        elif language in kept:
            raise BadModel(
                f"quality: {language} is kept by score, but has no text of the kinds in `quality.train.{lacking[0]}`; "
                f"its kinds are {', '.join(sorted(kinds)) or 'none'}. Add a source, or name a model: "
                f"`quality: {{model: {{{language}: FILE}}}}`"
            )
    return found


def trained(result: Result, language: str) -> Model:
    """The model that a finished training left."""
    return Model(result.manifest.ledger["model"], files.join(result.folder, f"{MODEL}-{language}.bin"))
