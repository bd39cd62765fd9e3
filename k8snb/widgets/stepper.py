"""The live stepper: one controller, one key, call by call."""

from __future__ import annotations

from typing import Any

from k8snb.cluster import Cluster
from k8snb.locale import text
from k8snb.views.detail import detail
from k8snb.views.reconcile import CONTROLLERS, ReconcileView, call_text, queue_text, reconcile_text, reconcile_view
from k8snb.views.reconcile_svg import draw_reconcile
from k8snb.widgets.following import Following, touched
from k8snb.widgets.stage import Told

FAR = 500
"""Steps of others after which ``Its turn`` gives up: then there is nothing left for this controller to do."""

RECORDED = 10
"""Calls that a recorded stepper can still make."""


class Stepper(Following):
    """What ``controller`` sees of ``key``, and the calls that it is about to make."""

    topic = "stepper"
    close_up = True

    def __init__(self, cluster: Cluster, controller: str, key: str, **options: Any) -> None:
        self.controller = controller
        self.key = key
        self._kept: ReconcileView | None = None
        super().__init__(cluster, controls=["step", "turn", "run"], **options)
        self._own = self.view()

    @property
    def about(self) -> object | None:
        return self.topic, id(self.cluster), self.controller, self.key

    def view(self) -> ReconcileView:
        """What is shown: the present, or the moment that an older picture keeps."""
        if self._kept is None:
            self._kept = reconcile_view(self.cluster, self.controller, self.key)
        return self._kept

    def command(self, message: dict[str, Any]) -> None:
        super().command(message)
        self._own = self.view()

    def catch_up(self) -> None:
        fresh = self._fresh
        super().catch_up()
        if fresh:
            self._own = self.view()

    def retire(self) -> None:
        self._kept = self._own
        super().retire()

    def show_changes(self, before: int, kind: str = "") -> None:
        self._kept = None
        super().show_changes(before, kind)

    def concerned(self, before: int) -> bool:
        """The queue changes with everything; while the key's own object is at rest the picture need not follow that."""
        return self.view().state != "idle" or self.view().underway > 0 or touched(self.cluster, before, self.key)

    def draw(self) -> dict[str, Any]:
        return {**self.moment(self.world), **self._drawn(self.view())}

    def _drawn(self, view: ReconcileView) -> dict[str, Any]:
        return {
            "svg": draw_reconcile(view, self.language, self.selected, self.projector),
            "spoken": reconcile_text(view, self.language),
        }

    def told_without_kernel(self) -> Told:
        """The next calls, made on a fork of the cluster."""
        frames = [self.draw()]
        branch = self.cluster.fork()
        for _ in range(RECORDED):
            if not branch.step():
                break
            frames.append(self._drawn(reconcile_view(branch, self.controller, self.key)))
        return Told("list", ["step", "play", "reset"], frames, 0)

    def describe(self, ref: str) -> dict[str, Any]:
        """A call is told in full, a waiting key with what made it ready; the controller's object is described beside it."""
        sort, _, rest = ref.partition("/")
        view = self.view()
        if sort == "Next":
            told = call_text(view.calls[int(rest)], self.language) if int(rest) < len(view.calls) else ""
            return self._told(f"{self.controller} {self.key}", told)
        if sort == "Item":
            item = next((i for i in view.queue if f"{i.worker}/{i.key}" == rest), None)
            return self._told(rest, queue_text(item, view, self.language) if item is not None else "")
        return {}

    def act(self, message: dict[str, Any]) -> bool:
        if message.get("type") != "turn":
            return super().act(message)
        self.told = self._turn()
        return True

    def _turn(self) -> str:
        """Step until this controller makes a call for this key; says what happened on the way."""
        others = 0
        while others < FAR:
            steps = self.cluster.step()
            if not steps:
                break
            cause = steps[0].cause
            if (cause.actor, cause.key) == (self.controller, self.key):
                before = text("reconcile.others", self.language, count=others) + "\n" if others else ""
                return before + repr(steps)
            others += 1
        return text("reconcile.never", self.language)

    def _told(self, title: str, told: str) -> dict[str, Any]:
        tabs: list[dict[str, Any]] = [{"id": "why", "label": text("detail.why", self.language), "text": told}]
        name = next((k for k, c in CONTROLLERS.items() if c == self.controller), "")
        if name:
            of = detail(self.world, f"{name}/{self.key}", self.language)
            tabs += [t for t in of.get("tabs", []) if t["id"] != "why"]
        return {"title": title, "tabs": tabs}


__all__ = ["Stepper"]
