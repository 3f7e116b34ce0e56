"""Training and asking the fastText classifier that tells reference text from the rest."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import fasttext
import numpy as np
import numpy.typing as npt
import xxhash

from prep.errors import BadModel, WorkerLost
from prep.filters import features
from prep.filters.features import Words
from prep.filters.modelfile import GOOD, REST, check

if TYPE_CHECKING:
    from prep.filters.linear import Weights

MIN_DOCUMENTS = 20  # lines a side; fewer give a model of chance
ADDED = np.float32(1e-5)  # fastText's `std_log`, before it takes the logarithm of a chance
UNDECIDED = 0.5  # the score of a line without features: nothing speaks for either side

# fastText's settings. Held-out AUC (en / fr / ja) rose from .990 / .988 / .9994 at its default rate of 0.1 to
# .998 / .999 / .9999 at 0.5, as much as from 25 epochs at 0.1, which take five times as long; 10 epochs or triples of
# tokens gain nothing to speak of, a minimum count of 2 only saves 3 MB and would starve small trainings.
RATE, EPOCHS, NGRAMS, DIM = 0.5, 5, 2, 16
BUCKET = 2**18  # rows for hashed pairs of tokens, 64 bytes each: a model of 17 to 25 MB

# With one thread fastText fills a tenth of its input matrix and relies on fresh pages of zeros for the rest (its
# issues 935 and 1061): a matrix in recycled heap ends in `Encountered NaN` or, silently, in another model. Hence a
# process of its own, an allocator that maps what is at least this large, and a matrix that is.
MAPPED_FROM = 1_000_000  # bytes

SCALE = 65535  # scores are stored as uint16


def train(good: Sequence[str], rest: Sequence[str], seed: int, target: Path) -> None:
    """Write a model of two labels to `target`, whole or not at all.

    The same lines (see `features.line`) and seed give the same bytes, in whatever order the lines come. The smaller
    side is repeated to the size of the larger, so that a score of 0.5 means even odds for a text from either side.
    """
    sides = {GOOD: sorted(filter(None, good)), REST: sorted(filter(None, rest))}
    for label, lines in sides.items():
        if len(lines) < MIN_DOCUMENTS:
            name = "reference" if label == GOOD else "other"
            raise BadModel(
                f"{target}: training needs at least {MIN_DOCUMENTS} {name} texts and got {len(lines)}; "
                "add sources of that kind, or name a finished model"
            )
    with TemporaryDirectory(dir=target.parent, prefix=".train-") as folder:
        lines_file, model_file = Path(folder, "lines.txt"), Path(folder, "model.bin")
        lines_file.write_text("".join(_shuffled(sides, seed)), encoding="utf-8", newline="\n")
        _train_alone(lines_file, model_file, seed, target)
        check(model_file, named=target)  # fastText does not notice that a disk is full
        with model_file.open("rb+") as file:
            os.fsync(file.fileno())
        model_file.replace(target)


def _shuffled(sides: dict[str, list[str]], seed: int) -> list[str]:
    """Labelled lines, as many of each side, ordered by a hash: fastText learns in the order of the file."""
    count = max(map(len, sides.values()))
    rows: list[tuple[int, str]] = []
    for label, lines in sides.items():
        for index in range(count):
            line = lines[index % len(lines)]
            if "\n" in line or "__label__" in line:
                raise ValueError(f"not a line of features: {line[:80]!r}")
            key = f"{seed} {index // len(lines)} {line}".encode()
            rows.append((xxhash.xxh3_64_intdigest(key), f"{label} {line}\n"))
    return [row for _, row in sorted(rows)]


def _train_alone(lines: Path, model: Path, seed: int, target: Path) -> None:
    code = "import sys; from prep.filters.quality import fit; fit(sys.argv[1], sys.argv[2], int(sys.argv[3]))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(lines), str(model), str(seed % 2**31)],
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": str(MAPPED_FROM)},
        capture_output=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    if done.returncode < 0:
        raise WorkerLost(f"{target}: training was ended by signal {-done.returncode}; is there enough memory?")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BadModel(f"{target}: fastText could not train ({reason}); give it more text, or another `seed`")


def fit(lines: str, model: str, seed: int) -> None:
    """Train from a file of labelled lines; only ever called in a process of its own (see `MAPPED_FROM`)."""
    fasttext.train_supervised(
        lines, lr=RATE, epoch=EPOCHS, wordNgrams=NGRAMS, dim=DIM, bucket=BUCKET,
        minCount=1, loss="softmax", thread=1, seed=seed, verbose=0,
    ).save_model(model)  # fmt: skip


class Model:
    """A model file asked through fastText itself: what our own loop (`linear`) is held against."""

    def __init__(self, path: str | Path) -> None:
        layout = check(Path(path))
        self._path = path
        self._dictionary = layout.words
        try:
            # What `fasttext.load_model` does; in some builds that also warns on stderr.
            self._model = fasttext.FastText._FastText(model_path=str(path))
        except (ValueError, RuntimeError) as error:
            raise BadModel(f"{path}: fastText cannot load it ({error}); train it again") from error

    @cached_property
    def words(self) -> Words:
        """What texts of languages without spaces are cut into (see `features.line`)."""
        return Words.of(word.decode(errors="replace") for word in self._dictionary)

    def score(self, lines: Sequence[str]) -> npt.NDArray[np.float32]:
        """P(good) of each line of features in [0, 1]; `UNDECIDED` for an empty line."""
        if not lines:
            return np.empty(0, np.float32)
        labels, chances = self._model.predict(list(lines), k=2)
        first = np.fromiter((pair[0] == GOOD for pair in labels), np.bool_, len(lines))
        both = np.asarray(chances, np.float32)
        scores = np.where(first, both[:, 0], both[:, 1])
        if not np.isfinite(scores).all():
            raise BadModel(f"{self._path}: it gives scores that are no numbers; train it again")
        scores[[not line for line in lines]] = UNDECIDED + ADDED
        return np.clip(scores - ADDED, 0, 1)


_LOADED: dict[tuple[str, bool], Weights] = {}


def load(path: str, digest: str, language: str) -> Weights:
    """The model at `path` for texts of a language, loaded once per process; its file must still have this digest."""
    key = digest, features.unspaced(language)
    if key not in _LOADED:
        found = digest_of(path)
        if found != digest:
            raise BadModel(f"{path}: sha256 is {found}, the run recorded {digest}; put that file back or run again")
        from prep.filters import linear  # numba takes 0.4 s to load

        _LOADED[key] = linear.load(Path(path), language)
    return _LOADED[key]


def digest_of(path: str | Path) -> str:
    """The sha256 of a model file, in hex."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadModel(f"{path}: cannot be read ({error.strerror}); name a fastText model file") from error


def to_uint16(score: npt.NDArray[np.floating]) -> npt.NDArray[np.uint16]:
    """Scores as they are stored, in steps of 1/65535, halves to even."""
    return np.rint(np.asarray(score, np.float64) * SCALE).astype(np.uint16)


def from_uint16(stored: npt.NDArray[np.uint16]) -> npt.NDArray[np.float64]:
    """Stored scores as numbers in [0, 1]."""
    return np.asarray(stored, np.float64) / SCALE
