"""The label playground: type a selector, give labels to Pods and take them away, and see who reacts.

Labels change through the API server like anybody's; what follows happens when the reader steps or settles. Every move of the
mouse has its keys: Enter on a label picks it up, Enter on a Pod gives it, Delete takes it from its Pod, Escape lets go.
"""

from __future__ import annotations

from typing import Any

from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import Pod
from k8snb.cluster import Cluster
from k8snb.locale import messages, text
from k8snb.views.detail import detail
from k8snb.views.playground import PlaygroundView, label_command, label_text, playground, read_label
from k8snb.views.playground_svg import BIN, draw_playground
from k8snb.views.reconcile import Planned
from k8snb.widgets.following import Following
from k8snb.widgets.stage import Told

LONGEST = 1000
"""Characters of a typed selector or label that are looked at."""
LABEL = "Label/"


class Playground(Following):
    """``selector`` is what is typed, ``held`` the ref of the label that was picked up, ``ready`` labels made by the reader."""

    topic = "playground"
    close_up = True

    def __init__(self, cluster: Cluster, selector: str = "", namespace: str = "default", **options: Any) -> None:
        self.selector = selector
        self.namespace = namespace
        self.held = ""
        self.ready: list[tuple[str, str]] = []
        self._planned: dict[str, tuple[Planned, ...]] = {}
        self._own: dict[str, tuple[Planned, ...]] = {}
        super().__init__(cluster, controls=["step", "run", "filter", "label"], **options)

    @property
    def about(self) -> object | None:
        return self.topic, id(self.cluster), self.namespace

    def view(self) -> PlaygroundView:
        """What is shown."""
        view = playground(self.world, self.selector, self.namespace, self.ready, self._own if self.kept else {})
        if self.shown is None:
            self._planned = {seeker.ref: seeker.calls for seeker in view.seekers}
        return view

    def command(self, message: dict[str, Any]) -> None:
        super().command(message)
        if not self.kept:
            self._own = self._planned

    def catch_up(self) -> None:
        fresh = self._fresh
        super().catch_up()
        if fresh:  # what was about to happen when its own cell had run
            self._own = self._planned

    def draw(self) -> dict[str, Any]:
        view = self.view()
        names = ", ".join(pod.name for pod in view.matching[:12])
        holding = text("play.holding", self.language, label=self._label()) if self.held else ""
        return {
            **self.moment(self.world),
            "svg": draw_playground(view, self.language, self.selected, self.projector, self.held, live=True),
            "spoken": holding or text("play.spoken", self.language, found=view.found_text(self.language), names=names),
            "filter": self.selector,
            "invalid": bool(view.selector.error),
            "holding": holding,
        }

    def told_without_kernel(self) -> Told:
        """Without a kernel nothing can be typed or moved: the picture without the places for it."""
        view = self.view()
        drawn = draw_playground(view, self.language, "", self.projector)
        names = ", ".join(pod.name for pod in view.matching[:12])
        spoken = text("play.spoken", self.language, found=view.found_text(self.language), names=names)
        return Told("still", [], [{**self.moment(self.world), "svg": drawn, "spoken": spoken}])

    def describe(self, ref: str) -> dict[str, Any]:
        return {} if ref == BIN or ref.startswith(LABEL) else detail(self.world, ref, self.language)

    def select(self, ref: str) -> None:
        """Pick up a label; give the held one to a Pod, or take it away; try the selector of whoever looks for Pods."""
        if ref.startswith(LABEL):
            self.held = "" if self.held == ref else ref
            self.selected, self.detail = "", {}
            self.refresh(force=True)
        elif self.held and (ref == BIN or ref.startswith("Pod/")):
            self.command({"type": "drop", "what": self.held, "onto": ref})
        else:
            self.held = ""
            seeker = next((s for s in self.view().seekers if s.ref == ref), None)
            if seeker is not None:
                self.selector = seeker.selector
            super().select("" if ref == BIN else ref)

    def ask(self, selector: str) -> None:
        """Type a selector."""
        self.selector = selector[:LONGEST]
        self.refresh(force=True)

    def act(self, message: dict[str, Any]) -> bool:
        kind = message.get("type")
        if kind == "filter":
            self.ask(str(message.get("value", "")))
            return False
        if kind == "label":
            self._make(str(message.get("value", ""))[:LONGEST])
            return False
        if kind == "remove":
            return self._take(str(message.get("ref", "")))
        if kind == "drop":
            what, onto = str(message.get("what", "")), str(message.get("onto", ""))
            return self._take(what) if onto == BIN else self._give(what, onto)
        return super().act(message)

    def _make(self, written: str) -> None:
        """Lay a label ready; whether it is a good one the API server says when it is given."""
        key, value = read_label(written)
        if not key:
            self.told = text("play.no-label", self.language, written=repr(written))
        else:
            self.told = ""
            if (key, value) not in self.ready:
                self.ready.append((key, value))
        self.refresh(force=True)

    def _give(self, what: str, onto: str) -> bool:
        """Give a label to a Pod; whether the cluster changed."""
        self.held = ""
        key, value = read_label(what.split("/", 3)[3] if what.startswith(LABEL) and what.count("/") >= 3 else "")
        pod = self._pod(onto.removeprefix("Pod/"))
        if pod is None or not key:
            return False
        name = pod.metadata.name or ""
        if pod.metadata.labels.get(key) == value:
            self.told = text("play.has", self.language, pod=name, label=label_text((key, value)))
            self.refresh(force=True)
            return False
        return self._change(pod, {key: value}, label_command(name, self.namespace, pod.metadata.labels, (key, value)))

    def _take(self, ref: str) -> bool:
        """Take a label from the Pod that it hangs on; one that lies ready is put away."""
        self.held = ""
        if not ref.startswith(LABEL) or ref.count("/") < 3:
            return False
        _, namespace, name, written = ref.split("/", 3)
        key, value = read_label(written)
        if not name:
            self.ready = [one for one in self.ready if one != (key, value)]
            self.refresh(force=True)
            return False
        pod = self._pod(f"{namespace}/{name}")
        if pod is None or key not in pod.metadata.labels:
            return False
        return self._change(pod, {key: None}, label_command(name, self.namespace, pod.metadata.labels, key))

    def _pod(self, key: str) -> Pod | None:
        """The Pod as it is now, whatever moment is shown."""
        namespace, _, name = key.rpartition("/")
        found: Pod | None = self.cluster.find(self.cluster.resource("pod"), namespace, name)
        if found is None:
            self.told = text("play.gone", self.language, pod=name)
            self.refresh(force=True)
        return found

    def _change(self, pod: Pod, labels: dict[str, str | None], command: str) -> bool:
        try:
            self.cluster.patch("pod", pod.metadata.name, {"metadata": {"labels": labels}}, pod.metadata.namespace)
        except APIError as error:
            self.told = text("play.refused", self.language, command=command, message=error.message)
            self.refresh(force=True)
            return False
        self.told = f"$ {command}"
        return True

    def _label(self) -> str:
        return self.held.split("/", 3)[3]

    def _words(self) -> dict[str, str]:
        return {**super()._words(), **messages("play.stage.", self.language)}


__all__ = ["Playground"]
