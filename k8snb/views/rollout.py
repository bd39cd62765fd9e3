"""A rollout as data: old and new pods over time against the bounds they must keep, read from the changes that happened.

It carries Deployments, DaemonSets and StatefulSets, whose pods have versions, and plain ReplicaSets and
ReplicationControllers, which have one. A pod counts as created while it is active (neither finished nor being deleted), as
upstream counts replicas; available pods have been ready for ``minReadySeconds``. Pods that are being deleted count for no
bound, but they still take up room, so they are told apart.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import msgspec

from k8snb.api.codec import to_dict
from k8snb.api.mistakes import BadValue
from k8snb.api.object import Object
from k8snb.api.types.apps_v1 import ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet
from k8snb.api.types.core_v1 import Pod
from k8snb.client.view import cache_key
from k8snb.controllers.daemonset.rolling import limits
from k8snb.controllers.deployment.arithmetic import max_surge, max_unavailable
from k8snb.controllers.deployment.revisions import POD_TEMPLATE_HASH, REVISION
from k8snb.controllers.owners import controller_of
from k8snb.controllers.pods import is_active, is_ready, ready_since
from k8snb.explain.chain import subject_of
from k8snb.locale import text
from k8snb.store import Change
from k8snb.world import World

KINDS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController")
"""The kinds whose pods can be followed."""
HASHES = {
    "Deployment": POD_TEMPLATE_HASH,
    "StatefulSet": "controller-revision-hash",
    "DaemonSet": "controller-revision-hash",
}
"""The label that tells a pod's version."""


class Version(msgspec.Struct, frozen=True):
    """A version of the pod template: its hash, the ReplicaSet's revision number if there is one, and its images."""

    hash: str
    number: str
    images: str


class Sample(msgspec.Struct, frozen=True):
    """The counts from ``time`` (seconds of simulated time) on; tuples hold a number for each version, oldest first.

    ``least`` is how many must be available, ``most`` how many may be there, ``desired`` how many are wanted.
    """

    time: float
    created: tuple[int, ...]
    ready: tuple[int, ...]
    available: tuple[int, ...]
    terminating: int
    desired: int
    most: int
    least: int


class Move(msgspec.Struct, frozen=True):
    """One step of the controllers: a ReplicaSet got another size, or a pod was created or deleted."""

    time: float
    revision: int
    actor: str
    id: str
    values: dict[str, Any]
    new: bool

    def text(self, language: str | None = None) -> str:
        """What was done, as a sentence."""
        return text(f"rollout.{self.id}", language, **self.values)


class RolloutView(msgspec.Struct, frozen=True):
    """A rollout from revision ``revision`` on; ``finished`` is when all was new and available, None while it is not.

    ``surge`` and ``unavailable`` are the strategy's numbers for the replicas wanted last; ``given`` is the strategy as it
    is written (``{"maxSurge": "25%", …}``), ``end`` the last moment shown.
    """

    kind: str
    key: str
    strategy: str
    given: dict[str, Any]
    surge: int
    unavailable: int
    versions: tuple[Version, ...]
    samples: tuple[Sample, ...]
    moves: tuple[Move, ...]
    revision: int
    start: float
    end: float
    finished: float | None

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it is not finished."""
        return None if self.finished is None else self.finished - self.start

    @property
    def worst(self) -> Sample:
        """The first moment with the fewest available pods, measured by what must be."""
        return min(self.samples, key=lambda s: sum(s.available) - s.least)

    @property
    def fullest(self) -> Sample:
        """The first moment with the most pods."""
        return max(self.samples, key=lambda s: (sum(s.created), s.most))

    @property
    def replaces(self) -> bool:
        """Whether there were pods before: what is created from nothing has no lower bound."""
        return sum(self.samples[0].created) > 0

    @property
    def kept(self) -> bool:
        """Whether the bounds were kept at every moment."""
        return not self.replaces or all(
            s.least <= sum(s.available) and sum(s.created) <= s.most for s in self.samples[1:]
        )


def rollout(world: World, what: str | Object, since: int | None = None) -> RolloutView:
    """The last rollout of a workload (``"deploy/web"``): since its template changed last, or since revision ``since``.

    Raises NotFound when there is no such workload, ``BadValue`` for a kind without replicas.
    """
    resource, namespace, name = world.target(what)
    obj = world.get(resource.plural, name, namespace or None)
    if obj.kind not in KINDS:
        raise BadValue(f"a {obj.kind} has no replicas to roll out: give one of {', '.join(KINDS)}")
    own = [c for c in world.history.of(resource.key(namespace, name)) if subject_of(c).metadata.uid == obj.metadata.uid]
    return _Reading(world, obj, since if since is not None else _last_template(own)).view()


def bounds(obj: Any) -> tuple[int, int, int]:
    """(desired, most, least): how many pods are wanted, may be there, must be available while a workload rolls."""
    if isinstance(obj, DaemonSet):
        wanted = obj.status.desiredNumberScheduled or 0
        surge, unavailable = limits(obj, wanted) if obj.spec.updateStrategy.type == "RollingUpdate" else (0, wanted)
        return wanted, wanted + surge, max(0, wanted - unavailable)
    wanted = obj.spec.replicas if obj.spec.replicas is not None else 1
    if isinstance(obj, Deployment):
        rolling = obj.spec.strategy.type == "RollingUpdate"
        return wanted, wanted + max_surge(obj), wanted - max_unavailable(obj) if rolling else 0
    if isinstance(obj, StatefulSet):
        return wanted, wanted, max(0, wanted - 1) if obj.spec.updateStrategy.type == "RollingUpdate" else 0
    return wanted, wanted, 0


def _last_template(own: list[Change]) -> int:
    """The revision that changed the pod template last; that of the creation when none did."""
    found = own[0].revision if own else 0
    for change in own:
        before = change.previous.value if change.previous is not None else None
        if change.value is not None and (before is None or before.spec.template != change.value.spec.template):
            found = change.revision
    return found


class _Tracked:
    """What is known of a pod of the workload at one moment of the history."""

    __slots__ = ("active", "hash", "ready", "since", "terminating")

    def __init__(self, version: str) -> None:
        self.hash = version
        self.active = self.ready = self.terminating = False
        self.since = 0.0

    def see(self, pod: Pod, time: float) -> None:
        """Take in a new state of the pod, seen at a second."""
        self.active = is_active(pod)
        self.terminating = pod.metadata.deletionTimestamp is not None
        ready = is_ready(pod)
        if ready and not self.ready:
            self.since = ready_since(pod) or time
        self.ready = ready


class _Counts(NamedTuple):
    """The counts of one moment by version."""

    time: float
    created: Counter[str]
    ready: Counter[str]
    available: Counter[str]
    terminating: int
    limit: tuple[int, int, int]

    def told(self, hashes: list[str]) -> Sample:
        """The sample for versions in an order."""
        created, ready, available = (
            tuple(counts[h] for h in hashes) for counts in (self.created, self.ready, self.available)
        )
        desired, most, least = self.limit
        return Sample(self.time, created, ready, available, self.terminating, desired, most, least)


class _Reading:
    """Goes through the history once and keeps count of a workload's pods."""

    def __init__(self, world: World, obj: Any, begun: int) -> None:
        self.world = world
        self.obj = obj
        self.begun = begun
        self.label = HASHES.get(obj.kind, "")
        self.min_ready = float(getattr(obj.spec, "minReadySeconds", None) or 0)
        self.start = world.now
        self.limit = (0, 0, 0)
        self.pods: dict[str, _Tracked] = {}
        self.owners = {obj.metadata.uid}
        self.images: dict[str, str] = {}
        self.numbers: dict[str, int] = {}
        self.sets: dict[str, str] = {}
        self.moves: list[Move] = []
        self.samples: list[_Counts] = []

    def view(self) -> RolloutView:
        """Read, and say what was found."""
        begun = False
        for change in self.world.history:
            if not begun and change.revision >= self.begun:
                begun, self.start = True, change.time
                self._sample(change.time)
            if begun:
                self._pass_time(change.time)
            if self._take(change) and begun:
                self._sample(change.time)
        self._pass_time(self.world.now)
        newest = self._newest()
        used = {h for s in self.samples for h in s.created if s.created[h]}
        hashes = sorted(h for h in used if h != newest)
        hashes.sort(key=lambda h: self.numbers.get(h, 0))
        if newest in self.images:
            hashes.append(newest)
        samples = tuple(s.told(hashes) for s in self.samples)
        samples = samples or (Sample(self.start, (), (), (), 0, *bounds(self.obj)),)
        finished = self._finished(samples, newest in self.images)
        last = samples[-1].time
        end = self.world.now if finished is None else max(last, finished) + 0.06 * max(1.0, last - self.start)
        strategy, given, surge, unavailable = _strategy(self.obj)
        versions = tuple(Version(h, str(self.numbers.get(h, "")), self.images.get(h, "")) for h in hashes)
        return RolloutView(
            self.obj.kind, cache_key(self.obj), strategy, given, surge, unavailable, versions, samples,
            tuple(msgspec.structs.replace(m, new=m.values["version"] == newest) for m in self.moves),
            self.begun, self.start, max(end, self.start + 1.0), finished,
        )  # fmt: skip

    def _take(self, change: Change) -> bool:
        """Take in a change; whether it may have changed a count."""
        subject: Any = subject_of(change)
        uid = subject.metadata.uid or ""
        if uid == self.obj.metadata.uid:
            self.limit = bounds(subject)
            return True
        if isinstance(subject, Pod):
            return self._pod(change, subject, uid)
        if isinstance(subject, ReplicaSet) and self.obj.kind == "Deployment":
            self._set(change, subject)
        return False

    def _pod(self, change: Change, pod: Pod, uid: str) -> bool:
        tracked = self.pods.get(uid)
        owner = controller_of(pod.metadata)
        mine = change.value is not None and owner is not None and owner.uid in self.owners
        if not mine:
            if tracked is None:
                return False
            del self.pods[uid]
            return True
        version = pod.metadata.labels.get(self.label, "")
        if tracked is None or tracked.hash != version:
            tracked = self.pods[uid] = _Tracked(version)
            self.images[version] = ", ".join(c.image or "" for c in pod.spec.containers)
        was = (tracked.active, tracked.ready, tracked.terminating)
        tracked.see(pod, change.time)
        if self.obj.kind != "Deployment":
            made = change.previous is None
            if made or (tracked.terminating and not was[2]):
                self._move(change, "created" if made else "deleted", version, {"pod": pod.metadata.name})
        return was != (tracked.active, tracked.ready, tracked.terminating)

    def _set(self, change: Change, rs: ReplicaSet) -> None:
        owner = controller_of(rs.metadata)
        if owner is None or owner.uid != self.obj.metadata.uid:
            return
        self.owners.add(rs.metadata.uid)
        version = rs.metadata.labels.get(self.label, "")
        self.numbers[version] = int(rs.metadata.annotations.get(REVISION, "0"))
        self.images.setdefault(version, ", ".join(c.image or "" for c in rs.spec.template.spec.containers))
        before = change.previous.value.spec.replicas if change.previous is not None else 0
        after = rs.spec.replicas if change.value is not None else 0
        if before != after:
            self._move(change, "scaled", version, {"name": rs.metadata.name, "before": before, "after": after})

    def _move(self, change: Change, name: str, version: str, values: dict[str, Any]) -> None:
        if change.revision >= self.begun:
            told = {"actor": change.cause.actor, "version": version, **values}
            self.moves.append(Move(change.time, change.revision, change.cause.actor, name, told, False))

    def _newest(self) -> str:
        """The hash of the template that is wanted now, as far as the controllers have taken notice of it."""
        if self.obj.kind == "Deployment":
            number = int(self.obj.metadata.annotations.get(REVISION, "0"))
            return next((h for h, n in self.numbers.items() if n == number), "")
        if not self.label:
            return ""
        namespace = self.obj.metadata.namespace
        revisions = [r for r in self.world.of(ControllerRevision, namespace) if _owned(r, self.obj)]
        revisions.sort(key=lambda r: r.revision)
        for revision in revisions:
            # the label of a StatefulSet's pods is the revision's name, that of a DaemonSet's pods its hash
            name = revision.metadata.name or ""
            version = name if self.obj.kind == "StatefulSet" else revision.metadata.labels.get(self.label, "")
            self.numbers[version] = revision.revision
        if not revisions:
            return ""
        if self.obj.kind == "StatefulSet":
            return str(self.obj.status.updateRevision or "")
        return str(revisions[-1].metadata.labels.get(self.label, ""))

    def _partition(self) -> int:
        """How many pods of a StatefulSet keep the old version because their number is below the partition."""
        rolling = self.obj.spec.updateStrategy.rollingUpdate if isinstance(self.obj, StatefulSet) else None
        return rolling.partition or 0 if rolling is not None else 0

    def _pass_time(self, now: float) -> None:
        """Pods that become available because they have been ready for long enough, up to a second."""
        if not self.min_ready or not self.samples:
            return
        last = self.samples[-1].time
        due = {p.since + self.min_ready for p in self.pods.values() if p.active and p.ready}
        for time in sorted(t for t in due if last < t <= now):
            self._sample(time)

    def _sample(self, time: float) -> None:
        pods = self.pods.values()
        created = Counter(p.hash for p in pods if p.active)
        ready = Counter(p.hash for p in pods if p.active and p.ready)
        available = Counter(p.hash for p in pods if p.active and p.ready and p.since + self.min_ready <= time)
        sample = _Counts(time, created, ready, available, sum(p.terminating for p in pods), self.limit)
        if self.samples and self.samples[-1][1:] == sample[1:]:
            return
        self.samples.append(sample)

    def _finished(self, samples: tuple[Sample, ...], known: bool) -> float | None:
        """When all pods were of the newest version and available for good; None when they are not."""
        found = None
        kept_old = self._partition()
        for sample in samples:
            new = sample.available[-1] if sample.available else 0
            whole = sum(sample.created) == sum(sample.available) == sample.desired
            done = whole and new >= sample.desired - kept_old and (known or not self.label)
            found = (found if found is not None else sample.time) if done else None
        return found


def _owned(obj: Object, owner: Object) -> bool:
    found = controller_of(obj.metadata)
    return found is not None and found.uid == owner.metadata.uid


def _strategy(obj: Any) -> tuple[str, dict[str, Any], int, int]:
    """(type, as it is written, surge and unavailable in numbers) of a workload's update strategy."""
    strategy = getattr(obj.spec, "strategy", None) or getattr(obj.spec, "updateStrategy", None)
    if strategy is None or not strategy.type:
        return "", {}, 0, 0
    desired, most, least = bounds(obj)
    given = to_dict(strategy.rollingUpdate) if strategy.rollingUpdate is not None else {}
    return strategy.type, given, most - desired, desired - least
