"""What executes: shaped like the built-in `map`, results in order. No stage knows where it runs."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import resource_tracker, util
from multiprocessing.connection import wait
from multiprocessing.sharedctypes import SynchronizedArray
from typing import Protocol, TypeVar

from prep.errors import WorkerLost
from prep.pipeline import meter

Item = TypeVar("Item")
Made = TypeVar("Made")
Begin = Callable[[], None]  # what each process does once, at its start
SELDOM = 50_000  # new objects between two looks for cycles: numba compiles a tenth faster than with 700
LAST = -1_000_000  # after whatever else is to be done as a process ends


class Spread(Protocol):
    """`spread(function, items)` gives `function(item)` for each item, in order. Processes begin at once."""

    def __call__(self, function: Callable[[Item], Made], items: Iterable[Item], /) -> Iterator[Made]:
        """Serial *is* `map`."""


serial: Spread = map


@contextmanager
def processes(workers: int, begin: Begin | None, load: str | None = None) -> Iterator[Spread]:
    """A pool of spawned processes. Never forked: tokenizers hold threads of their own, which a fork would break.

    Errors: WorkerLost, where a worker is killed (usually by the kernel, for memory).
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(meter.shared(), begin, load))

    def spread(function: Callable[[Item], Made], items: Iterable[Item], /) -> Iterator[Made]:
        # Not pool.map: it cancels what waits as it is left, and the pool's thread, where workers are terminated at
        # that moment, ends in a traceback over futures that are cancelled (CPython 3.11, 1 of 3 Ctrl-C).
        with _told(), _deaf():
            made = [pool.submit(function, item) for item in items]
        return _results(made)

    whole = False
    try:
        yield spread
        whole = True
    finally:
        if not whole:  # a long task would hold an error, or Ctrl-C, back for minutes
            for process in list((pool._processes or {}).values()):
                process.terminate()
        pool.shutdown(wait=whole, cancel_futures=not whole)


def _results(made: Iterable[Future[Made]]) -> Iterator[Made]:
    for future in made:
        with _told():
            result = future.result()
        yield result


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise WorkerLost(
            "a worker process died, most likely killed for want of memory; what was finished is kept: "
            "run again, with fewer --workers if it happens again"
        ) from error


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl-C waits until the block ends, and never reaches a process that is started in it.

    Submitting starts the workers, and one that is still importing would answer Ctrl-C with a traceback.
    """
    resource_tracker.ensure_running()  # its start, inside the block, would let the signal in
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def workers(number: int, begin: Begin | None = None, load: str | None = None) -> Iterator[Spread]:
    """The executor for a number of workers: one runs in this process. Each process calls `begin` once, at its start.

    With a module to `load` they start at once, and import it while this process imports its own.
    """
    if begin is not None:
        begin()
    if number <= 1:
        yield serial
        return
    with processes(number, begin, load) as spread:
        if load is not None:
            spread(str, range(number))  # the pool starts a process for each piece of work that finds none idle
        yield spread


def _begin(counters: SynchronizedArray[int], begin: Begin | None, load: str | None) -> None:
    """Once per worker: leave Ctrl-C to the parent, count into its meter, and end when it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    util.Finalize(None, _leave, exitpriority=LAST)
    gc.set_threshold(SELDOM)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # workers are processes; threads would fight them
    meter.use(counters)
    if begin is not None:
        begin()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if load is not None:
        import_module(load)


def _leave() -> None:
    """End here, with all done and told: taking engines of 400 MB down by the piece takes a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _end_with_parent() -> None:
    """A killed parent leaves its pool waiting for ever on a pipe that the siblings hold open."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
