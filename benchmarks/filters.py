"""How fast the rules are beside datatrove's filters of the same name, and where the verdicts differ.

    python -m benchmarks.filters                       # English: speed of each family, agreement, peak memory
    python -m benchmarks.filters --text ja --text fr --text code       # our own speed on other text
    python -m benchmarks.filters --differences 20      # documents that are judged otherwise, with our figures

Each subject runs in a process of its own on one core, subjects take turns round by round on the same documents, and the
unit is megabytes of UTF-8 text per CPU second (user and system), medians over the rounds. datatrove judges the
documents as they come, one filter after another, each on the whole text; it stops at a document's first reason. Ours
counts everything in one reading, then holds it against the profiles. The texts are those of the folder `--corpus`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa

from benchmarks.texts import TEXTS, documents, load, save
from prep.filters.rules import lists
from prep.filters.rules.counting import How, figures
from prep.filters.rules.profile import failed
from prep.pipeline import profiles
from prep.pipeline.settings import Rules

SHARED = Path(__file__).resolve().parents[2] / "shared"
FAMILIES = ("gopher_quality", "gopher_repetition", "c4", "fineweb")
OURS = {"en": FAMILIES, "fr": ("fineweb2_fr",), "ja": ("fineweb2_ja", "swallow_ja"), "code": ("code",)}
PEERS = {
    "gopher_quality": ("gopher_quality_filter", "GopherQualityFilter"),
    "gopher_repetition": ("gopher_repetition_filter", "GopherRepetitionFilter"),
    "c4": ("c4_filters", "C4QualityFilter"),
    "fineweb": ("fineweb_quality_filter", "FineWebQualityFilter"),
}
MARK_SPEED, MARK_AGREEMENT, MARK_MEMORY = 40, 0.98, 1e9  # times datatrove, of documents, bytes
ROWS = 64  # documents a batch


def prep(language: str, names: tuple[str, ...], texts: pa.LargeStringArray) -> dict[str, list[bool]]:
    """Whether each document fails a profile; all counts are made once."""
    how = How(language, lists.load(language, {}))
    told = {name: profiles.of(Rules.model_validate({"profiles": {language: [name]}}))[language] for name in names}
    found: dict[str, list[bool]] = {name: [] for name in names}
    for start in range(0, len(texts), ROWS):
        counts = figures(texts[start : start + ROWS], how)
        for name, profile in told.items():
            found[name] += (failed(counts, profile) != 0).tolist()
    return found


def datatrove(names: tuple[str, ...], texts: pa.LargeStringArray) -> dict[str, list[bool]]:
    """The same by datatrove's filters, each on the text as it came."""
    import importlib

    from datatrove.data import Document

    filters = {}
    for name in names:
        module, kind = PEERS[name]
        filters[name] = getattr(importlib.import_module(f"datatrove.pipeline.filters.{module}"), kind)()
    found: dict[str, list[bool]] = {name: [] for name in names}
    for number, text in enumerate(texts.to_pylist()):
        for name, each in filters.items():
            said = each.filter(Document(text, str(number)))
            found[name].append((said if isinstance(said, bool) else said[0]) is False)
    return found


def run(subject: str, language: str, path: str) -> dict[str, Any]:
    """One subject in this process: warmed up, then timed."""
    texts = load(path)
    work: dict[str, Callable[[pa.LargeStringArray], dict[str, list[bool]]]] = {
        "prep": lambda some: prep(language, OURS[language], some),
        "datatrove": lambda some: datatrove(FAMILIES, some),
        **{f"datatrove {name}": lambda some, name=name: datatrove((name,), some) for name in FAMILIES},  # type: ignore[misc]
    }
    work[subject](texts[:2])
    began = time.process_time()
    verdicts = work[subject](texts)
    seconds = time.process_time() - began
    return {"seconds": seconds, "peak": _peak(), "verdicts": verdicts}


def _peak() -> int:
    """Bytes that this program held at most; what getrusage says counts the parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@click.command(help=__doc__)
@click.option("--corpus", type=click.Path(path_type=Path), default=SHARED / "corpus")
@click.option("--text", "names", multiple=True, type=click.Choice(list(TEXTS)), default=("en",))
@click.option("--most", default=4_000_000, help="Bytes of text; datatrove takes some 8 s for each million.")
@click.option("--rounds", default=3)
@click.option("--families/--whole", default=False, help="Time each of datatrove's filters alone too.")
@click.option("--differences", default=0, help="Show so many documents that are judged otherwise.")
@click.option("--only", nargs=3, hidden=True)
def main(corpus: Path, names: tuple[str, ...], most: int, rounds: int, families: bool, differences: int,
         only: tuple[str, str, str] | None) -> None:  # fmt: skip
    """Print the tables."""
    if only is not None:
        print(json.dumps(run(*only)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for language in names:
            texts = _first(documents(language, corpus), most)
            path = save(texts, Path(folder) / f"{language}.arrow")
            peers = ["datatrove", *(f"datatrove {name}" for name in FAMILIES if families)] if language == "en" else []
            told = _rounds(["prep", *peers], language, path, rounds)
            _print_speed(language, texts.nbytes, told)
            if peers:
                _print_agreement(told, texts, differences)


def _first(texts: pa.LargeStringArray, most: int) -> pa.LargeStringArray:
    """Documents until there are so many bytes."""
    sizes = np.diff(np.frombuffer(texts.buffers()[1], np.int64, len(texts) + 1, texts.offset * 8))
    return texts[: max(1, int(np.searchsorted(np.cumsum(sizes), most)))]


def _rounds(subjects: list[str], language: str, path: str, rounds: int) -> dict[str, list[dict[str, Any]]]:
    told: dict[str, list[dict[str, Any]]] = {subject: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            command = [sys.executable, "-m", "benchmarks.filters", "--only", subject, language, path]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            told[subject].append(json.loads(done.stdout.splitlines()[-1]))
    return told


def _print_speed(language: str, size: int, told: dict[str, list[dict[str, Any]]]) -> None:
    ours = statistics.median(each["seconds"] for each in told["prep"])
    print(f"\n{language}: {size / 1e6:.1f} MB")
    for subject, each in told.items():
        seconds = statistics.median(one["seconds"] for one in each)
        peak = max(one["peak"] for one in each)
        speed = f"{size / seconds / 1e6:8.2f} MB/s {seconds / ours:7.1f} x our time"
        print(f"  {subject:30} {speed} {peak / 1e6:6.0f} MB peak")


def _print_agreement(told: dict[str, list[dict[str, Any]]], texts: pa.LargeStringArray, differences: int) -> None:
    ours, theirs = told["prep"][0]["verdicts"], told["datatrove"][0]["verdicts"]
    alike = {name: np.array(ours[name]) == np.array(theirs[name]) for name in FAMILIES}
    for name, each in alike.items():
        print(f"  {name:30} {each.mean():8.2%} of {len(each)} alike; fail: ours {np.mean(ours[name]):.1%}, "
              f"theirs {np.mean(theirs[name]):.1%}")  # fmt: skip
    any_ours, any_theirs = (np.any([each[name] for name in FAMILIES], axis=0) for each in (ours, theirs))
    print(f"  {'all together':30} {np.mean(any_ours == any_theirs):8.2%} alike")
    for name, each in alike.items():
        for row in np.flatnonzero(~each)[:differences].tolist():
            print(f"    {name} {'ours' if ours[name][row] else 'theirs'}: {texts[row].as_py()[:200]!r}")


if __name__ == "__main__":
    main()
