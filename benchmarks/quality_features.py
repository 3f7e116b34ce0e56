"""How well a classifier tells references from web text by kind of features, and how fast it scores.

    python benchmarks/quality_features.py CORPUS [LANGUAGE ...]

CORPUS holds folders `wiki_*`, `books_*` (good) and `web_*` (rest) per language. A fifth of the documents, by a hash of
their text, is held out; `unseen` is the mean AUC where one whole file (books: all) is held out instead, `100` the AUC
among held-out texts cut to 100 characters, `short` the mean score of the good ones of those.
"""

import gzip
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import xxhash
import zstandard
from fastwarc.warc import ArchiveIterator, WarcRecordType

from prep.filters import features, quality

MOST_SPANS, MOST_PER_DOCUMENT = 6000, 10
Features = Callable[[str], str]
Side = dict[str, list[str]]  # texts by file
Row = tuple[str, int, float]

WORDS, TOKENS = re.compile(r"[^\W_]+"), re.compile(r"[^\W_]+|[^\w\s\0]")


def main() -> None:
    corpus, *languages = sys.argv[1:]
    print("   features                   AUC  unseen    100  short     MB train s  lines/s  MB/s")
    for language in languages or ["ja", "en", "fr"]:
        sides = {"good": read(corpus, ("wiki", "books"), language), "rest": read(corpus, ("web",), language)}
        for name, make in variants(language).items():
            print(f"{language:3}{name:22}{figures(sides, language, make)}", flush=True)


def variants(language: str) -> dict[str, Features]:
    chosen = {"as chosen": lambda text: features.line(text, language)}
    if language in features.UNSPACED:
        return chosen | {f"{n} characters": lambda text, n=n: grams(text, n) for n in (1, 2, 3)}
    return chosen | {
        "words, signs": lambda text: " ".join(TOKENS.findall(text)),
        "lower words": lambda text: " ".join(WORDS.findall(text.lower())),
        "lower words, signs": lambda text: " ".join(TOKENS.findall(text.lower())),
    }


def grams(text: str, n: int) -> str:
    text = "".join(text.split())
    return " ".join(text[at : at + n] for at in range(max(1, len(text) - n + 1)))


def figures(sides: dict[str, Side], language: str, make: Features) -> str:
    train, test = {}, {}
    for side, files in sides.items():
        texts = [text for texts in files.values() for text in texts]
        train[side], test[side] = [t for t in texts if not held_out(t)], [t for t in texts if held_out(t)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.bin")
        seconds = fit(train, language, make, path)
        model, size = quality.Model(path), path.stat().st_size / 1e6
        whole, (short, mean) = compare(model, make, test)[0], compare(model, make, test, 100)
        unseen = np.mean(list(unseen_sources(sides, language, make, path)))
        lines, megabytes = speed(model, make, test["rest"] + test["good"])
    return f"{whole:8.5f}{unseen:8.3f}{short:7.3f}{mean:7.2f}{size:7.1f}{seconds:8.1f}{lines:9,.0f}{megabytes:6.1f}"


def fit(train: dict[str, list[str]], language: str, make: Features, path: Path) -> float:
    def lines(texts: list[str]) -> list[str]:
        pieces = [piece for text in texts for piece in features.spans(text, language, MOST_PER_DOCUMENT)]
        pieces.sort(key=lambda piece: xxhash.xxh3_64_intdigest(piece.encode(), 7))
        return [make(piece) for piece in pieces[:MOST_SPANS]]

    good, rest = lines(train["good"]), lines(train["rest"])
    began = time.perf_counter()
    quality.train(good, rest, 17, path)
    return time.perf_counter() - began


def compare(
    model: quality.Model, make: Features, test: dict[str, list[str]], cut: int = features.SPAN
) -> tuple[float, float]:
    """AUC among the starts of documents (of at least `cut` characters where they are cut short), mean of the good."""
    least = 0 if cut == features.SPAN else cut
    flat = {side: [" ".join(text.split()) for text in texts] for side, texts in test.items()}
    scores = {
        side: model.score([make(text[:cut]) for text in texts if len(text) >= least]) for side, texts in flat.items()
    }
    return auc(scores["good"], scores["rest"]), float(scores["good"].mean())


def unseen_sources(sides: dict[str, Side], language: str, make: Features, path: Path) -> Iterator[float]:
    for held in [(side, file) for side, files in sides.items() for file in files]:
        train: dict[str, list[str]] = {"good": [], "rest": []}
        test: dict[str, list[str]] = {"good": [], "rest": []}
        for side, files in sides.items():
            for file, texts in files.items():
                for text in texts:
                    (test if (side, file) == held or (side != held[0] and held_out(text)) else train)[side].append(text)
        if all(train.values()):
            fit(train, language, make, path)
            yield compare(quality.Model(path), make, test)[0]


def speed(model: quality.Model, make: Features, texts: list[str]) -> tuple[float, float]:
    """Lines a second, and megabytes a second of the text that the lines were made from, features included."""
    texts = [" ".join(text.split())[: features.SPAN] for text in texts if len(text) >= features.SPAN]
    texts *= max(1, 20_000 // len(texts))
    began = time.process_time()
    model.score([make(text) for text in texts])
    spent = time.process_time() - began
    return len(texts) / spent, sum(len(text.encode()) for text in texts) / spent / 1e6


def auc(good: npt.NDArray[np.float32], rest: npt.NDArray[np.float32]) -> float:
    """The chance that a good text scores above one of the rest, ties half (Mann-Whitney by mean ranks)."""
    _, place, counts = np.unique(np.concatenate([good, rest]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[: len(good)].sum() - len(good) * (len(good) + 1) / 2) / (len(good) * len(rest)))


def held_out(text: str) -> bool:
    return xxhash.xxh3_64_intdigest(text.encode()) % 5 == 0


def read(corpus: str, kinds: tuple[str, ...], language: str) -> Side:
    found: Side = {}
    for kind in kinds:
        for path in sorted(Path(corpus, f"{kind}_{language}").rglob("*.*")):
            texts = [text for text in records(path) if text.strip()]
            if texts:
                found.setdefault(kind if kind == "books" else path.name, []).extend(texts)
    return found


def records(path: Path) -> Iterator[str]:
    if path.suffix == ".txt":
        yield path.read_text("utf-8")
    elif path.suffix == ".parquet":
        yield from pq.ParquetFile(path).read(columns=["text"])["text"].to_pylist()
    elif path.name.endswith(".warc.wet.gz"):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.conversion):
                yield record.reader.read().decode()
    elif ".jsonl" in path.suffixes:
        with path.open("rb") as file:
            for line in unpacked(file, path.suffix).splitlines():
                yield json.loads(line)["text"]


def unpacked(file: BinaryIO, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.decompress(file.read())
    return zstandard.ZstdDecompressor().stream_reader(file).read() if suffix == ".zst" else file.read()


if __name__ == "__main__":
    main()
