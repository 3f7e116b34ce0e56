"""What a person sees while a run works: live bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from prep.pipeline import meter
from prep.pipeline.numbers import format_bytes, format_count
from prep.pipeline.run import Standing

WIDTH = 120  # columns of output that is piped
_EVERY = 0.25  # seconds between two looks at the meter
_PLAIN_EVERY = 30.0  # seconds between two plain lines


class Screen:
    """Shows one stage after another. The bar weighs units done; beside it stand rows, bytes and tokens a second."""

    def __init__(self, console: Console) -> None:
        """In a terminal bars, else lines."""
        self._console, self._live = console, console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description:<16}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
            TimeRemainingColumn(), TextColumn("{task.fields[rates]}"), console=console, transient=True,
        )  # fmt: skip
        self._stop = threading.Event()
        self._bar: TaskID | None = None
        self._name, self._began, self._standing = "", 0.0, Standing()

    def __enter__(self) -> Self:
        if self._live:
            self._bars.start()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._live:
            self._bars.stop()

    @contextmanager
    def stage(self, name: str) -> Iterator[Screen]:
        """One stage, from its first unit to its manifest."""
        meter.reset()
        self._drop()
        self._name, self._began, self._standing = name, time.monotonic(), Standing()
        yield self
        if self._standing.to_make:
            self._say(f"done in {time.monotonic() - self._began:,.1f} s  {self._rates()}")
        self._drop()

    def _drop(self) -> None:
        if self._bar is not None:
            self._bars.remove_task(self._bar)
        self._bar = None

    def begin(self, standing: Standing) -> None:
        """What the stage finds: units finished, adopted, to make."""
        self._standing = standing
        found = {"finished before": standing.finished, "adopted from an earlier result": standing.adopted}
        kept = [f"{number} {word}" for word, number in found.items() if number]
        if standing.to_make and kept:
            self._say(f"{standing.to_make} units to make, {', '.join(kept)}")
        if self._live and standing.to_make:
            self._bar = self._bars.add_task(self._name, total=max(standing.weight, 1), rates="")

    def advance(self, weight: int = 1) -> None:
        """Count a unit that was done elsewhere than in the loop."""
        meter.unit(weight)

    def _say(self, text: str) -> None:
        self._console.print(f"{self._name:<16} {text}", highlight=False, markup=False)

    def _rates(self) -> str:
        seen, seconds = meter.read(), max(time.monotonic() - self._began, 1e-3)
        parts = []
        if seen.rows:
            parts.append(f"{format_count(seen.rows)} rows")
        if seen.bytes:
            parts.append(f"{format_bytes(seen.bytes)} ({format_bytes(int(seen.bytes / seconds))}/s)")
        if seen.tokens:
            parts.append(f"{format_count(seen.tokens)} tokens ({format_count(int(seen.tokens / seconds))}/s)")
        return ", ".join(parts)

    def _watch(self) -> None:
        last = time.monotonic()
        while not self._stop.wait(_EVERY):
            if self._bar is not None:
                self._bars.update(self._bar, completed=meter.read().weight, rates=self._rates())
            elif not self._live and self._standing.to_make and time.monotonic() - last >= _PLAIN_EVERY:
                last = time.monotonic()
                self._say(f"{meter.read().units} of {self._standing.to_make} units, {self._rates()}")


def console(*, error: bool = True) -> Console:
    """Where progress goes: standard error, so that results can be piped. What is no terminal is 120 columns wide."""
    file = sys.stderr if error else sys.stdout
    return Console(file=file, width=None if file.isatty() else WIDTH)
