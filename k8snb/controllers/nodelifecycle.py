"""The node lifecycle controller: nodes that fall silent become Unknown, are tainted, and their pods become unready.

Three kinds of keys: ``monitor`` looks at all nodes every 5 s; ``node/NAME`` keeps NoSchedule taints in step with a
node's conditions; ``pod/NAMESPACE/NAME`` is a pod on a node that has fallen silent, or was put on one. NoExecute taints are put on
one node of a zone every 10 s, more slowly or not at all when much of the zone is disrupted; the taint eviction controller
then evicts. When no node anywhere is ready, the control plane suspects itself: the NoExecute taints are taken off.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

from k8snb.api.errors import APIError
from k8snb.api.types.coordination_v1 import Lease
from k8snb.api.types.core_v1 import Node, Pod, Taint
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Call, Emit, Outcome, Patch, UpdateStatus
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View
from k8snb.controllers import taints
from k8snb.controllers.nodehealth import (
    FULL,
    PARTIAL,
    Heartbeats,
    is_ready,
    ready_condition,
    silenced,
    unready,
    zone_of,
    zone_states,
)
from k8snb.controllers.owners import STRATEGIC
from k8snb.sim.clock import rfc3339, seconds

MONITOR = "monitor"
"""The key of the round over all nodes."""
LABELS = {"kubernetes.io/os": "beta.kubernetes.io/os", "kubernetes.io/arch": "beta.kubernetes.io/arch"}
"""Node labels that are kept equal: the stable one -> the one from before."""


@dataclass(frozen=True)
class NodeMonitor:
    """The settings of the node controller, named as kube-controller-manager's flags; seconds and nodes per second."""

    node_monitor_period: float = 5.0
    node_monitor_grace_period: float = 50.0
    node_startup_grace_period: float = 60.0
    node_eviction_rate: float = 0.1
    secondary_node_eviction_rate: float = 0.01
    large_cluster_size_threshold: int = 50


class NodeLifecycleController(Controller):
    """Watches over the nodes' heartbeats.

    A node whose kubelet itself posts Ready=False keeps its pods' status: that kubelet is alive and says it of its pods.
    """

    name = "node-controller"

    def __init__(self, settings: NodeMonitor | None = None) -> None:
        self.settings = settings or NodeMonitor()
        self.watches = (Watch(Node, _node_keys), Watch(Pod, _pod_keys))

    def started(self, view: View) -> Iterable[str]:
        """The monitoring goes on for ever."""
        view.list(Lease)
        return (MONITOR,)

    def reconcile(self, key: str, view: View) -> Reconcile:
        """A round over all nodes, one node's taints, or one pod on a node that is not ready."""
        if key == MONITOR:
            return (yield from self._monitor(view))
        kind, _, name = key.partition("/")
        if kind == "node":
            node = view.lookup(Node, name)
            if node is not None:
                yield from _sync_taints(node, view)
        elif kind == "pod":
            pod = view.lookup(Pod, name)
            node = view.get(Node, None, pod.spec.nodeName) if pod is not None else None
            if pod is not None and node is not None and not is_ready(node):
                yield from _mark_unready(pod, view)
        else:
            yield _node_event(kind, name)
        return None

    def _monitor(self, view: View) -> Reconcile:
        settings = self.settings
        heartbeats = Heartbeats(view, settings.node_monitor_grace_period, settings.node_startup_grace_period)
        observed: dict[str, str] = {}
        for node in view.list(Node):
            name = node.metadata.name or ""
            before = ready_condition(node)
            observed[name] = before.status if before is not None else "Unknown"
            if heartbeats.heard_of(node):
                continue
            silent = silenced(node, view.now)
            if silent is node:
                continue
            out = yield UpdateStatus(obj=silent, why="node-silent")
            if isinstance(out, APIError):
                continue
            if observed[name] == "True":
                text = f"Node {name} status is now: NodeNotReady"
                yield Emit(regarding=node, type="Normal", reason="NodeNotReady", message=text)
        wait = yield from self._taint(view, observed)
        return After(wait, background=True)

    def _taint(self, view: View, observed: dict[str, str]) -> Generator[Call, Outcome, float]:
        """Put NoExecute taints on and take them off; returns in how many seconds to look again."""
        period = self.settings.node_monitor_period
        nodes = view.list(Node)
        states, sizes = zone_states(nodes)
        all_lost = bool(states) and all(state == FULL for state in states.values())
        waiting: dict[str, list[Node]] = {}
        for node in nodes:
            status = observed.get(node.metadata.name or "", "Unknown")
            ours = [t for t in taints.no_execute(node) if t.key in (taints.NOT_READY, taints.UNREACHABLE)]
            if status == "True" or all_lost:
                if ours:
                    yield taints.taint_patch(node, (), [(t.key, t.effect) for t in ours], "node-ready")
                continue
            key = taints.NOT_READY if status == "False" else taints.UNREACHABLE
            if any(t.key == key for t in ours):
                continue
            if ours:
                yield _no_execute_patch(node, key, view.now)
            else:
                waiting.setdefault(zone_of(node), []).append(node)
        for zone, queue in waiting.items():
            rate = self._rate(states.get(zone), sizes.get(zone, 0))
            if rate > 0:
                period = min(period, (yield from _taint_in_turn(queue, 1 / rate, view)))
        return period

    def _rate(self, state: str | None, size: int) -> float:
        """Nodes per second that may be tainted in a zone."""
        settings = self.settings
        if state == PARTIAL:
            large = size > settings.large_cluster_size_threshold
            return settings.secondary_node_eviction_rate if large else 0.0
        return settings.node_eviction_rate


def _taint_in_turn(queue: list[Node], interval: float, view: View) -> Generator[Call, Outcome, float]:
    """Taint the nodes of a zone, one in each interval; returns seconds until the next one may be."""
    zone = zone_of(queue[0])
    last = max(
        (
            seconds(taint.timeAdded)
            for node in view.list(Node)
            if zone_of(node) == zone
            for taint in taints.no_execute(node)
            if taint.timeAdded and taint.key in (taints.NOT_READY, taints.UNREACHABLE)
        ),
        default=float("-inf"),
    )
    for node in queue:
        left = last + interval - view.now
        if left > 0:
            return left
        current = ready_condition(node)
        key = taints.NOT_READY if current is not None and current.status == "False" else taints.UNREACHABLE
        yield _no_execute_patch(node, key, view.now)
        last = view.now
    return float("inf")


def _no_execute_patch(node: Node, key: str, now: float) -> Patch:
    """Put one of the two NoExecute taints on a node in place of the other."""
    opposite = taints.UNREACHABLE if key == taints.NOT_READY else taints.NOT_READY
    new = Taint(key=key, effect=taints.NO_EXECUTE, timeAdded=rfc3339(now))
    return taints.taint_patch(node, [new], [(opposite, taints.NO_EXECUTE)], "node-not-ready")


def _sync_taints(node: Node, view: View) -> Generator[Call, Outcome, None]:
    """Keep NoSchedule taints in step with conditions and ``spec.unschedulable``, and old labels with new ones."""
    wanted = {
        taints.FROM_CONDITION[found.type, found.status]: None
        for found in node.status.conditions
        if (found.type, found.status) in taints.FROM_CONDITION
    }
    if node.spec.unschedulable:
        wanted[taints.UNSCHEDULABLE] = None
    ours = {taints.UNSCHEDULABLE, *taints.FROM_CONDITION.values()}
    present = [t.key for t in node.spec.taints if t.effect == taints.NO_SCHEDULE and t.key in ours]
    text = rfc3339(view.now)
    add = [Taint(key=key, effect=taints.NO_SCHEDULE, timeAdded=text) for key in wanted if key not in present]
    remove = [(key, taints.NO_SCHEDULE) for key in present if key not in wanted]
    if add or remove:
        out = yield taints.taint_patch(node, add, remove, "node-condition")
        if isinstance(out, APIError) and out.reason != "NotFound":
            raise out
        if isinstance(out, Node):
            node = out
    labels = node.metadata.labels
    stale = {old: labels[new] for new, old in LABELS.items() if new in labels and labels.get(old) != labels[new]}
    if stale:
        body = {"metadata": {"labels": stale}}
        out = yield Patch(
            kind=Node, namespace="", name=node.metadata.name or "", body=body, patch_type=STRATEGIC, why="node-labels"
        )
        if isinstance(out, APIError) and out.reason != "NotFound":
            raise out


def _mark_unready(pod: Pod, view: View) -> Generator[Call, Outcome, None]:
    changed = unready(pod, view.now)
    if changed is pod:
        return
    out = yield UpdateStatus(obj=changed, why="node-not-ready")
    if isinstance(out, APIError):
        if out.reason != "NotFound":
            raise out
        return
    yield Emit(regarding=pod, type="Warning", reason="NodeNotReady", message="Node is not ready")


def _node_event(reason: str, node: str) -> Emit:
    """The event that a node is known, or no longer known, to the controller; ``node`` is name and uid."""
    name, _, uid = node.partition("/")
    text = f"Registered Node {name} in" if reason == "RegisteredNode" else f"Removing Node {name} from"
    return Emit(
        regarding=Node(metadata=ObjectMeta(name=name, uid=uid)), type="Normal", reason=reason,
        message=f"Node {name} event: {text} Controller",
    )  # fmt: skip


def _node_keys(old: Node | None, new: Node | None, view: View) -> Iterable[str]:
    if new is None:
        return () if old is None else (f"RemovingNode/{old.metadata.name}/{old.metadata.uid}",)
    name = new.metadata.name
    if old is None:
        return (f"RegisteredNode/{name}/{new.metadata.uid}", f"node/{name}")
    if old.spec == new.spec and old.metadata.labels == new.metadata.labels and _statuses(old) == _statuses(new):
        return ()
    keys = [f"node/{name}"]
    before, after = ready_condition(old), ready_condition(new)
    if before is not None and before.status == "True" and after is not None and after.status == "Unknown":
        keys += [f"pod/{pod.metadata.namespace}/{pod.metadata.name}" for pod in view.by(Pod, "node", name or "")]
    return keys


def _statuses(node: Node) -> list[tuple[str, str]]:
    return [(found.type, found.status) for found in node.status.conditions]


def _pod_keys(old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
    """A pod that has just been put on a node that is not ready."""
    if new is None or not new.spec.nodeName or (old is not None and old.spec.nodeName == new.spec.nodeName):
        return ()
    node = view.get(Node, None, new.spec.nodeName)
    if node is None or ready_condition(node) is None or is_ready(node):
        return ()
    return (f"pod/{new.metadata.namespace}/{new.metadata.name}",)
