"""Keeping pictures up to date: after every cell the live stages show what has changed, and how it came about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from k8snb.widgets.stage import Stage

_STAGES: WeakSet[Stage] = WeakSet()
_HOOKED: list[Any] = []


def follow(stage: Stage) -> None:
    """Refresh a stage after each cell that runs from now on; an earlier stage of the same thing goes back to its own cell."""
    for other in _others(stage):
        other.retire()
        _STAGES.discard(other)
    rejoin(stage)


def rejoin(stage: Stage) -> None:
    """Refresh a stage after each cell again, beside others of the same thing."""
    _STAGES.add(stage)
    shell = _shell()
    if shell is not None and shell not in _HOOKED:
        shell.events.register("post_run_cell", _after_cell)
        _HOOKED.append(shell)


def moved(stage: Stage) -> None:
    """The reader has moved a cluster from one stage: the others that follow it show that too."""
    for other in list(_STAGES):
        if other is not stage and other.source is not None and other.source is stage.source:
            other.catch_up()


def following(stage: Stage) -> bool:
    """Whether a stage is refreshed after each cell."""
    return stage in _STAGES


def _others(stage: Stage) -> list[Stage]:
    """The stages that a new one takes over from: those of the same thing, and close-ups of the same cluster."""
    about, source = stage.about, stage.source
    return [
        s
        for s in _STAGES
        if s is not stage
        and ((about is not None and s.about == about) or (s.close_up and source is not None and s.source is source))
    ]


def _after_cell(*_: Any) -> None:
    for stage in list(_STAGES):
        stage.catch_up()


def _shell() -> Any | None:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def background(work: Callable[[], Any]) -> asyncio.Task[Any] | None:
    """Run a coroutine function beside the notebook; None where no event loop runs (a plain Python session)."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    return loop.create_task(work())
