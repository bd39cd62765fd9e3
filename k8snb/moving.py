"""How a cluster moves: by single API calls, by simulated seconds, or until nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k8snb import locale
from k8snb.api.mistakes import BadType, BadValue
from k8snb.client.runtime import Runtime
from k8snb.client.steps import Step
from k8snb.client.view import cache_key
from k8snb.interrupt import Held
from k8snb.sim.clock import Clock
from k8snb.store import Cause, Store

SETTLE_HORIZON = 60.0
"""A cluster is settled when nothing is due within so many simulated seconds (longer than any image pull or grace period)."""
SETTLE_MAX = 600.0
"""Longest time that ``settle`` lets pass by default, in simulated seconds."""


EXPIRY = Cause("etcd", "expire")
"""The cause of a deletion by an expired lease (Events live for an hour)."""
STEP_MAX = 3600.0
"""Longest time that a single step waits for, in simulated seconds."""


class Steps(tuple[Step, ...]):
    """The API calls of some steps, in order."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(step_line(step) for step in self) or locale.text("steps.none")


def step_line(step: Step) -> str:
    """One step as a line: number, time, who called what, and what came of it."""
    call = step.call
    obj: Any = getattr(call, "obj", None) or getattr(call, "pod", None)
    target = f"{obj.kind} {cache_key(obj)}" if obj is not None else f"{call.kind.__name__} {call.namespace}/{call.name}"  # type: ignore[attr-defined]
    result = locale.text("steps.refused", message=step.error.message) if step.error else f"r{step.revision}"
    return f"#{step.number:<5} {step.time:9.3f}s  {step.cause.actor:<28} {type(call).__name__} {target}  → {result}"


class Moving:
    """The part of a cluster that lets its components act and time pass."""

    clock: Clock
    runtime: Runtime
    store: Store

    @property
    def now(self) -> float:
        """Seconds since the epoch of simulated time."""
        return self.clock.now

    def step(self, n: int = 1) -> Steps:
        """Let the components make ``n`` API calls (fewer when nothing is left to do); time passes as it must.

        Heartbeats and probes go on in the background and are not counted; when nothing else is due within an hour of
        simulated time, nothing is left to do and time stands still.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise BadValue(f"cannot make {n!r} steps: give a whole number, as in step(3)")
        made = []
        with Held() as held:
            for _ in range(n):
                step = self._next_step(self.now + STEP_MAX)
                if step is None:
                    break
                made.append(step)
                held.check()
            self._keep_time()
        return Steps(made)

    def _next_step(self, end: float) -> Step | None:
        runtime = self.runtime
        while True:
            until = self.now
            if runtime.idle():
                due = runtime.queue.next_due(foreground_only=True)
                if due is None or due > end:
                    return None
                until = due
            step: Step | None = runtime.step(until)
            if step is not None:
                return step

    def run(
        self, seconds: float | None = None, *, until: Callable[[Any], bool] | None = None, limit: float = 3600.0
    ) -> bool:
        """Let so many simulated seconds pass, or go on until ``until(cluster)`` holds (at most ``limit`` seconds).

        Returns whether the condition holds (always True for plain seconds).
        """
        if until is not None and not callable(until):
            raise BadType(f"until is {until!r}: give a condition, as in run(until=lambda c: len(c.pods) == 3)")
        if seconds is None and until is None:
            raise BadValue(
                "run for how long? run(30) lets 30 seconds pass, run(until=…) goes on until a condition holds"
            )
        length = seconds if seconds is not None else limit
        if isinstance(length, bool) or not isinstance(length, int | float):
            raise BadType(f"cannot run {length!r}: give a number of seconds, as in run(30)")
        if not 0 <= length < float("inf"):
            raise BadValue(f"cannot run {length} seconds: time only moves forward; use at(time=…) to look back")
        end = self.now + length
        step = self.runtime.step
        with Held() as held:
            while until is None or not until(self):
                if step(end) is None:
                    break
                held.check()
            reached = until is None or until(self)
            if until is None or not reached:
                self.clock.now = max(self.clock.now, end)
            self.store.expire(self.now, EXPIRY)
            self._keep_time()
        return reached

    def settle(self, limit: float = SETTLE_MAX, horizon: float = SETTLE_HORIZON) -> float:
        """Go on until nothing but far timers is left, at most ``limit`` seconds; returns how many seconds passed."""
        begin = self.now
        end = begin + limit
        runtime = self.runtime
        with Held() as held:
            while True:
                until = self.now
                if runtime.idle():
                    due = runtime.queue.next_due(foreground_only=True)
                    if due is None or due > self.now + horizon or due > end:
                        break
                    until = due
                runtime.step(until)
                held.check()
            self.store.expire(self.now, EXPIRY)
            self._keep_time()
        return self.now - begin

    def _keep_time(self) -> None:
        """Time may have passed without a revision; a durable cluster keeps that, too."""
        if self.store.path is not None:
            self.store.meta_put("now", self.clock.now)
