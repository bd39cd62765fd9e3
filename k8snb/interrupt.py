"""Ctrl-C between steps, never inside one: an interrupted cluster is as it was after some whole step.

A step changes the store, the caches and the queues; half of it would leave them at odds with one another. While a cluster
moves, an interrupt is therefore only noted and raised when the step is over. A second one is raised at once, for code of
the reader's own that never ends (a controller, an ``until`` condition).
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import wraps
from types import FrameType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar

_active: list[Held] = []
_P = ParamSpec("_P")
_R = TypeVar("_R")


class Held:
    """``with Held() as held:`` notes interrupts; ``held.check()`` between steps raises one that came, the end does too.

    Inside another one it does nothing, as in a thread that gets no signals.
    """

    def __init__(self) -> None:
        self.came = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if not _active:
            try:
                before = signal.getsignal(signal.SIGINT)
                if before is signal.default_int_handler:
                    signal.signal(signal.SIGINT, self._note)
                    self._before = before
                    _active.append(self)
            except ValueError:  # only the main thread may set a handler, and only it is interrupted
                self._before = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is None:
            return
        _active.remove(self)
        signal.signal(signal.SIGINT, self._before)
        self._before = None
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if an interrupt came."""
        if self.came:
            self.came = False
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True


def whole(act: Callable[_P, _R]) -> Callable[_P, _R]:
    """A function that is done as a whole: an interrupt is raised when it has ended."""

    @wraps(act)
    def held(*args: _P.args, **options: _P.kwargs) -> _R:
        with Held():
            return act(*args, **options)

    return held
