"""The engines by name, and which can be opened for a tokenizer. A library is imported when it is first asked."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from prep.pipeline.tokenizers.counter import Ask, Engine, Unsuited
from prep.pipeline.tokenizers.trouble import panics_told

Opener = Callable[[Ask], Engine]


@dataclass(frozen=True)
class Refused:
    """An engine that could not be opened."""

    engine: str
    reason: str


def _lazy(module: str, function: str) -> Opener:
    """An opener whose module, and with it numba, awkward or a Rust library, is imported by the first call."""

    def opener(ask: Ask) -> Engine:
        engine: Engine = getattr(import_module(f"prep.pipeline.tokenizers.{module}"), function)(ask)
        return engine

    return opener


# In this order they are tried, and of two that are about as fast the first is taken (race.py).
ENGINES: dict[str, Opener] = {
    "unigram": _lazy("unigram.engine", "open_unigram"),
    "spbpe": _lazy("spbpe", "open_spbpe"),
    "gigatoken": _lazy("gigatokens", "open_gigatoken"),
    "fastokens": _lazy("fasttokens", "open_fastokens"),
    "segments": _lazy("segments", "open_segments"),
}


def candidates(ask: Ask) -> tuple[list[Engine], list[Refused]]:
    """The engines that may stand for the tokenizer, unchecked, and why the others may not."""
    engines: list[Engine] = []
    refused: list[Refused] = []
    for name, opener in ENGINES.items():
        try:
            with panics_told(name, "another engine counts"):
                engines.append(opener(ask))
        except Unsuited as error:
            refused.append(Refused(name, str(error)))
        except Exception as error:  # noqa: BLE001 - an engine may be missing or broken in any way; the reference counts
            refused.append(Refused(name, f"{type(error).__name__}: {error}"))
    return engines, refused
