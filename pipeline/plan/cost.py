"""What training takes: accelerator-days, calendar days, energy and money, as an interval where the MFU is not known.

MFU (model FLOPs utilisation) is 6·N·D over what the accelerators could do at their dense peak in the time they were
held, stops and restarts included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from prep.pipeline.plan.tables import Accelerator, models

DAY_S = 86_400
JOULE_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Mfu:
    """Utilisation: the likely one, and the interval around it. All three equal where it is given."""

    low: float
    middle: float
    high: float
    source: str


def given(share: float) -> Mfu:
    """A utilisation that the user knows."""
    return Mfu(share, share, share, "given")


@cache
def of_known_runs() -> Mfu:
    """Quartiles over the known runs with a record of hours: 25 runs, .262, .328 and .391."""
    found = sorted(each.mfu for each in models() if each.counts_for_mfu and each.mfu is not None)
    low, middle, high = (_quantile(found, share) for share in (0.25, 0.5, 0.75))
    return Mfu(low, middle, high, f"quartiles of {len(found)} published runs")


def _quantile(values: Sequence[float], share: float) -> float:
    """Linear between order statistics, as numpy's default."""
    place = share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (place - below) * (values[above] - values[below])


@dataclass(frozen=True)
class Interval:
    """From the high to the low utilisation: at best, likely, at worst."""

    low: float
    likely: float
    high: float

    def times(self, factor: float) -> Interval:
        """Every end multiplied."""
        return Interval(self.low * factor, self.likely * factor, self.high * factor)


@dataclass(frozen=True)
class Cost:
    """What a number of FLOPs takes on one kind of accelerator. Figures that were not asked for are None."""

    accelerator: str
    title: str
    peak_flops_per_s: float
    accelerator_days: Interval
    accelerators: float | None = None
    calendar_days: Interval | None = None
    accelerators_needed: Interval | None = None
    energy_kwh: Interval | None = None
    price: Interval | None = None


@dataclass(frozen=True)
class Rates:
    """What is known of the machine: how many accelerators or by when, watts and price of one."""

    accelerators: float | None = None
    days: float | None = None
    watts: float | None = None
    price_per_hour: float | None = None


def accelerator_days(flops: float, peak_flops_per_s: float, mfu: float) -> float:
    """Days that one accelerator would take."""
    return flops / (peak_flops_per_s * mfu * DAY_S)


def cost(flops: float, accelerator: Accelerator, mfu: Mfu, rates: Rates) -> Cost:
    """What so many FLOPs take on this accelerator."""
    days = Interval(
        *(accelerator_days(flops, accelerator.peak_flops_per_s, share) for share in (mfu.high, mfu.middle, mfu.low))
    )
    per_day = {
        "calendar_days": None if rates.accelerators is None else 1 / rates.accelerators,
        "accelerators_needed": None if rates.days is None or rates.accelerators is not None else 1 / rates.days,
        "energy_kwh": None if rates.watts is None else rates.watts * DAY_S / JOULE_PER_KWH,
        "price": None if rates.price_per_hour is None else rates.price_per_hour * 24,
    }
    intervals = {name: None if factor is None else days.times(factor) for name, factor in per_day.items()}
    peak = accelerator.peak_flops_per_s
    return Cost(accelerator.name, accelerator.title, peak, days, rates.accelerators, **intervals)


def affordable(accelerator: Accelerator, accelerator_days: float, mfu: Mfu) -> Interval:
    """FLOPs that so many accelerator-days make."""
    whole = accelerator.peak_flops_per_s * DAY_S * accelerator_days
    return Interval(whole * mfu.low, whole * mfu.middle, whole * mfu.high)
