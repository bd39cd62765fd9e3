"""What the scheduler does about changes in the cluster: it keeps its cache and queue current and wakes waiting pods.

Each handler is the ``keys`` function of a watch: it returns the work-queue keys of the pods that may be tried now.
"""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Node, PersistentVolume, PersistentVolumeClaim, Pod
from k8snb.api.types.storage_v1 import CSIDriver, CSINode, CSIStorageCapacity, StorageClass
from k8snb.client.view import View
from k8snb.scheduler import events
from k8snb.scheduler.framework import CycleState
from k8snb.scheduler.profile import DEFAULT_SCHEDULER
from k8snb.scheduler.queue import CROSS_TOPOLOGY, queue_key
from k8snb.scheduler.state import SchedulerState

STORAGE_KINDS = (
    StorageClass,
    PersistentVolume,
    PersistentVolumeClaim,
    CSINode,
    CSIDriver,
    CSIStorageCapacity,
)
"""Kinds besides pods and nodes whose changes may let a pod be scheduled, or go on being bound."""
_ENDED = ("Succeeded", "Failed")


class Informers(SchedulerState):
    """The event handlers."""

    def node_changed(self, old: Node | None, new: Node | None, view: View) -> Iterable[str]:
        self._view = view
        queue = self.queue
        if new is None:
            if old is not None:
                self.cache.remove_node(old)
                queue.move_all(events.NODE_DELETE, old, None)
        else:
            self.cache.add_node(new)
            if old is None:
                queue.move_all(events.NODE_ADD, None, new)
            elif queue.unschedulable or queue.in_flight:
                for event in events.node_events(old, new):
                    queue.move_all(event, old, new)
        return self._woken()

    def storage_changed(self, old: Object | None, new: Object | None, view: View) -> Iterable[str]:
        self._view = view
        queue = self.queue
        if queue.unschedulable or queue.in_flight:
            action = events.Action.ADD if old is None else events.Action.DELETE if new is None else events.Action.UPDATE
            some = new if new is not None else old
            queue.move_all(events.Event(type(some).__name__, action), old, new)
        return [*self._woken(), *self._waiting]

    def pod_changed(self, old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
        self._view = view
        was = old is not None and old.status.phase not in _ENDED
        if new is None or new.status.phase in _ENDED:
            if was and old is not None:
                self._pod_gone(old)
        elif new.spec.nodeName:
            if was and old is not None and old.spec.nodeName:
                self._pod_updated(old, new)
            else:
                self._pod_assigned(new)
        elif (new.spec.schedulerName or DEFAULT_SCHEDULER) in self.profiles:
            if not was or old is None:
                self.queue.add(new)
            elif not self.cache.is_assumed(new):
                self.queue.update(old, new)
                if old.status.nominatedNodeName and not new.status.nominatedNodeName:
                    self._nomination_gone(old)
        return self._woken()

    def _pod_gone(self, pod: Pod) -> None:
        if pod.spec.nodeName:
            self.cache.remove_pod(pod)
            self.queue.move_all(events.ASSIGNED_POD_DELETE, pod, None)
            return
        self._give_up(queue_key(pod), pod)
        self.queue.delete(pod)
        if pod.status.nominatedNodeName:
            self._nomination_gone(pod)

    def _give_up(self, key: str, pod: Pod) -> None:
        """A pod is gone while its node was still reserved for it."""
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            self._take_back(waiting.queued, self.profiles[waiting.profile], waiting.state or CycleState(), waiting.node)
        else:
            self.cache.forget(pod)

    def _nomination_gone(self, pod: Pod) -> None:
        """A reservation was given up: pods of no higher priority may use the room."""
        self.queue.move_all(events.ASSIGNED_POD_DELETE, pod, None, check=_NotAbove(pod.spec.priority or 0))

    def _pod_assigned(self, pod: Pod) -> None:
        self.cache.add_pod(pod)
        queue = self.queue
        queue.delete(pod)
        if queue.unschedulable or queue.in_flight:
            queue.move_all(events.ASSIGNED_POD_ADD, None, pod, only=CROSS_TOPOLOGY)

    def _pod_updated(self, old: Pod, new: Pod) -> None:
        self.cache.add_pod(new)
        queue = self.queue
        if queue.unschedulable or queue.in_flight:
            for event in events.pod_events(old, new):
                only = None if event.action & events.Action.UPDATE_POD_SCALE_DOWN else CROSS_TOPOLOGY
                queue.move_all(event, old, new, only=only)

    def _woken(self) -> list[str]:
        woken = self.queue.woken
        if woken:
            self.queue.woken = []
        return woken


class _NotAbove:
    """Whether a pod has at most this priority."""

    def __init__(self, priority: int) -> None:
        self.priority = priority

    def __call__(self, pod: Pod) -> bool:
        return (pod.spec.priority or 0) <= self.priority
