"""How fast each engine counts, against the libraries and datatrove, in one run: `python -m benchmarks.engines`.

    python -m benchmarks.engines --tokenizer gpt2 --tokenizer llm-jp-v3.1-100k --text ja --text en --plot engines.png

Every subject runs in a process of its own, subjects take turns round by round, and each counts the same documents:
first cold ones, then, after the warm-up, ones that it has not seen. The unit is megabytes of UTF-8 text per CPU second
of the process (user and system), medians over the rounds; the column of two cores is wall time of two processes at
once, each with half of the unseen documents. Counts of the unseen documents must be the same for all, document by
document.

The texts are those of the folder `--corpus` (`wiki_en`, `books_en`, `web_ja` ...) and, as code, Python's own library.
Where a tokenizer is a SentencePiece model, `tokenizers` and datatrove count a tokenizer.json converted from it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import orjson
import pyarrow as pa
from rich.console import Console

from benchmarks.engines_shown import draw, table
from benchmarks.texts import TEXTS, UNSEEN, Part, batches, documents, load
from prep.pipeline.tokenizers import ask_of, hf, spmodel
from prep.pipeline.tokenizers.convert import tokenizer_json
from prep.pipeline.tokenizers.counter import Ask
from prep.pipeline.tokenizers.engines import ENGINES, candidates
from prep.pipeline.tokenizers.files import Kind
from prep.pipeline.tokenizers.vocabulary import kinds

SHARED = Path(__file__).resolve().parents[2] / "shared"
PATTERNS = {"cl100k_base": "cl100k_base", "o200k_base": "o200k_base"}
SLOW = ("tokenizers", "datatrove", "reference")


Count = Callable[[pa.LargeStringArray], Any]


def counter(subject: str, ask: Ask, file: str) -> Count:
    """What counts: an engine, the tokenizer's own library, or a peer with a tokenizer.json."""
    if subject in ENGINES:
        return ENGINES[subject](ask).count
    if subject == "reference":
        return ask.reference.count
    if subject == "tokenizers":
        return ask_of(file).reference.count  # encode_batch_fast
    from datatrove.data import Document
    from datatrove.pipeline.tokens.counter import TokensCounter

    peer = TokensCounter(file)

    def count(texts: pa.LargeStringArray) -> list[int]:
        given = (Document(text=text, id="") for text in texts.to_pylist())
        return [document.metadata["token_count"] for document in peer.run(given)]

    return count


@dataclass(frozen=True)
class Task:
    """What a child process is told."""

    subject: str
    tokenizer: str
    pattern: str | None
    file: str  # a tokenizer.json for the peers
    warm: str  # Arrow files
    unseen: str


def count_here(task: Task) -> None:
    """Count, and print what it took; a line is waited for before the timed part, so that two can begin at once."""
    began = time.process_time()
    count = counter(task.subject, ask_of(task.tokenizer, task.pattern), task.file)
    opened = time.process_time() - began
    cold, _, _ = timed(count, load(task.warm))
    print("ready", flush=True)
    sys.stdin.readline()
    warm, wall, counts = timed(count, load(task.unseen))
    peak = high_water()
    print(json.dumps({"opened": opened, "cold": cold, "unseen": warm, "wall": wall, "peak": peak, "counts": counts}))


def high_water() -> int:
    """Bytes of this process at its peak. (`getrusage` gives the parent's where that was larger when it forked.)"""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def timed(count: Count, texts: pa.LargeStringArray) -> tuple[float, float, list[int]]:
    """CPU seconds, wall seconds and the counts."""
    cut = list(batches(texts))
    cpu, wall = time.process_time(), time.perf_counter()
    counts = [int(each) for batch in cut for each in count(batch)]
    return time.process_time() - cpu, time.perf_counter() - wall, counts


def run(tasks: list[Task]) -> list[dict[str, Any]]:
    """Children that count at the same time, each on a core of its own."""
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.engines", "--child", json.dumps(task.__dict__)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )
        for task in tasks
    ]  # fmt: skip
    for each in children:
        assert each.stdout is not None
        while each.stdout.readline().strip() not in ("ready", ""):
            pass
    found = []
    for each in children:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in children:
        out, _ = each.communicate()
        if each.returncode:
            sys.exit(f"a child failed: {each.args}")
        found.append(json.loads(out.splitlines()[-1]))
    return found


def measure(part: Part, name: str, subjects: list[str], file: str, rounds: int, alone: bool) -> list[dict[str, Any]]:
    """One tokenizer on one kind of text: a row of figures for each subject."""
    figures: dict[str, list[dict[str, Any]]] = {subject: [] for subject in subjects}
    path = str(SHARED / "tokenizers" / name)
    for turn in range(rounds):
        for subject in subjects if turn % 2 == 0 else subjects[::-1]:
            warm = "little" if subject in SLOW else "warm"

            def task(unseen: str, subject: str = subject, warm: str = warm) -> Task:
                return Task(subject, path, PATTERNS.get(name), file, part.files[warm], part.files[unseen])

            [one] = run([task("unseen")])
            both = [] if alone else run([task("one"), task("two")])
            figures[subject].append(
                {
                    "opened": one["opened"],
                    "cold": part.bytes[warm] / 1e6 / one["cold"],
                    "unseen": part.bytes["unseen"] / 1e6 / one["unseen"],
                    "two": part.bytes["unseen"] / 1e6 / max(each["wall"] for each in both) if both else 0.0,
                    "peak": one["peak"],
                    "counts": sha256(json.dumps(one["counts"]).encode()).hexdigest(),
                    "halves": not both or [count for each in both for count in each["counts"]] == one["counts"],
                }
            )
    rows = []
    for subject, turns in figures.items():
        row = {
            key: statistics.median(turn[key] for turn in turns) for key in ("opened", "cold", "unseen", "two", "peak")
        }
        alike = {turn["counts"] for turn in turns} == {figures[subjects[0]][0]["counts"]}
        rows.append({"tokenizer": name, "text": part.name, "subject": subject, "documents": part.documents, **row,
                     "equal": alike and all(turn["halves"] for turn in turns)})  # fmt: skip
    base = next((row["unseen"] for row in rows if row["subject"] == "tokenizers"), None)
    own = next((row["unseen"] for row in rows if row["subject"] == "reference"), None)
    for row in rows:
        row["by_tokenizers"] = row["unseen"] / base if base else None
        row["by_reference"] = row["unseen"] / own if own else None
    return rows


def prepared(name: str, folder: Path) -> tuple[list[str], str]:
    """The subjects for a tokenizer, and a tokenizer.json for the peers ("" where there is none)."""
    ask = ask_of(str(SHARED / "tokenizers" / name), PATTERNS.get(name))
    engines, _ = candidates(ask)
    names = [engine.name for engine in engines]
    if ask.files.kind is Kind.RANKS:
        return ["reference", *names], ""
    file = folder / name / "tokenizer.json"
    file.parent.mkdir()
    file.write_bytes(as_json(ask))
    own = ["reference"] if ask.files.kind is Kind.MODEL else []
    return ["tokenizers", *own, "datatrove", *names], str(file)


def as_json(ask: Ask) -> bytes:
    """The tokenizer as a tokenizer.json, without the special tokens around a text, which datatrove counts."""
    if ask.files.kind is Kind.JSON:
        whole = orjson.loads(ask.files.contents[0])
        if "TemplateProcessing" in kinds(whole.get("post_processor")):
            whole["post_processor"] = None
        return orjson.dumps(whole)
    if ask.files.kind is Kind.PAIR:
        return hf.as_json(ask.files)
    return tokenizer_json(spmodel.read(ask.files.contents[0]))


@click.command()
@click.option(
    "--tokenizer",
    "names",
    multiple=True,
    default=("gpt2", "gpt-neox-20b", "llm-jp-v2.2-50k", "llm-jp-v3.1-100k", "mistral-v3"),
    show_default=True,
)
@click.option("--text", "texts", multiple=True, type=click.Choice(list(TEXTS)), default=tuple(TEXTS), show_default=True)
@click.option("--subject", "only", multiple=True, help="Measure these; all by default, and `tokenizers` in any case.")
@click.option("--unseen", default=UNSEEN, show_default=True, help="Bytes of text that are timed.")
@click.option("--alone", is_flag=True, help="Leave out the two processes at once.")
@click.option("--rounds", default=3, show_default=True, help="Turns of every subject.")
@click.option("--corpus", type=click.Path(path_type=Path), default=SHARED / "corpus", show_default=True)
@click.option("--json", "file", type=click.Path(), help="Write the figures.")
@click.option("--plot", type=click.Path(), help="Write a picture.")
@click.option("--child", hidden=True)
def main(
    names: tuple[str, ...],
    texts: tuple[str, ...],
    only: tuple[str, ...],
    unseen: int,
    alone: bool,
    rounds: int,
    corpus: Path,
    file: str | None,
    plot: str | None,
    child: str | None,
) -> None:
    """Count the same documents by everything that counts, and compare."""
    if child:
        count_here(Task(**json.loads(child)))
        return
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        parts = [Part(text, documents(text, corpus), folder, unseen) for text in texts]
        for name in names:
            subjects, peer = prepared(name, folder)
            subjects = [each for each in subjects if not only or each in (*only, "tokenizers")]
            for part in parts:
                rows += measure(part, name, subjects, peer, rounds, alone)
                print(f"{name} {part.name} done", file=sys.stderr)
    Console(width=None if sys.stdout.isatty() else 150).print(table(rows))
    if file:
        Path(file).write_text(json.dumps(rows, indent=1))
    if plot:
        draw(rows, plot)
    if not all(row["equal"] for row in rows):
        sys.exit("counts differ")


if __name__ == "__main__":
    main()
