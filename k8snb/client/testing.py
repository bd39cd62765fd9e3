"""For tests of components as pure functions: a view over given objects, and a hand that drives one reconcile."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from k8snb.api.object import Object
from k8snb.client.calls import Call, Outcome
from k8snb.client.protocol import After, Controller, Index
from k8snb.client.view import View
from k8snb.sim.clock import Clock


class _Given:
    def __init__(self, objects: Iterable[Object]) -> None:
        self.objects = tuple(objects)

    def __call__(self, kind: type[Object]) -> Iterable[Object]:
        return [obj for obj in self.objects if type(obj) is kind]


def static_view(objects: Iterable[Object], now: float = 0.0, indexes: Iterable[Index] = ()) -> View:
    """A view that knows these objects, in their order, at second ``now``."""
    return View(_Given(objects), Clock(now), indexes)


def drive(
    controller: Controller, key: str, view: View, answer: Callable[[Call], Outcome] | None = None
) -> tuple[list[Call], After | None]:
    """Run one reconcile to its end; ``answer`` gives each call's outcome (default: the object sent, or None)."""
    generator = controller.reconcile(key, view)
    calls: list[Call] = []
    try:
        call = next(generator)
        while True:
            calls.append(call)
            call = generator.send(answer(call) if answer is not None else getattr(call, "obj", None))
    except StopIteration as end:
        return calls, end.value
