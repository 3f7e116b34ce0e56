"""Tokens of every real file, as their tokenizers' own libraries count them, through the chain."""

import json
from pathlib import Path

from click.testing import CliRunner

from prep.pipeline.cli import cli
from tests.shared import CORPUS, TOKENIZERS, needs_shared

LANGUAGES = {"ja": "ja", "en": "en", "fr": "fr", "other": "other"}


@needs_shared
def test_every_file_has_the_documents_bytes_and_tokens_of_the_reference(tmp_path: Path) -> None:
    reference = json.loads((CORPUS / "reference_counts.json").read_text())
    sources = {
        name.split(".")[0].replace("/", "_"): {"path": str(CORPUS / name), "language": language(name), "kind": "text"}
        for name in reference
    }
    run = {
        "out": str(tmp_path / "out"),
        "budget": {"tokens": 1000, "in": "llmjp31"},
        "tokenizers": {
            "llmjp31": str(TOKENIZERS / "llm-jp-v3.1-100k" / "tokenizer.model"),
            "gpt2": str(TOKENIZERS / "gpt2"),
        },
        "sources": sources,
        "mix": {"shares": {"ja": 0.5, "en": 0.5}},
    }
    config = tmp_path / "run.yaml"
    config.write_text(json.dumps(run))  # JSON is YAML
    done = CliRunner().invoke(cli, ["count", str(config), "--json", "--workers", "2"], catch_exceptions=False)
    results = json.loads(done.stdout)
    for name, wanted in reference.items():
        source = name.split(".")[0].replace("/", "_")
        for tokenizer in ("llmjp31", "gpt2"):
            [row] = [row for row in results[f"count.{tokenizer}"]["cells"] if row["source"] == source]
            found = {"docs": row["documents"], "bytes": row["bytes"], tokenizer: row["tokens"][tokenizer]}
            assert found == {key: wanted[key] for key in found}, name


def language(name: str) -> str:
    """As the folder's name ends."""
    return LANGUAGES[name.split("/")[0].rsplit("_", 1)[-1]]
