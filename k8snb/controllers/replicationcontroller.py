"""The ReplicationController controller: the ReplicaSet's ancestor, with a plain map as selector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from k8snb.api.types.core_v1 import (
    PodTemplateSpec,
    ReplicationController,
    ReplicationControllerCondition,
    ReplicationControllerStatus,
)
from k8snb.controllers.replicas import REPLICA_FAILURE, Counts, ReplicaController
from k8snb.controllers.servicepods import Equals
from k8snb.sim.clock import rfc3339

_NO_TEMPLATE = PodTemplateSpec()


class ReplicationControllerController(ReplicaController[ReplicationController]):
    """Creates and deletes the pods of ReplicationControllers."""

    name = "replication-controller"
    kind = ReplicationController

    def label_test(self, obj: ReplicationController) -> Callable[[Any], bool]:
        """Whether a pod's labels contain ``spec.selector``."""
        return Equals(obj.spec.selector)

    def template(self, obj: ReplicationController) -> PodTemplateSpec:
        """``spec.template``."""
        return obj.spec.template or _NO_TEMPLATE

    def with_status(
        self, obj: ReplicationController, counts: Counts, terminating: int, failure: tuple[str, str] | None, now: float
    ) -> ReplicationController:
        """The ReplicationController with its new status; itself when nothing changes."""
        old = obj.status
        status = ReplicationControllerStatus(
            replicas=counts.replicas,
            fullyLabeledReplicas=counts.fully_labeled or None,
            readyReplicas=counts.ready or None,
            availableReplicas=counts.available or None,
            observedGeneration=obj.metadata.generation,
            conditions=_conditions(old.conditions, failure, now),
        )
        return obj if status == old else replace(obj, status=status)


def _conditions(
    old: tuple[ReplicationControllerCondition, ...], failure: tuple[str, str] | None, now: float
) -> tuple[ReplicationControllerCondition, ...]:
    present = any(c.type == REPLICA_FAILURE for c in old)
    if failure is not None and not present:
        reason, message = failure
        new = ReplicationControllerCondition(
            type=REPLICA_FAILURE, status="True", reason=reason, message=message, lastTransitionTime=rfc3339(now)
        )
        return (*old, new)
    if failure is None and present:
        return tuple(c for c in old if c.type != REPLICA_FAILURE)
    return old
