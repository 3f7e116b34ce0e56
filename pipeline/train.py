"""Train the quality classifier of a language, or of several: reference text against the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pyarrow as pa

from prep.errors import BadModel
from prep.filters import features, quality
from prep.manifests import files, record, store
from prep.manifests.record import Receipt, Recipe, part_name
from prep.manifests.shards import Columns, Sink, Writer, side_by_side
from prep.pipeline import counting
from prep.pipeline.run import PART, Output
from prep.pipeline.score import Model
from prep.pipeline.settings import Run, Tokenizer
from prep.pipeline.spread import Spread
from prep.pipeline.stage import MACHINE, Asked, Job, Result, Task, content_key, described
from prep.pipeline.training import card, judged, learning, sample

MODEL, CARD = "model", "card"
SHARED = "shared"  # what the one model of all languages is called
LIST = pa.schema(
    [(name, sample.SAMPLE.field(name).type) for name in ("id_hash", "source", "language", "good")]
    + [("held", pa.bool_()), ("lines", pa.int32())]
)


@dataclass(frozen=True)
class Train:
    """Writes the list of documents drawn, the model, and its card."""

    name: ClassVar[str] = "train"
    version: ClassVar[int] = 3
    shard_bytes: ClassVar[int] = 1 << 62

    language: str  # or `SHARED`
    asked: sample.Asked
    sources: Mapping[str, str]  # see `card.contents`
    features: int = features.VERSION
    tokenizer: Tokenizer | None = field(default=None, metadata=MACHINE)  # where `asked.vocabulary` lies
    scratch: str | None = field(default=None, metadata=MACHINE)

    def drawn(self, shards: Sequence[str], spread: Spread) -> pa.Table:
        """The sample from finished shards."""
        return sample.gather(self.asked, shards, spread, self.tokenizer)

    def schema(self) -> pa.Schema:
        """Of the training list, which keeps no text."""
        return LIST

    def outputs(self, key: str, index: int) -> dict[str, Output]:
        """The list, the model, and the card, which is written when the model is there."""
        trainer = Trainer(self)
        return {
            PART: Output(part_name(key, index), partial(Writer, schema=LIST)),
            MODEL: Output(f"{MODEL}-{self.language}.bin", trainer.of_model),
            CARD: Output(f"{MODEL}-{self.language}{card.SUFFIX}", trainer.of_card),
        }

    def split(self, batch: pa.RecordBatch) -> dict[str, pa.RecordBatch]:
        """The list keeps how many lines a document has."""
        counted = batch.set_column(
            batch.schema.get_field_index("lines"), "lines", batch["lines"].value_lengths().cast(pa.int32())
        )
        return {PART: counted.select(LIST.names), MODEL: batch, CARD: batch}

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The sample is the rows."""
        return batches

    def books(self, written: tuple[str, ...], beside: tuple[str, ...], taken: int) -> dict[str, Any]:
        """Documents by source: learnt from and held out; the figures on the latter; the model's digest."""
        documents: dict[str, dict[str, dict[str, int]]] = {"good": {}, "rest": {}}
        for batch in side_by_side([Columns(written[0], ("source", "good", "held"))]):
            for source, good, held in zip(*(batch[name].to_pylist() for name in batch.schema.names), strict=True):
                counts = documents["good" if good else "rest"].setdefault(source, {"learnt": 0, "held": 0})
                counts["held" if held else "learnt"] += 1
        spoken = card.read(Path(written[2])).languages
        figures = {language: each.figures for language, each in spoken.items()}
        return {"documents": documents, "figures": figures, "model": quality.digest_of(written[1])}


class Trainer:
    """Takes the rows of a sample, and writes a model and its card."""

    def __init__(self, stage: Train) -> None:
        self._stage = stage
        self._batches: list[pa.RecordBatch] = []
        self._card = b""

    def of_model(self, sink: Sink) -> _File:
        """Writes the model, when all rows are there."""
        return _File(sink, self._batches.append, self._train)

    def of_card(self, sink: Sink) -> _File:
        """Writes the card of the model that was trained."""
        return _File(sink, lambda batch: None, lambda: self._card)

    def _train(self) -> bytes:
        stage, asked = self._stage, self._stage.asked
        table = pa.Table.from_batches(self._batches, sample.DRAWN)
        with TemporaryDirectory(prefix=files.TEMPORARY, dir=stage.scratch) as folder:
            model = Path(folder, f"{MODEL}-{stage.language}.bin")
            learning.learn(table, asked, model)
            spoken = {language: judged.spoken(model, table, language) for language in asked.languages}
            found = card.Card(
                quality.digest_of(model),
                record.digest(_listed(table)),
                spoken,
                dict(stage.sources),
                (*asked.reference, *asked.against),
            )
            self._card = found.written()
            return model.read_bytes()


class _File:
    """A file whose content is made at the end, of all rows."""

    def __init__(self, sink: Sink, take: Callable[[pa.RecordBatch], None], made: Callable[[], bytes]) -> None:
        self._sink, self._take, self._made, self._rows = sink, take, made, 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Remember rows."""
        self._take(batch)
        self._rows += batch.num_rows

    def close(self) -> int:
        """Make the content, and write it; it stands for all rows."""
        self._sink.write(self._made())
        return self._rows


def _listed(table: pa.Table) -> list[list[Any]]:
    columns = (table[name].to_pylist() for name in ("id_hash", "source", "good", "held"))
    return [[id_hash.hex(), *rest] for id_hash, *rest in zip(*columns, strict=True)]


def job(run: Run, title: str, languages: Sequence[str], ingested: Result) -> Job:
    """Train a model. It depends on the shards that hold text of either side, and on no other."""
    stage = stage_of(run, title, languages, ingested)
    shards = shards_of(stage.asked, ingested)
    recipe = Recipe(Train.name, Train.version, described(stage), {"ingest": [key for key, _ in shards]})

    def tasks(stack: ExitStack, spread: Spread) -> list[Task]:
        table = stage.drawn([path for _, path in shards], spread)
        return [Task(stage, Asked(recipe.digest, lambda: iter(table.to_batches()), ()))]

    def balance(receipts: Sequence[Receipt]) -> dict[str, Any]:
        return receipts[0].ledger

    return Job(recipe, tasks, balance, {}, here=True)


def stage_of(run: Run, title: str, languages: Sequence[str], ingested: Result) -> Train:
    """The training that a run file asks for."""
    if run.quality is None or run.quality.train is None:
        raise BadModel("the run file has no `quality.train`")
    wanted = run.quality.train
    cut = any(map(features.unspaced, languages))
    tokenizer = run.tokenizers[run.budgeted] if cut else None
    asked = sample.Asked(
        tuple(languages), tuple(wanted.reference), tuple(wanted.against), run.seed,
        None if tokenizer is None else counting.digest(tokenizer),
    )  # fmt: skip
    sources = card.contents(ingested, asked.languages, (*asked.reference, *asked.against))
    return Train(title, asked, sources, tokenizer=tokenizer, scratch=run.out if files.is_local(run.out) else None)


def shards_of(asked: sample.Asked, ingested: Result) -> list[tuple[str, str]]:
    """What a shard of documents is, and its path, of each that holds text of either side."""
    content = {shard.name: shard.sha256 for shard in ingested.manifest.shards}
    kinds = {*asked.reference, *asked.against}
    found = []
    for key, name in store.parts(ingested.manifest):
        cells = store.receipt(ingested.folder, key).ledger["cells"]
        if any(row["language"] in asked.languages and row["kind"] in kinds for row in cells):
            found.append((content_key(key, content[f"part-{key}.arrow"]), files.join(ingested.folder, name)))
    return found


def models(run: Run, ingested: Result) -> dict[str, tuple[str, ...]]:
    """The models to train, with their languages: those whose text is filtered and that have text of both sides.

    Errors: BadModel, where a language that the run file keeps by score lacks text of one side.
    """
    if run.quality is None or run.quality.train is None:
        return {}
    spoken = languages(run, ingested)
    if run.quality.train.shared:
        return {SHARED: tuple(spoken)} if spoken else {}
    return {language: (language,) for language in spoken}


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
                f"its kinds are {', '.join(sorted(kinds)) or 'none'}. Add a source ({quality.MIN_DOCUMENTS} documents "
                f"at least), or name a model: `quality: {{model: {{{language}: FILE}}}}`"
            )
    return found


def trained(result: Result, title: str, language: str) -> Model:
    """The model that a finished training left, as `score` takes it: with the calibration and the reference scores that
    stand on its card, which `score.quantile_table` makes quantiles of.
    """
    path = files.join(result.folder, f"{MODEL}-{title}.bin")
    spoken = card.read(Path(card.beside(path))).languages[language]
    return Model(result.manifest.ledger["model"], path, spoken.scale, spoken.reference)


def named(path: str, language: str, ingested: Result) -> Model:
    """A model that the run file names: never trained again. Sources that hold other text than it learnt from are said.

    Errors: BadModel.
    """
    digest = quality.digest_of(path)
    found = card.found(path, digest, language)
    if found is None:
        return Model(digest, path)
    spoken = found.languages[language]
    newer = found.newer(card.contents(ingested, (language,), found.kinds))
    return Model(digest, path, spoken.scale, spoken.reference, newer)
