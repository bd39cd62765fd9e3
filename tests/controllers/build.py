"""Small builders for controller tests: pods, ReplicaSets, Deployments, Services and nodes with just what matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8snb.api.frozen import EMPTY, FrozenDict
from k8snb.api.scalars import IntOrString
from k8snb.api.types.apps_v1 import (
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
    DeploymentStrategy,
    ReplicaSet,
    ReplicaSetSpec,
    ReplicaSetStatus,
    RollingUpdateDeployment,
)
from k8snb.api.types.core_v1 import (
    Container,
    Node,
    NodeCondition,
    NodeStatus,
    Pod,
    PodCondition,
    PodIP,
    PodSpec,
    PodStatus,
    PodTemplateSpec,
)
from k8snb.api.types.meta_v1 import LabelSelector, ObjectMeta, OwnerReference
from k8snb.sim.clock import rfc3339

WEB = FrozenDict({"app": "web"})


def meta(name: str, *, owner: OwnerReference | None = None, created: float = 0.0, **fields: Any) -> ObjectMeta:
    """Metadata in namespace ``default`` with the name as uid."""
    return ObjectMeta(
        name=name,
        namespace="default",
        uid=f"uid-{name}",
        creationTimestamp=rfc3339(created),
        ownerReferences=(owner,) if owner else (),
        **fields,
    )


def ref(kind: str, name: str, api_version: str = "apps/v1") -> OwnerReference:
    """The reference to a controlling owner."""
    return OwnerReference(
        apiVersion=api_version, kind=kind, name=name, uid=f"uid-{name}", controller=True, blockOwnerDeletion=True
    )


def pod(
    name: str,
    *,
    owner: OwnerReference | None = None,
    node: str | None = "node-0",
    phase: str = "Running",
    ready: float | None = 0.0,
    created: float = 0.0,
    ip: str | None = "10.244.0.1",
    labels: FrozenDict[str, str] = WEB,
    **fields: Any,
) -> Pod:
    """A pod; ``ready`` is since when it is ready, None when it is not."""
    condition = PodCondition(
        type="Ready", status="False" if ready is None else "True", lastTransitionTime=rfc3339(ready or 0.0)
    )
    status = PodStatus(phase=phase, conditions=(condition,), podIP=ip, podIPs=(PodIP(ip=ip),) if ip else ())
    spec = PodSpec(containers=(Container(name="c", image="nginx"),), nodeName=node)
    return Pod(metadata=meta(name, owner=owner, created=created, labels=labels, **fields), spec=spec, status=status)


def template(image: str = "nginx:1") -> PodTemplateSpec:
    """A pod template with label ``app=web``."""
    return PodTemplateSpec(
        metadata=ObjectMeta(labels=WEB), spec=PodSpec(containers=(Container(name="c", image=image),))
    )


def replica_set(
    name: str = "web-1",
    replicas: int = 3,
    *,
    owner: OwnerReference | None = None,
    have: int | None = None,
    available: int | None = None,
    image: str = "nginx:1",
    created: float = 0.0,
    min_ready: int | None = None,
    **fields: Any,
) -> ReplicaSet:
    """A ReplicaSet; ``have`` and ``available`` are status numbers (default: all wanted)."""
    have = replicas if have is None else have
    available = have if available is None else available
    return ReplicaSet(
        metadata=meta(name, owner=owner, created=created, labels=WEB, generation=1, **fields),
        spec=ReplicaSetSpec(
            replicas=replicas,
            selector=LabelSelector(matchLabels=WEB),
            template=template(image),
            minReadySeconds=min_ready,
        ),
        status=ReplicaSetStatus(
            replicas=have,
            readyReplicas=available or None,
            availableReplicas=available or None,
            fullyLabeledReplicas=have or None,
            terminatingReplicas=0,
            observedGeneration=1,
        ),
    )


def deployment(
    replicas: int = 3,
    *,
    surge: IntOrString = "25%",
    unavailable: IntOrString = "25%",
    image: str = "nginx:1",
    strategy: str = "RollingUpdate",
    status: DeploymentStatus | None = None,
    **fields: Any,
) -> Deployment:
    """A Deployment ``web``."""
    rolling = RollingUpdateDeployment(maxSurge=surge, maxUnavailable=unavailable)
    return Deployment(
        metadata=meta("web", generation=1, **fields),
        spec=DeploymentSpec(
            replicas=replicas,
            selector=LabelSelector(matchLabels=WEB),
            template=template(image),
            strategy=DeploymentStrategy(type=strategy, rollingUpdate=rolling if strategy == "RollingUpdate" else None),
            progressDeadlineSeconds=600,
            revisionHistoryLimit=10,
        ),
        status=status or DeploymentStatus(),
    )


def node(
    name: str = "node-0", *, ready: str | None = "True", heartbeat: float = 0.0, labels: Mapping[str, str] = EMPTY
) -> Node:
    """A node; ``ready`` is the status of its condition Ready, None for none."""
    conditions: tuple[NodeCondition, ...] = ()
    if ready is not None:
        time = rfc3339(heartbeat)
        conditions = (NodeCondition(type="Ready", status=ready, lastHeartbeatTime=time, lastTransitionTime=time),)
    return Node(
        metadata=ObjectMeta(name=name, uid=f"uid-{name}", labels=FrozenDict(labels), creationTimestamp=rfc3339(0.0)),
        status=NodeStatus(conditions=conditions),
    )
