"""The live inside of one Pod: click a container, the pause container, the network or a volume for what is in it."""

from __future__ import annotations

from typing import Any

import msgspec

from k8snb.api.codec import to_yaml
from k8snb.api.errors import APIError
from k8snb.cluster import Cluster
from k8snb.explain import explain
from k8snb.locale import text
from k8snb.views.anatomy import AnatomyView, Room, anatomy
from k8snb.views.anatomy_svg import draw_anatomy
from k8snb.views.anatomy_text import network_lines, room_lines
from k8snb.widgets.following import Following, touched

LOG_LINES = 40
"""Lines of a container's log that are shown."""


class Anatomy(Following):
    """The inside of ``pod/NAME``; an older picture keeps what it showed, since the past of processes is not kept."""

    topic = "anatomy"
    close_up = True

    def __init__(self, cluster: Cluster, what: str, **options: Any) -> None:
        self.what = what
        self._kept: AnatomyView | None = None
        self._own = self._last = anatomy(cluster, what)
        self._key = self._own.ref.partition("/")[2]
        super().__init__(cluster, controls=["step", "run"], **options)

    @property
    def about(self) -> object | None:
        return self.topic, id(self.cluster), self.what

    def view(self) -> AnatomyView:
        """What is shown: the present, or what an older picture keeps; of a Pod that is gone what was seen last."""
        if self._kept is not None:
            return self._kept
        try:
            self._last = anatomy(self.cluster, self.what)
        except APIError as error:
            self.told = error.message
        return self._last

    def draw(self) -> dict[str, Any]:
        view = self.view()
        rooms = [room for room in view.rooms if room.role != "init"]
        ready = sum(1 for room in rooms if room.state == "ready")
        spoken = {"pod": view.name, "word": view.word, "ready": ready, "count": len(rooms)}
        return {
            **self.moment(self.world),
            "svg": draw_anatomy(view, self.language, self.selected, self.projector),
            "spoken": text("anatomy.spoken", self.language, **spoken),
        }

    def retire(self) -> None:
        self._kept = self._own
        super().retire()

    def go_live(self) -> None:
        self._kept = None
        super().go_live()

    def concerned(self, before: int) -> bool:
        return touched(self.cluster, before, self._key)

    def command(self, message: dict[str, Any]) -> None:
        super().command(message)
        self._own = self._last

    def catch_up(self) -> None:
        fresh = self._fresh
        super().catch_up()
        if self._kept is None and self._last.now != self.cluster.now:  # time passes inside though nothing was written
            self.present(force=False)
        if fresh:
            self._own = self._last

    def describe(self, ref: str) -> dict[str, Any]:
        view = self.view()
        sort, _, name = ref.partition("/")
        if sort == "Room":
            room = next((r for r in view.rooms if r.name == name), None)
            return self._room(view, room) if room is not None else {}
        if sort == "Volume":
            return self._volume(view, name)
        told = {"Pause": ["anatomy.pause.why"], "Network": ["anatomy.network.why"]}.get(sort)
        if told is None:
            return {}
        lines = [text(told[0], self.language)]
        if sort == "Network":
            lines += ["", *network_lines(view, self.language)]
        return {
            "title": text(f"anatomy.{sort.lower()}", self.language),
            "tabs": [self._tab("why", "detail.why", lines)],
        }

    def _room(self, view: AnatomyView, room: Room) -> dict[str, Any]:
        tabs: list[dict[str, Any]] = []
        try:
            why = explain(self.cluster, view.ref, self.language).to_dict(self.language)
            facts = [{"mark": f["mark"], "tone": f["tone"], "text": f["text"], "when": ""} for f in why["facts"]]
            tabs.append({"id": "why", "label": text("detail.why", self.language), "facts": facts})
            pod = self.cluster.get(view.ref.replace("Pod/", "pod/", 1))
        except APIError:
            pod = None
        tabs.append(
            self._tab("inside", "anatomy.tab.inside", [line for line, _ in room_lines(room, view, self.language)])
        )
        if pod is not None:
            tabs.append(self._tab("log", "anatomy.tab.log", self._log(pod, room)))
            spec = next(c for c in (*pod.spec.initContainers, *pod.spec.containers) if c.name == room.name)
            status = [
                s for s in (*pod.status.initContainerStatuses, *pod.status.containerStatuses) if s.name == room.name
            ]
            yaml = to_yaml(msgspec.to_builtins(spec)) + "".join(
                "---\n" + to_yaml(msgspec.to_builtins(s)) for s in status
            )
            tabs.append({"id": "yaml", "label": "YAML", "text": yaml})
        return {"title": f"{text(f'anatomy.role.{room.role}', self.language)} {room.name}", "tabs": tabs}

    def _log(self, pod: Any, room: Room) -> list[str]:
        try:
            lines = self.cluster.logs(pod, room.name).splitlines()[-LOG_LINES:]
        except ValueError:
            lines = []
        return lines or [text("anatomy.no-log", self.language)]

    def _volume(self, view: AnatomyView, name: str) -> dict[str, Any]:
        shelf = next((v for v in view.volumes if v.name == name), None)
        if shelf is None:
            return {}
        lines = [f"{file}: {content}" for file, content in shelf.files] or [text("anatomy.empty", self.language)]
        return {"title": f"{shelf.kind} {name}", "tabs": [self._tab("files", "anatomy.tab.files", lines)]}

    def _tab(self, id_: str, label: str, lines: list[str]) -> dict[str, Any]:
        return {"id": id_, "label": text(label, self.language), "text": "\n".join(lines)}


__all__ = ["Anatomy"]
