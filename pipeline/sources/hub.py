"""Hugging Face datasets, streamed: from the hub at a pinned revision, or from a local folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode

import pyarrow as pa
import xxhash

from prep.errors import BadSource
from prep.pipeline.sources.columns import Convert, check_schema
from prep.pipeline.sources.piece import Fields, File, Piece, Where

ROWS = 1024  # rows asked for at once


def piece(where: Where, base: Path) -> Piece:
    """The dataset as one piece; its url holds what `load_dataset` is given."""
    assert where.hf is not None
    local = (base / Path(where.hf).expanduser()).absolute()
    if local.exists():
        name, size, etag, path = local.name, *state(local), str(local)
    elif not where.revision:
        raise BadSource(
            f"source {where.name!r}: {where.hf!r} is no path under {base}, and as a dataset of the hub it may change; "
            "pin it with `revision: <commit>`"
        )
    else:
        name, size, etag, path = f"{where.hf}@{where.revision}", 0, None, where.hf
    asked = {"config": where.config, "split": where.split, "revision": where.revision}
    query = urlencode({key: value for key, value in asked.items() if value})
    if (where.config, where.split) != (None, "train"):
        name += f":{where.config or 'default'}:{where.split}"
    return Piece(where.name, "hf", where.encoding, (File(f"{quote(path)}?{query}", name, size, etag),))


def state(path: Path) -> tuple[int, str]:
    """Total bytes, and a digest of names and sizes: what tells that a local dataset is another one."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    sizes = [(file.relative_to(path.parent).as_posix(), file.stat().st_size) for file in files]
    return sum(size for _, size in sizes), xxhash.xxh3_64_hexdigest(repr(sizes).encode())


def batches(piece: Piece, fields: Fields) -> Iterator[pa.RecordBatch]:
    """The dataset's records."""
    (file,) = piece.files
    convert, first = Convert(fields), 1
    for table in tables(file):
        if first == 1:
            check_schema(table.schema, file.name, fields)
        for batch in table.combine_chunks().to_batches():
            yield from convert(batch, first)
            first += len(batch)


def tables(file: File) -> Iterator[pa.Table]:
    """Arrow tables as `datasets` streams them."""
    import datasets  # 2.5 s

    path, query = file.url.split("?")
    asked: dict[str, Any] = {key: value for key, (value,) in parse_qs(query).items()}
    try:
        found = datasets.load_dataset(unquote(path), asked.pop("config", None), streaming=True, **asked)
        yield from found.with_format("arrow").iter(batch_size=ROWS)
    except (OSError, ValueError, KeyError, datasets.exceptions.DatasetsError) as error:
        raise BadSource(
            f"{file.name}: `datasets` cannot stream it ({type(error).__name__}: {error}); "
            "check the name, the split, the revision and the network"
        ) from error
