"""Cluster events that may make an unschedulable pod schedulable, and which of them a change of an object is.

The vocabulary is kube-scheduler's (``framework.ClusterEvent``): a resource and a set of actions. A plugin registers the
events it cares about, each with a hint function; the queue asks the hints of the plugins that refused a pod.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntFlag
from typing import Any

import msgspec

from k8snb.api.types.core_v1 import Node, Pod
from k8snb.scheduler.resources import pod_requests


class Action(IntFlag):
    """What happened to an object (framework ``ActionType``)."""

    ADD = 1
    DELETE = 2
    UPDATE_NODE_ALLOCATABLE = 4
    UPDATE_NODE_LABEL = 8
    UPDATE_NODE_TAINT = 16
    UPDATE_NODE_CONDITION = 32
    UPDATE_NODE_ANNOTATION = 64
    UPDATE_NODE_DECLARED_FEATURE = 128
    UPDATE_POD_LABEL = 256
    UPDATE_POD_SCALE_DOWN = 512
    UPDATE_POD_TOLERATION = 1024
    UPDATE_POD_SCHEDULING_GATES_ELIMINATED = 2048
    UPDATE_POD_GENERATED_RESOURCE_CLAIM = 4096
    UPDATE_POD_OTHER = 8192
    UPDATE_OTHER = 16384
    UPDATE = 32764
    ALL = 32767


ASSIGNED_POD = "AssignedPod"
"""A pod that has a node."""
UNSCHEDULED_POD = "UnscheduledPod"
"""A pod without a node: in queueing hints, mostly the unschedulable pod itself."""
POD = "Pod"
"""In a plugin's registration: pods with and without a node."""
NODE = "Node"
WILDCARD = "*"
"""In an event: it concerns every pod, whatever refused it."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened: resource and action."""

    resource: str
    action: Action
    label: str = ""

    def matches(self, happened: Event) -> bool:
        """Whether this registration covers what happened."""
        if self.resource != happened.resource and not (
            self.resource == POD and happened.resource in (ASSIGNED_POD, UNSCHEDULED_POD)
        ):
            return False
        return bool(self.action & happened.action)


HintFunction = Callable[[Pod, Any, Any], bool]
"""(the unschedulable pod, old object or None, new object or None) -> whether it is worth another try."""


class Hint(msgspec.Struct, frozen=True):
    """An event that a plugin registers; without a function every such event is worth another try."""

    event: Event
    worth: HintFunction | None = None


UNSCHEDULABLE_TIMEOUT = Event(WILDCARD, Action.ALL, "UnschedulableTimeout")
"""A pod stayed in the unschedulable pool for 5 minutes."""
FORCE_ACTIVATE = Event(WILDCARD, Action.ALL, "ForceActivate")
"""A plugin asked for the pod to be tried at once."""
NODE_ADD = Event(NODE, Action.ADD, "NodeAdd")
NODE_DELETE = Event(NODE, Action.DELETE, "NodeDelete")
ASSIGNED_POD_ADD = Event(ASSIGNED_POD, Action.ADD, "AssignedPodAdd")
ASSIGNED_POD_DELETE = Event(ASSIGNED_POD, Action.DELETE, "AssignedPodDelete")
UNSCHEDULED_POD_DELETE = Event(UNSCHEDULED_POD, Action.DELETE, "UnscheduledPodDelete")

_CONDITIONS_OF_NODE = ("type", "status")


def node_events(old: Node, new: Node) -> list[Event]:
    """What an update of a node changed, as far as scheduling cares (``NodeSchedulingPropertiesChange``)."""
    found: list[Event] = []
    if old.spec is not new.spec and (
        (old.spec.unschedulable or False) != (new.spec.unschedulable or False) or old.spec.taints != new.spec.taints
    ):
        found.append(Event(NODE, Action.UPDATE_NODE_TAINT, "NodeTaintChange"))
    if old.status is not new.status and old.status.allocatable != new.status.allocatable:
        found.append(Event(NODE, Action.UPDATE_NODE_ALLOCATABLE, "NodeAllocatableChange"))
    if old.metadata.labels != new.metadata.labels:
        found.append(Event(NODE, Action.UPDATE_NODE_LABEL, "NodeLabelChange"))
    if _conditions(old) != _conditions(new):
        found.append(Event(NODE, Action.UPDATE_NODE_CONDITION, "NodeConditionChange"))
    if old.metadata.annotations != new.metadata.annotations:
        found.append(Event(NODE, Action.UPDATE_NODE_ANNOTATION, "NodeAnnotationChange"))
    if old.status.declaredFeatures != new.status.declaredFeatures:
        found.append(Event(NODE, Action.UPDATE_NODE_DECLARED_FEATURE, "NodeDeclaredFeatureChange"))
    return found


def _conditions(node: Node) -> dict[str, str]:
    return {condition.type: condition.status for condition in node.status.conditions}


def pod_events(old: Pod, new: Pod) -> list[Event]:
    """What an update of a pod changed, as far as scheduling cares (``PodSchedulingPropertiesChange``)."""
    resource = ASSIGNED_POD if new.spec.nodeName else UNSCHEDULED_POD
    if old.spec is new.spec and old.metadata.labels is new.metadata.labels and not _resized(old, new):
        if old.status.resourceClaimStatuses != new.status.resourceClaimStatuses:
            return [
                Event(resource, Action.UPDATE_POD_GENERATED_RESOURCE_CLAIM, f"{resource}GeneratedResourceClaimChange")
            ]
        return [Event(resource, Action.UPDATE_POD_OTHER, f"{resource}Update")]
    found: list[Event] = []
    if old.metadata.labels != new.metadata.labels:
        found.append(Event(resource, Action.UPDATE_POD_LABEL, f"{resource}LabelChange"))
    if _scaled_down(old, new):
        found.append(Event(resource, Action.UPDATE_POD_SCALE_DOWN, f"{resource}ScaleDown"))
    if old.spec.schedulingGates and not new.spec.schedulingGates:
        found.append(
            Event(resource, Action.UPDATE_POD_SCHEDULING_GATES_ELIMINATED, f"{resource}SchedulingGatesEliminated")
        )
    if old.spec.tolerations != new.spec.tolerations:
        found.append(Event(resource, Action.UPDATE_POD_TOLERATION, f"{resource}TolerationChange"))
    if old.status.resourceClaimStatuses != new.status.resourceClaimStatuses:
        found.append(
            Event(resource, Action.UPDATE_POD_GENERATED_RESOURCE_CLAIM, f"{resource}GeneratedResourceClaimChange")
        )
    return found or [Event(resource, Action.UPDATE_POD_OTHER, f"{resource}Update")]


def _resized(old: Pod, new: Pod) -> bool:
    """Whether the resources that the kubelet reports differ."""
    before, after = old.status.containerStatuses, new.status.containerStatuses
    if before is after:
        return False
    return [(s.name, s.resources, s.allocatedResources) for s in before] != [
        (s.name, s.resources, s.allocatedResources) for s in after
    ]


def _scaled_down(old: Pod, new: Pod) -> bool:
    before, after = pod_requests(old), pod_requests(new)
    if before is after:
        return False
    return any(after.get(name) < amount for name, amount in before.items())
