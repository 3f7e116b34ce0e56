"""A tiny real run: three sources of about 35 documents each, a tokenizer of its own, and no quality model.

    config = tiny_run(tmp_path)                       # the run file; nothing is made yet
    config = tiny_run(tmp_path, seed=3, mix={"code": 0.5}, quality={...}, dedup=None)
    results = made(config)                            # the whole chain, in this process, in about a second
    results = made(config, until="size", workers=2)

`tmp_path` then holds `run.yaml`, `tok/tokenizer.json`, `corpus/{wiki_ja,web_en,python}.jsonl` and, once made, `out/`.
Sources: `wiki_ja` (ja, encyclopedia, own ids, one blank record, which is skipped), `web_en` (en, web, one broken line,
which is rejected, and two documents of the same text), `python` (code, code). All paths are absolute.
"""

import gzip
import json
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from tokenizers import pre_tokenizers

from prep.filters import quality
from prep.pipeline import commands, runfile
from prep.pipeline.chain import Machine
from prep.pipeline.stage import Result

DOCUMENTS = 35  # of each source
WORDS = {
    "wiki_ja": "東京 大阪 辞書 言語 研究 は が を に ある した という 歴史 文化 、 。".split(),  # noqa: SIM905 - readable
    "web_en": "the river runs through a small town and people like to walk there on Sunday .".split(),  # noqa: SIM905
    "python": "def return x y = + ( ) : import for in range print self None".split(),  # noqa: SIM905
}
LANGUAGES: dict[str, dict[str, Any]] = {
    "wiki_ja": {"language": "ja", "kind": "encyclopedia", "licence": "CC-BY-SA-4.0", "fields": {"id": "id"}},
    "web_en": {"language": "en", "kind": "web", "max_bad": 0.1},
    "python": {"language": "code", "kind": "code"},
}


def tiny_run(tmp_path: Path, **changes: Any) -> str:
    """Write the sources, the tokenizer and the run file; the run file's path.

    `changes` are keys of the run file: a mapping is laid over the one that is there, None takes the key out, and any
    other value takes its place. Called again in the same folder it writes the same sources.
    """
    corpus = tmp_path / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for name in WORDS:
        write_source(corpus / f"{name}.jsonl", name)
    plain: dict[str, Any] = {
        "out": str(tmp_path / "out"),
        "seed": 7,
        "budget": {"tokens": 3000},
        "tokenizers": {"tiny": write_tokenizer(tmp_path / "tok")},
        "sources": {name: {"path": str(corpus / f"{name}.jsonl"), **LANGUAGES[name]} for name in WORDS},
        "mix": {"preset": "equal", "pair": ["ja", "en"], "code": 0.2, "max_epochs": 4},
        "export": {"formats": ["parquet", "arrow", "jsonl"], "shard": 1000},
    }
    return write_run(tmp_path / "run.yaml", plain, changes)


def write_run(path: Path, plain: dict[str, Any], changes: dict[str, Any]) -> str:
    """Write a run file, the changes laid over it; its path."""
    for key, value in changes.items():
        there = plain.get(key)
        plain[key] = {**there, **value} if isinstance(there, dict) and isinstance(value, dict) else value
    path.write_text(json.dumps({key: value for key, value in plain.items() if value is not None}))  # JSON is YAML
    return str(path)


def made(config: str, until: str = "export", workers: int = 1) -> dict[str, Result]:
    """Run the chain of a run file; the results by name (`ingest`, `count.tiny`, `dedup`, `mix`, `size`, `export`)."""
    return commands.run(runfile.load(config), Machine(workers=workers), until)


def write_source(path: Path, name: str) -> None:
    """JSON lines of random words, the same ones for the same name."""
    chance = random.Random(name)
    rows = [
        {"id": f"{name}-{row}", "text": " ".join(chance.choices(WORDS[name], k=chance.randint(10, 60))), "row": row}
        for row in range(DOCUMENTS)
    ]
    if name == "wiki_ja":
        rows[5]["text"] = " \n"
    if name == "web_en":
        rows[9]["text"] = rows[3]["text"]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    if name == "web_en":
        lines[7] = '{"text": "cut off he'
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_tokenizer(folder: Path, merges: int = 3) -> str:
    """A tokenizer.json of byte-level BPE with a few merges; the file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "th", "the", "Ġa"]
    whole = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": ["t h", "th e", "Ġ a"][:merges],
        },
    }
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(whole), encoding="utf-8")
    return str(path)


# A more varied run: every format, edits, skipped and rejected records, a language from a field, duplicates across and
# within sources, two tokenizers, several epochs. What `tests/test_laws_*.py` state their laws on.

HEADS = {"wiki_ja": "wiki_ja", "web": "web_en", "books_en": "web_en", "python": "python"}  # whose words a source takes


def varied_run(tmp_path: Path, **changes: Any) -> str:
    """Write the sources under `corpus/`, two tokenizers and the run file; the run file's path. `changes` as above."""
    corpus = tmp_path / "corpus"
    if not corpus.exists():
        write_varied(corpus)
    plain: dict[str, Any] = {
        "out": str(tmp_path / "out"),
        "seed": 7,
        "budget": {"tokens": 60_000, "in": "tiny"},
        "tokenizers": {"tiny": write_tokenizer(tmp_path / "tok"), "bytes": write_tokenizer(tmp_path / "bytes", 0)},
        "sources": {
            "wiki_ja": {
                "path": f"{corpus}/wiki_ja/*", "language": "ja", "kind": "encyclopedia",
                "licence": {"field": "licence"}, "fields": {"id": "id"}, "max_bad": 0.1,
                "edits": ["nfkc", "strip_html_entities"],
            },
            "web": {
                "path": f"{corpus}/web/*", "language": {"field": "lang", "values": {"japanese": "ja", "english": "en"}},
                "kind": "web", "max_bad": 0.1, "url": {"field": "url"},
            },
            "books_en": {"path": f"{corpus}/books_en", "language": "en", "kind": "books", "priority": 1},
            "python": {"path": f"{corpus}/python/**/*.py", "language": "code", "kind": "code"},
        },
        "mix": {"preset": "equal", "pair": ["ja", "en"], "code": 0.2, "max_epochs": 4},
        "export": {"formats": ["parquet", "arrow", "jsonl"], "shard": 40_000},
    }  # fmt: skip
    return write_run(tmp_path / "run.yaml", plain, changes)


def write_varied(corpus: Path) -> None:
    """The sources of `varied_run`, always the same."""
    texts = {name: varied_texts(name, count) for name, count in (("wiki_ja", 150), ("books_en", 90), ("python", 60))}
    wiki = [
        {"id": f"w{row}", "text": text, "licence": f"CC-{row % 3}", "n": row}
        for row, text in enumerate(texts["wiki_ja"])
    ]
    wiki[4]["text"], wiki[9]["text"], wiki[12]["text"] = " \n", "&#32;", "ｶﾅ &amp; １２３ ＡＢＣ"
    wiki[60]["text"] = wiki[21]["text"]  # twice in one source
    write_rows(corpus / "wiki_ja/a.jsonl.gz", wiki[:50])
    write_rows(corpus / "wiki_ja/b.parquet", wiki[50:100])
    write_rows(corpus / "wiki_ja/c.jsonl", wiki[100:], broken=(3, 7))
    web = [
        {"text": text, "lang": ("english", "japanese", "english", "french")[row % 4], "url": f"http://x/{row}"}
        for row, text in enumerate(varied_texts("web", 160))
    ]
    for row, other in (
        (5, texts["wiki_ja"][30]),
        (6, texts["books_en"][2]),
        (10, web[2]["text"]),
        (14, web[2]["text"]),
    ):
        web[row]["text"] = other
    write_rows(corpus / "web/a.jsonl", web[:60], broken=(11,))
    write_rows(corpus / "web/b.jsonl.zst", web[60:120])
    write_rows(corpus / "web/c.csv", web[120:])
    for row, text in enumerate(texts["books_en"]):
        write_text(corpus / f"books_en/{row % 3}/b{row:03}.txt", text)
    for row, text in enumerate(texts["python"]):
        write_text(corpus / f"python/m{row:03}.py", text)


def varied_texts(name: str, count: int) -> list[str]:
    """Random words of a source, a text each."""
    chance = random.Random(name)
    return [f"{row} " + " ".join(chance.choices(WORDS[HEADS[name]], k=chance.randint(5, 60))) for row in range(count)]


def write_rows(path: Path, rows: list[dict[str, Any]], broken: tuple[int, ...] = ()) -> Path:
    """Records in the format that the file's name says; lines that are no records stand before those numbered."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    if path.suffix == ".csv":
        lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
    for row in reversed(broken):
        lines.insert(row, '{"text": "cut off he')
    data = "".join(f"{line}\n" for line in lines).encode()
    packers: dict[str, Callable[[bytes], bytes]] = {".gz": partial(gzip.compress, mtime=0), ".zst": zstandard.compress}
    path.write_bytes(packers.get(path.suffix, bytes)(data))
    return path


def write_text(path: Path, text: str) -> Path:
    """A text file, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def prep(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "prep", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


# Tell of the machine and the clock, or of the last run.
NOT_BYTES = {
    ".lock",
    "seen.json",
    "log.json",
    "current.json",
    "last-run.json",
}


def tree(out: Path) -> dict[str, bytes]:
    """Every file below an output folder by its name, but for those that tell of the machine."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in NOT_BYTES
    }


def write_models(folder: Path) -> dict[str, str]:
    """Quality models by language, trained on nearly nothing: their paths, as `quality: {model: …}` wants them."""
    for language, words in {"ja": "東京 の 歴史", "en": "the river runs"}.items():
        good, rest = ([f"{words} {n * step}" for n in range(40)] for step in (1, 7))
        quality.train(good, rest, 1, folder / f"{language}.bin")
    return {language: str(folder / f"{language}.bin") for language in ("ja", "en")}


Row = dict[str, Any]


def rows(result: Result, start: str = "part-") -> list[Row]:
    """Every row of a result's Arrow files, as plain Python."""
    names = [shard.name for shard in result.manifest.shards if shard.name.startswith(start)]
    return [row for name in names for row in pa.ipc.open_file(f"{result.folder}/{name}").read_all().to_pylist()]


def documents(results: dict[str, Result]) -> list[Row]:
    """Every document with the columns of all stages, as plain Python."""
    wanted = [name for name in results if name.split(".")[0] in ("ingest", "count", "score", "dedup", "size")]
    columns = [rows(results[name]) for name in wanted]
    return [{key: value for row in aligned for key, value in row.items()} for aligned in zip(*columns, strict=True)]


def corpus(results: dict[str, Result]) -> list[Row]:
    """The exported documents, in their order."""
    paths = sorted(Path(results["export"].folder).glob("data/*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def cell(row: Row) -> tuple[str, str, str]:
    """Source, language and kind of a document or of a row of the books."""
    return row["source"], row["language"], row["kind"]
