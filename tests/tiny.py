"""A tiny real run: three sources of about 35 documents each, a tokenizer of its own, and no quality model.

    config = tiny_run(tmp_path)                       # the run file; nothing is made yet
    config = tiny_run(tmp_path, seed=3, mix={"code": 0.5}, quality={...}, dedup=None)
    results = made(config)                            # the whole chain, in this process, in about a second
    results = made(config, until="size", workers=2)

`tmp_path` then holds `run.yaml`, `tok/tokenizer.json`, `corpus/{wiki_ja,web_en,python}.jsonl` and, once made, `out/`.
Sources: `wiki_ja` (ja, encyclopedia, own ids, one blank record, which is skipped), `web_en` (en, web, one broken line,
which is rejected, and two documents of the same text), `python` (code, code). All paths are absolute.
"""

import json
import random
from pathlib import Path
from typing import Any

from tokenizers import pre_tokenizers

from prep.pipeline import commands, runfile
from prep.pipeline.chain import Machine
from prep.pipeline.stage import Result

DOCUMENTS = 35  # of each source
WORDS = {
    "wiki_ja": "東京 大阪 辞書 言語 研究 は が を に ある した という 歴史 文化 、 。".split(),
    "web_en": "the river runs through a small town and people like to walk there on Sunday .".split(),
    "python": "def return x y = + ( ) : import for in range print self None".split(),
}
LANGUAGES = {
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
        "export": {"formats": ["parquet", "arrow", "jsonl"], "shard": 4000},
    }
    for key, value in changes.items():
        there = plain.get(key)
        plain[key] = {**there, **value} if isinstance(there, dict) and isinstance(value, dict) else value
    path = tmp_path / "run.yaml"
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


def write_tokenizer(folder: Path) -> str:
    """A tokenizer.json of byte-level BPE with three merges; the file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "th", "the", "Ġa"]
    whole = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": ["t h", "th e", "Ġ a"],
        },
    }
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(whole), encoding="utf-8")
    return str(path)
