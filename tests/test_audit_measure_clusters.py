"""Sources too large to read: clusters over the whole file set, within the bound, and intervals that hold the truth."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prep.errors import BadSettings
from prep.pipeline.audit.clusters import BLOCKS, FEWEST, budgets, choose, draw, parts
from prep.pipeline.sources.piece import File, Piece
from tests.test_audit_measure import asked, counted, lines, measured, texts


def stream(name: str, size: int) -> Piece:
    """A file that cannot be entered in the middle."""
    return Piece("s", "warc", "utf-8", (File(f"/nowhere/{name}", name, size),))


STREAMS = [stream(f"{at}.warc.gz", 100 + 37 * at % 400) for at in range(60)]


def test_a_small_source_is_read_whole() -> None:
    chosen = choose(STREAMS, 10**9, hard=False, seed=0)
    assert (chosen.pieces, chosen.drawn) == (STREAMS, None)


@pytest.mark.parametrize("budget", [1_000, 3_000, 9_000])
def test_a_hard_bound_holds_and_is_nearly_used(budget: int) -> None:
    sizes = [choose(STREAMS, budget, hard=True, seed=seed).size for seed in range(30)]
    assert max(sizes) <= budget
    assert np.mean(sizes) > budget / 2


def test_a_soft_bound_gives_way_to_the_fewest_files_that_tell_something() -> None:
    chosen = choose(STREAMS, 200, hard=False, seed=0)
    assert len(chosen.pieces) == len({piece.files[0].name for piece in chosen.pieces}) == FEWEST


def test_a_bound_that_covers_no_two_files_is_refused_with_the_largest_named() -> None:
    with pytest.raises(BadSettings, match=r"source s: --max-read leaves it 300 B.*raise --max-read"):
        choose([stream("a.gz", 10**6), stream("b.gz", 10**6)], 300, hard=True, seed=0)


def test_the_order_of_the_listing_does_not_matter_and_the_seed_does() -> None:
    one, other = draw(STREAMS, 12, 0), draw(STREAMS[::-1], 12, 0)
    assert one.pieces == other.pieces
    assert one.drawn is not None
    assert other.drawn is not None
    assert np.array_equal(one.drawn.group, other.drawn.group)
    assert one.pieces != draw(STREAMS, 12, 1).pieces


def test_files_are_drawn_from_everywhere_and_by_size() -> None:
    drawn = [piece.files[0] for seed in range(400) for piece in draw(STREAMS, 12, seed).pieces]
    times = {file.name: sum(file.name == other.name for other in drawn) for file in set(drawn)}
    sizes = np.array([piece.size for piece in STREAMS], np.float64)
    often = np.array([times.get(piece.files[0].name, 0) for piece in STREAMS], np.float64)
    assert min(often) > 0
    assert np.corrcoef(sizes, often)[0, 1] > 0.9
    assert often.sum() == 400 * 12


def test_the_groups_hold_every_file_once() -> None:
    drawn = draw(STREAMS, 7, 3).drawn
    assert drawn is not None
    assert drawn.members.sum() == len(STREAMS)
    assert drawn.group.sum() == sum(piece.size for piece in STREAMS)


def test_a_bound_on_all_is_shared_and_small_sources_leave_the_rest_to_large_ones() -> None:
    assert budgets([10, 1000, 500], 310) == [10, 150, 150]
    assert budgets([10, 20], 100) == [10, 20]
    assert sum(budgets([7] * 13, 50)) <= 50


def test_blocks_of_a_plain_file_cover_it_once(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", texts(3_000))
    size = path.stat().st_size
    cut = list(parts([Piece("s", "jsonl", "utf-8", (File(str(path), "a.jsonl", size),))], 4 * size))
    assert sum(piece.size for piece in cut) == size
    assert [piece.start for piece in cut[1:]] == [piece.stop for piece in cut[:-1]]
    assert 10 < len(cut) <= BLOCKS


def test_row_groups_cover_a_table_once(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": texts(1_000), "n": list(range(1_000))}), path, row_group_size=90)
    size = path.stat().st_size
    cut = list(parts([Piece("s", "parquet", "utf-8", (File(str(path), "a.parquet", size),))], size))
    assert len(cut) == 12
    assert sum(piece.size for piece in cut) == size


def test_packed_files_are_not_cut(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl.gz", texts(3_000))
    whole = Piece("s", "jsonl", "utf-8", (File(str(path), "a.jsonl.gz", path.stat().st_size),))
    assert list(parts([whole], 1_000)) == [whole]


def several(tmp_path: Path, ending: str) -> tuple[Path, list[str]]:
    """Forty files of different lengths, and all their texts."""
    rows = [texts(20 + 17 * at % 90, at) for at in range(40)]
    for at, each in enumerate(rows):
        path = tmp_path / "s" / f"{at}{ending}"
        if ending == ".parquet":
            path.parent.mkdir(exist_ok=True)
            pq.write_table(pa.table({"text": each}), path, row_group_size=20)
        else:
            lines(path, each)
    return tmp_path / "s", [row for each in rows for row in each]


@pytest.mark.parametrize(
    ("ending", "method", "what"),
    [(".jsonl.gz", "files", "files"), (".jsonl", "blocks", "blocks"), (".parquet", "blocks", "row groups")],
)
def test_totals_and_ratios_are_held_by_their_intervals(tmp_path: Path, ending: str, method: str, what: str) -> None:
    folder, rows = several(tmp_path, ending)
    size = sum(path.stat().st_size for path in folder.iterdir())
    request = asked(tmp_path, {"s": folder}, max_read=size // 3)
    n_bytes, tokens = sum(len(row.encode()) for row in rows), counted(request, rows)
    held = []
    for seed in range(12):
        (found,), said = measured(replace(request, seed=seed))
        tiny = found.tokens[0]
        assert (found.method, found.on_disk, found.files) == (method, size, 40)
        assert found.read <= size // 3
        assert said[0].startswith("reads ")
        assert f"{what} read, drawn with probability proportional to size" in found.notes[0]
        truths = (
            (tiny.ratio, n_bytes / tokens),
            (tiny.total, tokens),
            (found.text, n_bytes),
            (found.documents, len(rows)),
        )
        assert not any(estimate.exact for estimate, _ in truths)
        held += [estimate.low <= truth <= estimate.high for estimate, truth in truths]
        assert all(abs(math.log(estimate.value / truth)) < 0.5 for estimate, truth in truths)
    assert np.mean(held) > 0.85


def test_fewer_than_ten_files_are_said_so(tmp_path: Path) -> None:
    folder, _ = several(tmp_path, ".jsonl.gz")
    size = sum(path.stat().st_size for path in folder.iterdir())
    (found,), _ = measured(asked(tmp_path, {"s": folder}, max_read=size // 10))
    assert found.files_read < 10
    assert "fewer than 10 files" in found.notes[0]
    assert f"t with {found.files_read - 1} degree" in found.notes[0]
