"""Pods: defaults, quality of service, and a spec of which almost nothing may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from k8snb.api.frozen import EMPTY
from k8snb.api.quantity import parse
from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import LabelSelectorRequirement
from k8snb.apiserver.defaults.apparmor import with_profiles
from k8snb.apiserver.defaults.pods import changed, each, pod_spec
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.memo import IdentityMemo, Shared
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import pod_subresources, pod_warnings, pods
from k8snb.apiserver.validation.field import FieldError
from k8snb.apiserver.validation.metadata import Errors

_QOS: IdentityMemo[str] = IdentityMemo()
_LABELS: Shared[Mapping[str, str]] = Shared()
_PENDING = {name: core.PodStatus(phase="Pending", qosClass=name) for name in ("Guaranteed", "Burstable", "BestEffort")}
_GATED = core.PodCondition(
    type="PodScheduled",
    status="False",
    reason="SchedulingGated",
    message="Scheduling is blocked due to non-empty scheduling gates",
)


class PodStrategy(Kind):
    """Decisions about pods."""

    serves = (("v1", "Pod"),)
    has_status = True

    def default(self, obj: core.Pod) -> core.Pod:
        """The pod with its spec's defaults; the spec is shared by all pods of a template."""
        spec = pod_spec(obj.spec)
        return obj if spec is obj.spec else replace(obj, spec=spec)

    def prepare_for_create(self, obj: core.Pod, ctx: Context) -> core.Pod:
        """A pending pod of generation 1."""
        if obj.metadata.annotations:
            obj, texts = with_profiles(obj)
            for text in texts:
                ctx.warn(text)
        spec = obj.spec
        if (spec.terminationGracePeriodSeconds or 0) < 0:
            spec = replace(spec, terminationGracePeriodSeconds=1)
        if spec.affinity is not None or spec.topologySpreadConstraints:
            spec = _with_label_keys(spec, obj.metadata.labels)
        status = _PENDING[qos_class(spec)]
        if spec.schedulingGates:
            status = replace(status, conditions=(_GATED,))
        labels = obj.metadata.labels
        meta = replace(obj.metadata, generation=1, labels=_LABELS.of(labels, tuple(labels.items())))
        return replace(obj, spec=spec, status=status, metadata=meta)

    def prepare_for_update(self, new: core.Pod, old: core.Pod, ctx: Context) -> core.Pod:
        """Keep the status; count changes of the spec."""
        if new.status is not old.status:
            new = replace(new, status=old.status)
        if new.spec is not old.spec:
            if new.spec == old.spec:
                return replace(new, spec=old.spec)
            generation = (old.metadata.generation or 0) + 1
            new = replace(new, metadata=replace(new.metadata, generation=generation))
        return new

    def prepare_for_status_update(self, new: core.Pod, old: core.Pod, ctx: Context) -> core.Pod:
        """Keep the spec, the owners and the quality of service."""
        if new.spec is not old.spec:
            new = replace(new, spec=old.spec)
        meta = new.metadata
        if meta.ownerReferences is not old.metadata.ownerReferences or meta.deletionTimestamp is not None:
            keep = {
                "ownerReferences": old.metadata.ownerReferences,
                "deletionTimestamp": old.metadata.deletionTimestamp,
            }
            new = replace(new, metadata=changed(meta, **keep))
        status, before = new.status, old.status
        if status is before:
            return new
        changes: dict[str, Any] = {}
        if not status.qosClass:
            changes["qosClass"] = before.qosClass
        if not status.observedGeneration and before.observedGeneration:
            changes["observedGeneration"] = before.observedGeneration
        if status.podIP or status.podIPs:
            changes |= _addresses(status)
        status = changed(status, **changes)
        return new if status is new.status else replace(new, status=status)

    def prepare_for_subresource(self, name: str, new: core.Pod, old: core.Pod, ctx: Context) -> core.Pod:
        """Take over the resources of containers (``resize``) or the ephemeral containers, and nothing else."""
        spec = (
            _resized(new.spec, old.spec)
            if name == "resize"
            else replace(old.spec, ephemeralContainers=new.spec.ephemeralContainers)
        )
        meta = replace(old.metadata, resourceVersion=new.metadata.resourceVersion)
        if spec == old.spec:
            return replace(old, metadata=meta)
        meta = replace(meta, generation=(old.metadata.generation or 0) + 1)
        return replace(old, metadata=meta, spec=spec)

    def validate_subresource(self, name: str, new: core.Pod, old: core.Pod, ctx: Context) -> list[FieldError]:
        """Problems of changed resources or of ephemeral containers."""
        if name == "resize":
            return pod_subresources.resize(new, old, qos_class)
        return pod_subresources.ephemeral_containers(new, old)

    def validate(self, obj: core.Pod, ctx: Context) -> list[FieldError]:
        """Problems of a new pod."""
        errors: Errors = []
        pods.create(obj, errors)
        return errors

    def validate_update(self, new: core.Pod, old: core.Pod, ctx: Context) -> list[FieldError]:
        """Problems of a changed pod."""
        errors: Errors = []
        pods.update(new, old, errors)
        return errors

    def validate_status_update(self, new: core.Pod, old: core.Pod, ctx: Context) -> list[FieldError]:
        """Problems of a changed status."""
        errors: Errors = []
        pods.status_update(new, old, errors)
        return errors

    def warnings(self, obj: core.Pod, old: core.Pod | None = None) -> tuple[str, ...]:
        """Warnings about a new pod: its spec, and a name that is no host name."""
        if old is not None:
            return ()
        named = pod_warnings.name_is_hostname(obj.metadata.name or "", "the Pod's hostname")
        return named + pod_warnings.pod(obj.spec, obj.metadata)

    def grace_period(self, obj: core.Pod, requested: int | None, ctx: Context) -> int | None:
        """Seconds to stop in: what is asked, else the pod's own; 0 when it is not on a node or has ended."""
        if not obj.spec.nodeName or obj.status.phase in ("Failed", "Succeeded"):
            return 0
        period = obj.spec.terminationGracePeriodSeconds if requested is None else requested
        return 1 if (period or 0) < 0 else period or 0


def _resized(new: core.PodSpec, old: core.PodSpec) -> core.PodSpec:
    """The old spec with the resources of the new one; renamed or missing containers are left for validation to refuse."""

    def merged(after: tuple[core.Container, ...], before: tuple[core.Container, ...]) -> tuple[core.Container, ...]:
        names = [container.name for container in before]
        if [container.name for container in after] != names:
            return after
        pairs = zip(before, after, strict=True)
        return tuple([changed(was, resources=now.resources, resizePolicy=now.resizePolicy) for was, now in pairs])

    return replace(
        old,
        containers=merged(new.containers, old.containers),
        initContainers=merged(new.initContainers, old.initContainers),
        resources=new.resources,
    )


def _with_label_keys(spec: core.PodSpec, labels: Any) -> core.PodSpec:
    """``matchLabelKeys`` and ``mismatchLabelKeys`` become expressions with the pod's own values."""

    def keyed(term: Any, mismatch: tuple[str, ...]) -> Any:
        selector = term.labelSelector
        if selector is None or not (term.matchLabelKeys or mismatch):
            return term
        more = tuple(
            LabelSelectorRequirement(key=key, operator=operator, values=(labels[key],))
            for keys, operator in ((term.matchLabelKeys, "In"), (mismatch, "NotIn"))
            for key in keys
            if key in labels
        )
        if not more:
            return term
        return replace(term, labelSelector=replace(selector, matchExpressions=(*selector.matchExpressions, *more)))

    def of_pod(term: core.PodAffinityTerm) -> Any:
        return keyed(term, term.mismatchLabelKeys)

    def weighted(term: core.WeightedPodAffinityTerm) -> Any:
        return changed(term, podAffinityTerm=of_pod(term.podAffinityTerm))

    def affinity(value: Any) -> Any:
        if value is None:
            return None
        return changed(
            value,
            requiredDuringSchedulingIgnoredDuringExecution=each(
                value.requiredDuringSchedulingIgnoredDuringExecution, of_pod
            ),
            preferredDuringSchedulingIgnoredDuringExecution=each(
                value.preferredDuringSchedulingIgnoredDuringExecution, weighted
            ),
        )

    changes: dict[str, Any] = {
        "topologySpreadConstraints": each(spec.topologySpreadConstraints, lambda term: keyed(term, ()))
    }
    if spec.affinity is not None:
        changes["affinity"] = changed(
            spec.affinity,
            podAffinity=affinity(spec.affinity.podAffinity),
            podAntiAffinity=affinity(spec.affinity.podAntiAffinity),
        )
    return changed(spec, **changes)


def _addresses(status: core.PodStatus) -> dict[str, Any]:
    """``podIP`` and the first of ``podIPs`` say the same; ``podIP`` wins."""
    if status.podIP:
        if status.podIPs and status.podIPs[0].ip == status.podIP:
            return {}
        return {"podIPs": (core.PodIP(ip=status.podIP),)}
    return {"podIP": status.podIPs[0].ip or None}


def qos_class(spec: core.PodSpec) -> str:
    """Guaranteed, Burstable or BestEffort, from the requests and limits of cpu and memory."""
    found = _QOS.get(spec)
    return _QOS.put(spec, _qos(spec)) if found is None else found


def _qos(spec: core.PodSpec) -> str:
    requests: dict[str, int] = {}
    limits: dict[str, int] = {}
    guaranteed = True
    if spec.resources is not None:
        _sum(spec.resources.requests, requests)
        guaranteed = not spec.resources.limits or _sum(spec.resources.limits, limits) == {"cpu", "memory"}
    else:
        for container in (*spec.containers, *spec.initContainers):
            if container.resources.requests is not EMPTY:
                _sum(container.resources.requests, requests)
            if _sum(container.resources.limits, limits) != {"cpu", "memory"}:
                guaranteed = False
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if guaranteed and requests == limits else "Burstable"


def _sum(amounts: Any, total: dict[str, int]) -> set[str]:
    found = set()
    for name in ("cpu", "memory"):
        nanos = parse(amounts[name]).nanos if name in amounts else 0
        if nanos > 0:
            found.add(name)
            total[name] = total.get(name, 0) + nanos
    return found
