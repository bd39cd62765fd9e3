"""The TTL-after-finished controller: deletes a finished Job, and with it its pods, ``ttlSecondsAfterFinished`` after its end."""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api.errors import APIError
from k8snb.api.types.batch_v1 import Job
from k8snb.client.calls import Delete, Get
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View, cache_key
from k8snb.controllers.failures import failed
from k8snb.sim.clock import seconds


class TTLAfterFinishedController(Controller):
    """Removes finished Jobs when their time is up; the latest TTL counts, so it is read once more before a deletion."""

    name = "ttl-after-finished-controller"

    def __init__(self) -> None:
        self.watches = (Watch(Job, _keys),)

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Wait for the Job's time or delete it."""
        job = view.lookup(Job, key)
        left = seconds_left(job, view.now) if job is not None else None
        if job is None or left is None:
            return None
        if left > 0:
            return After(left)
        meta = job.metadata
        fresh = yield Get(kind=Job, namespace=meta.namespace or "", name=meta.name or "")
        if failed(fresh, "NotFound"):
            return None
        if isinstance(fresh, APIError):
            raise fresh
        left = seconds_left(fresh, view.now) if isinstance(fresh, Job) else None
        if left is None or left > 0:
            return After(left) if left is not None else None
        out = yield Delete(
            kind=Job, namespace=meta.namespace or "", name=meta.name or "", uid=fresh.metadata.uid,  # type: ignore[union-attr]
            propagation="Foreground", why="ttl",
        )  # fmt: skip
        if isinstance(out, APIError) and out.reason != "NotFound":
            raise out
        return None


def seconds_left(job: Job, now: float) -> float | None:
    """Seconds until a finished Job expires (zero or less: it has); None for one that does not."""
    ttl = job.spec.ttlSecondsAfterFinished
    if ttl is None or job.metadata.deletionTimestamp is not None:
        return None
    for condition in job.status.conditions:
        if condition.type in ("Complete", "Failed") and condition.status == "True" and condition.lastTransitionTime:
            return seconds(condition.lastTransitionTime) + ttl - now
    return None


def _keys(old: Job | None, new: Job | None, view: View) -> Iterable[str]:
    return (cache_key(new),) if new is not None and seconds_left(new, 0.0) is not None else ()
