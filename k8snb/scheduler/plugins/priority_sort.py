"""PrioritySort: higher priority first; among equals, whoever waits longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.scheduler.framework import QueueSortPlugin

if TYPE_CHECKING:
    from k8snb.scheduler.queue import QueuedPod


class PrioritySort(QueueSortPlugin):
    """Sorts by ``spec.priority`` (descending), then by the time the pod entered the queue."""

    name = "PrioritySort"

    def sort_key(self, queued: QueuedPod) -> tuple[float, ...]:
        """(minus priority, seconds since the epoch)."""
        return (-(queued.pod.spec.priority or 0), queued.timestamp)
