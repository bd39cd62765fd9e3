"""What an object counts for in a ResourceQuota: one evaluator per sort of object, as upstream's quota evaluators.

Admission (which charges) and the resourcequota controller (which counts again) use the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8snb.api import quantity
from k8snb.api.podresources import pod_limits, pod_requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Container, PersistentVolumeClaim, Pod, Service
    from k8snb.api.types.core_v1 import ResourceQuota as QuotaObject

Usage = dict[str, str]
ENDED = ("Succeeded", "Failed")
"""Phases in which a pod no longer uses what it asked for."""
_COMPUTE = ("cpu", "memory")
_MUST_BE_SAID = frozenset({"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
_POD_NAMES = frozenset(
    {"count/pods", "pods", "cpu", "memory", "ephemeral-storage"}
    | {f"{kind}.{name}" for kind in ("requests", "limits") for name in ("cpu", "memory", "ephemeral-storage")}
)
_ALIASES = frozenset({"configmaps", "secrets", "replicationcontrollers", "resourcequotas"})
_STORAGE_CLASS = ".storageclass.storage.k8s.io/"


class Evaluator:
    """Counts objects of any kind: `count/<plural>.<group>`, and the plain plural for a few core kinds."""

    operations: frozenset[str] = frozenset({"CREATE"})
    """The admission operations that may change the usage."""

    def __init__(self, resource: Resource) -> None:
        self._names = {f"count/{resource.qualified}"}
        if not resource.group and resource.plural in _ALIASES:
            self._names.add(resource.plural)

    def covers(self, names: Iterable[str]) -> list[str]:
        """Those of a quota's resource names that this evaluator counts, in order."""
        return sorted(name for name in names if name in self._names)

    def usage(self, obj: Any) -> Usage:
        """What the object counts for."""
        return dict.fromkeys(sorted(self._names), "1")

    def in_scope(self, obj: Any, scope: str, operator: str, values: tuple[str, ...]) -> bool:
        """Whether one scope selects the object; most kinds have no scopes."""
        return False

    def matches(self, quota: QuotaObject, obj: Any) -> bool:
        """Whether all of the quota's scopes select the object."""
        if not all(self.in_scope(obj, scope, "Exists", ()) for scope in quota.spec.scopes):
            return False
        selector = quota.spec.scopeSelector
        return selector is None or all(
            self.in_scope(obj, item.scopeName, item.operator, item.values) for item in selector.matchExpressions
        )

    def frees(self, old: Any, new: Any) -> bool:
        """Whether an update may have made usage smaller, so that it is counted again."""
        return False

    def unsaid(self, names: Iterable[str], obj: Any) -> str:
        """What the object must say because the quota bounds it; "" when all is said."""
        return ""


class PodEvaluator(Evaluator):
    """Pods, and the compute resources they ask for until they have ended."""

    def covers(self, names: Iterable[str]) -> list[str]:
        return sorted(name for name in names if name in _POD_NAMES or _extended(name) or _hugepages(name))

    def usage(self, obj: Any) -> Usage:
        pod: Pod = obj
        found: Usage = {"count/pods": "1"}
        if pod.status.phase in ENDED:
            return found
        return found | _compute(pod_requests(pod), pod_limits(pod))

    def in_scope(self, obj: Any, scope: str, operator: str, values: tuple[str, ...]) -> bool:
        return _in_scope(obj, scope, operator, values)

    def frees(self, old: Any, new: Any) -> bool:
        return old.status.phase not in ENDED and new.status.phase in ENDED

    def unsaid(self, names: Iterable[str], obj: Any) -> str:
        pod: Pod = obj
        needed = [name for name in names if name in _MUST_BE_SAID]
        if not needed:
            return ""
        pod_level = _compute(pod.spec.resources.requests, pod.spec.resources.limits) if pod.spec.resources else {}
        missing: dict[str, list[str]] = {}
        for container in (*pod.spec.containers, *pod.spec.initContainers):
            said = _said(container)
            for name in needed:
                if name not in said and name not in pod_level:
                    missing.setdefault(name, []).append(container.name)
        if not missing:
            return ""
        parts = [f"{name} for: {','.join(sorted(set(missing[name])))}" for name in sorted(missing)]
        return "must specify " + "; ".join(parts)


class ServiceEvaluator(Evaluator):
    """Services, their node ports and load balancers."""

    operations = frozenset({"CREATE", "UPDATE"})

    def covers(self, names: Iterable[str]) -> list[str]:
        mine = ("count/services", "services", "services.nodeports", "services.loadbalancers")
        return sorted(name for name in names if name in mine)

    def usage(self, obj: Any) -> Usage:
        service: Service = obj
        ports = len(service.spec.ports)
        found = {"count/services": "1", "services": "1", "services.loadbalancers": "0", "services.nodeports": "0"}
        if service.spec.type == "NodePort":
            found["services.nodeports"] = str(ports)
        elif service.spec.type == "LoadBalancer":
            found["services.loadbalancers"] = "1"
            if service.spec.allocateLoadBalancerNodePorts is False:
                ports = sum(1 for port in service.spec.ports if port.nodePort)
            found["services.nodeports"] = str(ports)
        return found

    def frees(self, old: Any, new: Any) -> bool:
        return bool(old.spec.type != new.spec.type)


class ClaimEvaluator(Evaluator):
    """PersistentVolumeClaims and the storage they request, in all and per storage class."""

    operations = frozenset({"CREATE", "UPDATE"})

    def covers(self, names: Iterable[str]) -> list[str]:
        mine = ("count/persistentvolumeclaims", "persistentvolumeclaims", "requests.storage")
        return sorted(name for name in names if name in mine or _STORAGE_CLASS in name)

    def usage(self, obj: Any) -> Usage:
        claim: PersistentVolumeClaim = obj
        found = {"count/persistentvolumeclaims": "1", "persistentvolumeclaims": "1"}
        name = claim.spec.storageClassName or claim.metadata.annotations.get(
            "volume.beta.kubernetes.io/storage-class", ""
        )
        if name:
            found[f"{name}{_STORAGE_CLASS}persistentvolumeclaims"] = "1"
        asked = claim.spec.resources.requests.get("storage")
        allocated = claim.status.allocatedResources.get("storage")
        if asked is not None and allocated is not None and quantity.cmp(allocated, asked) > 0:
            asked = allocated
        if asked is not None and quantity.milli(asked) % 1000:
            asked = quantity.from_int(quantity.value(asked))  # a claim counts in whole bytes
        if asked is not None:
            found["requests.storage"] = asked
            if name:
                found[f"{name}{_STORAGE_CLASS}requests.storage"] = asked
        return found

    def in_scope(self, obj: Any, scope: str, operator: str, values: tuple[str, ...]) -> bool:
        if scope != "VolumeAttributesClass":
            return False
        claim: PersistentVolumeClaim = obj
        modifying = claim.status.modifyVolumeStatus
        found = {
            claim.spec.volumeAttributesClassName or "",
            claim.status.currentVolumeAttributesClassName or "",
            (modifying.targetVolumeAttributesClassName or "") if modifying is not None else "",
        } - {""}
        if operator == "In":
            return bool(found & set(values))
        if operator == "NotIn":
            return not found or bool(found - set(values))
        return bool(found) == (operator == "Exists")

    def frees(self, old: Any, new: Any) -> bool:
        return bool(old.status != new.status or old.spec != new.spec)


_CORE = {"pods": PodEvaluator, "services": ServiceEvaluator, "persistentvolumeclaims": ClaimEvaluator}


def evaluator_of(resource: Resource) -> Evaluator:
    """The evaluator for a resource."""
    special = _CORE.get(resource.plural) if not resource.group else None
    return Evaluator(resource) if special is None else special(resource)


def _extended(name: str) -> bool:
    """Whether a quota name bounds an extended resource, such as `requests.nvidia.com/gpu`."""
    plain = name.removeprefix("requests.")
    return plain != name and "/" in plain and _STORAGE_CLASS not in name and not plain.startswith("kubernetes.io/")


def _hugepages(name: str) -> bool:
    return name.removeprefix("requests.").startswith("hugepages-")


def _compute(requests: Mapping[str, str], limits: Mapping[str, str]) -> Usage:
    found = {"pods": "1"}
    for name, value in requests.items():
        if name in (*_COMPUTE, "ephemeral-storage") or name.startswith("hugepages-"):
            found[name] = found[f"requests.{name}"] = value
        elif "/" in name:
            found[f"requests.{name}"] = value
    for name in (*_COMPUTE, "ephemeral-storage"):
        if name in limits:
            found[f"limits.{name}"] = limits[name]
    return found


def _said(container: Container) -> Usage:
    return _compute(container.resources.requests, container.resources.limits)


def _best_effort(pod: Pod) -> bool:
    if pod.status.qosClass:
        return pod.status.qosClass == "BestEffort"
    return not any(
        quantity.value(given.get(name)) or quantity.milli(given.get(name))
        for c in (*pod.spec.containers, *pod.spec.initContainers)
        for given in (c.resources.requests, c.resources.limits)
        for name in _COMPUTE
    )


def _in_scope(pod: Pod, scope: str, operator: str, values: tuple[str, ...]) -> bool:
    ends = pod.spec.activeDeadlineSeconds is not None and pod.spec.activeDeadlineSeconds >= 0
    if scope == "Terminating":
        return ends
    if scope == "NotTerminating":
        return not ends
    if scope == "BestEffort":
        return _best_effort(pod)
    if scope == "NotBestEffort":
        return not _best_effort(pod)
    if scope == "CrossNamespacePodAffinity":
        return _crosses_namespaces(pod)
    if scope == "PriorityClass":
        name = pod.spec.priorityClassName or ""
        if operator == "In":
            return name in values
        if operator == "NotIn":
            return name not in values
        return bool(name) if operator == "Exists" else not name
    return False


def _crosses_namespaces(pod: Pod) -> bool:
    affinity = pod.spec.affinity
    if affinity is None:
        return False
    for part in (affinity.podAffinity, affinity.podAntiAffinity):
        if part is None:
            continue
        terms = [
            *part.requiredDuringSchedulingIgnoredDuringExecution,
            *(item.podAffinityTerm for item in part.preferredDuringSchedulingIgnoredDuringExecution),
        ]
        if any(term.namespaces or term.namespaceSelector is not None for term in terms):
            return True
    return False
