"""Priority: a pod's priority number and preemption policy come from its PriorityClass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.apiserver.admission.plugin import CREATE, DELETE, UPDATE, Attributes, Plugin, is_pod
from k8snb.apiserver.memo import IdentityMemo

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Pod, PodSpec
    from k8snb.api.types.scheduling_v1 import PriorityClass

PREEMPT_LOWER = "PreemptLowerPriority"
SYSTEM_CLASSES = ("system-node-critical", "system-cluster-critical")
"""Classes that the API server makes and that cannot be deleted (upstream refuses in the storage of the resource)."""
_MEMO: IdentityMemo[PodSpec] = IdentityMemo()


class Priority(Plugin):
    """Resolves `priorityClassName`; the class marked globalDefault applies to pods that name none, else priority 0."""

    name = "Priority"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        if subresource or operation not in (CREATE, UPDATE, DELETE):
            return False
        classes = (resource.group, resource.plural) == ("scheduling.k8s.io", "priorityclasses")
        return classes or (is_pod(resource) and operation != DELETE)

    def admit(self, a: Attributes) -> Any:
        if a.resource.plural != "pods":
            return a.obj
        pod: Pod = a.obj
        spec = pod.spec
        if a.operation == UPDATE:
            before = a.old.spec
            if spec.priority is None and before.priority is not None:
                spec = replace(spec, priority=before.priority)
            if spec.preemptionPolicy is None and before.preemptionPolicy is not None:
                spec = replace(spec, preemptionPolicy=before.preemptionPolicy)
            return pod if spec is pod.spec else replace(pod, spec=spec)
        name = spec.priorityClassName
        if name:
            found: PriorityClass | None = a.reader.get("priorityclasses", "", name)
            if found is None:
                raise a.forbidden(f"no PriorityClass with name {name} was found")
        else:
            found = default_class(a)
        if found is None:
            name, value, policy = None, 0, PREEMPT_LOWER
        else:
            name, value, policy = found.metadata.name, found.value, found.preemptionPolicy or PREEMPT_LOWER
        variant = f"{value} {name} {policy}"
        done = _MEMO.get(spec, variant)
        if done is not None:
            return replace(pod, spec=done)
        if spec.priority is not None and spec.priority != value:
            raise a.forbidden(
                f"the integer value of priority ({spec.priority}) must not be provided in pod spec; priority admission "
                f"controller computed {value} from the given PriorityClass name"
            )
        if spec.preemptionPolicy is not None and spec.preemptionPolicy != policy:
            raise a.forbidden(
                f"the string value of PreemptionPolicy ({spec.preemptionPolicy}) must not be provided in pod spec; "
                f"priority admission controller computed {policy} from the given PriorityClass name"
            )
        done = replace(spec, priorityClassName=name, priority=value, preemptionPolicy=policy)
        return replace(pod, spec=_MEMO.put(spec, done, variant))

    def validate(self, a: Attributes) -> None:
        if a.resource.plural != "priorityclasses":
            return
        if a.operation == DELETE:
            if a.name in SYSTEM_CLASSES:
                raise a.forbidden("this is a system priority class and cannot be deleted")
            return
        if not a.obj.globalDefault:
            return
        current = default_class(a)
        if current is not None and current.metadata.name != a.obj.metadata.name:
            raise a.forbidden(
                f"PriorityClass {current.metadata.name} is already marked as default. Only one default can exist"
            )


def default_class(a: Attributes) -> PriorityClass | None:
    """The class for pods that name none; of several, the one with the lowest value."""
    found: PriorityClass | None = None
    for item in a.reader.all("priorityclasses"):
        if item.globalDefault and (found is None or item.value < found.value):
            found = item
    return found
