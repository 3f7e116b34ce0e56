from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.pipeline.numbers import (
    format_bytes,
    format_count,
    format_seconds,
    format_share,
    parse_bytes,
    parse_count,
    parse_share,
)

COUNTS = {
    "10B": 10**10, "10b": 10**10, "10 B": 10**10, "10G": 10**10, "10e9": 10**10, "1.4T": 1_400_000_000_000,
    "1_000": 1000, "10,000": 10_000, "1,234,567": 1_234_567, "125m": 125_000_000, "7K": 7000, ".5B": 500_000_000,
    "1.5e3": 1500, "１０Ｂ": 10**10, "１，０００": 1000, "0": 0, " 5 ": 5, 7: 7, 10e9: 10**10, 1e22: 10**22, 3.0: 3,
    "0.1e1": 1, "1.000000001B": 1_000_000_001, "9007199254740993": 2**53 + 1,
}  # fmt: skip
NO_COUNTS = [
    "", " ", "-", "B", "10X", "10 BB", "1.5", 1.5, "-3", -3, True, False, None, [], (), b"1", "nan", "inf", "10²", "①",
    "½", "٣", "1,5", "10,00", "1__0", "_1", "1_", "1e999", "1e99999999999", "9" * 41, "9" * 61, "20%",
    "0x10", "1 000", "1.2.3", float("nan"), float("inf"), -float("inf"), "1\n", "10\tB", "1/2", "1e-3",
]  # fmt: skip


@pytest.mark.parametrize(("given", "meant"), COUNTS.items())
def test_a_count_is_read_exactly(given: object, meant: int) -> None:
    assert parse_count(given) == meant
    assert type(parse_count(given)) is int


@pytest.mark.parametrize("given", NO_COUNTS, ids=repr)
def test_what_is_no_count_is_refused_and_says_what_is_accepted(given: object) -> None:
    with pytest.raises(ValueError, match="a whole number such as 10B"):
        parse_count(given)


def test_a_long_number_is_refused_at_once_and_shown_in_part() -> None:
    with pytest.raises(ValueError) as caught:
        parse_count("9" * 1_000_000)
    assert len(str(caught.value)) < 300
    with pytest.raises(ValueError, match="the number is negative"):
        parse_count(-(10**5000))


@pytest.mark.parametrize(
    ("given", "meant"),
    [("256MB", 256_000_000), ("8MiB", 8_388_608), ("8 mib", 8_388_608), ("1_000", 1000), (5, 5), ("1.5 GiB", 3 * 2**29),
     ("1KB", 1000), ("1KiB", 1024), ("2TB", 2 * 10**12), ("2TiB", 2**41), ("1PB", 10**15), ("10B", 10), (1e6, 10**6)],
)  # fmt: skip
def test_decimal_and_binary_sizes_are_told_apart(given: object, meant: int) -> None:
    assert parse_bytes(given) == meant


@pytest.mark.parametrize("given", ["256M", "1.5", "0.3KiB", "8Mo", "-1MB", True, None, "MB", "256MBit", "5%"], ids=repr)
def test_what_is_no_size_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="a size such as 256MB"):
        parse_bytes(given)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("20%", 0.2), ("20 %", 0.2), ("２０％", 0.2), (0.2, 0.2), ("0.2", 0.2), (0, 0.0), (1, 1.0), ("100%", 1.0),
     ("0.1%", 0.001), ("33.3333333333%", 0.333333333333), (1e-5, 1e-5)],
)  # fmt: skip
def test_a_share_is_read_to_the_nearest_float(given: object, meant: float) -> None:
    assert parse_share(given) == meant
    assert type(parse_share(given)) is float


@pytest.mark.parametrize(
    "given", [20, "20", "101%", -0.1, "-5%", True, None, "nan", float("nan"), "2K", "1/3"], ids=repr
)
def test_what_is_no_share_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="a share from 0 to 1"):
        parse_share(given)


@pytest.mark.parametrize(
    ("number", "count", "size"),
    [(0, "0", "0 B"), (5, "5", "5 B"), (999, "999", "999 B"), (1000, "1K", "1 KB"), (9999, "9.999K", "10 KB"),
     (999_949, "999.9K", "1 MB"), (999_950, "1M", "1 MB"), (1_230_000_000, "1.23B", "1.23 GB"),
     (205_700_000_000, "205.7B", "206 GB"), (10**15, "1.000e+15", "1 PB"), (-2500, "-2.5K", "-2.5 KB")],
)  # fmt: skip
def test_numbers_are_written_for_the_eye(number: int, count: str, size: str) -> None:
    assert (format_count(number), format_bytes(number)) == (count, size)


@given(st.integers(0, 10**30))
def test_a_written_count_reads_back_to_four_digits(number: int) -> None:
    assert parse_count(format_count(number)) == pytest.approx(number, rel=0.5e-3)


@given(st.integers(0, 10**21))
def test_a_written_size_reads_back_to_three_digits(number: int) -> None:
    assert parse_bytes(format_bytes(number)) == pytest.approx(number, rel=0.5e-2)


@given(st.integers(0, 10**30))
def test_any_whole_number_reads_back_from_its_digits(number: int) -> None:
    assert parse_count(str(number)) == parse_count(f"{number:_}") == parse_count(f"{number:,}") == number


@given(st.integers(0, 999), st.sampled_from("KMBTkmbt"))
def test_units_are_powers_of_a_thousand(number: int, unit: str) -> None:
    assert parse_count(f"{number}{unit}") == number * 1000 ** (1 + "kmbt".index(unit.lower()))


@given(st.floats(0, 1))
def test_any_share_reads_back_from_its_shortest_form(share: float) -> None:
    assert parse_share(share) == parse_share(repr(share)) == share


@given(st.integers(0, 10_000))
def test_a_written_share_reads_back_where_two_decimals_hold_it(hundredths: int) -> None:
    share = hundredths / 10_000
    assert parse_share(format_share(share)) == pytest.approx(share, abs=1e-12)


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_part_is_never_written_as_none_or_all(share: float) -> None:
    assert format_share(share) not in ("0%", "100%")


@given(st.text(max_size=12) | st.floats() | st.integers() | st.booleans() | st.none())
def test_anything_else_is_a_value_error_and_nothing_worse(value: object) -> None:
    for parse in (parse_count, parse_bytes, parse_share):
        with suppress(ValueError):
            assert parse(value) >= 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.42, "0.42 s"), (9.99, "10 s"), (45, "45 s"), (59.6, "1 min"), (200, "3 min 20 s"), (3599.9, "1 h"),
     (7500, "2 h 5 min"), (86_399, "1 d"), (273_600, "3 d 4 h"), (1e7, "115 d 18 h"), (1e9, "11,574 d 2 h")],
)  # fmt: skip
def test_times_are_written_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
