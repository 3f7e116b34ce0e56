"""How well a classifier tells references from web text by kind of tokens: `… quality_features RUN.yaml ja --seed 1`.

The run file's sources should be one file each; its ingest must be finished (`prep ingest RUN.yaml`). For each kind of
tokens, split and share of the training documents a model is trained as `prep train` does and asked through fastText:
`docs` is the AUC on held-out documents, `mean` and `least` are of the AUCs where one whole source is left out of
training, `MB` the model's size. `pieces` are the tokens of the run's own tokenizer: a plain fastText model over them
is what others are measured by.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pyarrow as pa

from prep.filters import features, quality
from prep.manifests import files, store
from prep.pipeline import counting, runfile, train
from prep.pipeline.settings import Tokenizer
from prep.pipeline.stage import Result
from prep.pipeline.tokenizers.counter import Counter
from prep.pipeline.training import learning, sample
from prep.pipeline.training.measure import auc

Make = Callable[[str, features.Words], str]
EVERY = 1 << 40
CHOSEN = features.line  # before another takes its place
WORDS, SIGNS, SENTENCE = (re.compile(r"[^\W_]+" + signs) for signs in ("", r"|[^\w\s\0]", "|[.,;:?!’—–…«»“”()-]"))


@click.command()
@click.argument("config")
@click.argument("languages", nargs=-1, required=True)
@click.option("--seed", "seeds", multiple=True, type=int, help="Of the split; the run's own by default.")
@click.option("--share", "shares", multiple=True, type=float, default=(1.0,), help="Of the training documents.")
@click.option("--only", multiple=True, help="Kinds of tokens; all by default.")
@click.option("--documents", is_flag=True, help="Leave out the unseen sources.")
@click.option("--whole", is_flag=True, help="All documents, as often as the sources have them, and not 6,000 a side.")
def main(
    config: str,
    languages: tuple[str, ...],
    seeds: tuple[int, ...],
    shares: tuple[float, ...],
    only: tuple[str, ...],
    documents: bool,
    whole: bool,
) -> None:
    """Train and measure."""
    run = runfile.load(config)
    ingested = newest(files.join(run.out, "ingest"))
    reference = counting.reference(run.tokenizers[run.budgeted])
    for language in languages:
        asked = train.stage_of(run, language, [language], ingested).asked
        asked = replace(asked, documents=EVERY) if whole else asked
        paths = [path for _, path in train.shards_of(asked, ingested)]
        tokenizer = run.tokenizers[run.budgeted] if features.unspaced(language) else None
        makes = variants(language) | {"pieces": lambda text, words: pieces(reference, text)}
        for seed in seeds or (asked.seed,):
            for name in only or makes:
                for share in shares:
                    found = figures(replace(asked, seed=seed), paths, tokenizer, makes[name], share, not documents)
                    print(f"{language} seed {seed:3} {share:4.0%} {name:28} {found}", flush=True)


def newest(folder: str) -> Result:
    """The finished result that was made last."""
    found = [(Path(path).stat().st_mtime, str(path.parent)) for path in Path(folder).glob("*/manifest.json")]
    place = max(found)[1]
    manifest = store.manifest(place)
    assert manifest is not None
    return Result(place, manifest)


def variants(language: str) -> dict[str, Make]:
    if features.unspaced(language):
        return {
            "words of the run's tokenizer (chosen)": lambda text, words: CHOSEN(text, language, words),
            "characters": lambda text, words: CHOSEN(text, language),
            "pairs": lambda text, words: grams("".join(text.split()).replace("\0", ""), 2),
            "triples": lambda text, words: grams("".join(text.split()).replace("\0", ""), 3),
        }
    return {
        "words, . , ; : ? ! (chosen)": lambda text, words: CHOSEN(text, language),
        "words": lambda text, words: " ".join(WORDS.findall(text)),
        "words, all signs": lambda text, words: " ".join(SIGNS.findall(text)),
        "words, more signs": lambda text, words: " ".join(SENTENCE.findall(text)),
        "lower-cased": lambda text, words: CHOSEN(text.lower(), language),
    }


def grams(text: str, size: int) -> str:
    return " ".join(text[at : at + size] for at in range(max(1, len(text) - size + 1)))


def pieces(reference: Counter, text: str) -> str:
    """The tokens' numbers: as good as what they spell."""
    [ids] = reference.encode([text.replace("\0", " ")])
    return " ".join(map(str, ids.tolist()))


def figures(
    asked: sample.Asked, paths: list[str], tokenizer: Tokenizer | None, make: Make, share: float, sources_too: bool
) -> str:
    features.line = lambda text, language, words=features.NONE: make(text, words)  # the sample makes its lines by it
    table = sample.gather(asked, paths, map, tokenizer)
    sources, good, held = (np.asarray(table[name].to_numpy(), object) for name in ("source", "good", "held"))
    good, held = good.astype(bool), held.astype(bool)
    spare = np.random.default_rng(asked.seed).random(len(table)) >= share
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.bin")
        whole, size = area(asked, table, held | spare, held, path, make), path.stat().st_size / 1e6
        learnt = f"docs {whole:.4f}  {size:.0f} MB"
        if not sources_too:
            return learnt
        unseen = list(left_out(asked, table, (sources, good, held, spare), path, make))
    return f"{learnt}  mean {np.mean(unseen):.3f}  least {min(unseen):.3f}"


def left_out(
    asked: sample.Asked, table: pa.Table, columns: tuple[np.ndarray, ...], path: Path, make: Make
) -> Iterator[float]:
    sources, good, held, spare = columns
    for source in np.unique(sources.astype(str)):
        own = sources == source
        side = good[own][0]
        if (good[~own] == side).any():
            yield area(asked, table, held | own | spare, own | (held & (good != side)), path, make)


def area(asked: sample.Asked, table: pa.Table, kept: np.ndarray, tested: np.ndarray, path: Path, make: Make) -> float:
    place = table.column_names.index("held")
    learning.learn(table.set_column(place, "held", pa.array(kept)), asked, path)
    rows = table.filter(pa.array(tested))
    model = quality.Model(path)
    scores = model.score([make(text, model.words) for text in rows["text"].to_pylist()]).astype(np.float64)
    good = np.asarray(rows["good"].to_numpy(), bool)
    return auc(scores[good], scores[~good]) or 0.0


if __name__ == "__main__":
    main()
