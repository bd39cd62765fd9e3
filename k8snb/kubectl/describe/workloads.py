"""Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs, autoscalers."""

from __future__ import annotations

from typing import Any

from k8snb.api import selectors
from k8snb.apiserver.tables.duration import between
from k8snb.apiserver.tables.texts import controller_of
from k8snb.kubectl.describe.page import NONE, UNSET, Page, boolean, go_bool, moment
from k8snb.kubectl.describe.pods import template

_REVISION = "deployment.kubernetes.io/revision"
INDEXES_SHOWN = 50
"""Characters of a list of indexes after which it is cut (kubectl ``capIndexesListOrNone``)."""


def _selector(value: Any) -> str:
    return (str(selectors.from_label_selector(value)) if value is not None else "") or NONE


def _pods(page: Page, obj: Any) -> str:
    """How many pods of a controller are in which phase."""
    client = page.client
    counts = dict.fromkeys(("Running", "Pending", "Succeeded", "Failed"), 0)
    for pod in client.list(client.core("pods"), obj.metadata.namespace):
        owner = controller_of(pod.metadata)
        if owner is not None and owner.uid == obj.metadata.uid and pod.status.phase in counts:
            counts[pod.status.phase] += 1
    return (
        f"{counts['Running']} Running / {counts['Pending']} Waiting / {counts['Succeeded']} Succeeded / "
        f"{counts['Failed']} Failed"
    )


def _same_template(left: Any, right: Any) -> bool:
    """Whether a ReplicaSet was stamped from the template: equal but for the hash label."""
    labels = {key: value for key, value in right.metadata.labels.items() if key != "pod-template-hash"}
    return (
        dict(left.metadata.labels) == labels
        and left.metadata.annotations == right.metadata.annotations
        and left.spec == right.spec
    )


def _replica_sets(items: list[Any]) -> str:
    texts = (
        f"{item.metadata.name} ({item.status.replicas or 0}/{item.spec.replicas} replicas created)" for item in items
    )
    return ", ".join(texts) or NONE


def deployment(page: Page, obj: Any) -> None:
    """A Deployment, with its old and its new ReplicaSets."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    page.line(f"Name:\t{meta.name}")
    page.line(f"Namespace:\t{meta.namespace}")
    page.line(f"CreationTimestamp:\t{moment(meta.creationTimestamp)}")
    page.mapping("Labels", meta.labels)
    page.annotations("Annotations", meta.annotations)
    page.line(f"Selector:\t{_selector(spec.selector)}")
    page.line(
        f"Replicas:\t{spec.replicas} desired | {status.updatedReplicas or 0} updated | {status.replicas or 0} total | "
        f"{status.availableReplicas or 0} available | {status.unavailableReplicas or 0} unavailable"
    )
    page.line(f"StrategyType:\t{spec.strategy.type}")
    page.line(f"MinReadySeconds:\t{spec.minReadySeconds or 0}")
    rolling = spec.strategy.rollingUpdate
    if rolling is not None:
        page.line(f"RollingUpdateStrategy:\t{rolling.maxUnavailable} max unavailable, {rolling.maxSurge} max surge")
    template(page, spec.template)
    if status.conditions:
        page.line("Conditions:\n  Type\tStatus\tReason")
        page.line("----\t------\t------", 1)
        for item in status.conditions:
            page.line(f"{item.type} \t{item.status}\t{item.reason or ''}", 1)
    client = page.client
    owned = []
    for item in client.list(client.core("replicasets.apps"), meta.namespace):
        owner = controller_of(item.metadata)
        if owner is not None and owner.uid == meta.uid:
            owned.append(item)
    owned.sort(key=lambda item: (item.metadata.creationTimestamp, item.metadata.name))
    new = next((item for item in owned if _same_template(spec.template, item.spec.template)), None)
    page.line(f"OldReplicaSets:\t{_replica_sets([item for item in owned if item is not new])}")
    page.line(f"NewReplicaSet:\t{_replica_sets([new] if new is not None else [])}")
    page.events(obj)


def replica_set(page: Page, obj: Any) -> None:
    """A ReplicaSet or a ReplicationController."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    page.line(f"Name:\t{meta.name}")
    page.line(f"Namespace:\t{meta.namespace}")
    if obj.kind == "ReplicaSet":
        page.line(f"Selector:\t{_selector(spec.selector)}")
    else:
        page.line(f"Selector:\t{selectors.from_labels(spec.selector)}")
    page.mapping("Labels", meta.labels)
    page.annotations("Annotations", meta.annotations)
    page.controlled(obj)
    page.line(f"Replicas:\t{status.replicas or 0} current / {spec.replicas} desired")
    page.line(f"Pods Status:\t{_pods(page, obj)}")
    template(page, spec.template)
    if status.conditions:
        page.line("Conditions:\n  Type\tStatus\tReason")
        page.line("----\t------\t------", 1)
        for item in status.conditions:
            page.line(f"{item.type} \t{item.status}\t{item.reason or ''}", 1)
    page.events(obj)


def stateful_set(page: Page, obj: Any) -> None:
    """A StatefulSet."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    page.line(f"Name:\t{meta.name}")
    page.line(f"Namespace:\t{meta.namespace}")
    page.line(f"CreationTimestamp:\t{moment(meta.creationTimestamp)}")
    page.line(f"Selector:\t{_selector(spec.selector)}")
    page.mapping("Labels", meta.labels)
    page.annotations("Annotations", meta.annotations)
    page.line(f"Replicas:\t{spec.replicas} desired | {status.replicas or 0} total")
    page.line(f"Update Strategy:\t{spec.updateStrategy.type}")
    rolling = spec.updateStrategy.rollingUpdate
    if rolling is not None and rolling.partition is not None:
        page.line(f"Partition:\t{rolling.partition}", 1)
    page.line(f"Pods Status:\t{_pods(page, obj)}")
    template(page, spec.template)
    if not spec.volumeClaimTemplates:
        page.line(f"Volume Claims:\t{NONE}")
    else:
        page.line("Volume Claims:")
    for claim in spec.volumeClaimTemplates:
        page.line(f"Name:\t{claim.metadata.name}", 1)
        page.line(f"StorageClass:\t{claim.spec.storageClassName or ''}", 1)
        page.mapping("  Labels", claim.metadata.labels)
        page.annotations("  Annotations", claim.metadata.annotations)
        page.line(f"Capacity:\t{claim.spec.resources.requests.get('storage', '<default>')}", 1)
        page.line(f"Access Modes:\t[{' '.join(claim.spec.accessModes)}]", 1)
    page.events(obj)


def daemon_set(page: Page, obj: Any) -> None:
    """A DaemonSet."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    page.line(f"Name:\t{meta.name}")
    page.line(f"Selector:\t{_selector(spec.selector)}")
    page.line(f"Node-Selector:\t{str(selectors.from_labels(spec.template.spec.nodeSelector)) or NONE}")
    page.mapping("Labels", meta.labels)
    page.annotations("Annotations", meta.annotations)
    page.line(f"Desired Number of Nodes Scheduled: {status.desiredNumberScheduled or 0}")
    page.line(f"Current Number of Nodes Scheduled: {status.currentNumberScheduled or 0}")
    page.line(f"Number of Nodes Scheduled with Up-to-date Pods: {status.updatedNumberScheduled or 0}")
    page.line(f"Number of Nodes Scheduled with Available Pods: {status.numberAvailable or 0}")
    page.line(f"Number of Nodes Misscheduled: {status.numberMisscheduled or 0}")
    page.line(f"Pods Status:\t{_pods(page, obj)}")
    template(page, spec.template)
    page.events(obj)


def job(page: Page, obj: Any) -> None:
    """A Job."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    page.line(f"Name:\t{meta.name}")
    page.line(f"Namespace:\t{meta.namespace}")
    if spec.selector is not None:
        page.line(f"Selector:\t{_selector(spec.selector)}")
    page.mapping("Labels", meta.labels)
    page.annotations("Annotations", meta.annotations)
    page.controlled(obj)
    page.line(f"Parallelism:\t{spec.parallelism if spec.parallelism is not None else UNSET}")
    page.line(f"Completions:\t{spec.completions if spec.completions is not None else UNSET}")
    for title, value in (
        ("Completion Mode", spec.completionMode),
        ("Suspend", go_bool(spec.suspend) if spec.suspend is not None else None),
        ("Backoff Limit", spec.backoffLimit),
        ("TTL Seconds After Finished", spec.ttlSecondsAfterFinished),
    ):
        if value is not None:
            page.line(f"{title}:\t{value}")
    if status.startTime:
        page.line(f"Start Time:\t{moment(status.startTime)}")
    if status.completionTime:
        page.line(f"Completed At:\t{moment(status.completionTime)}")
        if status.startTime:
            page.line(f"Duration:\t{between(status.startTime, status.completionTime)}")
    if spec.activeDeadlineSeconds is not None:
        page.line(f"Active Deadline Seconds:\t{spec.activeDeadlineSeconds}s")
    ready = f" ({status.ready} Ready)" if status.ready is not None else ""
    page.line(
        f"Pods Statuses:\t{status.active or 0} Active{ready} / {status.succeeded or 0} Succeeded / "
        f"{status.failed or 0} Failed"
    )
    if spec.completionMode == "Indexed":
        page.line(f"Completed Indexes:\t{_capped(status.completedIndexes or NONE)}")
    template(page, spec.template)
    page.events(obj)


def _capped(indexes: str) -> str:
    """A long list of indexes ends with the first comma after so many characters."""
    comma = indexes.find(",", INDEXES_SHOWN)
    return indexes if comma < 0 else f"{indexes[: comma + 1]}..."


def cron_job(page: Page, obj: Any) -> None:
    """A CronJob."""
    spec, status = obj.spec, obj.status
    page.head(obj)
    page.line(f"Schedule:\t{spec.schedule}")
    page.line(f"Concurrency Policy:\t{spec.concurrencyPolicy}")
    page.line(f"Suspend:\t{boolean(spec.suspend)}")
    for title, value in (
        ("Successful Job History Limit", spec.successfulJobsHistoryLimit),
        ("Failed Job History Limit", spec.failedJobsHistoryLimit),
        (
            "Starting Deadline Seconds",
            f"{spec.startingDeadlineSeconds}s" if spec.startingDeadlineSeconds is not None else None,
        ),
    ):
        page.line(f"{title}:\t{value if value is not None else UNSET}")
    inner = spec.jobTemplate.spec
    page.line(f"Selector:\t{_selector(inner.selector) if inner.selector is not None else UNSET}")
    page.line(f"Parallelism:\t{inner.parallelism if inner.parallelism is not None else UNSET}")
    page.line(f"Completions:\t{inner.completions if inner.completions is not None else UNSET}")
    if inner.activeDeadlineSeconds is not None:
        page.line(f"Active Deadline Seconds:\t{inner.activeDeadlineSeconds}s")
    template(page, inner.template)
    page.line(f"Last Schedule Time:\t{moment(status.lastScheduleTime) if status.lastScheduleTime else UNSET}")
    page.line(f"Active Jobs:\t{', '.join(ref.name for ref in status.active) or NONE}")
    page.events(obj)
