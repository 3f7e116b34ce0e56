"""A domain names the addresses below it, in whatever form they are written."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from prep.pipeline import runfile
from prep.pipeline.sizing.excluding import Excluded, Exclusion
from tests.tiny import tiny_run


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://EXAMPLE.org:80/x", True), ("example.org/x", True), ("//a.example.org", True),
        ("http://example.org./x", True), (f"http://{'a.' * 30}example.org/", True), ("http://u:p@example.org?q", True),
        ("http://u@v@example.org/", True), ("example.org:80", True), ("http://notexample.org/", False),
        ("http://x.org/example.org", False), ("http://x.org/@example.org", False), ("", False), (None, False),
    ],
)  # fmt: skip
def test_a_domain_names_its_addresses(url: str | None, named: bool) -> None:
    exclusion = Exclusion("domain", "r", True, "", ("example.org",))
    batch = pa.record_batch({"url": pa.array([url], pa.string())})
    assert exclusion.names(batch, np.zeros(1, np.int32), []).tolist() == [named]


def test_a_line_of_a_list_ends_at_a_line_feed_and_a_comment_has_a_blank(tmp_path: Path) -> None:
    ids = ["#7", "a\u2028b", "c\x85d", "e\x0cf", "##", "g #h", "i"]
    lines = ["# why these are gone", "#", "", "  ", *ids[:-1], "\ti \r"]
    (tmp_path / "list.txt").write_bytes("\n".join(lines).encode())
    exclude = {"lists": [{"by": "id", "file": str(tmp_path / "list.txt"), "reason": "r"}]}
    [found] = Excluded.of(runfile.load(tiny_run(tmp_path, exclude=exclude))).lists
    assert found.values == tuple(sorted(ids))
