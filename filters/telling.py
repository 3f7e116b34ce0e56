"""Which words of a text moved its score most.

A fastText model of two labels is linear: the log-odds of a score are the mean, over a line's features, of each
feature's row of the input matrix times the difference of the two labels' rows. So each word, and each run of words, has
a part in the score, and the parts sum to it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import fasttext
import numpy as np
import numpy.typing as npt

from prep.filters.features import Words
from prep.filters.modelfile import GOOD, REST

END = "</s>"  # what fastText puts after every line
PAIR = 116049371  # fastText's multiplier from a run's hash to the next (dictionary.cc)
WORDS = 2**64


@dataclass(frozen=True)
class Feature:
    """A word or a run of words, how often it stands in the line, and what it adds to the log-odds of the score."""

    name: str
    times: int
    adds: float


class Model:
    """The weights of a model file that has been checked (see `quality.Model`), a number for each feature."""

    def __init__(self, path: str) -> None:
        """Loads the whole file."""
        model = fasttext.FastText._FastText(model_path=path)
        self.words = Words.of(model.get_words())
        arguments = model.f.getArgs()
        out = dict(zip(model.get_labels(), model.get_output_matrix(), strict=True))
        self._weights: npt.NDArray[np.float64] = model.get_input_matrix().astype(np.float64) @ (out[GOOD] - out[REST])
        self._rows = {word: row for row, word in enumerate(model.get_words())}
        self._ngrams, self._bucket = int(arguments.wordNgrams), int(arguments.bucket)

    def features(self, line: str) -> list[Feature]:
        """Every feature of a line, those that move the score most first; what they add sums to its log-odds."""
        tokens = [*line.split(" "), END] if line else []
        found = list(self._found(tokens))
        times = Counter(found)
        parts = [
            Feature(name, count, float(self._weights[row]) * count / len(found)) for (name, row), count in times.items()
        ]
        return sorted(parts, key=lambda each: (-abs(each.adds), each.name))

    def _found(self, tokens: Sequence[str]) -> Iterator[tuple[str, int]]:
        """Name and row of each feature, as often as it stands there."""
        yield from ((token, self._rows[token]) for token in tokens if token in self._rows)
        hashes = [_signed(_fnv(token)) for token in tokens]
        for first in range(len(tokens)):
            hashed = hashes[first] % WORDS
            for last in range(first + 1, min(first + self._ngrams, len(tokens))):
                hashed = (hashed * PAIR + hashes[last]) % WORDS
                yield " ".join(tokens[first : last + 1]), len(self._rows) + hashed % self._bucket


def _fnv(token: str) -> int:
    """FNV-1a of 32 bits over signed bytes, as fastText's `Dictionary::hash` has it."""
    value = 2166136261
    for byte in token.encode():
        value = ((value ^ (_signed_byte(byte) & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return value


def _signed_byte(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def _signed(value: int) -> int:
    return value - 2**32 if value >= 2**31 else value
