"""A stage that follows a cluster: it shows the present until a newer picture of the same thing appears (a close-up, such as a
rollout: until a newer picture of the same cluster does).

Then it goes back to the moment of its own cell (or to where the reader brought the cluster from it), so that a notebook
read from the top shows each moment in its place; a button, or Now, makes it follow again.
"""

from __future__ import annotations

from typing import Any

from k8snb.cluster import Cluster
from k8snb.explain.chain import subject_of
from k8snb.locale import text
from k8snb.widgets.live import follow, moved, rejoin
from k8snb.widgets.stage import Stage
from k8snb.world import World


class Following(Stage):
    """``shown`` is the revision looked at, None for the present; ``kept`` tells that it stays at its own cell's moment."""

    topic = ""
    """What is shown of the cluster; the newest stage of a topic follows it."""

    def __init__(self, cluster: Cluster, **options: Any) -> None:
        self.cluster = cluster
        self.shown: int | None = None
        self.kept = False
        self.told = ""
        self._moment = (cluster.revision, cluster.now)
        self._fresh = True
        self._seen = cluster.revision
        super().__init__(**options)
        self.refresh(force=True)
        follow(self)

    @property
    def source(self) -> object | None:
        return self.cluster

    @property
    def about(self) -> object | None:
        return self.topic, id(self.cluster)

    @property
    def travelling(self) -> bool:
        """Whether what is shown is on the way to the present."""
        return False

    @property
    def world(self) -> World:
        """What is looked at: the cluster, or its past."""
        if self.shown is None:
            return self.cluster
        past = self.cluster.at(self.shown)
        return past.until(self._moment[1]) if self.kept else past

    def moment(self, world: World) -> dict[str, Any]:
        """The parts of a frame that say when it is: revision, first, last, live, kept and the clock's text."""
        now, revision, last = f"{world.now:.1f}", world.revision, self.cluster.revision
        live = self.shown is None or self.travelling
        kind = "clock" if live else "kept" if self.kept else "past"
        self._seen = revision
        return {
            "revision": revision,
            "first": self.cluster.store.compacted + 1,
            "last": last,
            "live": live,
            "kept": self.kept,
            "clock": text(f"stage.{kind}", self.language, now=now, revision=revision, last=last),
            "log": self.told,
        }

    def command(self, message: dict[str, Any]) -> None:
        before = self._seen
        kind = message.get("type")
        if kind == "seek":
            self.seek(int(message.get("revision", self.cluster.revision)))
        elif kind == "now" or self.act(message):
            self.go_live()
            self.show_changes(before, str(kind))
            moved(self)

    def act(self, message: dict[str, Any]) -> bool:
        """Do what a button asks for; whether it moved the cluster."""
        kind = message.get("type")
        if kind == "step":
            self.told = repr(self.cluster.step())
        elif kind == "run":
            self.cluster.run(10)
            self.told = ""
        elif kind == "settle":
            self.told = text("stage.settled", self.language, seconds=f"{self.cluster.settle():.1f}")
        else:
            return False
        return True

    def go_live(self) -> None:
        """Show the present, and follow it; what the reader has done here becomes this picture's own moment."""
        self.shown = None
        self.kept = False
        self._moment = (self.cluster.revision, self.cluster.now)
        rejoin(self)

    def show_changes(self, before: int, kind: str = "") -> None:
        """The cluster has moved on from revision ``before``: because of a button's ``kind``, or of a cell."""
        self.present(force=bool(kind))

    def present(self, force: bool = True) -> None:
        """Show what is looked at, and what is selected in it."""
        if self.selected:
            self.detail = self.describe(self.selected)
        self.refresh(force=force)

    def seek(self, revision: int) -> None:
        """Look back at a revision; the last one is the present."""
        first, last = self.cluster.store.compacted + 1, self.cluster.revision
        self.kept = False
        if revision >= last:
            self.go_live()
        else:
            self.shown = max(first, revision)
        self.present(force=False)

    def catch_up(self) -> None:
        fresh, self._fresh = self._fresh, False
        if fresh:  # the cell that shows the picture has ended: this is its moment
            self._moment = (self.cluster.revision, self.cluster.now)
        if self.shown is not None or self.cluster.revision == self._seen:
            return
        if self.concerned(self._seen):
            self.show_changes(self._seen, "cell" if fresh else "")
        else:
            self._seen = self.cluster.revision

    def concerned(self, before: int) -> bool:
        """Whether what has happened after a revision changes the picture."""
        return True

    def retire(self) -> None:
        if self.shown is None:
            self.shown = self._moment[0]
            self.kept = True
            self.present()


def touched(cluster: Cluster, before: int, key: str) -> bool:
    """Whether anything that bears the name of an object (``namespace/name``), or begins with it, changed after a revision."""
    if before < cluster.store.compacted:
        return True
    namespace, _, name = key.rpartition("/")
    for change in cluster.history.since(before):
        meta = subject_of(change).metadata
        if (meta.namespace or "") == namespace and (meta.name or "").startswith(name):
            return True
    return False
