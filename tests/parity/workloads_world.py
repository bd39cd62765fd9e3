"""A control plane with simulated kubelets, for replays: real API server, controllers and scheduler of the model.

``Watcher`` sees every committed change, as the recorder's watch did.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.request import ADMIN, Request, RequestOptions
from k8snb.api.scheme import SCHEME, Resource
from k8snb.api.types.coordination_v1 import Lease
from k8snb.api.types.core_v1 import Node, NodeSpec, NodeStatus, Taint
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.protocol import Controller
from k8snb.client.view import cache_key
from k8snb.cluster import Cluster
from k8snb.controllers import IN_TREE
from k8snb.controllers.nodelifecycle import NodeLifecycleController, NodeMonitor
from k8snb.sim.ids import Ids
from k8snb.store import Change
from tests.parity.fake_kubelet import FakeKubelet, node_conditions
from tests.parity.workloads_chance import by_chance
from tests.parity.workloads_pace import Pace

REQUEST_SECONDS = 0.018
"""How long a request of the recorder took, about."""
START_SECONDS = 0.004
"""How long a simulated kubelet takes to start a pod."""
STOP_SECONDS = (0.0005, 0.009)
"""How long a simulated kubelet takes to stop a pod: one of these for all pods of a replay."""
UNWATCHED = (Lease,)
"""Kinds whose changes are no sign of life: heartbeats."""


@dataclass
class Watcher:
    """All changes since the start, oldest first, and when the last one that matters was made."""

    clock: Callable[[], float]
    changes: list[Change] = field(default_factory=list)
    last: float = 0.0

    def __call__(self, change: Change) -> None:
        obj = change.value if change.value is not None else change.previous.value if change.previous else None
        if isinstance(obj, UNWATCHED):
            return
        self.changes.append(change)
        self.last = self.clock()


def controllers_for(settings: Mapping[str, Any], chance: Ids) -> list[Controller]:
    """The in-tree controllers, the node controller with a scenario's ``controlPlane`` settings, some with chance."""
    monitor = NodeMonitor()
    if settings:
        monitor = NodeMonitor(
            node_monitor_period=_seconds(settings["nodeMonitorPeriod"]),
            node_monitor_grace_period=_seconds(settings["nodeMonitorGracePeriod"]),
            node_eviction_rate=float(settings["nodeEvictionRate"]),
        )
    special = by_chance(chance)
    special[NodeLifecycleController] = lambda: NodeLifecycleController(monitor)
    return [special.get(kind, kind)() for kind in IN_TREE]


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


class ReplayWorld:
    """One cluster for one scenario; requests go through the API server as those of an administrator."""

    def __init__(self, scenario: Mapping[str, Any], seed: int = 0) -> None:
        settings = scenario.get("controlPlane") or {}
        self.chance = Ids(seed + 1)
        stop = STOP_SECONDS[0] + (STOP_SECONDS[1] - STOP_SECONDS[0]) * self.chance.fraction() ** 2
        self.kubelet = FakeKubelet(float(settings.get("leaseRenewSeconds", 10)), START_SECONDS, stop)
        self.cluster = Cluster(
            nodes=0, seed=seed, controllers=controllers_for(settings, self.chance), kubelet=self.kubelet, addons=()
        )
        for node in scenario.get("nodes") or []:
            self.add_node(node)
        self.namespace = scenario["name"]
        self.request(
            "create", "Namespace", body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        )
        self.cluster.run(5.0)
        self.pace = Pace(self.cluster.runtime, self.cluster.clock, self.chance)
        self.watcher = Watcher(lambda: self.cluster.now)
        self.cluster.store.subscribe(self.watcher)

    # -- requests

    def resource(self, kind: str, api_version: str | None = None) -> Resource:
        """The resource of a kind, as a manifest or a step names it."""
        if api_version:
            found = SCHEME.find(api_version, kind)
            if found is not None:
                return found
        return SCHEME.resolve(kind)

    def request(
        self, verb: str, kind: str, name: str = "", body: Any = None, *, namespace: str = "", api_version: str = "",
        subresource: str = "", content_type: str = "application/json", **options: Any,
    ) -> tuple[int, Any]:  # fmt: skip
        """(HTTP code, object or Status as plain data)."""
        resource = self.resource(kind, api_version)
        request = Request(
            verb, resource, (namespace or self.namespace) if resource.namespaced else "", name, subresource, body,
            content_type=content_type, options=RequestOptions(**options), user=ADMIN, user_agent="recorder/v1",
        )  # fmt: skip
        try:
            response = self.cluster.server.handle(request)
        except APIError as error:
            return error.code, error.to_dict()
        return response.code, response.object

    def find(self, kind: str, name: str, namespace: str = "") -> Any:
        """The live object as typed value, None when there is none."""
        code, found = self.request("get", kind, name, namespace=namespace)
        return found if code == 200 else None

    def all_of(self, kind: type[Object]) -> list[Any]:
        """All live objects of a kind, oldest first."""
        prefix = SCHEME.of(kind).list_prefix()
        return [kv.value for kv in sorted(self.cluster.store.list(prefix).items, key=lambda kv: kv.create_revision)]

    def everything(self) -> list[Any]:
        """All live objects, in the order of their creation."""
        items = self.cluster.store.list("/registry/").items
        return [kv.value for kv in sorted(items, key=lambda kv: kv.create_revision)]

    # -- nodes

    def add_node(self, spec: Mapping[str, Any]) -> int:
        """Create a node that is Ready from its first moment."""
        name = spec["name"]
        sizes = FrozenDict({"cpu": str(spec["cpu"]), "memory": str(spec["memory"]), "pods": "110"})
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **(spec.get("labels") or {})}
        taints = tuple(Taint(key=t["key"], value=t.get("value"), effect=t["effect"]) for t in spec.get("taints") or ())
        node = Node(
            metadata=ObjectMeta(name=name, labels=FrozenDict(labels)),
            spec=NodeSpec(taints=taints),
            status=NodeStatus(capacity=sizes, allocatable=sizes, conditions=node_conditions(self.cluster.now)),
        )
        return self.request("create", "Node", body=node)[0]

    # -- time

    def _step(self, until: float) -> bool:
        """One API call of a component, which takes a moment; False when there is none before second ``until``."""
        return self.pace.step(until) is not None

    def run(self, seconds: float) -> None:
        """Let simulated seconds pass."""
        end = self.cluster.now + seconds
        while self._step(end):
            pass
        self.cluster.clock.now = max(self.cluster.now, end)

    def pause(self) -> None:
        """The time that one request of the recorder takes."""
        self.run(REQUEST_SECONDS * (0.5 + self.chance.fraction()))

    def run_until(self, holds: Callable[[], bool], timeout: float) -> bool:
        """Go on until a condition holds, at most ``timeout`` seconds."""
        end = self.cluster.now + timeout
        while not holds():
            if not self._step(end):
                self.cluster.clock.now = max(self.cluster.now, end)
                return holds()
        return True

    def settle(self, quiet: float, most: float) -> None:
        """Go on until nothing has changed for ``quiet`` seconds, at most ``most`` seconds."""
        cluster = self.cluster
        end = cluster.now + most
        self.watcher.last = cluster.now
        while True:
            target = min(self.watcher.last + quiet, end)
            if not self._step(target) and min(self.watcher.last + quiet, end) <= target:
                cluster.clock.now = max(cluster.now, target)
                return


def plain(obj: Object) -> dict[str, Any]:
    """An object as the API server would send it."""
    return copy.deepcopy(to_dict(obj))


def key_of(obj: Object) -> str:
    """Kind and name."""
    return f"{obj.kind}/{cache_key(obj)}"
