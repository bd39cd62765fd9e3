"""A small world for scheduler tests: the real API server and runtime, a scheduler, and nodes that are only objects."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from k8snb.api.codec import from_dict, to_dict
from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.request import Request, RequestOptions, UserInfo
from k8snb.api.scheme import SCHEME
from k8snb.api.types.core_v1 import Event, Node, Pod
from k8snb.apiserver import APIServer
from k8snb.apiserver.admission import PLUGINS
from k8snb.bootstrap import bootstrap
from k8snb.client.calls import Delete
from k8snb.client.gateway import Gateway
from k8snb.client.protocol import Controller, Reconcile, Watch, own_key
from k8snb.client.runtime import Runtime, store_change
from k8snb.client.steps import Step
from k8snb.client.view import Source, View
from k8snb.scheduler import Scheduler
from k8snb.sim.clock import Clock
from k8snb.sim.ids import Ids
from k8snb.store import Change, Store

LEFT_OUT = (
    "ServiceAccount",
    "TaintNodesByCondition",
    "DefaultTolerationSeconds",
    "DefaultStorageClass",
    "StorageObjectInUseProtection",
)
"""Admission plugins that the recordings were made without."""
ADMIN = UserInfo("admin", groups=("system:masters", "system:authenticated"))


class Remover(Controller):
    """A kubelet that does nothing but remove pods that are being deleted, at once."""

    name = "remover"
    process = "remover"

    def __init__(self) -> None:
        self.watches = (Watch(Pod, own_key),)

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Delete a terminating pod with grace 0."""
        pod = view.lookup(Pod, key)
        if pod is not None and pod.metadata.deletionTimestamp is not None and pod.spec.nodeName:
            yield Delete(kind=Pod, namespace=pod.metadata.namespace or "", name=pod.metadata.name or "", grace=0)
        return None


class Past:
    """The store as views want it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __call__(self, kind: type[Object]) -> Iterable[Object]:
        items = self.store.list(SCHEME.of(kind).list_prefix()).items
        return [kv.value for kv in sorted(items, key=lambda kv: kv.create_revision)]

    def source_at(self, revision: int) -> Source:
        return SourceAt(self.store, revision)

    def changes(self, after: int, until: int) -> Iterable[tuple[int, type[Object], str, Object | None]]:
        if until > after:
            for change in self.store.changes(after + 1, until):
                kind, key = store_change(change.value, change.previous.value if change.previous else None)
                yield change.revision, kind, key, change.value


class SourceAt:
    """The store at a revision."""

    def __init__(self, store: Store, revision: int) -> None:
        self.store = store
        self.revision = revision

    def __call__(self, kind: type[Object]) -> Iterable[Object]:
        items = self.store.list(SCHEME.of(kind).list_prefix(), revision=self.revision).items
        return [kv.value for kv in sorted(items, key=lambda kv: kv.create_revision)]


class World:
    """``kubelet`` removes terminating pods; objects are plain mappings as in YAML."""

    def __init__(
        self, scheduler: Scheduler | None = None, *, kubelet: bool = True, seed: int = 0, started: bool = True
    ) -> None:
        self.clock = Clock()
        self.ids = Ids(seed)
        self.store = Store(clock=self.clock)
        admission = [plugin for plugin in PLUGINS if type(plugin).__name__ not in LEFT_OUT]
        self.server = APIServer(self.store, self.clock, self.ids, admission=admission)
        past = Past(self.store)
        self.gateway = Gateway(self.server, self.store, self.clock)
        self.runtime = Runtime(self.clock, past, self.gateway, past)
        self.scheduler = scheduler or Scheduler(self.ids)
        parts: list[Controller] = [self.scheduler]
        if kubelet:
            parts.append(Remover())
        for part in parts:
            self.gateway.introduce(part.name, part.process)
            self.runtime.add(part)
        self.store.subscribe(self._changed)
        bootstrap(self.server)
        self.steps: list[Step] = []
        if started:
            self.start()

    def _changed(self, change: Change) -> None:
        kind, key = store_change(change.value, change.previous.value if change.previous else None)
        if self.runtime.processes["kube-scheduler"].alive:
            self.runtime.changed(kind, key, change.value, change.revision)

    def start(self) -> None:
        for process in list(self.runtime.processes):
            self.runtime.start(process)

    def create(self, *objects: Mapping[str, Any] | Object) -> None:
        for entry in objects:
            obj: Object = from_dict(None, entry) if isinstance(entry, Mapping) else entry
            resource = SCHEME.of(obj)
            namespace = (obj.metadata.namespace or "default") if resource.namespaced else ""
            self.server.handle(Request("create", resource, namespace, body=obj, user=ADMIN))
            status = to_dict(obj).get("status") if isinstance(obj, Node | Pod) else None
            if status:
                self.patch(type(obj), obj.metadata.name or "", {"status": status}, "status")

    def patch(self, kind: type[Object], name: str, body: Mapping[str, Any], subresource: str = "") -> None:
        resource = SCHEME.of(kind)
        self.server.handle(
            Request(
                "patch", resource, "default" if resource.namespaced else "", name, subresource, body,
                content_type="application/merge-patch+json", user=ADMIN,
            )
        )  # fmt: skip

    def delete(self, kind: type[Object], name: str, grace: int | None = None) -> None:
        resource = SCHEME.of(kind)
        options = RequestOptions(grace_period_seconds=grace)
        self.server.handle(
            Request("delete", resource, "default" if resource.namespaced else "", name, options=options, user=ADMIN)
        )

    def get(self, kind: type[Object], name: str) -> Any:
        resource = SCHEME.of(kind)
        try:
            return self.server.handle(
                Request("get", resource, "default" if resource.namespaced else "", name, user=ADMIN)
            ).object
        except APIError:
            return None

    def settle(self) -> None:
        """Go on until only background timers are left."""
        while True:
            until = self.clock.now
            if self.runtime.idle():
                due = self.runtime.queue.next_due(foreground_only=True)
                if due is None:
                    return
                until = due
            step = self.runtime.step(until)
            if step is not None:
                self.steps.append(step)

    def run(self, seconds: float) -> None:
        """Let simulated seconds pass."""
        end = self.clock.now + seconds
        while (step := self.runtime.step(end)) is not None:
            self.steps.append(step)
        self.clock.advance(end)

    def nodes_of(self) -> dict[str, str | None]:
        """Pod name -> node."""
        pods = Past(self.store)(Pod)
        return {pod.metadata.name or "": pod.spec.nodeName for pod in pods if isinstance(pod, Pod)}

    def events(self, name: str, reason: str = "") -> list[Event]:
        found = [e for e in Past(self.store)(Event) if isinstance(e, Event)]
        return [e for e in found if e.involvedObject.name == name and (not reason or e.reason == reason)]

    def fork(self) -> World:
        return copy.deepcopy(self)


def node(name: str, cpu: str = "4", memory: str = "8Gi", pods: str = "110", **more: Any) -> dict[str, Any]:
    """A Node; ``labels``, ``taints``, ``unschedulable`` and ``allocatable`` may be given."""
    allocatable = {"cpu": cpu, "memory": memory, "pods": pods, **more.get("allocatable", {})}
    spec = {key: more[key] for key in ("taints", "unschedulable") if key in more}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **more.get("labels", {})}},
        "spec": spec,
        "status": {"capacity": allocatable, "allocatable": allocatable, "images": more.get("images", [])},
    }


def pod(name: str, cpu: str | None = "100m", memory: str | None = None, **more: Any) -> dict[str, Any]:
    """A Pod with one container; other keywords go into its spec (``labels`` into its metadata)."""
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value is not None}
    container = {"name": "c", "image": "pause", "resources": {"requests": requests}}
    if "ports" in more:
        container["ports"] = more.pop("ports")
    labels = more.pop("labels", {})
    status = more.pop("status", {})
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {"containers": [container], **more},
    }
    if status:
        made["status"] = status
    return made
