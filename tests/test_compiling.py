"""What our compiled functions rest on: a lean set-up of numba, and parts that Python cannot call."""

import subprocess
import sys

import pytest
from numba import njit

from prep.compiling import inlined, part
from prep.pipeline.tokenizers.memo_keys import key

COUNTED = """
import sys
import pyarrow as pa
from prep.pipeline.tokenizers.slabs import column

column(pa.array(["a"], pa.large_string()))
assert not {"scipy.linalg", "awkward"} & sys.modules.keys()
import awkward, scipy.linalg
assert awkward.sum([1, 2]) == 3 and scipy.linalg.norm([3, 4]) == 5
"""
HIDDEN = """
from prep.hidden import hidden

with hidden("colorsys"):
    try:
        import colorsys
    except ModuleNotFoundError as error:
        assert error.name == "colorsys"
    else:
        raise AssertionError("it was found")
import colorsys
"""


@pytest.mark.parametrize("code", [COUNTED, HIDDEN])
def test_what_is_hidden_can_be_had_afterwards(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_part_of_compiled_functions_refuses_python() -> None:
    with pytest.raises(TypeError, match="key is a part of compiled functions"):
        key(0, 0)


@pytest.mark.parametrize("made", [part, inlined])
def test_a_part_still_refuses_it_when_it_is_compiled(made: object) -> None:
    def double(number: int) -> int:
        return 2 * number

    assert callable(made)
    inner = made(double)
    outer = njit(lambda number: inner(number) + 1)
    assert outer(20) == 41
    with pytest.raises(TypeError, match="double is a part"):
        inner(20)
