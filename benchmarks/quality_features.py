"""How well a classifier tells references from web text by kind of tokens: `… quality_features RUN.yaml LANGUAGE ...`.

The run file's sources should be one file each; its ingest must be finished (`prep ingest RUN.yaml`). For each kind of
tokens a model is trained as `prep train` does and asked through fastText: `docs` is the AUC on held-out documents,
`mean` and `least` are of the AUCs where one whole source is left out of training, `MB` the model's size.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from prep.filters import features, quality
from prep.manifests import files, store
from prep.pipeline import runfile, train
from prep.pipeline.stage import Result
from prep.pipeline.training import learning, sample
from prep.pipeline.training.measure import auc

Make = Callable[[str], str]
WORDS, SIGNS, SENTENCE = (re.compile(r"[^\W_]+" + signs) for signs in ("", r"|[^\w\s\0]", "|[.,;:?!’—–…«»“”()-]"))


def main() -> None:
    config, *languages = sys.argv[1:]
    run = runfile.load(config)
    ingested = newest(files.join(run.out, "ingest"))
    for language in languages:
        asked = train.stage_of(run, language, [language], ingested).asked
        paths = [path for _, path in train.shards_of(asked, ingested)]
        for name, make in variants(language).items():
            print(f"{language} {name:24} {figures(asked, paths, make)}", flush=True)


def newest(folder: str) -> Result:
    """The finished result that was made last."""
    found = [(Path(path).stat().st_mtime, str(path.parent)) for path in Path(folder).glob("*/manifest.json")]
    place = max(found)[1]
    manifest = store.manifest(place)
    assert manifest is not None
    return Result(place, manifest)


def variants(language: str) -> dict[str, Make]:
    chosen = features.line
    if features.unspaced(language):
        return {
            "pairs (chosen)": lambda text: chosen(text, language),
            "characters": lambda text: " ".join("".join(text.split()).replace("\0", "")),
            "triples": lambda text: grams("".join(text.split()).replace("\0", ""), 3),
        }
    return {
        "words, . , ; : ? ! (chosen)": lambda text: chosen(text, language),
        "words": lambda text: " ".join(WORDS.findall(text)),
        "words, all signs": lambda text: " ".join(SIGNS.findall(text)),
        "words, more signs": lambda text: " ".join(SENTENCE.findall(text)),
        "lower-cased": lambda text: chosen(text.lower(), language),
    }


def grams(text: str, size: int) -> str:
    return " ".join(text[at : at + size] for at in range(max(1, len(text) - size + 1)))


def figures(asked: sample.Asked, paths: list[str], make: Make) -> str:
    features.line = lambda text, language: make(text)  # the sample makes its lines by it
    table = sample.gather(asked, paths, map)
    sources, good, held = (np.asarray(table[name].to_numpy(), object) for name in ("source", "good", "held"))
    good, held = good.astype(bool), held.astype(bool)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.bin")
        whole, size = area(asked, table, held, held, path, make), path.stat().st_size / 1e6
        unseen = list(left_out(asked, table, (sources, good, held), path, make))
    return f"docs {whole:.4f}  mean {np.mean(unseen):.3f}  least {min(unseen):.3f}  {size:.0f} MB"


def left_out(
    asked: sample.Asked, table: pa.Table, columns: tuple[np.ndarray, ...], path: Path, make: Make
) -> Iterator[float]:
    sources, good, held = columns
    for source in np.unique(sources.astype(str)):
        own = sources == source
        side = good[own][0]
        if (good[~own] == side).any():
            yield area(asked, table, held | own, own | (held & (good != side)), path, make)


def area(asked: sample.Asked, table: pa.Table, kept: np.ndarray, tested: np.ndarray, path: Path, make: Make) -> float:
    place = table.column_names.index("held")
    learning.learn(table.set_column(place, "held", pa.array(kept)), asked, path)
    rows = table.filter(pa.array(tested))
    scores = quality.Model(path).score([make(text) for text in rows["text"].to_pylist()]).astype(np.float64)
    good = np.asarray(rows["good"].to_numpy(), bool)
    return auc(scores[good], scores[~good]) or 0.0


if __name__ == "__main__":
    main()
