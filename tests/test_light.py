"""Start-up without pandas, where nothing needs it."""

import subprocess
import sys
from pathlib import Path

from prep.pipeline import runfile
from prep.pipeline.light import needs_pandas
from tests.tiny import tiny_run

SPARED = """
import sys
import pyarrow as pa
from prep.pipeline.light import spare_pandas

spare_pandas()
pa.array(["a", None]).to_pylist(), pa.table({"n": [1]}).group_by("n").aggregate([]), pa.scalar(1)
assert "pandas" not in sys.modules
import pandas
assert pandas.DataFrame({"n": [1]}).shape == (1, 1)
"""


def test_pyarrow_leaves_pandas_alone_and_others_still_find_it() -> None:
    subprocess.run([sys.executable, "-c", SPARED], check=True)


def test_a_loaded_pandas_stays_as_it_is() -> None:
    code = "import pandas; from prep.pipeline.light import spare_pandas; spare_pandas(); import pyarrow as pa"
    subprocess.run(
        [sys.executable, "-c", f"{code}; assert pa.table({{'n': [1]}}).to_pandas().shape == (1, 1)"], check=True
    )


def test_only_hugging_face_datasets_need_it(tmp_path: Path) -> None:
    run = runfile.load(tiny_run(tmp_path))
    assert not needs_pandas(run)
    hub = run.sources["web_en"].model_copy(update={"hf": "org/name"})
    assert needs_pandas(run.model_copy(update={"sources": {**run.sources, "hub": hub}}))
