"""Human numbers in and out: `10B` tokens, `256MB`, `20%`. Reading is exact; writing rounds for the eye.

Units may be written in any case: a corpus is never counted in milli-tokens, a shard never sized in bits.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

COUNT_UNITS = {"": 0, "k": 3, "m": 6, "b": 9, "g": 9, "t": 12}  # powers of ten; `b` and `g` are both 10^9
BYTE_UNITS = {"": 1, "b": 1} | {
    letter + tail: base**power
    for power, letter in enumerate("kmgtp", start=1)
    for tail, base in (("b", 1000), ("ib", 1024))
}
COUNT_FORMS = "a whole number such as 10B, 1.4T, 10e9, 1_000 or 10,000 (units K, M, B or G, T)"
BYTES_FORMS = "a size such as 256MB, 8MiB or 1_000 (KB, MB, GB, TB, PB count in thousands; KiB, MiB ... in 1024s)"
SHARE_FORMS = "a share from 0 to 1, such as 20% or 0.2"

LONGEST = 60  # characters of a number; anything longer is a slip, and slow to read
MOST = 10**36  # the largest trainings take 10^27 operations
NUMBER = re.compile(
    r"(?P<digits>-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:_[0-9]+)*)?(?:\.[0-9]+)?)"
    r"(?P<power>e[+-]?[0-9]{1,3})? *(?P<unit>[a-z]*|%)"
)
# Full-width forms as a Japanese keyboard gives them. Not NFKC, which reads `10²` as 102 and `①` as 1.
FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}


def parse_count(value: object) -> int:
    """`10B`, `10e9`, `1_000`, `1.4T`, `10,000` or a whole number, exactly."""
    number, unit = _split(value, COUNT_FORMS)
    if unit not in COUNT_UNITS:
        raise ValueError(f"{_shown(value)}: no unit {unit!r}; write {COUNT_FORMS}")
    return _whole(number * 10 ** COUNT_UNITS[unit], value, COUNT_FORMS)


def parse_bytes(value: object) -> int:
    """`256MB` is 256,000,000 and `8MiB` is 8,388,608; a bare `256M` is neither, and refused."""
    number, unit = _split(value, BYTES_FORMS)
    if unit not in BYTE_UNITS:
        raise ValueError(f"{_shown(value)}: no unit {unit!r}; write {BYTES_FORMS}")
    return _whole(number * BYTE_UNITS[unit], value, BYTES_FORMS)


def parse_size(value: object) -> int:
    """A size that somebody measured and rounded: `825.18 GiB` are no whole bytes, and need not be."""
    number, unit = _split(value, BYTES_FORMS)
    if unit not in BYTE_UNITS:
        raise ValueError(f"{_shown(value)}: no unit {unit!r}; write {BYTES_FORMS}")
    return _whole(Fraction(round(number * BYTE_UNITS[unit])), value, BYTES_FORMS)


def parse_share(value: object) -> float:
    """`20%`, `0.2` or 0.2; a bare 20 is refused, for nobody can tell it from a slip."""
    number, unit = _split(value, SHARE_FORMS)
    if unit not in ("", "%"):
        raise ValueError(f"{_shown(value)}: no unit {unit!r}; write {SHARE_FORMS}")
    share = number / 100 if unit else number
    if not 0 <= share <= 1:
        raise ValueError(f"{_shown(value)} is outside 0 to 1 (0% to 100%); write {SHARE_FORMS}")
    return float(share)


def _split(value: object, forms: str) -> tuple[Fraction, str]:
    """The exact number and the unit in lower case."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{_shown(value)} is not a number; write {forms}")
    if isinstance(value, int):
        return Fraction(value), ""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a number to count with; write {forms}")
        return Fraction(repr(value)), ""  # repr, not the bits: 0.2 means two tenths
    text = value.translate(FULL_WIDTH).strip(" ").lower()
    found = NUMBER.fullmatch(text) if len(text) <= LONGEST else None
    if found is None or not found["digits"].strip("-"):
        raise ValueError(f"{_shown(value)} is not a number; write {forms}")
    return Fraction(found["digits"].replace(",", "") + (found["power"] or "")), found["unit"]


def _whole(number: Fraction, value: object, forms: str) -> int:
    if number < 0:
        raise ValueError(f"{_shown(value)} is negative; write {forms}")
    if number > MOST:
        raise ValueError(f"{_shown(value)} is more than there is of anything; write {forms}")
    if number.denominator != 1:
        raise ValueError(f"{_shown(value)} is not whole; write {forms}")
    return number.numerator


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an int of more than 4,300 digits has no repr
        return "the number"
    return text if len(text) <= 2 * LONGEST else text[:LONGEST] + "..."


def format_count(number: float) -> str:
    """Four digits and a unit: 205_700_000_000 is `205.7B`; from 10^15 on as `1.235e+16`."""
    return _scaled(number, (("", 1), ("K", 10**3), ("M", 10**6), ("B", 10**9), ("T", 10**12)), digits=4)


def format_bytes(number: float) -> str:
    """Three digits and a decimal unit: `1.23 GB`."""
    units = ((" B", 1), (" KB", 10**3), (" MB", 10**6), (" GB", 10**9), (" TB", 10**12), (" PB", 10**15))
    return _scaled(number, units, digits=3)


def _scaled(number: float, units: tuple[tuple[str, int], ...], digits: int) -> str:
    """The largest unit that leaves at least 1 *after* rounding, so that 999,999 is `1M` and never `1000K`."""
    rounded = float(f"{number:.{digits - 1}e}")
    unit, size = next((each for each in reversed(units) if abs(rounded) >= each[1]), units[0])
    scaled = rounded / size
    if abs(scaled) >= 1000:  # past the last unit; operations of a training are
        return f"{rounded:.{digits - 1}e}{units[0][0]}"
    return f"{scaled:.{digits}g}{unit}"


def format_share(share: float) -> str:
    """At most two decimals: `20%`, `12.35%`; what is neither none nor all is never written as 0% or 100%."""
    if 0 < share < 0.0001:
        return "<0.01%"
    if 0.9999 < share < 1:
        return ">99.99%"
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"


def format_seconds(seconds: float) -> str:
    """The two largest units: `0.42 s`, `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    for large, per, small, size, end in (("min", 60, "s", 1, 3600), ("h", 60, "min", 60, 86400)):
        if round(seconds / size) * size < end:
            return _two(round(seconds / size), per, large, small)
    return _two(round(seconds / 3600), 24, "d", "h")


def _two(smalls: int, per: int, large: str, small: str) -> str:
    return f"{smalls // per:,} {large}" + (f" {smalls % per} {small}" if smalls % per else "")
