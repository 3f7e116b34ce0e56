"""Questions over thin columns."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from prep.manifests import shards
from prep.manifests.shards import Columns
from prep.pipeline import query
from prep.pipeline.query import Limits

ROWS = 200_000  # enough that several threads answer


def test_an_answer_in_order_comes_in_order_on_any_number_of_threads(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).permutation(ROWS).astype(np.int32)
    batch = pa.record_batch({"n": pa.array(rows)})
    shards.write(str(tmp_path), "part.arrow", batch.schema, [batch])
    for threads in (1, 2, 4):
        with query.database(Limits(threads=threads), str(tmp_path)) as connection:
            query.load(
                connection, "t", [[Columns(f"{tmp_path}/part.arrow", ("n",))]], lambda b: {"n": np.asarray(b["n"])}
            )
            for _ in range(10):
                found = query.ask(connection, "select row, n from t where shard = ? order by n", [0])
                assert found["n"].to_pylist() == list(range(ROWS))
                assert (rows[found["row"].to_numpy()] == np.arange(ROWS)).all()


def test_the_first_value_that_stands_twice_is_found_across_shards(tmp_path: Path) -> None:
    for name, values in (("a", b"abcd"), ("b", b"efcg")):
        hashes = pa.array([bytes([value]) * 16 for value in values], pa.binary(16))
        batch = pa.record_batch({"id_hash": hashes})
        shards.write(str(tmp_path), f"{name}.arrow", batch.schema, [batch])
    units = [[Columns(f"{tmp_path}/{name}.arrow", ("id_hash",))] for name in "ab"]
    with query.database(Limits(), str(tmp_path)) as connection:
        assert query.repeated(connection, units, "id_hash") == [(0, 2), (1, 2)]
        assert query.repeated(connection, units[:1], "id_hash") == []


def test_nothing_of_a_database_is_left_behind(tmp_path: Path) -> None:
    with query.database(Limits(), str(tmp_path)) as connection:
        connection.execute("create table t as select range from range(100000)")
    assert list(tmp_path.iterdir()) == []


def test_one_row_of_a_shard_is_found_over_its_batches(tmp_path: Path) -> None:
    batches = [pa.record_batch({"n": [1, 2]}), pa.record_batch({"n": [3]})]
    shards.write(str(tmp_path), "part.arrow", batches[0].schema, batches)
    assert query.value(Columns(f"{tmp_path}/part.arrow", ("n",)), 2) == {"n": 3}
