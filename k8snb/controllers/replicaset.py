"""The ReplicaSet controller: as many active pods as ``spec.replicas`` says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from k8snb.api.selectors import from_label_selector
from k8snb.api.types.apps_v1 import ReplicaSet, ReplicaSetCondition, ReplicaSetStatus
from k8snb.api.types.core_v1 import Pod, PodTemplateSpec
from k8snb.client.view import View
from k8snb.controllers.owners import controller_of
from k8snb.controllers.replicas import REPLICA_FAILURE, Counts, ReplicaController
from k8snb.sim.clock import rfc3339


class ReplicaSetController(ReplicaController[ReplicaSet]):
    """Creates and deletes the pods of ReplicaSets."""

    name = "replicaset-controller"
    kind = ReplicaSet

    def label_test(self, obj: ReplicaSet) -> Callable[[Any], bool]:
        """Whether a pod's labels match ``spec.selector``."""
        return from_label_selector(obj.spec.selector).matches

    def template(self, obj: ReplicaSet) -> PodTemplateSpec:
        """``spec.template``."""
        return obj.spec.template

    def related(self, obj: ReplicaSet, view: View) -> list[Pod]:
        """The pods of all ReplicaSets of the same Deployment; none for a ReplicaSet that nobody controls."""
        ref = controller_of(obj.metadata)
        if ref is None:
            return []
        found: dict[str, Pod] = {}
        for sibling in view.by(ReplicaSet, "controller", ref.uid):
            matches = self.label_test(sibling)
            for pod in view.by(Pod, "controller", sibling.metadata.uid or ""):
                if matches(pod.metadata.labels):
                    found[pod.metadata.uid or ""] = pod
        return list(found.values())

    def with_status(
        self, obj: ReplicaSet, counts: Counts, terminating: int, failure: tuple[str, str] | None, now: float
    ) -> ReplicaSet:
        """The ReplicaSet with its new status; itself when nothing changes."""
        old = obj.status
        status = ReplicaSetStatus(
            replicas=counts.replicas,
            fullyLabeledReplicas=counts.fully_labeled or None,
            readyReplicas=counts.ready or None,
            availableReplicas=counts.available or None,
            terminatingReplicas=terminating,
            observedGeneration=obj.metadata.generation,
            conditions=_conditions(old.conditions, failure, now),
        )
        return obj if status == old else replace(obj, status=status)


def _conditions(
    old: tuple[ReplicaSetCondition, ...], failure: tuple[str, str] | None, now: float
) -> tuple[ReplicaSetCondition, ...]:
    present = any(c.type == REPLICA_FAILURE for c in old)
    if failure is not None and not present:
        reason, message = failure
        new = ReplicaSetCondition(
            type=REPLICA_FAILURE, status="True", reason=reason, message=message, lastTransitionTime=rfc3339(now)
        )
        return (*old, new)
    if failure is None and present:
        return tuple(c for c in old if c.type != REPLICA_FAILURE)
    return old
