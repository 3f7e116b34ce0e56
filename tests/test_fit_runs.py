"""A table of runs: what is read, what is guessed, and every way in which a table can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prep.errors import BadInput
from prep.pipeline.plan.fit_runs import Columns, Runs, read

ROWS = "params,tokens,loss\n1e8,1e9,3.5\n2e8,1e9,3.4\n4e8,2e9,3.1\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "runs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str, columns: Columns | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        read(table(folder, text), columns)
    assert str(caught.value).count("runs.csv") or columns
    return str(caught.value)


def same(one: Runs, other: Runs) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("params", "tokens", "loss", "flops")
    )


@pytest.mark.parametrize(
    "text",
    [
        ROWS.replace("params,tokens,loss", "N,D,L"),
        ROWS.replace("params,tokens,loss", "Parameters,Train Tokens,val_loss"),
        ROWS.replace("1e8", "100M").replace("2e9", "2B").replace("4e8", "400_000_000"),
        ROWS.replace(",", ";"),
        ROWS.replace(",", "\t"),
        "\ufeff" + ROWS.replace("\n", "\r\n"),
        ROWS.replace(",1e9", ' , "1e9" ').replace(' "1e9" ', "1e9 "),
        ROWS.replace("\n", "\n\n"),
    ],
    ids=["letters", "words", "human-numbers", "semicolons", "tabs", "excel", "spaces", "blank-lines"],
)
def test_one_table_in_many_spellings_is_the_same_runs(tmp_path: Path, text: str) -> None:
    assert same(read(table(tmp_path, text)), read(table(tmp_path, ROWS)))


def test_compute_is_the_column_or_else_six_n_d(tmp_path: Path) -> None:
    assert read(table(tmp_path, ROWS)).flops[0] == pytest.approx(6e17)
    given = ROWS.replace("loss", "loss,budget")
    for loss, flops in (("3.5", "7e17"), ("3.4", "1e18"), ("3.1", "5e18")):
        given = given.replace(loss, f"{loss},{flops}")
    assert list(read(table(tmp_path, given)).flops) == [7e17, 1e18, 5e18]


def test_a_factor_reads_a_column_in_millions(tmp_path: Path) -> None:
    text = ROWS.replace("params", "size_m").replace("1e8", "100").replace("2e8", "200").replace("4e8", "400")
    assert same(read(table(tmp_path, text), Columns(params="size_m*1e6")), read(table(tmp_path, ROWS)))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("nan", "is not finite"),
        ("inf", "is not finite"),
        ("0", "is not above zero"),
        ("-3.4", "is not above zero"),
        ("", "is empty"),
        ("diverged", "is not a number"),
        ("3,4", "line 3"),
    ],
)
def test_a_bad_cell_is_named_by_line_column_and_value(tmp_path: Path, cell: str, said: str) -> None:
    told = refusal(tmp_path, ROWS.replace("3.4", f'"{cell}"'))
    assert said in told
    assert f"line 3: loss {cell!r}" in told


def test_all_bad_rows_are_named_at_once_and_many_are_counted(tmp_path: Path) -> None:
    told = refusal(tmp_path, "params,tokens,loss\n" + "".join(f"{n},x,0\n" for n in range(1, 21)))
    assert "40 bad rows" in told
    assert "line 2: tokens 'x'" in told
    assert "and 30 more" in told


def test_a_row_given_twice_and_a_row_cut_short_are_bad(tmp_path: Path) -> None:
    assert "line 5: the same params, tokens and loss as line 2" in refusal(tmp_path, ROWS + "1e8,1e9,3.5\n")
    assert "line 5: 2 columns, needs 3" in refusal(tmp_path, ROWS + "1e8,1e9\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("params,tokens,loss\n", "no runs"),
        ("params,tokens,loss,loss\n1,2,3,4\n", "'loss' is there twice"),
        ("params,token_count,loss\n1,2,3\n", "which column is the tokens? nearest: token_count"),
        ("params,tokens,loss_c4,loss_wiki\n1,2,3,4\n", "nearest: loss_c4, loss_wiki; say --loss COLUMN"),
        ('params,tokens,loss\n"1,2,3\n', "line 2"),
    ],
    ids=["empty", "header-only", "twice", "near", "several-losses", "quote"],
)
def test_a_table_that_is_none_says_what_is_missing(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.csv: cannot be read"):
        read(tmp_path / "none.csv")
    (tmp_path / "runs.csv").write_bytes(b"params,tokens,loss\n\xff\xfe")
    with pytest.raises(BadInput, match="byte 19 is not UTF-8"):
        read(tmp_path / "runs.csv")


MIXED = (
    "set,params,tokens,unique,loss\nc4,1e8,1e9,1e9,3.5\nrw,1e8,1e9,1e9,3.6\nc4,2e8,4e9,1e9,3.2\nrw,2e8,4e9,4e9,3.3\n"
)


@pytest.mark.parametrize(
    ("where", "losses"),
    [
        (("set=c4",), [3.5, 3.2]),
        (("set != c4",), [3.6, 3.3]),
        (("tokens>=2e9",), [3.2, 3.3]),
        (("tokens=unique",), [3.5, 3.6, 3.3]),
        (("set=rw", "loss<3.5"), [3.3]),
        (("tokens=1000000000",), [3.5, 3.6]),
    ],
)
def test_conditions_choose_rows(tmp_path: Path, where: tuple[str, ...], losses: list[float]) -> None:
    runs = read(table(tmp_path, MIXED), Columns(where=where))
    assert list(runs.loss) == losses
    assert runs.left_out == 4 - len(losses)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("set=C4", "set is one of: c4, rw"),
        ("sett=c4", "nearest: set"),
        ("set", "COLUMN=VALUE"),
        ("set>c4", "neither a number nor a column"),
    ],
)
def test_a_condition_that_chooses_nothing_shows_what_there_is(tmp_path: Path, where: str, said: str) -> None:
    assert said in refusal(tmp_path, MIXED, Columns(where=(where,)))


def test_rows_left_out_need_not_be_sound(tmp_path: Path) -> None:
    assert len(read(table(tmp_path, MIXED + "bad,x,y,,nan\n"), Columns(where=("set!=bad",)))) == 4


def test_several_data_sets_in_one_table_are_noticed_and_the_column_is_named(tmp_path: Path) -> None:
    assert "choose with --where set=c4" in read(table(tmp_path, MIXED)).notes[0]
    assert read(table(tmp_path, MIXED), Columns(where=("set=c4",))).notes == ()


def test_only_the_end_of_a_curve_is_a_finished_run(tmp_path: Path) -> None:
    text = "run,params,tokens,loss\na,1e8,2e9,3.2\na,1e8,1e9,3.5\nb,1e8,4e9,3.0\nb,1e8,1e9,3.6\nb,1e8,2e9,3.3\n"
    assert list(read(table(tmp_path, text)).finals().loss) == [3.2, 3.0]
    alone = text.replace("a,1e8,1e9,3.5\n", "").replace("b,1e8,1e9,3.6\nb,1e8,2e9,3.3\n", "")
    assert len(read(table(tmp_path, alone)).finals()) == 2  # a name for every row is no curve
