"""Creating and deleting the pods of a Job."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import NamedTuple

from k8snb.api.errors import APIError
from k8snb.api.types.batch_v1 import Job
from k8snb.api.types.core_v1 import Pod
from k8snb.client.calls import Call, Create, Delete, Outcome, Patch
from k8snb.controllers.failures import failed, namespace_terminating
from k8snb.controllers.job.conditions import event
from k8snb.controllers.job.names import FINALIZER
from k8snb.controllers.job.pods import is_tracked
from k8snb.controllers.owners import STRATEGIC, without_finalizers
from k8snb.controllers.pods import is_ready
from k8snb.controllers.replicas import FIRST_BATCH


class Deleted(NamedTuple):
    """How many pods are on their way out, how many of them were ready, and the first refusal."""

    pods: int
    ready: int
    error: APIError | None


def untrack(pod: Pod, why: str) -> Generator[Call, Outcome, APIError | None]:
    """Take the tracking finalizer off a pod; a pod that is gone has none."""
    if not is_tracked(pod):
        return None
    meta = pod.metadata
    out = yield Patch(
        kind=Pod, namespace=meta.namespace or "", name=meta.name or "", patch_type=STRATEGIC,
        body=without_finalizers([FINALIZER]), why=why,
    )  # fmt: skip
    return out if isinstance(out, APIError) and out.reason != "NotFound" else None


def delete_pods(job: Job, pods: Iterable[Pod], why: str, uncounted: bool) -> Generator[Call, Outcome, Deleted]:
    """Delete pods of a Job; ``uncounted`` ones lose their finalizer first, so that they never count as failed."""
    gone = ready = 0
    error: APIError | None = None
    for pod in pods:
        refusal = (yield from untrack(pod, why)) if uncounted else None
        if refusal is None:
            refusal = yield from _delete(job, pod, why)
            ready += is_ready(pod)
        gone += refusal is None
        error = error or refusal
    return Deleted(gone, ready, error)


def _delete(job: Job, pod: Pod, why: str) -> Generator[Call, Outcome, APIError | None]:
    meta = pod.metadata
    out = yield Delete(kind=Pod, namespace=meta.namespace or "", name=meta.name or "", why=why)
    if failed(out, "NotFound"):
        return None
    if isinstance(out, APIError):
        yield event(job, "FailedDelete", f"Error deleting: {out.message}", "Warning")
        return out
    yield event(job, "SuccessfulDelete", f"Deleted pod: {meta.name}")
    return None


def create_pods(
    job: Job, pods: list[Pod], order: Callable[[list[Pod]], list[Pod]] = list
) -> Generator[Call, Outcome, tuple[int, APIError | None]]:
    """Create pods in batches of 1, 2, 4, …, until a batch meets a refusal; returns how many there are and the refusal.

    A pod that is refused because its namespace is being deleted counts as one that is there: nothing can be done.
    """
    made = 0
    batch = min(FIRST_BATCH, len(pods))
    while batch:
        error: APIError | None = None
        for pod in order(pods[:batch]):
            out = yield Create(obj=pod, why="scale-up")
            if isinstance(out, APIError) and not namespace_terminating(out):
                error = error or out
                yield event(job, "FailedCreate", f"Error creating: {out.message}", "Warning")
                continue
            made += 1
            if isinstance(out, Pod):
                yield event(job, "SuccessfulCreate", f"Created pod: {out.metadata.name}")
        if error is not None:
            return made, error
        pods = pods[batch:]
        batch = min(2 * batch, len(pods))
    return made, None
