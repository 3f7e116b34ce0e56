"""The file in which `prep fit` leaves a law and from which `prep plan --law FILE` takes it: JSON, one law a file.

```json
{"schema": "prep-law/1", "name": "runs", "title": "runs.csv, approach 3", "source": "prep fit runs.csv", "approach": 3,
 "form": "parametric", "coefficients": {"E": 1.62, "A": 122.6, "B": 242.6, "alpha": 0.253, "beta": 0.262},
 "flops_per_parameter_token": 6.0,
 "fitted": {"params": [1e7, 6.9e9], "tokens": [5.3e7, 1.4e11], "flops": [3.4e15, 5.7e21], "note": "34 runs"},
 "bootstrap": {"seed": 0, "samples": [[1.61, 121.0, 240.2, 0.252, 0.262]]}}
```

`form` is `parametric`, L = E + A/N^alpha + B/D^beta with C = 6·N·D, or `power`, N = k·C^a with
C = flops_per_parameter_token·N·D (approaches 1 and 2, which have no loss away from the frontier). A bootstrap sample
holds the coefficients in that order; from the samples an interval of any answer can be taken.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prep.errors import BadSettings, Unable
from prep.pipeline.plan.laws import FLOPS_PER_PARAMETER_TOKEN, About, Chinchilla, Fitted, Law, from_loss

SCHEMA = "prep-law/1"
FORMS = {"parametric": ("E", "A", "B", "alpha", "beta"), "power": ("k", "a")}
AGAIN = "`prep fit RUNS.csv --write FILE` makes a law file"


@dataclass(frozen=True)
class Own:
    """A law of one's own, and the coefficients of every bootstrap sample of it."""

    law: Law
    approach: int
    seed: int
    samples: tuple[tuple[float, ...], ...] = ()

    def resampled(self) -> list[Law]:
        """The law of every bootstrap sample, so that any answer can be given with its spread."""
        about = About(self.law.name, self.law.title, self.law.source, self.law.fitted)
        return [law_of(about, sample, self.law.per) for sample in self.samples]


def law_of(about: About, coefficients: tuple[float, ...], per: float = FLOPS_PER_PARAMETER_TOKEN) -> Law:
    """A law from its coefficients: five are a loss, two a frontier."""
    if len(coefficients) == len(FORMS["parametric"]):
        return from_loss(about, Chinchilla(*coefficients))
    k, a = coefficients
    return Law(k=k, a=a, per=per, **vars(about))


def coefficients(law: Law) -> dict[str, float]:
    """What `law_of` takes, by name."""
    return asdict(law.surface) if isinstance(law.surface, Chinchilla) else {"k": law.k, "a": law.a}


def as_json(own: Own) -> dict[str, Any]:
    """The content of a law file."""
    law = own.law
    return {
        "schema": SCHEMA,
        "name": law.name,
        "title": law.title,
        "source": law.source,
        "approach": own.approach,
        "form": "power" if law.surface is None else "parametric",
        "coefficients": coefficients(law),
        "flops_per_parameter_token": law.per,
        "fitted": asdict(law.fitted),
        "bootstrap": {"seed": own.seed, "samples": own.samples},
    }


def write(own: Own, path: str | Path) -> None:
    """Write whole or not at all, so that a plan never reads half a law."""
    target = Path(path)
    part = target.with_name(target.name + ".part")
    try:
        part.write_text(json.dumps(as_json(own), allow_nan=False) + "\n", encoding="utf-8")
        part.replace(target)
    except OSError as error:
        raise Unable(
            f"{target}: cannot write the law ({error.strerror}); name a file in a folder that is there"
        ) from error


def read(path: str | Path) -> Own:
    """The law of a file that `prep fit --write` left; anything else is refused by the key that is wrong."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"{path}: cannot read the law ({error.strerror}); {AGAIN}") from error
    except ValueError as error:
        raise BadSettings(f"{path}: is not JSON ({error}); {AGAIN}") from error
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        raise BadSettings(f"{path}: schema is {schema!r}, not {SCHEMA!r}; {AGAIN}")
    return _Part(str(path), "", found).own()


@dataclass(frozen=True)
class _Part:
    """One object of the file, which knows where it stands, so that an error can say so."""

    path: str
    under: str
    found: dict[str, Any]

    def own(self) -> Own:
        form = self.text("form")
        if form not in FORMS:
            raise self.wrong("form", f"one of {', '.join(FORMS)}")
        names = FORMS[form]
        given, fitted, bootstrap = self.part("coefficients"), self.part("fitted"), self.part("bootstrap")
        for name in set(given.found) - set(names):
            raise given.wrong(name, f"only {', '.join(names)}")
        ranges = {name: fitted.span(name) for name in ("params", "tokens", "flops")}
        about = About(
            self.text("name"), self.text("title"), self.text("source"), Fitted(**ranges, note=fitted.text("note"))
        )
        best = tuple(given.coefficient(name) for name in names)
        law = law_of(about, best, self.positive("flops_per_parameter_token"))
        if not 0 < law.a < 1:
            raise given.wrong("a", "an exponent between 0 and 1")
        return Own(law, self.whole("approach"), bootstrap.whole("seed"), bootstrap.rows("samples", names))

    def wrong(self, key: str, expected: str) -> BadSettings:
        return BadSettings(f"{self.path}: {self.under}{key} is {self.found.get(key)!r}, not {expected}; {AGAIN}")

    def part(self, key: str) -> _Part:
        value = self.found.get(key)
        if not isinstance(value, dict):
            raise self.wrong(key, "an object")
        return _Part(self.path, f"{self.under}{key}.", value)

    def text(self, key: str) -> str:
        value = self.found.get(key)
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def whole(self, key: str) -> int:
        value = self.found.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.wrong(key, "a whole number")
        return value

    def coefficient(self, key: str) -> float:
        """Above zero; a floor of nothing may be."""
        return 0.0 if key == "E" and self.found.get(key) == 0 else self.positive(key)

    def positive(self, key: str) -> float:
        value = self.found.get(key)
        if not _positive(value):
            raise self.wrong(key, "a positive number")
        return float(value)  # type: ignore[arg-type]  # _positive has seen to it

    def span(self, key: str) -> tuple[float, float]:
        low, high = self.numbers(key, self.found.get(key), 2, "[least, most]")
        return low, high

    def rows(self, key: str, names: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
        rows = self.found.get(key)
        expected = f"a list of [{', '.join(names)}]"
        if not isinstance(rows, list):
            raise self.wrong(key, expected)
        return tuple(self.numbers(key, row, len(names), expected) for row in rows)

    def numbers(self, key: str, values: object, length: int, expected: str) -> tuple[float, ...]:
        if not isinstance(values, list) or len(values) != length or not all(map(_positive, values)):
            shown = _Part(self.path, self.under, {key: values})
            raise shown.wrong(key, f"{expected}, positive numbers")
        return tuple(float(value) for value in values)


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
