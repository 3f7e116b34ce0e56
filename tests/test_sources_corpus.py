"""Real files: documents and bytes are those that the corpus is known to hold."""

import json
from collections.abc import Iterator

import pyarrow.compute as pc
import pytest

from prep.pipeline.sources.piece import Fields
from prep.pipeline.sources.reading import Reading
from tests.shared import CORPUS, needs_shared
from tests.test_sources_formats import pieces

COUNTS = CORPUS / "reference_counts.json"


def known() -> Iterator[tuple[str, int, int]]:
    if COUNTS.is_file():
        for name, count in json.loads(COUNTS.read_text()).items():
            yield name, count["docs"], count["bytes"]


@needs_shared
@pytest.mark.parametrize(("name", "documents", "size"), list(known()))
def test_documents_and_bytes_are_the_known_ones(name: str, documents: int, size: int) -> None:
    found = total = 0
    for piece in pieces(CORPUS / name):
        for batch in Reading(piece, Fields()):
            assert batch["rejected"].null_count == len(batch)
            found += len(batch) - batch["text"].null_count
            total += pc.sum(pc.binary_length(batch["text"])).as_py() or 0
    assert (found, total) == (documents, size)
