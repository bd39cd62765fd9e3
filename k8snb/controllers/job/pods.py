"""What a Job asks of a pod: its index, whether it failed and counts, when it finished."""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api.types.batch_v1 import Job
from k8snb.api.types.core_v1 import Pod
from k8snb.controllers.job.names import FINALIZER, INDEX, INDEX_FAILURES, INDEX_IGNORED_FAILURES
from k8snb.controllers.pods import condition
from k8snb.sim.clock import seconds

UNKNOWN = -1
"""The index of a pod that has none."""
_INT32 = (1 << 31) - 1


def is_indexed(job: Job) -> bool:
    """Whether each pod of the Job works on an index."""
    return job.spec.completionMode == "Indexed"


def is_suspended(job: Job) -> bool:
    """Whether the Job is to have no pods for now."""
    return bool(job.spec.suspend)


def finished(job: Job) -> str | None:
    """Complete or Failed, once the Job has come to its end."""
    for found in job.status.conditions:
        if found.type in ("Complete", "Failed") and found.status == "True":
            return found.type
    return None


def only_replaces_failed(job: Job) -> bool:
    """Whether a terminating pod is replaced only when it has failed for good."""
    return job.spec.podReplacementPolicy == "Failed" or job.spec.podFailurePolicy is not None


def is_tracked(pod: Pod) -> bool:
    """Whether the pod still has the finalizer that says: not counted yet."""
    return FINALIZER in pod.metadata.finalizers


def index_of(pod: Pod) -> int:
    """The pod's completion index, ``UNKNOWN`` without one."""
    text = pod.metadata.annotations.get(INDEX, "")
    return int(text) if text.removeprefix("+").isdecimal() else UNKNOWN


def has_index_of(job: Job, pod: Pod) -> bool:
    """Whether the pod's index is one of the Job's."""
    return UNKNOWN < index_of(pod) < (job.spec.completions or 0)


def indexes_of(pods: Iterable[Pod]) -> set[int]:
    """The indexes on which some pods work."""
    return {index_of(pod) for pod in pods} - {UNKNOWN}


def has_failed(job: Job, pod: Pod) -> bool:
    """Whether the pod failed, or is being deleted without having succeeded where the Job does not wait for its end."""
    phase = pod.status.phase
    if phase == "Failed":
        return True
    if only_replaces_failed(job):
        return False
    return pod.metadata.deletionTimestamp is not None and phase != "Succeeded"


def index_failures(pod: Pod) -> int:
    """How many counted failures the pod's index had before it."""
    return _number(pod, INDEX_FAILURES)


def ignored_index_failures(pod: Pod) -> int:
    """How many ignored failures the pod's index had before it."""
    return _number(pod, INDEX_IGNORED_FAILURES)


def _number(pod: Pod, annotation: str) -> int:
    text = pod.metadata.annotations.get(annotation, "")
    number = int(text) if text.isdecimal() else 0
    return number if number <= _INT32 else 0


def finished_at(pod: Pod) -> float:
    """The second at which the pod finished.

    That is when its last container ended; else since when it is not ready; else when it was asked to stop; else when it
    was created.
    """
    ends = [status.state.terminated for status in pod.status.containerStatuses]
    if ends and all(end is not None and end.finishedAt for end in ends):
        return max(seconds(end.finishedAt) for end in ends if end is not None and end.finishedAt)
    ready = condition(pod.status, "Ready")
    if ready is not None and ready.status == "False" and ready.lastTransitionTime:
        return seconds(ready.lastTransitionTime)
    meta = pod.metadata
    if meta.deletionTimestamp:
        return seconds(meta.deletionTimestamp) - (meta.deletionGracePeriodSeconds or 0)
    return seconds(meta.creationTimestamp) if meta.creationTimestamp else 0.0
