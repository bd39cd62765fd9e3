"""The one thread that touches a served cluster: it answers requests, fills watches and lets time pass, one job after another.

Each job holds the cluster's lock, so that jobs and the notebook's own calls never meet inside a step. The event loop itself
never touches the cluster: a cell that keeps it busy for a minute makes requests wait, not connections break.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from k8snb.rest.guard import Guard

P = ParamSpec("P")
T = TypeVar("T")

LOG = logging.getLogger("k8snb.rest")
TICK = 0.05
"""Seconds of wall clock between two moments at which simulated time catches up."""
DURABLE_TICK = 0.25
"""The same for a cluster that is kept in a file: each time is a transaction on the disk."""
SLICE = 0.02
"""Longest time, in seconds of wall clock, that the clock holds the cluster before requests get their turn."""
BEHIND = 2.0
"""Seconds of wall clock that simulated time may lag behind; what is more is given up, as on a machine that was asleep."""


class Worker:
    """Runs functions on the cluster's thread, under its lock."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._threads = ThreadPoolExecutor(1, "k8snb-cluster")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns."""

        def job() -> T:
            with self._guard.lock:
                return function(*args, **kwargs)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, job)
        except RuntimeError as error:
            if "shutdown" in str(error):  # the interpreter ends
                raise asyncio.CancelledError from None
            raise

    def close(self) -> None:
        """No more jobs; the present one is finished."""
        self._threads.shutdown(wait=True, cancel_futures=True)


async def follow_wall_clock(cluster: Any, worker: Worker, speed: Callable[[], float]) -> None:
    """Let ``speed()`` simulated seconds pass for each second of the wall clock, in small pieces, until cancelled.

    Time that the notebook lets pass by itself comes on top of it.
    """
    last = time.monotonic()
    owed = 0.0
    tick = TICK if cluster.store.path is None else DURABLE_TICK
    while True:
        await asyncio.sleep(tick)
        now = time.monotonic()
        rate = speed()
        owed = min(owed + (now - last) * rate, BEHIND * rate)
        last = now
        if owed > 0.0:
            try:
                owed -= await worker.run(_pass, cluster, owed)
            except Exception:  # a controller of the reader's own may raise anything; the server goes on
                LOG.exception("simulated time could not pass")
                owed = 0.0


def _pass(cluster: Any, seconds: float) -> float:
    """Let simulated time pass for at most ``SLICE`` of real time; how much has passed."""
    begin = cluster.now
    deadline = time.monotonic() + SLICE
    cluster.run(until=lambda _: time.monotonic() > deadline, limit=seconds)
    passed: float = cluster.now - begin
    return passed


class Bell:
    """Rings when the store changes; in a fork of the store it is silent."""

    def __init__(self, ring: Callable[[], None] | None) -> None:
        self._ring = ring

    def __call__(self, change: Any) -> None:
        if self._ring is not None:
            self._ring()

    def __deepcopy__(self, memo: dict[int, Any]) -> Bell:
        return Bell(None)


class Hub:
    """Wakes those who wait for the cluster to change: all of them are looked after in one job of the worker.

    A watch is only polled while its client is ready for more, so a slow client costs its place in the history and nothing
    else.
    """

    def __init__(self, cluster: Any, worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
        self._cluster = cluster
        self._worker = worker
        self._loop = loop
        self._changed = asyncio.Event()
        self._signalled = False
        self._waiting: dict[asyncio.Future[Any], Callable[[], Any]] = {}
        self._bell = Bell(self._ring)
        self.closed = False

    def begin(self) -> None:
        """Listen to the store."""
        self._cluster.store.subscribe(self._bell)

    def end(self) -> None:
        """Listen no more; those who wait get None."""
        if not self.closed:
            self.closed = True
            self._cluster.store.unsubscribe(self._bell)
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def _ring(self) -> None:
        """Called with every change, in whichever thread makes it."""
        if not self._signalled:
            self._signalled = True
            self._loop.call_soon_threadsafe(self._changed.set)

    async def next(self, poll: Callable[[], T | None], timeout: float | None = None) -> T | None:
        """The first result of ``poll`` that is not None; None when ``timeout`` seconds have passed.

        ``poll`` is called on the cluster's thread, now and whenever something may have changed.
        """
        future: asyncio.Future[T | None] = self._loop.create_future()
        self._waiting[future] = poll
        self._changed.set()
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(future, None)

    async def run(self) -> None:
        """Serve those who wait, until cancelled."""
        while True:
            try:
                await asyncio.wait_for(self._changed.wait(), 0.2)
            except TimeoutError:
                if not self._waiting:
                    continue
            self._changed.clear()
            self._signalled = False
            waiting = list(self._waiting.items())
            if not waiting:
                continue
            for future, result in await self._worker.run(_polled, waiting):
                if not future.done():
                    if isinstance(result, Exception):
                        future.set_exception(result)
                    else:
                        future.set_result(result)
                self._waiting.pop(future, None)


def _polled(waiting: list[tuple[asyncio.Future[Any], Callable[[], Any]]]) -> list[tuple[asyncio.Future[Any], Any]]:
    done = []
    for future, poll in waiting:
        try:
            result = poll()
        except Exception as error:
            result = error
        if result is not None:
            done.append((future, result))
    return done
