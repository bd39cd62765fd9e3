"""The scheduler as a class looks into it: ``cluster.scheduler`` explains decisions, shows the queue and names its profiles.

It chooses what an explanation is told from: the scheduler's live books for pods that wait, its record for pods that it has
placed, the cluster as it was where the record is gone, a dry run through the API server for a pod that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from k8snb.api.mistakes import BadType, BadValue, NotThere
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Pod
from k8snb.client.protocol import Controller
from k8snb.client.view import View
from k8snb.explain.queue import QueueReport, queue_entry, queue_report
from k8snb.explain.scheduling import BINDING, DIRECT, NOW, RECOMPUTED, RECORDED, WHAT_IF, Origin, SchedulingExplanation
from k8snb.scheduler import Scheduler
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, Profile
from k8snb.scheduler.queue import queue_key
from k8snb.scheduler.remedies import Remedy, remedies
from k8snb.scheduler.state import SchedulerState
from k8snb.scheduler.whatif import Assessment, Trial, as_new, assess, rebuilt
from k8snb.sim.clock import Clock
from k8snb.store import Change
from k8snb.verbs import read
from k8snb.world import World

if TYPE_CHECKING:
    from k8snb.cluster import Cluster

EXAMPLE = "'pod/web-1', 'pod/NAMESPACE/web-1', a pod, or a manifest"
WHAT_IF_NAME = "what-if"
"""The name of a pod in a manifest that has none."""


class Scheduling:
    """One scheduler of a cluster, seen from outside; ``component`` is the component itself.

    ``explain(pod)`` tells why a pod got its node, or none; ``queue`` who waits and for what; ``decisions`` are the latest
    attempts by ``namespace/name``, ``profiles`` the profiles by scheduler name.
    """

    explanation_type: type[SchedulingExplanation] = SchedulingExplanation

    def __init__(self, cluster: Cluster, name: str, components: Mapping[str, Controller]) -> None:
        self._cluster = cluster
        self._components = components
        self.name = name

    @property
    def component(self) -> Controller:
        """The component that watches, decides and binds."""
        return self._components[self.name]

    @property
    def _scheduler(self) -> Scheduler:
        found = self.component
        if not isinstance(found, Scheduler):
            raise NotThere(
                f"{self.name} is a component of your own ({type(found).__name__}), which cannot be looked into: only a "
                "k8snb.scheduler.Scheduler keeps its decisions"
            )
        return found

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """The profiles by the ``schedulerName`` of the pods they are for."""
        return self._scheduler.profiles

    @property
    def decisions(self) -> Mapping[str, Decision]:
        """The latest attempts, by ``namespace/name`` of the pod."""
        return self._scheduler.decisions

    @property
    def queue(self) -> QueueReport:
        """Who waits where, since when, for what; as it is now."""
        running = self.name not in self._cluster.stopped()
        return queue_report(self._scheduler.queue, self._cluster.now, running)

    def explain(self, pod: Any, language: str | None = None, namespace: str = "default") -> SchedulingExplanation:
        """Why a pod got its node, or none; with a manifest of a pod that does not exist, what would become of it.

        ``pod`` is ``"pod/web-1"``, ``"pod/NAMESPACE/web-1"``, a pod, or a manifest (text, path or mapping; of a workload
        its Pod template counts). For a pod that has a node the decision is told as it was when it was made; ``source`` says
        how that is known. Raises NotFound for a name that does not exist, ``DecodeError`` for a manifest with mistakes.
        """
        existing = self._existing(pod, namespace)
        if existing is None:
            return self._present(self._imagined(pod, namespace), WHAT_IF, language)
        if existing.spec.nodeName:
            return self._past(existing, language)
        component = self._of(existing)
        kept = component.decisions.get(queue_key(existing))
        if kept is not None and kept.uid == existing.metadata.uid and component.cache.is_assumed(existing):
            # Its node is reserved for it and it waits for a volume: asking again would count it twice.
            return self._recorded(existing, component, kept, BINDING, language)
        return self._present(existing, NOW, language)

    # -- which pod

    def _existing(self, given: Any, namespace: str) -> Pod | None:
        """The pod that is meant, None for one that does not exist."""
        cluster = self._cluster
        resource = cluster.scheme.of(Pod)
        if isinstance(given, str) and _is_name(given):
            text = given.strip().replace(" ", "/", 1)
            kind, slash, name = text.partition("/")
            if not slash:
                kind, name = "pod", text
            if cluster.resource(kind).kind != "Pod":
                raise BadValue(f"the scheduler places pods, not {kind}: give {EXAMPLE}")
            inside = "" if "/" in name else namespace
            found: Pod = cluster.get(f"pod/{inside}/{name}" if inside else f"pod/{name}")
            return found
        if isinstance(given, Pod):
            meta = given.metadata
            there: Pod | None = cluster.find(resource, meta.namespace or namespace, meta.name or "")
            if there is not None and there.metadata.uid == given.metadata.uid:
                return there
            return None
        if isinstance(given, str | Mapping | Object) or hasattr(given, "read_text"):
            return None
        raise BadType(f"cannot explain {given!r}: give {EXAMPLE}")

    def _imagined(self, given: Any, namespace: str) -> Pod:
        """A pod that does not exist, as the API server would store it: defaulted and admitted in a dry run."""
        bodies = [body for body, _ in read(given)]
        body = next((_pod_body(body) for body in bodies if _pod_body(body) is not None), None)
        if body is None:
            kinds = ", ".join(str(b.get("kind")) for b in bodies)
            raise BadValue(f"there is no Pod and no Pod template in this manifest ({kinds}): give {EXAMPLE}")
        meta = {k: v for k, v in (body.get("metadata") or {}).items() if k in _KEPT}
        where = meta.get("namespace") or namespace
        name = meta.get("name") or WHAT_IF_NAME
        resource = self._cluster.scheme.of(Pod)
        while self._cluster.find(resource, where, name) is not None:
            name = f"{name}-{WHAT_IF_NAME}"
        wanted = {**body, "metadata": {**meta, "name": name, "namespace": where}}
        wanted["spec"] = {k: v for k, v in (body.get("spec") or {}).items() if k != "nodeName"}
        wanted.pop("status", None)
        made: Pod = self._cluster.imagine(resource, where, wanted)
        return made

    # -- from what

    def _of(self, pod: Pod) -> Scheduler:
        """The scheduler whose profile the pod names; this one when nobody's is."""
        wanted = pod.spec.schedulerName or DEFAULT_SCHEDULER
        for component in self._components.values():
            if isinstance(component, Scheduler) and wanted in component.profiles:
                return component
        return self._scheduler

    def _present(self, pod: Pod, source: str, language: str | None) -> SchedulingExplanation:
        cluster = self._cluster
        component = self._of(pod)
        stopped = component.name in cluster.stopped()
        state: SchedulerState = rebuilt(component, _view(cluster)) if stopped else component
        found = assess(state, pod)
        revision = cluster.revision

        def search() -> list[Remedy]:
            moved = cluster.revision != revision
            then = rebuilt(component, _view(cluster.at(revision))) if moved else state
            return remedies(Trial(then), pod)

        origin = Origin(source, revision, cluster.now)
        told = self.explanation_type(found, origin, state.cache.names, search, language)
        if source == NOW:
            told.waiting = queue_entry(component.queue, queue_key(pod))
        return told

    def _past(self, pod: Pod, language: str | None) -> SchedulingExplanation:
        component = self._of(pod)
        node = pod.spec.nodeName or ""
        kept = component.decisions.get(queue_key(pod))
        if kept is not None and kept.uid == pod.metadata.uid and kept.node == node and kept.outcome == "scheduled":
            return self._recorded(pod, component, kept, RECORDED, language)
        bound = self._binding(pod)
        if bound is None:
            raise NotThere(
                f"how {queue_key(pod)} got to {node} is not known any more: that was before the history that is kept"
            )
        source = DIRECT if bound.previous is None else RECOMPUTED
        before: Any = bound.value if bound.previous is None else bound.previous.value
        moment = self._cluster.at(bound.revision - 1)
        state = rebuilt(component, _view(moment))
        found = assess(state, as_new(before))
        origin = Origin(source, moment.revision, bound.time, node)
        return self.explanation_type(found, origin, state.cache.names, None, language)

    def _recorded(
        self, pod: Pod, component: Scheduler, kept: Decision, source: str, language: str | None
    ) -> SchedulingExplanation:
        profile = component.profiles.get(pod.spec.schedulerName or DEFAULT_SCHEDULER)
        origin = Origin(source, kept.revision, kept.time, kept.node)
        return self.explanation_type(Assessment(pod, profile, kept), origin, kept.evidence.names, None, language)

    def _binding(self, pod: Pod) -> Change | None:
        """The change that gave the pod its node, None when it is not kept."""
        cluster = self._cluster
        key = cluster.scheme.of(Pod).key(pod.metadata.namespace or "", pod.metadata.name or "")
        for change in reversed(cluster.history.of(key)):
            new: Any = change.value
            old: Any = change.previous.value if change.previous is not None else None
            placed = new is not None and new.metadata.uid == pod.metadata.uid and bool(new.spec.nodeName)
            if placed and (old is None or not old.spec.nodeName):
                return change if cluster.history.has(change.revision - 1) else None
        return None

    def __repr__(self) -> str:
        component = self.component
        if not isinstance(component, Scheduler):
            return f"<{self.name}: {type(component).__name__}>"
        names = ", ".join(component.profiles)
        return f"<{self.name}: profiles {names}; {len(component.queue.pods)} pods wait>"


_KEPT = ("name", "namespace", "labels", "annotations", "ownerReferences")


def _is_name(text: str) -> bool:
    return "\n" not in text and ":" not in text and not text.strip().endswith((".yaml", ".yml", ".json"))


def _pod_body(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The Pod in a manifest, or the one that its template stands for."""
    if body.get("kind") == "Pod":
        return body
    spec = body.get("spec") or {}
    if body.get("kind") == "CronJob":
        spec = ((spec.get("jobTemplate") or {}).get("spec")) or {}
    template = spec.get("template")
    if not isinstance(template, Mapping):
        return None
    meta = {**(template.get("metadata") or {})}
    owner = body.get("metadata") or {}
    meta.setdefault("name", f"{owner.get('name', 'pod')}-pod")
    if owner.get("namespace"):
        meta["namespace"] = owner["namespace"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template.get("spec") or {}}


def _view(world: World) -> View:
    """A view of what a world knows, as an informer would list it: oldest first."""

    def listed(kind: type[Object]) -> Iterable[Object]:
        items = world.reader.list(world.scheme.of(kind).list_prefix()).items
        return [kv.value for kv in sorted(items, key=lambda kv: kv.create_revision)]

    view = View(listed, Clock(world.now))
    view.revision = world.revision
    return view
