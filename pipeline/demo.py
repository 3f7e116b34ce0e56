"""The whole chain on a small embedded corpus, with a tokenizer trained from it: no network, no file of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pyarrow.compute as pc
import sentencepiece

import prep
from prep.manifests import files
from prep.pipeline import runfile
from prep.pipeline.intake import fields, listed
from prep.pipeline.light import spare_pandas
from prep.pipeline.settings import Run
from prep.pipeline.sources.reading import Reading

VOCABULARY = 4000  # pieces: a quarter of the demo corpus's tokens are then whole words


def prepare(out: str) -> tuple[Run, str]:
    """Write the run file and train the tokenizer below `out`; the settings, and where the run file lies."""
    spare_pandas()
    template = resources.files("prep.configs").joinpath("demo.yaml").read_text(encoding="utf-8")
    corpus = str(resources.files("prep.configs").joinpath("demo"))
    code = str(Path(prep.__file__).parent)
    text = template.replace("{out}", out).replace("{corpus}", corpus).replace("{code}", code)
    path = files.join(out, "demo.yaml")
    files.write(path, text.encode())
    run = runfile.load(path)
    model = run.tokenizers["demo"].path
    if not files.exists(model):
        train(run, model)
    return run, path


def train(run: Run, path: str) -> None:
    """Train a SentencePiece Unigram model on the sources of a run; the same text gives the same model."""
    with files.publish(path) as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines(run),
            model_writer=file,
            model_type="unigram",
            vocab_size=VOCABULARY,
            hard_vocab_limit=False,
            byte_fallback=True,
            character_coverage=0.9995,
            normalization_rule_name="identity",
            num_threads=1,
            minloglevel=2,
        )


def lines(run: Run) -> Iterator[str]:
    """The lines of all sources, as they stand before edits."""
    for name, found in listed(run, Path.cwd()).items():
        for piece in found.pieces:
            for batch in Reading(piece, fields(run.sources[name])):
                for text in pc.drop_null(batch["text"]).to_pylist():
                    yield from text.splitlines()
