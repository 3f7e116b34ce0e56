"""The figures of an audit as an Arrow shard with recipe and manifest, as every stage leaves its results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from prep.errors import BadSettings
from prep.manifests import files, shards, store
from prep.manifests.record import Manifest, Recipe
from prep.pipeline.audit.explain import Judged, language
from prep.pipeline.audit.figures import Estimate, Source, Tokens
from prep.pipeline.audit.request import Request
from prep.pipeline.tokenizers import digest_of

STAGE, VERSION, NAME = "audit", 1, "audit.arrow"
ESTIMATES = ("documents", "text_bytes", "chars", "bytes_per_token", "chars_per_token", "tokens")
SCHEMA = pa.schema(
    [
        (name, pa.string())
        for name in ("source", "language", "kind", "method", "tokenizer", "family", "engine", "verdict")
    ]
    + [(name, pa.int64()) for name in ("files", "files_read", "on_disk_bytes", "read_bytes", "vocabulary")]
    + [("language_guessed", pa.bool_()), ("compressed", pa.bool_()), ("exact", pa.bool_())]
    + [(f"{name}{end}", pa.float64()) for name in ESTIMATES for end in ("", "_low", "_high")]
    + [("known_low", pa.float64()), ("known_high", pa.float64())]
)


def must_be_free(folder: str) -> None:
    """A result is never overwritten.

    Errors: BadSettings.
    """
    if files.exists(files.join(folder, store.MANIFEST)):
        raise BadSettings(f"--out {folder}: holds a finished result already; name a new folder")


def write(folder: str, request: Request, sources: Sequence[Source], judged: Sequence[Judged]) -> None:
    """Leave one row for each source and tokenizer. The manifest is written last."""
    must_be_free(folder)
    recipe = _recipe(request)
    store.write_recipe(folder, recipe)
    rows = [_row(source, each, judged) for source in sources for each in source.tokens]
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    written = shards.write(folder, NAME, SCHEMA, [batch])
    schema = {each.name: str(each.type) for each in SCHEMA}
    facts = {
        "sources": [asdict(each) for each in sources],
        "size": "text_bytes are of UTF-8 text, on_disk_bytes of the files as they lie",
    }
    store.write_manifest(folder, Manifest(STAGE, recipe.digest, {}, schema, (written,), {"rows": len(rows)}, facts))


def _recipe(request: Request) -> Recipe:
    settings: dict[str, Any] = {
        "sources": {name: each.model_dump(mode="json") for name, each in request.sources.items()},
        "tokenizers": {name: digest_of(each.path, each.pattern) for name, each in request.tokenizers.items()},
        "exact": request.exact, "precision": request.precision, "max_read": request.max_read, "seed": request.seed,
    }  # fmt: skip
    return Recipe(STAGE, VERSION, settings)


def _row(source: Source, tokens: Tokens, judged: Sequence[Judged]) -> dict[str, Any]:
    found = next(each for each in judged if (each.source, each.tokenizer) == (source.name, tokens.tokenizer))
    spoken, guessed = language(source)
    figures = (source.documents, source.text, source.chars, tokens.ratio, tokens.chars, tokens.total)
    return {
        "source": source.name, "language": spoken, "kind": source.kind, "method": source.method,
        "tokenizer": tokens.tokenizer, "family": tokens.family, "engine": tokens.engine, "verdict": found.verdict,
        "files": source.files, "files_read": source.files_read, "on_disk_bytes": source.on_disk,
        "read_bytes": source.read, "vocabulary": tokens.vocabulary, "language_guessed": guessed,
        "compressed": source.compressed, "exact": tokens.ratio.exact,
        "known_low": found.range.low if found.range else None, "known_high": found.range.high if found.range else None,
        **{key: value for name, each in zip(ESTIMATES, figures, strict=True) for key, value in _ends(name, each)},
    }  # fmt: skip


def _ends(name: str, figure: Estimate) -> list[tuple[str, float]]:
    return [(name, figure.value), (f"{name}_low", figure.low), (f"{name}_high", figure.high)]
