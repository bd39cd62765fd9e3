"""The pod garbage collector: every 20 s it removes pods that nobody else would.

Those are finished pods beyond 12,500, pods on nodes that have been gone for 40 s, terminating pods that were never
scheduled, and terminating pods on nodes that are not ready and tainted as out of service.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import Node, Pod, PodCondition
from k8snb.client.calls import Call, Delete, Get, Outcome
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View
from k8snb.controllers.failures import failed
from k8snb.controllers.nodehealth import is_ready
from k8snb.controllers.pods import TERMINAL, status_patch, with_condition
from k8snb.controllers.taints import OUT_OF_SERVICE
from k8snb.sim.clock import seconds

PERIOD = 20.0
"""Seconds between two rounds (upstream ``gcCheckPeriod``)."""
QUARANTINE = 40.0
"""Seconds that a node has to be missing before its pods are removed (upstream ``quarantineTime``)."""
THRESHOLD = 12500
"""Finished pods that are kept (kube-controller-manager ``--terminated-pod-gc-threshold``)."""
ROUND = "round"
"""The only key."""


class PodGarbageCollector(Controller):
    """Removes pods that have lost their node or their purpose."""

    name = "pod-garbage-collector"

    def __init__(self, threshold: int = THRESHOLD) -> None:
        self.threshold = threshold
        self._missing: dict[str, float] = {}
        self._begun = 0.0
        self.watches = (Watch(Node, self._node_keys),)

    def started(self, view: View) -> Iterable[str]:
        """The first round follows at once; a new process does not know since when nodes are missing."""
        self._missing.clear()
        self._begun = view.now
        return (ROUND,)

    def _node_keys(self, old: Node | None, new: Node | None, view: View) -> Iterable[str]:
        name = ((new or old).metadata.name or "") if (new or old) is not None else ""  # type: ignore[union-attr]
        if new is None:
            self._missing[name] = view.now
        else:
            self._missing.pop(name, None)
        return ()

    def reconcile(self, key: str, view: View) -> Reconcile:
        """One round over all pods."""
        finished: list[Pod] = []
        doomed: list[tuple[Pod, PodCondition | None]] = []
        gone: dict[str, bool] = {}
        for pod in view.list(Pod):
            terminating = pod.metadata.deletionTimestamp is not None
            name = pod.spec.nodeName
            if pod.status.phase in TERMINAL:
                finished.append(pod)
            if not name:
                if terminating:
                    doomed.append((pod, None))
                continue
            node = view.get(Node, None, name)
            if node is None:
                if name not in gone:
                    gone[name] = yield from self._is_gone(name, pod, view)
                if gone[name]:
                    doomed.append((pod, _ORPHANED))
            elif terminating and not is_ready(node) and any(t.key == OUT_OF_SERVICE for t in node.spec.taints):
                doomed.append((pod, None))
        surplus = len(finished) - self.threshold
        if self.threshold > 0 and surplus > 0:
            finished.sort(key=_eviction_order)
            doomed = [(pod, None) for pod in finished[:surplus]] + doomed
        for pod, why in doomed:
            yield from _remove(pod, why, view.now)
        return After(PERIOD, background=True)

    def _is_gone(self, node: str, pod: Pod, view: View) -> Generator[Call, Outcome, bool]:
        """Whether a node that is not in the cache has been missing for long enough and really is not there."""
        created = pod.metadata.creationTimestamp
        since = self._missing.get(node, seconds(created) if created else self._begun)
        if view.now - max(since, self._begun) < QUARANTINE:
            return False
        return failed((yield Get(kind=Node, namespace="", name=node)), "NotFound")


_ORPHANED = PodCondition(
    type="DisruptionTarget", status="True", reason="DeletionByPodGC", message="PodGC: node no longer exists"
)


def _eviction_order(pod: Pod) -> tuple[bool, str, str]:
    """Evicted pods first, then the oldest."""
    evicted = pod.status.phase == "Failed" and pod.status.reason == "Evicted"
    return not evicted, pod.metadata.creationTimestamp or "", pod.metadata.name or ""


def _remove(pod: Pod, why: PodCondition | None, now: float) -> Generator[Call, Outcome, None]:
    """Mark a pod as failed, if it has not finished, and delete it without grace."""
    meta = pod.metadata
    if pod.status.phase not in TERMINAL:
        status = replace(pod.status, phase="Failed")
        if why is not None:
            status = with_condition(status, replace(why, observedGeneration=meta.generation), now)
        out = yield status_patch(pod, status, "pod-gc")
        if isinstance(out, APIError):
            return  # the next round tries again
    yield Delete(kind=Pod, namespace=meta.namespace or "", name=meta.name or "", grace=0, why="pod-gc")
