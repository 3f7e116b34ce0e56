"""A domain names the addresses below it, in whatever form they are written."""

import numpy as np
import pyarrow as pa
import pytest

from prep.pipeline.sizing.excluding import Exclusion


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
