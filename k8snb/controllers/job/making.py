"""The pods that a Job makes: from its template, with the tracking finalizer and, for Indexed Jobs, their index."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.batch_v1 import Job
from k8snb.api.types.core_v1 import Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod
from k8snb.controllers.job.names import (
    FINALIZER,
    INDEX,
    INDEX_FAILURES,
    INDEX_IGNORED_FAILURES,
    INDEX_VARIABLE,
    LONGEST_PREFIX,
)
from k8snb.controllers.job.pods import ignored_index_failures, index_failures
from k8snb.controllers.job.policy import judge
from k8snb.controllers.replicas import pod_from_template

_VARIABLE = EnvVar(
    name=INDEX_VARIABLE, valueFrom=EnvVarSource(fieldRef=ObjectFieldSelector(fieldPath=f"metadata.labels['{INDEX}']"))
)


def new_pod(job: Job) -> Pod:
    """The pod to create for a Job without indexes."""
    pod = pod_from_template(job.spec.template, job)
    meta = pod.metadata
    if FINALIZER in meta.finalizers:
        return pod
    return replace(pod, metadata=replace(meta, finalizers=(*meta.finalizers, FINALIZER)))


def new_indexed_pod(job: Job, index: int, replaced: Pod | None) -> Pod:
    """The pod to create for an index; ``replaced`` is the pod of that index that failed before it."""
    pod = new_pod(job)
    meta, spec = pod.metadata, pod.spec
    number = {INDEX: str(index)}
    annotations = {**meta.annotations, **number}
    if job.spec.backoffLimitPerIndex is not None:
        failures, ignored = _failures_before(job, replaced)
        annotations[INDEX_FAILURES] = str(failures)
        if ignored:
            annotations[INDEX_IGNORED_FAILURES] = str(ignored)
    tail = f"-{index}-"
    return replace(
        pod,
        metadata=replace(
            meta,
            generateName=f"{(job.metadata.name or '')[: LONGEST_PREFIX - len(tail)]}{tail}",
            labels=FrozenDict({**meta.labels, **number}),
            annotations=FrozenDict(annotations),
        ),
        spec=replace(
            spec,
            hostname=f"{job.metadata.name}-{index}",
            initContainers=tuple(map(_with_variable, spec.initContainers)),
            containers=tuple(map(_with_variable, spec.containers)),
        ),
    )


def _with_variable(container: Container) -> Container:
    if any(variable.name == INDEX_VARIABLE for variable in container.env):
        return container
    return replace(container, env=(*container.env, _VARIABLE))


def _failures_before(job: Job, replaced: Pod | None) -> tuple[int, int]:
    """Counted and ignored failures of the index, the replaced pod's own included."""
    if replaced is None:
        return 0, 0
    counts = judge(job, replaced).counts
    return index_failures(replaced) + counts, ignored_index_failures(replaced) + (not counts)
