"""Where the real texts, tokenizers and nasty inputs lie that tests use but the project does not ship."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("PREP_SHARED", Path(__file__).resolve().parents[2] / "shared"))
CORPUS, TOKENIZERS, BAD = SHARED / "corpus", SHARED / "tokenizers", SHARED / "bad"

needs_shared = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no real corpus at {SHARED}; set PREP_SHARED")
