"""Node-pressure eviction: a node that runs out of memory says so and ends pods, as upstream's eviction manager does.

Looked at whenever the node's own key is (at least every 10 s, upstream's ``monitoringInterval``). Memory is the only
resource that the model accounts for; what the system itself uses is ``SYSTEM``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from k8snb.api import quantity
from k8snb.node import stopping
from k8snb.node.admission import requests_of
from k8snb.node.constants import EVICTION_MEMORY
from k8snb.node.container import RUNNING

if TYPE_CHECKING:
    from k8snb.node.agent import NodeAgent
    from k8snb.node.pod import PodWorker
    from k8snb.node.world import World

SYSTEM: Final = 300 * 1024 * 1024
"""Bytes that kernel, kubelet and container runtime take."""
TRANSITION: Final = 300.0
"""kubelet ``evictionPressureTransitionPeriod``: seconds until a pressure condition is taken back."""


def used_by(worker: PodWorker, now: float) -> int:
    """Bytes of memory that a pod's containers use."""
    return sum(b.process.memory(now) for b in worker.containers if b.state == RUNNING and b.process is not None)


def available(agent: NodeAgent, now: float) -> int:
    """Bytes of memory that are left on a node."""
    capacity = quantity.parse(agent.capacity["memory"]).nanos // quantity.NANO
    return capacity - SYSTEM - agent.hog - sum(used_by(w, now) for w in agent.workers.values())


def relieve(agent: NodeAgent, now: float, world: World) -> PodWorker | None:
    """Update the node's memory pressure and, under pressure, evict the pod that is first in line; returns that pod."""
    if not agent.risky:
        return None
    left = available(agent, now)
    if left >= EVICTION_MEMORY:
        if agent.pressed_at is not None and now - agent.pressed_at >= TRANSITION:
            agent.pressed_at = None
        return None
    agent.pressed_at = now
    candidates = [w for w in agent.workers.values() if not w.stopping and not w.final]
    if not candidates:
        return None
    worker = max(candidates, key=lambda w: _rank(w, now))
    largest = max(worker.containers, key=lambda b: b.process.memory(now) if b.process is not None else 0)
    use = largest.process.memory(now) if largest.process is not None else 0
    request = largest.spec.resources.requests.get("memory", "0")
    message = (
        f"The node was low on resource: memory. Threshold quantity: 100Mi, available: {max(left, 0) // 1024}Ki. "
        f"Container {largest.name} was using {use // 1024}Ki, request is {request}, has larger consumption of memory. "
    )
    worker.emit("Warning", "Evicted", message)
    worker.disrupted = ("TerminationByKubelet", message)
    stopping.evict(worker, "Evicted", message, now, world, grace=0.0)
    return worker


def _rank(worker: PodWorker, now: float) -> tuple[bool, int, int]:
    """Who goes first: above its request, then the lower priority, then the most above its request."""
    above = used_by(worker, now) - requests_of(worker.pod).get("memory", 0) // quantity.NANO
    return above > 0, -(worker.pod.spec.priority or 0), above
